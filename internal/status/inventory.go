package status

import (
	"time"

	"trustedapps.dev/operator/api/v1alpha1"
)

// ExpireInventory takes ConfigMaps that are deleted by now out of a status. What was asked for stays done.
func ExpireInventory(s *v1alpha1.IdentityServerStatus, now time.Time) {
	if i := s.Inventory; i != nil && i.Expires != nil && !now.Before(i.Expires.Time) {
		s.Inventory = &v1alpha1.PublishedInventory{HandledRequest: i.HandledRequest, Time: i.Time}
	}
}
