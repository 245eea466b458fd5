package output

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// gathering is a set of instances on an apiserver.
type gathering struct {
	*fixture
	set    Set
	memory Memory
}

func newGathering(t *testing.T, servers ...string) *gathering {
	t.Helper()
	g := &gathering{fixture: newFixture(t), set: Set{Namespace: "shop", Name: "crm", UID: "set", SecretName: "all"}}
	for _, s := range servers {
		g.instance(s)
	}
	return g
}

// instance publishes for one.
func (g *gathering) instance(at string) {
	g.t.Helper()
	app := hybrid
	app.Name, app.UID, app.ServerName, app.SecretName, app.ConfigMapName = "crm-"+at, types.UID(at), at, "crm-"+at, ""
	g.Expect(g.store.Objects(app, server).Publish(g.t.Context(), g.rec)).To(Succeed())
}

// combination is what the caches show.
func (g *gathering) combination() Combination {
	g.t.Helper()
	c := Combination{Set: g.set, Memory: g.memory}
	var list corev1.SecretList
	g.Expect(g.api.Client.List(g.t.Context(), &list, client.InNamespace("shop"), client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue})).To(Succeed())
	for _, s := range list.Items {
		owner := metav1.GetControllerOf(&s)
		switch {
		case owner == nil:
		case owner.UID == g.set.UID:
			c.Seen = append(c.Seen, metav1.PartialObjectMetadata{ObjectMeta: s.ObjectMeta})
		default:
			c.Sources = append(c.Sources, Source{
				Server: strings.TrimPrefix(s.Name, "crm-"), Secret: s.Name, Owner: owner.UID, Version: s.ResourceVersion,
			})
		}
	}
	return c
}

// combine combines once, and counts from zero.
func (g *gathering) combine() Combined {
	g.t.Helper()
	g.api.writes, g.api.dataRead = 0, nil
	combined, err := g.store.Combine(g.t.Context(), g.combination())
	g.Expect(err).NotTo(HaveOccurred())
	g.memory = combined.Memory
	return combined
}

func (g *gathering) get(name string) *corev1.Secret {
	g.t.Helper()
	var s corev1.Secret
	g.Expect(g.api.Client.Get(g.t.Context(), client.ObjectKey{Namespace: "shop", Name: name}, &s)).To(Succeed())
	return &s
}

func (g *gathering) change(name string, how func(*corev1.Secret)) {
	g.t.Helper()
	s := g.get(name)
	how(s)
	g.Expect(g.api.Client.Update(g.t.Context(), s)).To(Succeed())
}

func (g *gathering) remove(name string) {
	g.t.Helper()
	g.Expect(g.api.Client.Delete(g.t.Context(), g.get(name))).To(Succeed())
}

// file is what is in the file of an instance.
func (g *gathering) file(server string) map[string]string {
	g.t.Helper()
	var entries map[string]string
	g.Expect(json.Unmarshal(g.get("all").Data[File(server)], &entries)).To(Succeed())
	return entries
}

func TestAFileForEachInstance(t *testing.T) {
	g := newGathering(t, "acme", "globex")
	now := g.combine()
	g.Expect(now).To(And(HaveField("Name", "all"), HaveField("Servers", []string{"acme", "globex"}), HaveField("Wrote", true)))
	g.Expect(g.api.writes).To(Equal(1))

	all := g.get("all")
	g.Expect(all.Type).To(Equal(CombinedType))
	g.Expect(all.Data).To(And(HaveLen(2), HaveKey("acme.json"), HaveKey("globex.json")))
	g.Expect(all.Labels).To(Equal(map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.SetLabel: "crm"}))
	g.Expect(all.OwnerReferences).To(ConsistOf(And(HaveField("Kind", "TrustedApplicationSet"), HaveField("UID", types.UID("set")), HaveField("Controller", HaveValue(BeTrue())))))
	for _, server := range []string{"acme", "globex"} {
		published := g.get("crm-" + server)
		entries := g.file(server)
		g.Expect(entries).To(HaveLen(len(published.Data)))
		for key, value := range published.Data {
			g.Expect(entries).To(HaveKeyWithValue(key, string(value)))
		}
		g.Expect(entries).To(HaveKeyWithValue(v1alpha1.KeyClientSecret, canary))
	}
	g.Expect(string(all.Data["acme.json"])).To(MatchRegexp(`^\{"api_url":.*"client-id":.*"client_id":.*"uri":"[^"]*"\}$`), "sorted")
	g.Expect(fmt.Sprint(all.Annotations, all.Labels)).NotTo(ContainSubstring(canary))
}

