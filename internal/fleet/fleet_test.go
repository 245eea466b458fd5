package fleet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"trustedapps.dev/operator/api/v1alpha1"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is a namespace with one set, as the API server and the controller of applications would make it.
type world struct {
	set     *v1alpha1.TrustedApplicationSet
	servers []v1alpha1.IdentityServer
	apps    map[string]*v1alpha1.TrustedApplication
	// down are servers that do not answer, and refused what the API server says against an application.
	down    map[string]bool
	refused func(*v1alpha1.TrustedApplication) string
	now     time.Time
	uids    int
}

func newWorld(servers int) *world {
	w := &world{
		apps: map[string]*v1alpha1.TrustedApplication{}, down: map[string]bool{}, now: start,
		refused: func(*v1alpha1.TrustedApplication) string { return "" },
		set: &v1alpha1.TrustedApplicationSet{
			ObjectMeta: metav1.ObjectMeta{Namespace: "crm", Name: "crm", UID: "set", Generation: 1},
			Spec: v1alpha1.TrustedApplicationSetSpec{
				Servers: v1alpha1.SetServers{Selector: &v1alpha1.ServerSelector{MatchLabels: map[string]v1alpha1.LabelValue{"fleet": "crm"}}},
				Template: v1alpha1.ApplicationTemplate{Spec: v1alpha1.ApplicationTemplateSpec{
					ApplicationURI: "com.example.crm/sync", DisplayName: "CRM of {{ .Server.Labels.customer }}",
					Service: &v1alpha1.ServiceTemplate{SystemUser: "svc.crm"},
				}},
			},
			Status: v1alpha1.TrustedApplicationSetStatus{ObservedGeneration: -1},
		},
	}
	for n := range servers {
		w.servers = append(w.servers, server(fmt.Sprintf("s%03d", n)))
	}
	return w
}

func server(name string) v1alpha1.IdentityServer {
	return v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"fleet": "crm", "customer": "C-" + name}}}
}

func (w *world) observed() Observed {
	o := Observed{Servers: w.servers, Refused: w.refused}
	for _, app := range w.apps {
		o.Applications = append(o.Applications, *app.DeepCopy())
	}
	return o
}

// step decides and does once.
func (w *world) step() Decision {
	d := Next(w.set, w.observed(), w.now)
	for _, app := range d.Create {
		w.uids++
		app.UID, app.Generation, app.CreationTimestamp = types.UID(fmt.Sprint(w.uids)), 1, metav1.NewTime(w.now)
		app.Status.ObservedGeneration = -1
		w.apps[app.Name] = app
	}
	for _, change := range d.Update {
		if change.To.Spec.DisplayName != change.From.Spec.DisplayName {
			change.To.Generation++
		}
		w.apps[change.To.Name] = change.To
	}
	for _, app := range d.Delete {
		delete(w.apps, app.Name)
	}
	w.set.Status = d.Status
	return d
}

// work is what the controller of applications does where the server answers.
func (w *world) work() {
	for _, app := range w.apps {
		c := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady, ObservedGeneration: app.Generation}
		if w.down[app.Spec.IdentityServerRef.Name] {
			c.Status, c.Reason, c.Message = metav1.ConditionFalse, v1alpha1.ReasonServerUnavailable, "no answer"
		} else {
			app.Status.ObservedGeneration = app.Generation
		}
		meta.SetStatusCondition(&app.Status.Conditions, c)
	}
}

// settle goes on until nothing happens any more, and returns the last decision.
func (w *world) settle(t *testing.T) Decision {
	t.Helper()
	for range 1000 {
		d := w.step()
		w.work()
		if len(d.Create)+len(d.Update)+len(d.Delete) == 0 {
			if again := w.step(); len(again.Create)+len(again.Update)+len(again.Delete) == 0 {
				return again
			}
		}
	}
	t.Fatal("it does not come to rest")
	return Decision{}
}

func (w *world) change(name string) {
	w.set.Spec.Template.Spec.DisplayName = v1alpha1.TemplatedText(name)
	w.set.Generation++
}

func (w *world) roll(most intstr.IntOrString, onFailure v1alpha1.FailurePolicy) {
	w.set.Spec.Rollout = &v1alpha1.RolloutSpec{MaxUnavailable: &most, OnFailure: onFailure, ProgressDeadline: &metav1.Duration{Duration: time.Minute}}
}

func condition(d Decision, kind string) string {
	c := meta.FindStatusCondition(d.Status.Conditions, kind)
	if c == nil {
		return ""
	}
	return string(c.Status) + " " + c.Reason
}

