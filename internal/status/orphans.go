package status

import (
	"cmp"
	"slices"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Orphans puts what a sweep found into the status of a server, and the registrations that lost answers may have left.
func Orphans(s *v1alpha1.IdentityServerStatus, orphans []v1alpha1.OrphanedRegistration, apps []v1alpha1.TrustedApplication) {
	s.Orphaned = int32(min(len(orphans), 1<<31-1))
	s.Orphans = slices.Clone(orphans[:min(len(orphans), v1alpha1.MaxOrphans)])
	slices.SortFunc(s.Orphans, func(a, b v1alpha1.OrphanedRegistration) int { return cmp.Compare(a.ClientID, b.ClientID) })
	if len(s.Orphans) == 0 {
		s.Orphans = nil
	}
	var declared []string
	for i := range apps {
		for _, name := range apps[i].Status.Orphans {
			declared = append(declared, apps[i].Namespace+"/"+apps[i].Name+": "+name)
		}
	}
	s.DeclaredOrphans = sorted(declared)
	s.DeclaredOrphans = s.DeclaredOrphans[:min(len(s.DeclaredOrphans), v1alpha1.MaxOrphans)]
	if len(s.DeclaredOrphans) == 0 {
		s.DeclaredOrphans = nil
	}
}