func TestAtRestNothingIsAskedFor(t *testing.T) {
	g := newGathering(t, "acme", "globex")
	g.combine()
	g.Expect(g.combine().Wrote).To(BeFalse())
	g.Expect(g.api.writes).To(BeZero())
	g.Expect(g.api.dataRead).To(BeEmpty())
	_, rests := g.combination().Look()
	g.Expect(rests).To(BeTrue())
}

func TestARotationReadsOneSecret(t *testing.T) {
	g := newGathering(t, "acme", "globex", "initech")
	g.combine()
	before := g.get("all")
	g.change("crm-globex", func(s *corev1.Secret) { s.Data["client_secret"] = []byte("next") })
	g.combine()
	g.Expect(g.api.dataRead).To(Equal([]string{"all", "crm-globex"}))
	g.Expect(g.api.writes).To(Equal(1))
	g.Expect(g.file("globex")).To(HaveKeyWithValue("client_secret", "next"))
	after := g.get("all")
	g.Expect(after.Data["acme.json"]).To(Equal(before.Data["acme.json"]))
	g.Expect(after.UID).To(Equal(before.UID))
}

func TestAnInstanceThatGoesLosesItsFile(t *testing.T) {
	g := newGathering(t, "acme", "globex")
	g.combine()
	g.remove("crm-acme")
	g.Expect(g.combine().Servers).To(Equal([]string{"globex"}))
	g.Expect(g.api.dataRead).To(Equal([]string{"all"}))
	g.Expect(g.get("all").Data).To(And(HaveLen(1), HaveKey("globex.json")))

	g.remove("crm-globex")
	g.Expect(g.combine().Servers).To(BeEmpty())
	g.Expect(g.get("all").Data).To(BeEmpty(), "it stays: a Pod that mounts it has to start")
	g.Expect(g.combine().Wrote).To(BeFalse())
}

func TestNothingIsMadeOfNothing(t *testing.T) {
	g := newGathering(t)
	g.Expect(g.combine()).To(Equal(Combined{}))
	g.Expect(g.api.writes).To(BeZero())
}

func TestWhatIsChangedByHandIsBroughtBack(t *testing.T) {
	for name, edit := range map[string]func(*corev1.Secret){
		"data edited":        func(s *corev1.Secret) { s.Data["acme.json"] = []byte("{}") },
		"data added":         func(s *corev1.Secret) { s.Data["more.json"] = []byte("{}") },
		"data removed":       func(s *corev1.Secret) { delete(s.Data, "acme.json") },
		"label edited":       func(s *corev1.Secret) { s.Labels[v1alpha1.SetLabel] = "other" },
		"label removed":      func(s *corev1.Secret) { s.Labels = nil },
		"annotation removed": func(s *corev1.Secret) { s.Annotations = nil },
		"annotation edited":  func(s *corev1.Secret) { s.Annotations[v1alpha1.CombinedFromAnnotation] = "acme=99,globex=99" },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGathering(t, "acme", "globex")
			g.combine()
			before := g.get("all")
			g.change("all", edit)
			g.Expect(g.combine().Wrote).To(BeTrue())
			after := g.get("all")
			g.Expect(after.Data).To(Equal(before.Data))
			g.Expect(after.Labels).To(Equal(before.Labels))
			g.Expect(after.Annotations).To(Equal(before.Annotations))
			g.Expect(g.combine().Wrote).To(BeFalse())
			g.Expect(g.api.dataRead).To(BeEmpty())
		})
	}
	t.Run("deleted", func(t *testing.T) {
		g := newGathering(t, "acme")
		g.combine()
		g.remove("all")
		g.Expect(g.combine().Wrote).To(BeTrue())
		g.Expect(g.file("acme")).To(HaveKeyWithValue("client_secret", canary))
	})
	t.Run("another type", func(t *testing.T) {
		g := newGathering(t, "acme")
		g.combine()
		made := g.get("all")
		g.remove("all")
		other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "all", Labels: made.Labels, OwnerReferences: made.OwnerReferences,
		}}
		g.Expect(g.api.Client.Create(t.Context(), other)).To(Succeed())
		g.Expect(g.combine().Wrote).To(BeTrue())
		g.Expect(g.get("all").Type).To(Equal(CombinedType))
	})
}

func TestWhatOthersAddToTheCombinedSecretStays(t *testing.T) {
	g := newGathering(t, "acme")
	g.combine()
	g.change("all", func(s *corev1.Secret) { s.Labels["team"], s.Annotations["note"] = "crm", "a" })
	g.Expect(g.combine().Wrote).To(BeFalse())
	g.combine()
	g.Expect(g.api.dataRead).To(BeEmpty(), "it was looked at once")
	g.instance("globex")
	g.combine()
	g.Expect(g.get("all").Labels).To(HaveKeyWithValue("team", "crm"))
	g.Expect(g.get("all").Annotations).To(HaveKeyWithValue("note", "a"))
}

