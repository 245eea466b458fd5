package fleet

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/audit"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
)

// all is the combined Secret, and others another name for it.
const all, others = "crm-all", "crm-others"

// gathering is a world whose set asks for a combined Secret.
type gathering struct {
	*world
	// seen is what the API server noted of the operator.
	seen *audit.Log
}

func TestCombined(t *testing.T) {
	log := filepath.Join(t.TempDir(), "audit.log")
	g := &gathering{world: newWorld(t, 4, controlplane.Options{AuditLog: log}), seen: audit.Follow(log, bed.OperatorUser)}

	g.hasAFileForEachInstance()
	g.restsAcrossARestart()
	g.followsARotation()
	g.isBroughtBack()
	g.isBroughtBackAfterAnAbsence()
	g.followsWhoIsThere()
	g.leavesWhatIsForeign()
	g.isRenamed()
	g.doesNotClash()
	g.goesWhenNobodyAsksForIt()
	g.waitsForANamespace()
	g.goesWithTheSet()
}

// combined is the Secret of a name.
func (g *gathering) combined(name string) *corev1.Secret {
	g.t.Helper()
	var secret corev1.Secret
	g.Expect(g.Admin.Get(g.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &secret)).To(Succeed())
	return &secret
}

func (g *gathering) gone(name string) bool {
	g.t.Helper()
	return apierrors.IsNotFound(g.Admin.Get(g.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &corev1.Secret{}))
}

// files are the names of all files.
func (g *gathering) files() []string { return slices.Sorted(maps.Keys(g.combined(all).Data)) }

// file reads the file of an instance, as a program does that mounts the volume.
func (g *gathering) file(from *corev1.Secret, instance string) (entries map[string]string) {
	g.t.Helper()
	g.Expect(json.Unmarshal(from.Data[instance+".json"], &entries)).To(Succeed())
	return entries
}

// works says whether what is in the file of an instance gets a token at its server.
func (g *gathering) works(instance string) error {
	entries := g.file(g.combined(all), instance)
	status, err := bed.Token(g.t.Context(), g.Browser(10*time.Second), entries["token_endpoint"], entries["client_id"], entries["client_secret"])
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s answers %d", instance, status)
	}
	return err
}

// requests are what the operator asked for of Secrets in the namespace since the last call, as "verb name".
func (g *gathering) requests() (asked []string) {
	g.t.Helper()
	noted, err := g.seen.Next()
	g.Expect(err).NotTo(HaveOccurred())
	for _, r := range noted {
		if r.Resource() == "secrets" && r.ObjectRef.Namespace == namespace && r.ObjectRef.Name != "" {
			asked = append(asked, r.Verb+" "+r.ObjectRef.Name)
		}
	}
	return asked
}

// published is the reason of the condition that tells of the combined Secret.
func (g *gathering) published() string {
	g.t.Helper()
	set := g.get()
	c := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionCredentialsPublished)
	if c == nil || c.ObservedGeneration != set.Generation {
		return ""
	}
	return c.Reason
}

// ask asks for a combined Secret of a name.
func (g *gathering) ask(name string) {
	g.t.Helper()
	g.change(func(s *v1alpha1.TrustedApplicationSetSpec) { s.CombinedSecret = &v1alpha1.CombinedSecret{Name: name} })
}

