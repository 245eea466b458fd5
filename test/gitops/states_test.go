package gitops

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/fleet"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/ledger"
	"trustedapps.dev/operator/internal/plan"
	"trustedapps.dev/operator/internal/status"
)

// phase is what a tool has to make of an object.
type phase struct{ kstatus, argo string }

var (
	good      = phase{"Current", "Healthy"}
	suspended = phase{"Current", "Suspended"}
	moving    = phase{"InProgress", "Progressing"}
	stalled   = phase{"Failed", "Degraded"}
	leaving   = phase{"Terminating", "Progressing"}
)

// state is an object as a tool may read it.
type state struct {
	name    string
	object  *unstructured.Unstructured
	want    phase
	message string // what a person has to read; empty: anything
}

var now = metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

// end is a way for a run to end.
type end struct {
	step    plan.Step
	want    phase
	message string
}

// ends are all: every reason of the API, as something that passes and as something that needs a person.
func ends(t *testing.T) []end {
	t.Helper()
	all := []end{{plan.Done{}, good, ""}, {plan.Observe{}, good, ""}}
	for _, reason := range reasons(t) {
		all = append(all,
			end{plan.Wait{Reason: reason, Message: "waiting: " + reason}, moving, "waiting: " + reason},
			end{plan.Fail{Reason: reason, Message: "mend: " + reason}, stalled, "mend: " + reason})
	}
	return all
}

// reasons reads the reasons of conditions from the source of the API, so that a new one is walked too.
func reasons(t *testing.T) []string {
	t.Helper()
	g := NewWithT(t)
	file, err := parser.ParseFile(token.NewFileSet(), repository("api/v1alpha1/condition_types.go"), nil, 0)
	g.Expect(err).NotTo(HaveOccurred())
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Reason") {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			g.Expect(err).NotTo(HaveOccurred())
			found = append(found, value)
		}
		return true
	})
	g.Expect(len(found)).To(BeNumerically(">", 25))
	return found
}

// kinds of applications, with what the plan wants of each.
func applications() map[string]func() (*v1alpha1.TrustedApplication, plan.Desired) {
	service := func() (*v1alpha1.TrustedApplication, plan.Desired) {
		return &v1alpha1.TrustedApplication{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders"},
				Spec:       v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}},
			}, plan.Desired{
				Key: idserver.Key{ClientID: "com.example.orders/sync"}, Want: idserver.Registration{Enabled: true, Service: true},
				ServerReady: true, Verify: true,
			}
	}
	return map[string]func() (*v1alpha1.TrustedApplication, plan.Desired){
		"service": service,
		"disabled": func() (*v1alpha1.TrustedApplication, plan.Desired) {
			app, d := service()
			app.Spec.Enabled, d.Want.Enabled = new(false), false
			return app, d
		},
		"unverified": func() (*v1alpha1.TrustedApplication, plan.Desired) {
			app, d := service()
			d.Verify = false
			return app, d
		},
		"public": func() (*v1alpha1.TrustedApplication, plan.Desired) {
			app, d := service()
			app.Spec.Service, app.Spec.ClientType, d.Want.Service, d.Want.Public = nil, v1alpha1.ClientTypePublic, false, true
			return app, d
		},
	}
}

// progress is how far a run came before it ended.
func progress() map[string]plan.Observed {
	known := ledger.Record{Next: &ledger.Credential{ID: "a", Credential: idserver.Credential{ClientID: "com.example.orders/sync", Secret: "s"}}}
	return map[string]plan.Observed{
		"nothing done": {},
		"told":         {Finalizer: true, LedgerExists: true, Ledger: known, Applied: true, Output: plan.Output{Secret: plan.Missing}},
		"proven":       {Finalizer: true, LedgerExists: true, Ledger: known, Applied: true, Verified: "a", Output: plan.Output{Secret: plan.Foreign}},
		"published":    {Finalizer: true, LedgerExists: true, Ledger: known, Applied: true, Verified: "a", Output: plan.Output{Secret: plan.Matches}},
	}
}

