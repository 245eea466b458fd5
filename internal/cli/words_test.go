package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

func TestColoursAreForTerminals(t *testing.T) {
	g := NewWithT(t)
	g.Expect(bool(inkFor(&bytes.Buffer{}))).To(BeFalse())
	file, err := os.CreateTemp(t.TempDir(), "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(bool(inkFor(file))).To(BeFalse())
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(bool(inkFor(null))).To(BeTrue(), "a device of characters, as terminals are")
	t.Setenv("NO_COLOR", "1")
	g.Expect(bool(inkFor(null))).To(BeFalse())
	g.Expect(ink(true).mark(metav1.ConditionFalse)).To(Equal("\x1b[31m✗\x1b[0m"))
	g.Expect(ink(false).mark(metav1.ConditionUnknown)).To(Equal("?"))
}

func TestExitCodesAndRemedies(t *testing.T) {
	resource := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "trustedapplications"}
	for name, c := range map[string]struct {
		err  error
		code int
		says string
	}{
		"fine":          {code: 0},
		"not well":      {err: errUnwell, code: 2},
		"late":          {err: &timeoutError{message: "not done within 1s"}, code: 3, says: "error: not done within 1s\n"},
		"interrupted":   {err: context.Canceled, code: 1, says: "error: interrupted\n"},
		"no right":      {err: apierrors.NewForbidden(resource, "a", errors.New("no")), code: 1, says: "trustedapp-operator-view"},
		"not known":     {err: apierrors.NewUnauthorized("who"), code: 1, says: "sign in again"},
		"no cluster":    {err: clientcmd.ErrEmptyConfig, code: 1, says: "set KUBECONFIG"},
		"anything else": {err: errors.New("something"), code: 1, says: "error: something\n"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var told bytes.Buffer
			g.Expect(Streams{Err: &told}.exit(c.err)).To(Equal(c.code))
			if c.says == "" {
				g.Expect(told.String()).To(BeEmpty())
			}
			g.Expect(told.String()).To(ContainSubstring(c.says))
		})
	}
}

func TestARotationIsDoneWhenItIsPublishedAndWorks(t *testing.T) {
	app := func(phase v1alpha1.RotationPhase, handled string, ready metav1.ConditionStatus) *v1alpha1.TrustedApplication {
		a := &v1alpha1.TrustedApplication{}
		a.Status.Rotation = &v1alpha1.RotationStatus{Phase: phase, HandledRotate: handled}
		a.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: ready}}
		return a
	}
	g := NewWithT(t)
	done := func(a *v1alpha1.TrustedApplication) bool { return replaced(a, v1alpha1.RotateAnnotation, "now") }
	g.Expect(done(app(v1alpha1.RotationIdle, "now", metav1.ConditionTrue))).To(BeTrue())
	g.Expect(done(app(v1alpha1.RotationGrace, "now", metav1.ConditionTrue))).To(BeTrue())
	g.Expect(done(app(v1alpha1.RotationAnnounced, "now", metav1.ConditionTrue))).To(BeFalse(), "it is announced only")
	g.Expect(done(app(v1alpha1.RotationIdle, "before", metav1.ConditionTrue))).To(BeFalse(), "that was another one")
	g.Expect(done(app(v1alpha1.RotationIdle, "now", metav1.ConditionFalse))).To(BeFalse(), "it does not work")
	g.Expect(done(&v1alpha1.TrustedApplication{})).To(BeFalse())
	g.Expect(replaced(app(v1alpha1.RotationIdle, "now", metav1.ConditionTrue), v1alpha1.RevokeAnnotation, "now")).To(BeFalse(), "no revocation")
}

func TestClaims(t *testing.T) {
	g := NewWithT(t)
	_, err := claims(idserver.Secret("opaque"))
	g.Expect(err).To(MatchError(ContainSubstring("opaque")))
	_, err = claims(idserver.Secret("a.!.c"))
	g.Expect(err).To(MatchError(Not(ContainSubstring("!"))), "no part of a token is told")
	g.Expect(claimText(1.8e9)).To(Equal("2027-01-15T08:00:00Z"))
	g.Expect(claimText(3.0)).To(Equal("3"))
	g.Expect(claimText([]any{"read", "update"})).To(Equal("read update"))
}

func TestTheCredentialInALine(t *testing.T) {
	g := NewWithT(t)
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(d)} }
	g.Expect((&credential{}).line(now)).To(Equal("not published yet"))
	c := credential{Secret: "orders", Method: v1alpha1.MethodPrivateKeyJWT, Strategy: v1alpha1.RotationOverlap, Phase: v1alpha1.RotationGrace,
		Made: at(-time.Hour), Next: at(48 * time.Hour)}
	g.Expect(c.line(now)).To(Equal("Secret orders, PrivateKeyJWT, 60m old, rotation: Grace, rotated in 2d by Overlap"))
	c.Next = at(-time.Minute)
	g.Expect(c.line(now)).To(HaveSuffix("rotation is due, by Overlap"))
}

func TestUsersInLines(t *testing.T) {
	g := NewWithT(t)
	g.Expect(users(nil)).To(BeEmpty())
	g.Expect(users([]v1alpha1.SecretUser{{Kind: "Deployment", Name: "api", Uses: []v1alpha1.SecretUse{"Environment", "Mounted"}}})).
		To(Equal([]string{"Deployment api (Environment, Mounted)"}))
}

func TestATreeIsDrawn(t *testing.T) {
	g := NewWithT(t)
	var out strings.Builder
	b := branch{below: []branch{leaf("server", "acme"), {text: "conditions", below: []branch{{text: "one"}, {text: "two"}}}, leaf("orphans", "")}}
	g.Expect(b.draw(&out, "")).To(Succeed())
	g.Expect(out.String()).To(Equal("├─ server       acme\n├─ conditions\n│  ├─ one\n│  └─ two\n└─ orphans\n"))
}
