package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

const (
	namespace = "crm"
	// fewInstances are enough for the behaviour; FLEET is how many there are in a measurement.
	fewInstances = 12
	// patience is how long a state of the whole fleet may take to come on a busy machine.
	patience = 4 * time.Minute
	// deadline is that of the roll-outs: longer than an instance that works takes to be Ready on a busy machine.
	deadline = 20 * time.Second
	// part is how much of the fleet may be unavailable in a roll-out.
	part = 25
)

// world is a bed with a fleet of instances, and the operator.
type world struct {
	*WithT
	*bed.Bed
	t         *testing.T
	instances []*standin.Instance
	operator  *bed.Manager
}

func newWorld(t *testing.T, instances int, options controlplane.Options) *world {
	t.Helper()
	w := &world{WithT: NewWithT(t), t: t}
	w.SetDefaultEventuallyTimeout(patience)
	w.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	ctrl.SetLogger(logr.Discard())
	var err error
	options.ControllerManager = true
	w.Bed, err = bed.Start(t.Context(), options, io.Discard)
	t.Cleanup(func() { w.Expect(w.Stop()).To(Succeed()) })
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.Namespace(t.Context(), namespace)).To(Succeed())
	for n := range instances {
		w.instances = append(w.instances, w.server(fmt.Sprintf("fleet-%03d", n)))
	}
	t.Cleanup(func() { w.Expect(w.operator.Stop()).To(Succeed()) })
	w.start()
	return w
}

// start starts the operator.
func (w *world) start() {
	w.t.Helper()
	var err error
	w.operator, err = w.Manager(w.t.Context(), io.Discard)
	w.Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	w.Expect(w.operator.WaitReady(ctx)).To(Succeed())
}

// size is the number of instances.
func size(t *testing.T) int {
	t.Helper()
	text := os.Getenv("FLEET")
	if text == "" {
		return fewInstances
	}
	n, err := strconv.Atoi(text)
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), "FLEET")
	return n
}

// server starts an instance of a customer, and makes the IdentityServer for it.
func (w *world) server(name string) *standin.Instance {
	w.t.Helper()
	instance, err := w.Servers.NewInstance(w.t.Context(), bed.Spec(name))
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.Admin.Create(w.t.Context(), bed.Credentials(name))).To(Succeed())
	server := w.Server(instance)
	server.Labels = map[string]string{"fleet": "crm", "customer": "customer-" + name}
	server.Annotations = map[string]string{"example.com/portal": "https://" + name + ".example.com"}
	w.Expect(w.Admin.Create(w.t.Context(), server)).To(Succeed())
	return instance
}

// crm is the set of all of them.
func crm() *v1alpha1.TrustedApplicationSet {
	unavailable := intstr.FromString(strconv.Itoa(part) + "%")
	return &v1alpha1.TrustedApplicationSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "crm"},
		Spec: v1alpha1.TrustedApplicationSetSpec{
			Servers: v1alpha1.SetServers{Selector: &v1alpha1.ServerSelector{MatchLabels: map[string]v1alpha1.LabelValue{"fleet": "crm"}}},
			Template: v1alpha1.ApplicationTemplate{
				Metadata: &v1alpha1.ApplicationTemplateMetadata{Labels: map[string]v1alpha1.TemplatedText{"customer": "{{ .Server.Labels.customer }}"}},
				Spec: v1alpha1.ApplicationTemplateSpec{
					ApplicationURI: "com.example.crm/portal", DisplayName: first, ClientType: v1alpha1.ClientTypeConfidential,
					Interactive: &v1alpha1.InteractiveTemplate{
						RedirectURIs: []v1alpha1.TemplatedText{`{{ index .Server.Annotations "example.com/portal" }}/signin-oidc`},
					},
					Service: &v1alpha1.ServiceTemplate{SystemUser: "svc.orders"}, Scopes: []v1alpha1.Scope{"read"},
				},
			},
			Rollout: &v1alpha1.RolloutSpec{MaxUnavailable: &unavailable, ProgressDeadline: &metav1.Duration{Duration: deadline}},
		},
	}
}

// The display names that the template asks for, one after the other.
const (
	first  = "CRM for {{ .Server.Labels.customer }}"
	second = "CRM 2 for {{ .Server.Labels.customer }}"
	third  = "CRM 3 for {{ .Server.Labels.customer }}"
)

// name is how an instance is called at its application.
func name(app *v1alpha1.TrustedApplication) string { return app.Spec.IdentityServerRef.Name }

// get reads the set.
func (w *world) get() *v1alpha1.TrustedApplicationSet {
	w.t.Helper()
	set := crm()
	w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKeyFromObject(set), set)).To(Succeed())
	return set
}

// change changes the set as a person does.
func (w *world) change(how func(*v1alpha1.TrustedApplicationSetSpec)) {
	w.t.Helper()
	set := w.get()
	before := set.DeepCopy()
	how(&set.Spec)
	w.Expect(w.Admin.Patch(w.t.Context(), set, client.MergeFrom(before))).To(Succeed())
}

func (w *world) rename(to v1alpha1.TemplatedText) {
	w.t.Helper()
	w.change(func(s *v1alpha1.TrustedApplicationSetSpec) { s.Template.Spec.DisplayName = to })
}

// readiness is the reason of the condition Ready, once it is about the present spec.
func (w *world) readiness() string {
	w.t.Helper()
	set := w.get()
	c := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil || c.ObservedGeneration != set.Generation {
		return ""
	}
	return c.Reason
}

// apps are the applications of the set.
func (w *world) apps() []v1alpha1.TrustedApplication {
	w.t.Helper()
	var list v1alpha1.TrustedApplicationList
	w.Expect(w.Admin.List(w.t.Context(), &list, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.SetLabel: "crm"})).To(Succeed())
	return list.Items
}

// report is what a run measured.
type report struct {
	Instances      int     `json:"instances"`
	Ready          int     `json:"ready"`
	SecondsToReady float64 `json:"secondsToReady"`
	// SecondsToRollOut is how long a change of the template took to reach all, and MostUnavailable how many were not Ready at one time meanwhile, of
	// MaxUnavailable.
	SecondsToRollOut float64 `json:"secondsToRollOut"`
	MostUnavailable  int     `json:"mostUnavailable"`
	MaxUnavailable   int     `json:"maxUnavailable"`
	// StoppedAt is how many had a change when an instance that was down stopped it, and RolledBack how many of them the change back reached.
	StoppedAt  int `json:"stoppedAt"`
	RolledBack int `json:"rolledBack"`
}

func (w *world) write(r report) {
	w.t.Helper()
	text, err := json.MarshalIndent(r, "", "  ")
	w.Expect(err).NotTo(HaveOccurred())
	file := bed.Path("build/fleet.json")
	w.Expect(os.MkdirAll(filepath.Dir(file), 0o750)).To(Succeed())
	w.Expect(os.WriteFile(file, append(text, '\n'), 0o600)).To(Succeed())
	w.t.Logf("build/fleet.json: %s", text)
}
