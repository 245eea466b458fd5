package output

import (
	"bytes"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// ours says whether an object was written for the application with that UID: only the owner reference proves it.
func ours(have metav1.Object, app types.UID) bool {
	owner := metav1.GetControllerOf(have)
	return owner != nil && owner.UID == app
}

// left says whether an object was written for a former application of the same name: it was restored from a backup, and its owner is no more. The
// garbage collector takes such an object unless its successor does.
func left(have metav1.Object, app App) bool {
	owner := metav1.GetControllerOf(have)
	return owner != nil && isApplication(*owner, app.Name) && owner.UID != app.UID &&
		have.GetLabels()[v1alpha1.ManagedByLabel] == v1alpha1.ManagedByValue
}

func isApplication(owner metav1.OwnerReference, name string) bool {
	version, err := schema.ParseGroupVersion(owner.APIVersion)
	return err == nil && version.Group == v1alpha1.GroupVersion.Group && owner.Kind == "TrustedApplication" && owner.Name == name
}

// matches says whether have is as want says. Labels, annotations, finalizers and further owners that others added do not count.
func matches(have, want client.Object) bool {
	mine := want.GetOwnerReferences()[0]
	return contains(have.GetLabels(), want.GetLabels()) &&
		contains(have.GetAnnotations(), want.GetAnnotations()) &&
		have.GetAnnotations()[v1alpha1.TemplateAnnotation] == want.GetAnnotations()[v1alpha1.TemplateAnnotation] &&
		slices.ContainsFunc(have.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return equality.Semantic.DeepEqual(r, mine) }) &&
		sameContent(have, want)
}

func sameContent(have, want client.Object) bool {
	switch w := want.(type) {
	case *corev1.Secret:
		h, ok := have.(*corev1.Secret)
		return ok && h.Type == w.Type && maps.EqualFunc(h.Data, w.Data, bytes.Equal)
	case *corev1.ConfigMap:
		h, ok := have.(*corev1.ConfigMap)
		return ok && len(h.BinaryData) == 0 && maps.Equal(h.Data, w.Data)
	}
	return false
}

// unchangeable says whether the apiserver would refuse to change have into want.
func unchangeable(have, want client.Object) bool {
	switch h := have.(type) {
	case *corev1.Secret:
		w, ok := want.(*corev1.Secret)
		return !ok || h.Type != w.Type || isTrue(h.Immutable)
	case *corev1.ConfigMap:
		return isTrue(h.Immutable)
	}
	return true
}

// inherit gives want what others added to the metadata of have, so that it may replace have. What a former template added goes.
func inherit(want, have client.Object) {
	templated := have.GetAnnotations()[v1alpha1.TemplateAnnotation]
	want.SetLabels(overlay(withoutTemplate(have.GetLabels(), labelPlace, templated), want.GetLabels()))
	want.SetAnnotations(overlay(withoutTemplate(have.GetAnnotations(), annotationPlace, templated), want.GetAnnotations()))
	mine := want.GetOwnerReferences()
	others := slices.DeleteFunc(slices.Clone(have.GetOwnerReferences()), func(r metav1.OwnerReference) bool {
		return r.UID == mine[0].UID || isApplication(r, mine[0].Name) // that of a former application of the same name
	})
	want.SetOwnerReferences(append(others, mine...))
	want.SetFinalizers(have.GetFinalizers())
}

func contains(have, want map[string]string) bool {
	for k, v := range want {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	return true
}

func overlay(below, above map[string]string) map[string]string {
	all := make(map[string]string, len(below)+len(above))
	maps.Copy(all, below)
	maps.Copy(all, above)
	return all
}

func isTrue(b *bool) bool { return b != nil && *b }