func TestAForeignSecretIsNeitherReadNorTouched(t *testing.T) {
	for name, theirs := range map[string]*corev1.Secret{
		"of a person":           {},
		"with the labels":       {ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.SetLabel: "crm", v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue}}},
		"of a set that is gone": {ObjectMeta: metav1.ObjectMeta{OwnerReferences: Set{Name: "crm", UID: "another"}.render(nil, nil).OwnerReferences}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGathering(t, "acme")
			theirs.Namespace, theirs.Name, theirs.Data = "shop", "all", map[string][]byte{"password": []byte("theirs")}
			g.Expect(g.api.Client.Create(t.Context(), theirs)).To(Succeed())
			before := g.get("all")
			now := g.combine()
			g.Expect(now.Taken).To(BeTrue())
			g.Expect(now.Name).To(BeEmpty())
			g.Expect(g.api.writes).To(BeZero())
			g.Expect(g.api.dataRead).To(BeEmpty())
			g.Expect(g.get("all")).To(Equal(before))
		})
	}
}

func TestOnlyWhatAnApplicationPublishesIsGathered(t *testing.T) {
	g := newGathering(t, "acme")
	planted := g.get("crm-acme")
	g.remove("crm-acme")
	planted.ResourceVersion, planted.Type = "", corev1.SecretTypeOpaque
	g.Expect(g.api.Client.Create(t.Context(), planted)).To(Succeed())
	g.Expect(g.combine().Servers).To(BeEmpty(), "another type")

	c := g.combination()
	c.Sources[0].Owner = "somebody"
	now, err := g.store.Combine(t.Context(), c)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(now.Servers).To(BeEmpty(), "another owner")
	c.Sources[0].Secret = "gone"
	now, err = g.store.Combine(t.Context(), c)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(now.Servers).To(BeEmpty())
}

func TestARenameLeavesTheFormerOneUntilTheNewOneIsThere(t *testing.T) {
	g := newGathering(t, "acme")
	g.combine()
	g.set.SecretName = "other"
	theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "other"}}
	g.Expect(g.api.Client.Create(t.Context(), theirs)).To(Succeed())
	now := g.combine()
	g.Expect(now).To(And(HaveField("Taken", true), HaveField("Name", "all"), HaveField("Servers", []string{"acme"})))
	g.Expect(g.get("all").Data).To(HaveLen(1))

	g.remove("other")
	g.Expect(g.combine()).To(And(HaveField("Taken", false), HaveField("Name", "other")))
	g.Expect(g.get("other").Data).To(HaveKey("acme.json"))
	g.Expect(client.IgnoreNotFound(g.api.Client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "all"}, &corev1.Secret{}))).To(Succeed())
	g.Expect(g.combination().Seen).To(HaveLen(1))

	g.set.SecretName = ""
	g.Expect(g.combine().Name).To(BeEmpty())
	g.Expect(g.combination().Seen).To(BeEmpty(), "taken away")
	g.Expect(g.combine()).To(HaveField("Wrote", false))
}

func TestWhatDoesNotFitLeavesTheFormerContent(t *testing.T) {
	g := newGathering(t, "acme")
	g.combine()
	g.instance("globex")
	g.change("crm-globex", func(s *corev1.Secret) { s.Data["blob"] = make([]byte, corev1.MaxSecretSize) })
	now := g.combine()
	g.Expect(now.Size).To(BeNumerically(">", corev1.MaxSecretSize))
	g.Expect(now).To(And(HaveField("Name", "all"), HaveField("Servers", []string{"acme"}), HaveField("Wrote", false)))
	g.Expect(g.get("all").Data).To(HaveLen(1))
	again := g.combine()
	g.Expect(again.Size).To(Equal(now.Size))
	g.Expect(g.api.dataRead).To(BeEmpty(), "it is not tried again before something changes")

	g.change("crm-globex", func(s *corev1.Secret) { delete(s.Data, "blob") })
	g.Expect(g.combine()).To(And(HaveField("Size", 0), HaveField("Servers", []string{"acme", "globex"})))
}

func TestTheSizeCountsNames(t *testing.T) {
	g := NewWithT(t)
	files, from := map[string][]byte{}, map[string]string{}
	for n := range 10_000 {
		name := fmt.Sprintf("%s-%04d", strings.Repeat("s", 58), n)
		files[name], from[name] = []byte(strings.Repeat("x", 250)), "12345678901234567890"
		if size(files) > corev1.MaxSecretSize {
			delete(files, name)
			delete(from, name)
			break
		}
	}
	secret := Set{Name: "crm", UID: "set"}.render(files, from)
	g.Expect(len(secret.Annotations[v1alpha1.CombinedFromAnnotation])).To(BeNumerically("<", 256<<10), "what annotations may take")
	stored := len(secret.Annotations[v1alpha1.CombinedFromAnnotation])
	for key, value := range secret.Data {
		stored += len(key) + len(value) + len(key) + 10 // the last is in the managed fields
	}
	g.Expect(stored).To(BeNumerically("<", 1_500_000), "what etcd takes")
}

