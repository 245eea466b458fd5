package fleet

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/desired"
)

// Combined is how the Secret with a file for each instance is.
type Combined struct {
	// Name is that of the Secret that there is, "" where there is none, and Instances the number of files in it.
	Name      string
	Instances int
	// Files are the servers that have one, sorted; nil where nobody looked.
	Files []string
	// Reason is why it is not as spec.combinedSecret asks, "" where nothing is wrong, and Message what to do.
	Reason, Message string
}

// CombinedName is the name of the combined Secret that a set asks for; "" where it asks for none.
func CombinedName(set *v1alpha1.TrustedApplicationSet) string {
	if set.Spec.CombinedSecret == nil {
		return ""
	}
	return set.Spec.CombinedSecret.Name
}

// Publishers are the applications of a set that publish a Secret, also those that are on their way out, by the names of their servers: a file is there
// as long as the Secret is.
func Publishers(set *v1alpha1.TrustedApplicationSet, applications []v1alpha1.TrustedApplication) []*v1alpha1.TrustedApplication {
	var all []*v1alpha1.TrustedApplication
	for i := range applications {
		if app := &applications[i]; Owns(set, app) && desired.SecretName(app) != "" {
			all = append(all, app)
		}
	}
	slices.SortFunc(all, func(a, b *v1alpha1.TrustedApplication) int {
		return strings.Compare(a.Spec.IdentityServerRef.Name, b.Spec.IdentityServerRef.Name)
	})
	return all
}

// Clash names the application of a set whose own Secret has the name of the combined one; "" where none has.
func Clash(set *v1alpha1.TrustedApplicationSet, publishers []*v1alpha1.TrustedApplication) string {
	for _, app := range publishers {
		if desired.SecretName(app) == CombinedName(set) {
			return app.Name
		}
	}
	return ""
}

// missing counts the applications that say they published a Secret and whose server has no file yet.
func (c Combined) missing(publishers []*v1alpha1.TrustedApplication) (n int) {
	if c.Files == nil {
		return 0
	}
	for _, app := range publishers {
		_, filed := slices.BinarySearch(c.Files, app.Spec.IdentityServerRef.Name)
		if app.DeletionTimestamp.IsZero() && app.Status.Binding != nil && !filed {
			n++
		}
	}
	return n
}

// pending says whether files are missing that are written soon.
func (f *fleet) pending() bool { return f.secret.Reason == "" && f.missing > 0 }

// stalled says whether somebody has to change something.
func (c Combined) stalled() bool {
	return c.Reason == v1alpha1.ReasonSecretConflict || c.Reason == v1alpha1.ReasonSecretTooLarge
}

// combined tells of the combined Secret, where one is asked for or left.
func (f *fleet) combined(s *v1alpha1.TrustedApplicationSetStatus) {
	s.CombinedSecret = nil
	if f.secret.Name != "" {
		s.CombinedSecret = &v1alpha1.CombinedSecretStatus{Name: f.secret.Name, Instances: count(f.secret.Instances)}
	}
	name := CombinedName(f.set)
	if name == "" {
		meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionCredentialsPublished)
		return
	}
	c := metav1.Condition{
		Type: v1alpha1.ConditionCredentialsPublished, Status: metav1.ConditionFalse, Reason: f.secret.Reason, Message: f.secret.Message,
		ObservedGeneration: f.set.Generation, LastTransitionTime: f.now,
	}
	switch {
	case c.Reason != "":
	case f.missing > 0:
		c.Reason, c.Message = v1alpha1.ReasonProgressing, f.awaited()
	case f.secret.Name == name:
		c.Status, c.Reason = metav1.ConditionTrue, v1alpha1.ReasonPublished
		c.Message = fmt.Sprintf("the Secret %s has a file for each of %d instances", name, f.secret.Instances)
	default:
		c.Reason, c.Message = v1alpha1.ReasonProgressing, fmt.Sprintf("the Secret %s is made when the first instance has published its own", name)
	}
	meta.SetStatusCondition(&s.Conditions, c)
}

// awaited says that files are on their way.
func (f *fleet) awaited() string {
	return fmt.Sprintf("%d instances have no file yet in the Secret %s, which is written", f.missing, CombinedName(f.set))
}