func readiness(d Decision) string { return condition(d, v1alpha1.ConditionReady) }

func message(d Decision) string {
	return meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionReady).Message
}

func TestOneApplicationForEachServer(t *testing.T) {
	g, w := NewWithT(t), newWorld(3)
	w.servers = append(w.servers, v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: "other"}})
	d := w.step()
	g.Expect(d.Create).To(HaveLen(3), "new ones are made at once")
	g.Expect(readiness(d)).To(Equal("False Progressing"))
	g.Expect(condition(d, v1alpha1.ConditionReconciling)).To(Equal("True Progressing"))
	app := d.Create[1]
	g.Expect(app.Name).To(Equal("crm-s001"))
	g.Expect(app.Spec.IdentityServerRef.Name).To(Equal("s001"))
	g.Expect(app.Spec.DisplayName).To(Equal("CRM of C-s001"))
	g.Expect(app.Labels).To(Equal(map[string]string{v1alpha1.SetLabel: "crm", v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue}))
	g.Expect(Owns(w.set, app)).To(BeTrue())

	w.work()
	d = w.settle(t)
	g.Expect(readiness(d)).To(Equal("True Ready"))
	g.Expect(d.Status.Instances).To(Equal("3/3"))
	g.Expect(d.Status.Updated).To(BeEquivalentTo(3))
	g.Expect(d.Status.Conditions).To(HaveLen(1))
	g.Expect(d.Status.ObservedGeneration).To(BeEquivalentTo(1))
}

func TestTheSelectorDecidesWhoIsThere(t *testing.T) {
	g, w := NewWithT(t), newWorld(3)
	w.settle(t)
	w.servers[0].Labels = nil
	w.servers[1].DeletionTimestamp = &metav1.Time{Time: w.now}
	w.servers = append(w.servers, server("s100"))
	d := w.step()
	g.Expect(names(d.Delete)).To(Equal([]string{"crm-s000", "crm-s001"}))
	g.Expect(names(d.Create)).To(Equal([]string{"crm-s100"}))
	g.Expect(readiness(w.settle(t))).To(Equal("True Ready"))
	g.Expect(w.apps).To(HaveLen(2))
}

func names(apps []*v1alpha1.TrustedApplication) (all []string) {
	for _, app := range apps {
		all = append(all, app.Name)
	}
	return all
}

func TestExpressionsSelect(t *testing.T) {
	g, w := NewWithT(t), newWorld(3)
	w.servers[1].Labels["stage"] = "test"
	w.set.Spec.Servers.Selector.MatchExpressions = []v1alpha1.SelectorRequirement{{Key: "stage", Operator: "NotIn", Values: []v1alpha1.LabelValue{"test"}}}
	g.Expect(names(w.step().Create)).To(Equal([]string{"crm-s000", "crm-s002"}))
	w.set.Spec.Servers.Selector = &v1alpha1.ServerSelector{}
	g.Expect(gather(w.set, w.observed(), w.now).instances).To(BeEmpty(), "an empty selector is nobody's wish")
}

func TestAnEmptySelectionDeletesNothing(t *testing.T) {
	g, w := NewWithT(t), newWorld(3)
	w.settle(t)
	for i := range w.servers {
		w.servers[i].Labels = nil
	}
	d := w.step()
	g.Expect(d.Delete).To(BeEmpty())
	g.Expect(readiness(d)).To(Equal("False EmptySelection"))
	g.Expect(condition(d, v1alpha1.ConditionStalled)).To(Equal("True EmptySelection"))
	g.Expect(message(d)).To(ContainSubstring("spec.emptySelection"))

	w.set.Spec.EmptySelection = v1alpha1.EmptyDelete
	g.Expect(w.step().Delete).To(HaveLen(3))
	g.Expect(readiness(w.settle(t))).To(Equal("True Ready"))
}

func TestNamedServers(t *testing.T) {
	g, w := NewWithT(t), newWorld(2)
	w.set.Spec.Servers = v1alpha1.SetServers{Names: []string{"s001", "gone"}}
	d := w.settle(t)
	g.Expect(w.apps).To(And(HaveLen(1), HaveKey("crm-s001")))
	g.Expect(readiness(d)).To(Equal("False InstancesFailing"))
	g.Expect(d.Status.Failing).To(ConsistOf(HaveField("Reason", v1alpha1.ReasonServerNotFound)))
	g.Expect(d.Status.Instances).To(Equal("1/2"))

	w.servers[1].DeletionTimestamp = &metav1.Time{Time: w.now}
	d = w.step()
	g.Expect(d.Delete).To(BeEmpty(), "who names a server keeps it")
	g.Expect(d.Status.Failed).To(BeEquivalentTo(2))
}

