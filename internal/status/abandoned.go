package status

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Abandon adds the registrations of an application that are left behind to the status of its server. changed is false where they are there.
func Abandon(s *v1alpha1.IdentityServerStatus, app *v1alpha1.TrustedApplication, clientIDs []string, now metav1.Time) (changed bool) {
	for _, id := range clientIDs {
		left := v1alpha1.AbandonedRegistration{ClientID: id, Application: app.Namespace + "/" + app.Name, UID: app.UID, Time: now}
		known := slices.ContainsFunc(s.Abandoned, func(a v1alpha1.AbandonedRegistration) bool { return a.ClientID == id && a.UID == app.UID })
		if !known {
			s.Abandoned, changed = append(s.Abandoned, left), true
		}
	}
	if over := len(s.Abandoned) - v1alpha1.MaxAbandoned; over > 0 {
		s.Abandoned = slices.Delete(s.Abandoned, 0, over)
	}
	return changed
}
