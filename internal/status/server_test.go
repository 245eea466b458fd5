package status

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

var (
	found = idserver.Info{
		Type: "ERP.net", Provider: "erp.net", Version: "26.2.1.66", Features: []string{"B", "A", "B"}, Warnings: []string{"y", "x", "y"},
		Endpoints: idserver.Endpoints{Issuer: "https://acme.example/id", Token: "https://acme.example/id/connect/token", API: "https://acme.example/api"},
	}
	caps = idserver.Capabilities{SecretSlots: 1}
)

func ids() *v1alpha1.IdentityServer {
	return &v1alpha1.IdentityServer{
		ObjectMeta: metav1.ObjectMeta{Name: "acme", Generation: 2},
		Spec:       v1alpha1.IdentityServerSpec{Access: []v1alpha1.AccessGrant{{Name: "everyone", Namespaces: []v1alpha1.NamespacePattern{"*"}}}},
	}
}

func failing(class error, reason string) error {
	return &idserver.Error{Class: class, Op: "discovering the server", Reason: reason, Message: "do this"}
}

func TestEveryEndOfAProbe(t *testing.T) {
	nothing := idserver.Info{Type: "ERP.net"}
	for name, c := range map[string]struct {
		probe Probe
		want  []string // Ready, Discovered, Authorized, then Reconciling or Stalled
	}{
		"well":           {ProbeOf(found, caps, nil), []string{"T Ready", "T Discovered", "T Authorized"}},
		"login refused":  {ProbeOf(found, caps, failing(idserver.ErrUnauthorized, "")), []string{"F Unauthorized", "T Discovered", "F Unauthorized", "Reconciling"}},
		"down":           {ProbeOf(nothing, caps, failing(idserver.ErrUnavailable, "")), []string{"F ServerUnavailable", "F ServerUnavailable", "F ServerUnavailable", "Reconciling"}},
		"a lost answer":  {ProbeOf(found, caps, failing(idserver.ErrOutcomeUnknown, "")), []string{"F ServerUnavailable", "T Discovered", "F ServerUnavailable", "Reconciling"}},
		"unclassified":   {ProbeOf(nothing, caps, errors.New("odd")), []string{"F ServerUnavailable", "F ServerUnavailable", "F ServerUnavailable", "Reconciling"}},
		"no discovery":   {ProbeOf(nothing, caps, failing(idserver.ErrRejected, idserver.ReasonDiscoveryFailed)), []string{"F DiscoveryFailed", "F DiscoveryFailed", "F DiscoveryFailed", "Stalled"}},
		"wrong issuer":   {ProbeOf(nothing, caps, failing(idserver.ErrRejected, idserver.ReasonIssuerMismatch)), []string{"F IssuerMismatch", "F IssuerMismatch", "F IssuerMismatch", "Stalled"}},
		"old version":    {ProbeOf(found, caps, failing(idserver.ErrRejected, idserver.ReasonUnsupportedVersion)), []string{"F UnsupportedVersion", "T Discovered", "F UnsupportedVersion", "Stalled"}},
		"another reason": {ProbeOf(nothing, caps, failing(idserver.ErrRejected, "Odd Reason")), []string{"F DiscoveryFailed", "F DiscoveryFailed", "F DiscoveryFailed", "Stalled"}},
		"no credentials": {Probe{Reason: v1alpha1.ReasonCredentialsMissing, Message: "create it"}, []string{"F CredentialsMissing", "F CredentialsMissing", "F CredentialsMissing", "Reconciling"}},
		"no backend":     {Probe{Reason: v1alpha1.ReasonInvalid, Message: "set it", Terminal: true}, []string{"F Invalid", "F Invalid", "F Invalid", "Stalled"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			server := ids()
			s := Server(server, c.probe, then)
			g.Expect(server).To(Equal(ids()), "it is pure")
			expected := map[string]string{"Ready": c.want[0], "Discovered": c.want[1], "Authorized": c.want[2]}
			if len(c.want) > 3 {
				expected[c.want[3]] = "T" + c.want[0][1:]
			}
			g.Expect(summary(s.Conditions)).To(Equal(expected))
			g.Expect(s.Conditions).To(HaveEach(And(HaveField("ObservedGeneration", int64(2)), HaveField("Message", Not(BeEmpty())))))
			g.Expect(s.ObservedGeneration).To(Equal(int64(2)))
			server.Status = s
			g.Expect(Server(server, c.probe, later)).To(Equal(s), "the same probe again is no write")
		})
	}
}

func TestWhatWasFoundOut(t *testing.T) {
	g := NewWithT(t)
	server := ids()
	server.Status = Server(server, ProbeOf(found, idserver.Capabilities{SecretOrigin: idserver.ServerIssued, SecretSlots: 99}, nil), then)
	g.Expect(server.Status).To(And(
		HaveField("Type", "ERP.net"), HaveField("Version", "26.2.1.66"), HaveField("Warnings", []string{"x", "y"}),
		HaveField("Endpoints", HaveValue(Equal(v1alpha1.Endpoints{Issuer: found.Endpoints.Issuer, Token: found.Endpoints.Token, API: found.Endpoints.API}))),
		HaveField("Capabilities", HaveValue(Equal(v1alpha1.Capabilities{
			SecretOrigin: v1alpha1.SecretServerIssued, SecretSlots: 16, Features: []string{"A", "B"}, Search: new(bool),
			Methods: []v1alpha1.CredentialMethod{"ClientSecret"}, Strategies: []v1alpha1.RotationStrategy{"Replace"},
		}))),
	))
	down := Server(server, ProbeOf(idserver.Info{}, idserver.Capabilities{}, failing(idserver.ErrUnavailable, "")), later)
	g.Expect(down).To(And(
		HaveField("Endpoints", server.Status.Endpoints), HaveField("Version", "26.2.1.66"), HaveField("Capabilities", server.Status.Capabilities),
	), "an outage does not make it forget")
	g.Expect(Server(ids(), ProbeOf(found, idserver.Capabilities{}, nil), then).Capabilities).To(HaveValue(
		And(HaveField("SecretOrigin", v1alpha1.SecretClientChosen), HaveField("SecretSlots", int32(1)))))
}

// A person mends one thing after the other, while nothing in the spec changes: each message has to be the one of now.
func TestTheMessageFollowsTheCause(t *testing.T) {
	g := NewWithT(t)
	server := ids()
	probe := func(message, request string) string {
		err := &idserver.Error{Class: idserver.ErrUnauthorized, Op: "logging in", Message: message, HTTPStatus: 400, RequestID: request}
		server.Status = Server(server, ProbeOf(found, caps, err), then)
		return meta.FindStatusCondition(server.Status.Conditions, v1alpha1.ConditionReady).Message
	}
	first := probe("the secret is wrong", "1")
	g.Expect(probe("the secret is wrong", "2")).To(Equal(first))
	g.Expect(probe("the scope sec is missing", "3")).To(ContainSubstring("the scope sec is missing"))
}