func TestAForeignApplicationIsNotTouched(t *testing.T) {
	g, w := NewWithT(t), newWorld(2)
	foreign := &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Name: "crm-s001", Labels: map[string]string{v1alpha1.SetLabel: "crm"}}}
	w.apps["crm-s001"] = foreign
	d := w.settle(t)
	g.Expect(d.Status.Failing).To(ConsistOf(And(HaveField("Server", "s001"), HaveField("Reason", v1alpha1.ReasonNameConflict))))
	g.Expect(w.apps["crm-s001"]).To(BeIdenticalTo(foreign))
	w.servers = w.servers[:1]
	g.Expect(w.step().Delete).To(BeEmpty())
}

func TestAMissingLabelLeavesThatApplicationAlone(t *testing.T) {
	g, w := NewWithT(t), newWorld(3)
	w.settle(t)
	w.change("Customer {{ .Server.Labels.region }}")
	for _, i := range []int{0, 2} {
		w.servers[i].Labels["region"] = "EU"
	}
	d := w.settle(t)
	g.Expect(readiness(d)).To(Equal("False InstancesFailing"))
	g.Expect(d.Status.Failing).To(HaveLen(1))
	g.Expect(d.Status.Failing[0].Reason).To(Equal(v1alpha1.ReasonTemplateInvalid))
	g.Expect(d.Status.Failing[0].Message).To(And(ContainSubstring("spec.template.spec.displayName"), ContainSubstring("s001"), ContainSubstring(`"region"`)))
	g.Expect(d.Status.Updated).To(BeEquivalentTo(2))
	g.Expect(w.apps["crm-s001"].Spec.DisplayName).To(Equal("CRM of C-s001"))
	g.Expect(w.apps["crm-s002"].Spec.DisplayName).To(Equal("Customer EU"))
}

func TestAChangeIsRolledOutInOrder(t *testing.T) {
	g, w := NewWithT(t), newWorld(10)
	w.settle(t)
	w.roll(intstr.FromInt32(3), v1alpha1.FailureStop)
	w.change("New")
	var order []string
	for range 20 {
		d := w.step()
		g.Expect(len(d.Update)).To(BeNumerically("<=", 3))
		for _, change := range d.Update {
			order = append(order, change.To.Name)
		}
		g.Expect(w.step().Update).To(BeEmpty(), "as long as those are not Ready")
		w.work()
	}
	g.Expect(order).To(HaveLen(10))
	g.Expect(slices.IsSorted(order)).To(BeTrue())
	g.Expect(readiness(w.settle(t))).To(Equal("True Ready"))
}

func TestAFailureStopsTheRollOutUntilItIsMended(t *testing.T) {
	g, w := NewWithT(t), newWorld(10)
	w.settle(t)
	w.roll(intstr.FromInt32(2), v1alpha1.FailureStop)
	w.down["s004"] = true
	w.change("New")
	d := w.settle(t)
	g.Expect(readiness(d)).To(Equal("False Progressing"), "it may become Ready in time")
	g.Expect(message(d)).To(ContainSubstring("no further one is changed before these are Ready: crm-s004 at the IdentityServer s004 (ServerUnavailable)"))
	g.Expect(d.Status.Updated).To(BeEquivalentTo(6), "nobody is changed after it but those of its turn")

	w.now = d.Wake
	d = w.settle(t)
	g.Expect(readiness(d)).To(Equal("False RolloutStopped"))
	g.Expect(condition(d, v1alpha1.ConditionStalled)).To(Equal("True RolloutStopped"))
	g.Expect(message(d)).To(And(ContainSubstring("crm-s004 at the IdentityServer s004 (ServerUnavailable)"), ContainSubstring("template changes")))
	g.Expect(d.Status.Failing).To(ConsistOf(And(HaveField("Server", "s004"), HaveField("Message", "no answer"))))
	g.Expect(d.Status.Updated).To(BeEquivalentTo(6))

	was := w.set.Spec.Template.Spec.DisplayName
	w.change("CRM of {{ .Server.Labels.customer }}") // back
	d = w.step()
	g.Expect(d.Update).To(HaveLen(2), "the way back goes as the way there")
	w.work()
	w.settle(t)
	g.Expect(w.apps["crm-s003"].Spec.DisplayName).To(Equal("CRM of C-s003"))

	w.change(string(was))
	w.down["s004"] = false
	w.work()
	g.Expect(readiness(w.settle(t))).To(Equal("True Ready"), "and on, when the server is back")
}

