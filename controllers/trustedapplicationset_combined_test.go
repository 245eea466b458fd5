package controllers

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/output"
)

// setOf is a set, with a combined Secret where that has a name.
func setOf(namespace, name, combined string) *v1alpha1.TrustedApplicationSet {
	set := &v1alpha1.TrustedApplicationSet{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + name)}}
	if combined != "" {
		set.Spec.CombinedSecret = &v1alpha1.CombinedSecret{Name: combined}
	}
	return set
}

func ownedSecret(kind, owner, uid string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "s", OwnerReferences: []metav1.OwnerReference{{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: kind, Name: owner, UID: types.UID(uid), Controller: new(true),
	}}}}
}

func TestWhomAPublishedSecretWakes(t *testing.T) {
	g := NewWithT(t)
	leaving := setOf("shop", "former", "")
	leaving.Status.CombinedSecret = &v1alpha1.CombinedSecretStatus{Name: "all"}
	r := &TrustedApplicationSetReconciler{Client: newAPI(t, nil,
		setOf("shop", "crm", "all"), setOf("shop", "erp", ""), setOf("other", "crm", "all"), leaving)}
	names := func(requests []reconcile.Request) (all []string) {
		for _, r := range requests {
			all = append(all, r.Namespace+"/"+r.Name)
		}
		return all
	}
	for _, c := range []struct {
		secret *metav1.PartialObjectMetadata
		want   []string
	}{
		{ownedSecret("TrustedApplication", "crm-acme", "app"), []string{"shop/crm"}},
		{ownedSecret("TrustedApplicationSet", "crm", "shopcrm"), []string{"shop/crm"}},
		{ownedSecret("TrustedApplication", "erp-acme", "app"), nil},
		{ownedSecret("TrustedApplication", "orders", "app"), nil},
		{&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "crm-acme"}}, nil},
	} {
		g.Expect(names(r.onSecret(t.Context(), c.secret))).To(Equal(c.want))
	}
	g.Expect(names(r.inNamespace(t.Context(), "shop"))).To(ConsistOf("shop/crm", "shop/former"), "also one whose Secret has to go")
	g.Expect(names(r.inNamespace(t.Context(), ""))).To(HaveLen(3))
}

func TestOfACombinedSecretItIsKeptWhatItWasMadeFromAndByWhom(t *testing.T) {
	g := NewWithT(t)
	fields := []metav1.ManagedFieldsEntry{{Manager: "me", Time: &metav1.Time{Time: time.Unix(1, 0)}, FieldsV1: metav1.NewFieldsV1("{}")}}
	all := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Labels: map[string]string{v1alpha1.SetLabel: "crm"}, ManagedFields: fields,
		Annotations: map[string]string{v1alpha1.CombinedFromAnnotation: "acme=1", "note": "a"},
	}}
	_, err := needed(all)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all.Labels).To(BeNil())
	g.Expect(all.Annotations).To(Equal(map[string]string{v1alpha1.CombinedFromAnnotation: "acme=1"}))
	g.Expect(all.ManagedFields).To(ConsistOf(And(HaveField("Manager", "me"), HaveField("FieldsV1", BeNil()))))

	one := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		ManagedFields: fields, Annotations: map[string]string{v1alpha1.IssuedAtAnnotation: "now", "note": "a"},
	}}
	_, err = needed(one)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(one.ManagedFields).To(BeNil())
	g.Expect(one.Annotations).To(Equal(map[string]string{v1alpha1.IssuedAtAnnotation: "now"}))
}

func TestWhatIsKnownOfACombinedSecretIsThatOfTheSameSet(t *testing.T) {
	g, c := NewWithT(t), &combinations{}
	set := setOf("shop", "crm", "all")
	g.Expect(c.of(set).memory).To(BeZero())
	c.note(set, combination{uid: set.UID, memory: output.Memory{Intact: "7"}})
	g.Expect(c.of(set).memory.Intact).To(Equal("7"))
	again := set.DeepCopy()
	again.UID = "another"
	g.Expect(c.of(again).memory).To(BeZero())
	c.forget(types.NamespacedName{Namespace: "shop", Name: "crm"})
	g.Expect(c.of(set).memory).To(BeZero())
}
