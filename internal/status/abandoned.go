package status

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// maxRegistration is the longest name of a registration in a status.
const maxRegistration = 254

// Abandon adds the registrations of an application that are left behind to the status of its server, by client id or name. changed is false
// where they are there.
func Abandon(s *v1alpha1.IdentityServerStatus, app *v1alpha1.TrustedApplication, registrations []string, now metav1.Time) (changed bool) {
	for _, id := range registrations {
		if len(id) > maxRegistration {
			id = strings.ToValidUTF8(id[:maxRegistration], "")
		}
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