// applicationStates walks all lives: a first run and what it may end with, an edit of it and what that may end with, another edit
// that nobody has looked at, a deletion.
func applicationStates(t *testing.T) []state {
	t.Helper()
	initial := defaultStatus(t, "trustedapplications")
	var all []state
	for kind, fresh := range applications() {
		app, _ := fresh()
		app.Generation = 1
		all = append(all, state{kind + ", new", object(t, app, "TrustedApplication", initial), moving, ""})
		for far, o := range progress() {
			for _, e := range ends(t) {
				name := fmt.Sprintf("%s, %s, %T %s", kind, far, e.step, e.message)
				for first, former := range map[string]plan.Step{
					"": nil, ", an edit of what was well": plan.Done{}, ", an edit of what waits": plan.Wait{Reason: "Progressing", Message: "m"},
					", an edit of what stalled": plan.Fail{Reason: "Invalid", Message: "m"},
				} {
					all = append(all, life(t, name+first, fresh, former, e, o)...)
				}
			}
		}
	}
	return all
}

func life(
	t *testing.T, name string, fresh func() (*v1alpha1.TrustedApplication, plan.Desired), former plan.Step, e end, o plan.Observed,
) []state {
	t.Helper()
	app, d := fresh()
	app.Generation, app.Status.ObservedGeneration = 1, -1
	if former != nil {
		app.Status = status.Application(app, d, former, o, nil, now)
		app.Generation = 2
	}
	want, message := e.want, e.message
	if want == good && !d.Want.Enabled {
		want = suspended
	}
	app.Status = status.Application(app, d, e.step, o, nil, now)
	all := []state{{name, object(t, app, "TrustedApplication", nil), want, message}}

	edited := app.DeepCopy()
	edited.Generation++
	all = append(all, state{name + ", edited again", object(t, edited, "TrustedApplication", nil), moving, ""})

	d.Deleting = true
	app.DeletionTimestamp = &now
	app.Status = status.Application(app, d, e.step, o, nil, now)
	return append(all, state{name + ", deleting", object(t, app, "TrustedApplication", nil), leaving, ""})
}

// serverStates walks all ends of a probe.
func serverStates(t *testing.T) []state {
	t.Helper()
	found := idserver.Info{Type: "ERP.net", Version: "26.2.1.66", Endpoints: idserver.Endpoints{Issuer: "https://acme.example/id"}}
	type probed struct {
		name  string
		probe status.Probe
		want  phase
	}
	probes := []probed{{"well", status.ProbeOf(found, idserver.Capabilities{SecretSlots: 1}, nil), good}}
	for _, info := range []idserver.Info{found, {}} {
		for _, reason := range reasons(t) {
			probes = append(probes,
				probed{"waits " + reason, status.Probe{Info: info, Reason: reason, Message: "waiting: " + reason}, moving},
				probed{"stalls " + reason, status.Probe{Info: info, Reason: reason, Message: "mend: " + reason, Terminal: true}, stalled})
			for class, want := range map[error]phase{
				idserver.ErrUnavailable: moving, idserver.ErrUnauthorized: moving, idserver.ErrOutcomeUnknown: moving, errors.New("odd"): moving,
				idserver.ErrRejected: stalled,
			} {
				err := &idserver.Error{Class: class, Op: "probing", Reason: reason, Message: "do this"}
				probes = append(probes, probed{fmt.Sprintf("%v %s", class, reason), status.ProbeOf(info, idserver.Capabilities{}, err), want})
			}
		}
	}
	fresh := &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: "acme", Generation: 1}}
	all := []state{{"server, new", object(t, fresh, "IdentityServer", defaultStatus(t, "identityservers")), moving, ""}}
	for _, p := range probes {
		ids := fresh.DeepCopy()
		ids.Status.ObservedGeneration = -1
		ids.Status = status.Server(ids, p.probe, now)
		all = append(all, state{"server, " + p.name, object(t, ids, "IdentityServer", nil), p.want, p.probe.Message})
		edited := ids.DeepCopy()
		edited.Generation = 2
		all = append(all, state{"server, edited after " + p.name, object(t, edited, "IdentityServer", nil), moving, ""})
		edited.Status = status.Server(edited, p.probe, now)
		all = append(all, state{"server, after an edit, " + p.name, object(t, edited, "IdentityServer", nil), p.want, p.probe.Message})
		edited.DeletionTimestamp = &now
		all = append(all, state{"server, deleting, " + p.name, object(t, edited, "IdentityServer", nil), leaving, ""})
	}
	return all
}