func (g *gathering) hasAFileForEachInstance() {
	set := crm()
	set.Spec.CombinedSecret = &v1alpha1.CombinedSecret{Name: all}
	set.Spec.Template.Spec.Credentials = &v1alpha1.CredentialsTemplate{Rotation: &v1alpha1.RotationSpec{Strategy: v1alpha1.RotationInPlace}} // over at once
	g.Expect(g.Admin.Create(g.t.Context(), set)).To(Succeed())
	g.Eventually(g.readiness).Should(Equal(v1alpha1.ReasonReady))
	g.Expect(g.get().Status.CombinedSecret).To(Equal(&v1alpha1.CombinedSecretStatus{Name: all, Instances: 4}), "who is Ready has all files")
	g.Expect(g.published()).To(Equal(v1alpha1.ReasonPublished))
	g.Expect(g.files()).To(Equal([]string{"fleet-000.json", "fleet-001.json", "fleet-002.json", "fleet-003.json"}))
	for _, instance := range g.instances {
		g.Expect(g.works(instance.Name)).To(Succeed())
		entries := g.file(g.combined(all), instance.Name)
		var own corev1.Secret
		g.Expect(g.Admin.Get(g.t.Context(), client.ObjectKey{Namespace: namespace, Name: "crm-" + instance.Name}, &own)).To(Succeed())
		g.Expect(entries).To(HaveLen(len(own.Data)))
		for key, value := range own.Data {
			g.Expect(entries).To(HaveKeyWithValue(key, string(value)))
		}
		text, err := json.Marshal(g.combined(all).ObjectMeta)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(text)).NotTo(ContainSubstring(entries["client_secret"]))
	}
	made := g.combined(all)
	g.Expect(made.Labels).NotTo(HaveKey(v1alpha1.ApplicationUIDLabel))
	g.Expect(metav1.IsControlledBy(made, g.get())).To(BeTrue())
	g.show("get", "secret", all, "-n", namespace)
	g.show("get", "tas", "crm", "-n", namespace, "-o", "jsonpath={.status.combinedSecret}")
	g.show("describe", "secret", all, "-n", namespace)
	entries := g.file(made, "fleet-001")
	g.t.Logf("fleet-001.json\n%s", strings.ReplaceAll(string(made.Data["fleet-001.json"]), entries["client_secret"], "..."))
}

// restsAcrossARestart: it is neither read nor written when nothing changed.
func (g *gathering) restsAcrossARestart() {
	g.Eventually(g.requests).WithPolling(2 * time.Second).Should(BeEmpty())
	before := g.versions()
	combined := g.combined(all).ResourceVersion
	g.Expect(g.operator.Stop()).To(Succeed())
	g.start()
	g.describe(0, map[string]string{"fleet": "crm", "customer": "customer-fleet-000", "irrelevant": "yes"}) // have the set looked at
	quiet := func() []string {                                                                              // each application looks once at what it published
		return slices.DeleteFunc(g.requests(), func(r string) bool { return strings.HasPrefix(r, "get crm-fleet-") })
	}
	g.Consistently(quiet).WithTimeout(4 * time.Second).WithPolling(500 * time.Millisecond).Should(BeEmpty())
	g.Expect(g.versions()).To(Equal(before))
	g.Expect(g.combined(all).ResourceVersion).To(Equal(combined))
}

// followsARotation: the file of that instance is written, from one Secret, and no other one.
func (g *gathering) followsARotation() {
	g.Eventually(g.requests).WithPolling(time.Second).Should(BeEmpty())
	before := g.combined(all)
	app := &v1alpha1.TrustedApplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "crm-fleet-001"}}
	ask := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+v1alpha1.RotateAnnotation+`":"now"}}}`))
	g.Expect(g.Admin.Patch(g.t.Context(), app, ask)).To(Succeed())
	was := g.combined("crm-fleet-001").ResourceVersion
	g.Eventually(func() string { return g.combined("crm-fleet-001").ResourceVersion }).WithPolling(10 * time.Millisecond).ShouldNot(Equal(was))
	rotated := time.Now()
	g.Eventually(func() string { return g.combined(all).ResourceVersion }).WithPolling(10 * time.Millisecond).ShouldNot(Equal(before.ResourceVersion))
	g.t.Logf("the file was written %s after the Secret of its instance", time.Since(rotated).Round(10*time.Millisecond))

	after := g.combined(all)
	g.Expect(g.file(after, "fleet-001")["client_secret"]).NotTo(Equal(g.file(before, "fleet-001")["client_secret"]))
	g.Expect(g.works("fleet-001")).To(Succeed())
	for _, other := range []string{"fleet-000.json", "fleet-002.json", "fleet-003.json"} {
		g.Expect(after.Data[other]).To(Equal(before.Data[other]))
	}
	g.Eventually(g.readiness).Should(Equal(v1alpha1.ReasonReady))
	var asked []string
	g.Consistently(func() []string {
		asked = append(asked, g.requests()...)
		return asked
	}).WithTimeout(2 * time.Second).WithPolling(500 * time.Millisecond).ShouldNot(ContainElement(MatchRegexp("crm-fleet-00[023]")))
	g.t.Logf("a rotation takes: %s", strings.Join(asked, ", "))
	of := func(request string) (n int) {
		for _, r := range asked {
			if r == request {
				n++
			}
		}
		return n
	}
	g.Expect(of("update "+all)).To(Equal(1), "%v", asked)
	g.Expect(of("get "+all)).To(BeNumerically("<=", 2), "%v", asked) // once more where the cache is behind
}