func TestARaceIsNoSecondWriter(t *testing.T) {
	g := newGathering(t, "acme", "globex")
	g.combine()
	g.remove("crm-acme")
	c := g.combination()
	g.change("all", func(s *corev1.Secret) { s.Data["acme.json"] = []byte("{}") })
	now, err := g.store.Combine(t.Context(), c)
	g.Expect(err).NotTo(HaveOccurred(), "it was read after the edit")
	g.Expect(now.Wrote).To(BeTrue())
	g.Expect(g.get("all").Data).To(And(HaveLen(1), HaveKey("globex.json")))

	c.Seen = nil
	c.Set.SecretName = "crm-globex"
	now, err = g.store.Combine(t.Context(), c)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(now.Taken).To(BeTrue(), "the Secret of an application is somebody else's")
}

func TestTheLastWriterIsTold(t *testing.T) {
	at := func(manager string, second int) metav1.ManagedFieldsEntry {
		when := metav1.NewTime(time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC))
		return metav1.ManagedFieldsEntry{Manager: manager, Time: &when, FieldsV1: metav1.NewFieldsV1("{}")}
	}
	const us = v1alpha1.ManagedByValue
	for name, c := range map[string]struct {
		entries []metav1.ManagedFieldsEntry
		want    string
	}{
		"nobody":               {nil, ""},
		"one":                  {[]metav1.ManagedFieldsEntry{at(us, 1)}, us},
		"we, after another":    {[]metav1.ManagedFieldsEntry{at("kubectl-edit", 1), at(us, 2)}, us},
		"another, after us":    {[]metav1.ManagedFieldsEntry{at(us, 1), at("kubectl-edit", 2)}, "kubectl-edit"},
		"both within a second": {[]metav1.ManagedFieldsEntry{at(us, 1), at("kubectl-edit", 1)}, ""},
		"without a time":       {[]metav1.ManagedFieldsEntry{at(us, 1), {Manager: "kubectl-edit"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			o := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "7", ManagedFields: c.entries}}
			g.Expect(lastWriter(o.ManagedFields)).To(Equal(c.want))
			g.Expect(intact(o, "")).To(Equal(c.want == us))
			g.Expect(intact(o, "7")).To(BeTrue(), "what is remembered counts alone")
			g.Expect(intact(o, "6")).To(BeFalse())
			o.ManagedFields = Writers(o)
			g.Expect(lastWriter(o.ManagedFields)).To(Equal(c.want))
			g.Expect(o.ManagedFields).NotTo(ContainElement(HaveField("FieldsV1", Not(BeNil()))))
		})
	}
}

func TestWhoTakesAFileAwayIsNoticed(t *testing.T) {
	for fields, want := range map[string]bool{
		`{"f:data":{".":{},"f:acme.json":{},"f:acme.eu.json":{}},"f:type":{}}`: true,
		`{"f:data":{".":{},"f:acme.json":{}},"f:type":{}}`:                     false,
		`{"f:data":{".":{},"f:acme.json":{},"f:acme.eu.json":{},"f:more":{}}}`: false,
		`{"f:type":{}}`: false,
		`nonsense`:      false,
	} {
		g := NewWithT(t)
		o := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Annotations: map[string]string{v1alpha1.CombinedFromAnnotation: "acme=1,acme.eu=2"},
			ManagedFields: []metav1.ManagedFieldsEntry{{
				Manager: v1alpha1.ManagedByValue, Time: &metav1.Time{Time: time.Unix(1, 0)}, FieldsV1: metav1.NewFieldsV1(fields),
			}},
		}}
		g.Expect(intact(o, "")).To(Equal(want), fields)
		o.ManagedFields = Writers(o)
		g.Expect(intact(o, "")).To(Equal(want), "also as the cache has it: %s", fields)
		g.Expect(o.ManagedFields[0].FieldsV1).To(BeNil())
	}
}

func TestVersionsAreReadAsTheyWereWritten(t *testing.T) {
	g := NewWithT(t)
	for _, from := range []map[string]string{{}, {"acme": "1"}, {"acme.eu": "17", "globex": "4"}} {
		o := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.CombinedFromAnnotation: listed(from)}}}
		g.Expect(madeFrom(o)).To(Equal(from))
	}
	g.Expect(madeFrom(&metav1.PartialObjectMetadata{})).To(BeEmpty())
	g.Expect(listed(map[string]string{"b": "2", "a": "1"})).To(Equal("a=1,b=2"))
}