func TestWithContinueAFailureIsLeftBehind(t *testing.T) {
	g, w := NewWithT(t), newWorld(10)
	w.settle(t)
	w.roll(intstr.FromInt32(1), v1alpha1.FailureContinue)
	w.down["s004"] = true
	w.change("New")
	for range 40 {
		w.step()
		w.work()
		w.now = w.now.Add(10 * time.Second)
	}
	d := w.step()
	g.Expect(d.Status.Updated).To(BeEquivalentTo(10))
	g.Expect(readiness(d)).To(Equal("False InstancesNotReady"))
	g.Expect(d.Status.Instances).To(Equal("9/10"))
}

func TestARefusedChangeStopsTheRollOut(t *testing.T) {
	g, w := NewWithT(t), newWorld(4)
	w.settle(t)
	w.refused = func(*v1alpha1.TrustedApplication) string { return "no" }
	w.change("New")
	d := w.settle(t)
	g.Expect(readiness(d)).To(Equal("False RolloutStopped"))
	g.Expect(d.Status.Failing).To(HaveLen(4))
	g.Expect(d.Status.Failing[0]).To(And(HaveField("Reason", v1alpha1.ReasonRefused), HaveField("Message", "no")))
	g.Expect(d.Status.Updated).To(BeZero())
	g.Expect(d.Status.Instances).To(Equal("4/4"), "they work as before")
}

func TestANewServerThatIsDownStopsNothing(t *testing.T) {
	g, w := NewWithT(t), newWorld(4)
	w.settle(t)
	w.servers = append(w.servers, server("a-new-one"))
	w.down["a-new-one"] = true
	w.settle(t)
	w.now = w.now.Add(time.Hour)
	d := w.step()
	g.Expect(readiness(d)).To(Equal("False InstancesNotReady"))
	w.roll(intstr.FromInt32(2), v1alpha1.FailureStop)
	w.servers = append(w.servers, server("b-new-one"))
	w.down["b-new-one"] = true
	w.settle(t)
	w.servers[4].Labels, w.servers[0].Labels["customer"] = nil, "Another"
	d = w.settle(t)
	g.Expect(d.Status.Updated).To(BeEquivalentTo(5), "one that was never changed holds up no change")
	w.change("New")
	d = w.settle(t)
	g.Expect(d.Status.Updated).To(BeEquivalentTo(2), "once it was changed it counts like the others")
}

func TestWhatIsStalledNeedsAPerson(t *testing.T) {
	g, w := NewWithT(t), newWorld(2)
	w.settle(t)
	app := w.apps["crm-s001"]
	app.Status.Conditions = nil
	for _, c := range []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonAccessDenied, Message: "no grant", ObservedGeneration: app.Generation},
		{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccessDenied},
	} {
		meta.SetStatusCondition(&app.Status.Conditions, c)
	}
	d := w.step()
	g.Expect(readiness(d)).To(Equal("False InstancesFailing"))
	g.Expect(d.Status.Failing).To(ConsistOf(v1alpha1.FailingInstance{Server: "s001", Application: "crm-s001", Reason: "AccessDenied", Message: "no grant"}))
}

func TestTheStatusNamesAFew(t *testing.T) {
	g, w := NewWithT(t), newWorld(40)
	for _, s := range w.servers {
		delete(s.Labels, "customer")
	}
	d := w.step()
	g.Expect(d.Create).To(BeEmpty())
	g.Expect(d.Status.Failing).To(HaveLen(v1alpha1.MaxFailing))
	g.Expect(d.Status.Failed).To(BeEquivalentTo(40))
	g.Expect(message(d)).To(ContainSubstring("and 35 more"))
}

func TestWhatOthersAddToAnApplicationStays(t *testing.T) {
	g, w := NewWithT(t), newWorld(1)
	w.set.Spec.Template.Metadata = &v1alpha1.ApplicationTemplateMetadata{
		Labels: map[string]v1alpha1.TemplatedText{"customer": "{{ .Server.Labels.customer }}"}, Annotations: map[string]v1alpha1.TemplatedText{"note": "a"},
	}
	w.settle(t)
	app := w.apps["crm-s000"]
	g.Expect(app.Labels).To(HaveKeyWithValue("customer", "C-s000"))
	app.Labels["team"], app.Annotations[v1alpha1.RotateAnnotation] = "crm", "now"
	g.Expect(w.step().Update).To(BeEmpty())

	app.Labels["customer"] = "by hand"
	app.Spec.DisplayName = "by hand"
	w.settle(t)
	app = w.apps["crm-s000"]
	g.Expect(app.Labels).To(HaveKeyWithValue("customer", "C-s000"))
	g.Expect(app.Spec.DisplayName).To(Equal("CRM of C-s000"))

	w.set.Spec.Template.Metadata = nil
	w.settle(t)
	app = w.apps["crm-s000"]
	g.Expect(app.Labels).To(And(HaveKeyWithValue("team", "crm"), Not(HaveKey("customer"))))
	g.Expect(app.Annotations).To(And(HaveKey(v1alpha1.RotateAnnotation), Not(HaveKey("note")), Not(HaveKey(v1alpha1.TemplateAnnotation))))
}