// isBroughtBack: what somebody changes or deletes by hand comes again.
func (g *gathering) isBroughtBack() {
	before := g.combined(all)
	edit := func(how func(*corev1.Secret)) {
		g.t.Helper()
		secret := g.combined(all)
		how(secret)
		g.Expect(g.Admin.Update(g.t.Context(), secret)).To(Succeed())
		g.Eventually(func() map[string][]byte { return g.combined(all).Data }).WithTimeout(time.Minute).Should(Equal(before.Data))
		g.Eventually(func() map[string]string { return g.combined(all).Labels }).Should(Equal(before.Labels))
	}
	edit(func(s *corev1.Secret) { s.Data["fleet-002.json"] = []byte(`{"client_secret":"mine"}`) })
	edit(func(s *corev1.Secret) { s.Data["more.json"] = []byte("{}") })
	edit(func(s *corev1.Secret) { delete(s.Data, "fleet-000.json") })
	edit(func(s *corev1.Secret) { s.Labels = nil })
	g.Expect(g.Admin.Delete(g.t.Context(), g.combined(all))).To(Succeed())
	g.Eventually(g.gone).WithArguments(all).Should(BeFalse())
	g.Eventually(func() map[string][]byte { return g.combined(all).Data }).Should(Equal(before.Data))
	g.Eventually(g.readiness).Should(Equal(v1alpha1.ReasonReady))
}

// isBroughtBackAfterAnAbsence: also what was done while the operator was not there.
func (g *gathering) isBroughtBackAfterAnAbsence() {
	before := g.combined(all)
	for _, edit := range []func(*corev1.Secret){
		func(s *corev1.Secret) { s.Data["fleet-002.json"] = []byte(`{"client_secret":"mine"}`) },
		func(s *corev1.Secret) { delete(s.Data, "fleet-002.json") }, // no field manager is left of this
	} {
		g.Expect(g.operator.Stop()).To(Succeed())
		secret := g.combined(all)
		edit(secret)
		g.Expect(g.Admin.Update(g.t.Context(), secret)).To(Succeed())
		g.start()
		g.Eventually(func() map[string][]byte { return g.combined(all).Data }).WithTimeout(time.Minute).Should(Equal(before.Data))
	}
}

// followsWhoIsThere: an instance that goes loses its file, and one that comes gets one.
func (g *gathering) followsWhoIsThere() {
	g.describe(3, nil)
	g.Eventually(g.files).Should(Equal([]string{"fleet-000.json", "fleet-001.json", "fleet-002.json"}))
	g.Eventually(func() int32 { return g.get().Status.CombinedSecret.Instances }).Should(BeEquivalentTo(3))
	g.describe(3, g.labels(3))
	g.Eventually(g.files).Should(HaveLen(4))
	g.Eventually(g.readiness).Should(Equal(v1alpha1.ReasonReady))
	g.Expect(g.works("fleet-003")).To(Succeed())
}

// leavesWhatIsForeign: a Secret of that name that is not of the set stays, and the former one.
func (g *gathering) leavesWhatIsForeign() {
	theirs := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "theirs", Labels: map[string]string{
			v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.SetLabel: "crm",
		}},
		Data: map[string][]byte{"password": []byte("theirs")},
	}
	g.Expect(g.Admin.Create(g.t.Context(), theirs)).To(Succeed())
	g.ask("theirs")
	g.Eventually(g.readiness).Should(Equal(v1alpha1.ReasonSecretConflict))
	g.Expect(g.published()).To(Equal(v1alpha1.ReasonSecretConflict))
	set := g.get()
	told := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionReady).Message
	g.Expect(told).To(ContainSubstring("the Secret theirs exists and is not of this set"))
	g.t.Log(told)
	g.Expect(set.Status.CombinedSecret.Name).To(Equal(all))
	g.Expect(g.combined("theirs").ResourceVersion).To(Equal(theirs.ResourceVersion))
	g.Expect(g.works("fleet-000")).To(Succeed())
	g.show("get", "tas", "-n", namespace)
}

