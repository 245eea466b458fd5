package status

import (
	"cmp"
	"slices"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Orphans puts what a sweep found into the status of a server, and the registrations that lost answers may have left.
func Orphans(s *v1alpha1.IdentityServerStatus, orphans []v1alpha1.OrphanedRegistration, apps []v1alpha1.TrustedApplication) {
	list := slices.Clone(orphans)
	slices.SortFunc(list, func(a, b v1alpha1.OrphanedRegistration) int { return cmp.Compare(a.ClientID, b.ClientID) })
	list = slices.CompactFunc(list, func(a, b v1alpha1.OrphanedRegistration) bool { return a.ClientID == b.ClientID })
	s.Orphaned, s.Orphans = int32(min(len(list), 1<<31-1)), nil
	if len(list) > v1alpha1.MaxOrphans { // the same ones each time
		list = slices.Delete(list, v1alpha1.MaxOrphans, len(list))
	}
	if len(list) > 0 {
		s.Orphans = list
	}
	var declared []string
	for i := range apps {
		app := &apps[i]
		for _, name := range app.Status.Orphans {
			declared = append(declared, app.Namespace+"/"+app.Name+": "+name)
		}
	}
	s.DeclaredOrphans = sorted(declared)
	s.DeclaredOrphans = s.DeclaredOrphans[:min(len(s.DeclaredOrphans), v1alpha1.MaxOrphans)]
	if len(s.DeclaredOrphans) == 0 {
		s.DeclaredOrphans = nil
	}
}