// object is what the API server shows; initial is the status where nobody has written one.
func object(t *testing.T, from any, kind string, initial map[string]any) *unstructured.Unstructured {
	t.Helper()
	g := NewWithT(t)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(from)
	g.Expect(err).NotTo(HaveOccurred())
	if initial != nil {
		content["status"] = initial
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetAPIVersion(v1alpha1.GroupVersion.String())
	u.SetKind(kind)
	return u
}

// defaultStatus is what the schema gives an object that nobody has looked at.
func defaultStatus(t *testing.T, plural string) map[string]any {
	t.Helper()
	g := NewWithT(t)
	text, err := os.ReadFile(repository("config/crd/bases/trustedapps.dev_" + plural + ".yaml"))
	g.Expect(err).NotTo(HaveOccurred())
	var crd apiextensions.CustomResourceDefinition
	g.Expect(yaml.Unmarshal(text, &crd)).To(Succeed())
	initial := map[string]any{}
	if d := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"].Default; d != nil {
		var read struct {
			ObservedGeneration int64 `json:"observedGeneration"`
		}
		g.Expect(yaml.Unmarshal(d.Raw, &read)).To(Succeed())
		initial["observedGeneration"] = read.ObservedGeneration
	}
	return initial
}

// repository is a path in this repository.
func repository(path string) string { return filepath.Join("..", "..", path) }

// setStates are the ends of a look at a set.
func setStates(t *testing.T) []state {
	t.Helper()
	fresh := &v1alpha1.TrustedApplicationSet{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: "crm", UID: "set", Generation: 1}}
	all := []state{{"set, new", object(t, fresh, "TrustedApplicationSet", defaultStatus(t, "trustedapplicationsets")), moving, ""}}
	acme := []v1alpha1.IdentityServer{{ObjectMeta: metav1.ObjectMeta{Name: "acme"}}}
	allowed := func(*v1alpha1.TrustedApplication) string { return "" }
	for name, c := range map[string]struct {
		servers  []string
		observed fleet.Observed
		want     phase
	}{
		"nothing is selected":    {nil, fleet.Observed{}, stalled},
		"a server is not there":  {[]string{"acme"}, fleet.Observed{Refused: allowed}, stalled},
		"one is made":            {[]string{"acme"}, fleet.Observed{Servers: acme, Refused: allowed}, moving},
		"nothing is to be there": {[]string{}, fleet.Observed{}, good},
		"all have a file":        {[]string{}, fleet.Observed{Combined: fleet.Combined{Name: "all", Instances: 1}}, good},
		"the name is taken":      {[]string{}, fleet.Observed{Combined: fleet.Combined{Reason: v1alpha1.ReasonSecretConflict, Message: "m"}}, stalled},
		"it does not fit":        {[]string{}, fleet.Observed{Combined: fleet.Combined{Reason: v1alpha1.ReasonSecretTooLarge, Message: "m"}}, stalled},
		"it may not be written":  {[]string{}, fleet.Observed{Combined: fleet.Combined{Reason: v1alpha1.ReasonNamespaceNotPermitted, Message: "m"}}, moving},
	} {
		set := fresh.DeepCopy()
		set.Spec.Servers.Names, set.Spec.CombinedSecret = c.servers, &v1alpha1.CombinedSecret{Name: "all"}
		if c.servers != nil && len(c.servers) == 0 {
			set.Spec.EmptySelection = v1alpha1.EmptyDelete
		}
		set.Status = fleet.Next(set, c.observed, now.Time).Status
		all = append(all, state{"set, " + name, object(t, set, "TrustedApplicationSet", nil), c.want, ""})
		edited := set.DeepCopy()
		edited.Generation = 2
		all = append(all, state{"set, edited after " + name, object(t, edited, "TrustedApplicationSet", nil), moving, ""})
		edited.DeletionTimestamp = &now
		all = append(all, state{"set, deleting, " + name, object(t, edited, "TrustedApplicationSet", nil), leaving, ""})
	}
	return all
}