// isRenamed: the new one is there, then the former one goes.
func (g *gathering) isRenamed() {
	content := g.combined(all).Data
	g.ask(others)
	g.Eventually(g.gone).WithArguments(all).Should(BeTrue())
	g.Expect(g.combined(others).Data).To(Equal(content))
	g.Eventually(g.readiness).Should(Equal(v1alpha1.ReasonReady))
	g.Expect(g.get().Status.CombinedSecret.Name).To(Equal(others))
}

// doesNotClash: the Secret of an application is left to it.
func (g *gathering) doesNotClash() {
	g.ask("crm-fleet-001")
	g.Eventually(g.readiness).Should(Equal(v1alpha1.ReasonSecretConflict))
	told := meta.FindStatusCondition(g.get().Status.Conditions, v1alpha1.ConditionReady).Message
	g.Expect(told).To(ContainSubstring("is that of the TrustedApplication crm-fleet-001 of this set"))
	g.Expect(g.combined("crm-fleet-001").Data).To(HaveKey(v1alpha1.KeyClientSecret))
	g.Expect(g.combined(others).Data).To(HaveLen(4))
}

// goesWhenNobodyAsksForIt: also when that was said while the operator was not there.
func (g *gathering) goesWhenNobodyAsksForIt() {
	g.Expect(g.operator.Stop()).To(Succeed())
	g.change(func(s *v1alpha1.TrustedApplicationSetSpec) { s.CombinedSecret = nil })
	g.start()
	g.Eventually(g.gone).WithArguments(others).Should(BeTrue())
	g.Eventually(func() any { return g.get().Status.CombinedSecret }).Should(BeNil())
	g.Eventually(g.readiness).Should(Equal(v1alpha1.ReasonReady))
	g.Expect(g.published()).To(BeEmpty())
	g.Expect(g.combined("theirs").Data).To(HaveKey("password"))
}

// waitsForANamespace: the permission is that of all that is published.
func (g *gathering) waitsForANamespace() {
	const closed = "closed"
	g.Expect(g.Admin.Create(g.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: closed}})).To(Succeed())
	set := crm()
	set.Namespace, set.Spec.CombinedSecret = closed, &v1alpha1.CombinedSecret{Name: all}
	set.Spec.Template.Spec.ApplicationURI = "com.example.crm/closed"
	g.Expect(g.Admin.Create(g.t.Context(), set)).To(Succeed())
	told := func() *metav1.Condition {
		g.Expect(g.Admin.Get(g.t.Context(), client.ObjectKeyFromObject(set), set)).To(Succeed())
		return meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionCredentialsPublished)
	}
	g.Eventually(told).Should(HaveValue(And(
		HaveField("Reason", v1alpha1.ReasonNamespaceNotPermitted), HaveField("Message", ContainSubstring("kubectl create rolebinding")))))
	g.Expect(g.OpenNamespace(g.t.Context(), closed)).To(Succeed())
	g.Eventually(told).Should(HaveValue(HaveField("Reason", v1alpha1.ReasonPublished)))
	g.Eventually(func() *v1alpha1.CombinedSecretStatus {
		told()
		return set.Status.CombinedSecret
	}).Should(HaveValue(HaveField("Instances", BeEquivalentTo(4))))
}

// goesWithTheSet: the garbage collector takes it.
func (g *gathering) goesWithTheSet() {
	g.ask(all)
	g.Eventually(g.readiness).Should(Equal(v1alpha1.ReasonReady))
	g.Expect(g.gone(all)).To(BeFalse())
	g.Expect(g.Admin.Delete(g.t.Context(), g.get(), client.PropagationPolicy(metav1.DeletePropagationForeground))).To(Succeed())
	g.Eventually(g.gone).WithArguments(all).Should(BeTrue())
	g.Eventually(g.apps).Should(BeEmpty())
	g.Eventually(func() error {
		return g.Admin.Get(g.t.Context(), client.ObjectKeyFromObject(crm()), &v1alpha1.TrustedApplicationSet{})
	}).Should(Satisfy(apierrors.IsNotFound))
}