func TestADeadlineWakes(t *testing.T) {
	g, w := NewWithT(t), newWorld(1)
	w.roll(intstr.FromInt32(1), v1alpha1.FailureStop)
	w.step()
	g.Expect(w.step().Wake).To(Equal(start.Add(time.Minute)))
	w.work()
	g.Expect(w.step().Wake).To(BeZero())
}

func TestNamesAreStableAndDiffer(t *testing.T) {
	g := NewWithT(t)
	g.Expect(Name("crm", "acme")).To(Equal("crm-acme"))
	long := strings.Repeat("s", 61)
	a, b := Name("crm", long+"aa"), Name("crm", long+"ab")
	g.Expect(a).To(Equal("crm-"+strings.Repeat("s", 50)+"-57f5d3d9"), "another one would make every application anew")
	g.Expect(a).NotTo(Equal(b))
	for _, n := range []string{a, b, Name(strings.Repeat("a", 52), "b."+long)} {
		g.Expect(n).To(MatchRegexp(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`))
		g.Expect(len(n)).To(BeNumerically("<=", 63))
	}
}

func TestHowManyMayBeUnavailable(t *testing.T) {
	for most, want := range map[string]int{"10%": 10, "1%": 1, "100%": 100, "nonsense": 1} {
		v := intstr.FromString(most)
		NewWithT(t).Expect(unavailable(v1alpha1.RolloutSpec{MaxUnavailable: &v}, 100)).To(Equal(want), most)
	}
	NewWithT(t).Expect(unavailable(v1alpha1.RolloutSpec{}, 5)).To(Equal(1))
	NewWithT(t).Expect(unavailable(v1alpha1.RolloutSpec{}, 100)).To(Equal(10))
}

// changing is the number of applications that were changed and are not Ready again.
func (w *world) changing() (n int) {
	for _, i := range gather(w.set, w.observed(), w.now).instances {
		if i.state == changing {
			n++
		}
	}
	return n
}

// Whatever happens in whatever order, no more are disturbed at once than may be, nothing foreign is touched, and it comes to rest as asked.
func TestWhateverHappens(t *testing.T) {
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 1))
		g, w := NewWithT(t), newWorld(1+r.IntN(25))
		most := 1 + r.IntN(5)
		w.roll(intstr.FromInt32(int32(most)), []v1alpha1.FailurePolicy{v1alpha1.FailureStop, v1alpha1.FailureContinue}[r.IntN(2)])
		w.apps["foreign"] = &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Name: "foreign"}}
		for range 120 {
			s := w.servers[r.IntN(len(w.servers))].Name
			switch r.IntN(8) {
			case 0:
				w.change(fmt.Sprintf("Name %d {{ .Server.Name }}", r.IntN(3)))
			case 1:
				w.down[s] = !w.down[s]
			case 2:
				w.now = w.now.Add(time.Duration(r.IntN(90)) * time.Second)
			case 3:
				w.servers = append(w.servers, server(fmt.Sprintf("x%d", len(w.servers))))
			case 4:
				w.servers[r.IntN(len(w.servers))].Labels["fleet"] = []string{"crm", "other"}[r.IntN(2)]
			case 5:
				w.work()
			default:
				if len(w.step().Update) > 0 {
					g.Expect(w.changing()).To(BeNumerically("<=", most), "seed %d", seed)
				}
			}
			g.Expect(w.apps).To(HaveKey("foreign"))
		}
		clear(w.down)
		w.work()
		w.now = w.now.Add(time.Hour)
		d := w.settle(t)
		if len(gather(w.set, w.observed(), w.now).instances) > 0 {
			g.Expect(readiness(d)).To(Equal("True Ready"), "seed %d: %s", seed, message(d))
			g.Expect(w.apps).To(HaveLen(1+int(d.Status.Servers)), "seed %d", seed)
		}
	}
}
