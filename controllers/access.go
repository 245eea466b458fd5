package controllers

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/access"
	"trustedapps.dev/operator/internal/connections"
	"trustedapps.dev/operator/internal/desired"
	"trustedapps.dev/operator/internal/plan"
)

// granted holds what is desired against the grants of the server.
func (r *TrustedApplicationReconciler) granted(
	ctx context.Context, app *v1alpha1.TrustedApplication, entry connections.Entry, d plan.Desired,
) (plan.Desired, error) {
	if len(entry.Access) == 0 || d.Deleting {
		return d, nil
	}
	others, err := r.neighbours(ctx, app, entry)
	if err != nil {
		return d, err
	}
	older := func(g v1alpha1.AccessGrant) (n int) {
		for i := range others {
			if access.Concerns(g, others[i].Namespace) && before(&others[i], app) {
				n++
			}
		}
		return n
	}
	why := access.Missing(app.Spec.IdentityServerRef.Name, entry.Access, access.Of(app, desired.Flow(app.Spec)), older)
	return desired.Denied(d, entry, why), nil
}

// neighbours are the applications of the server, where a grant limits how many there may be.
func (r *TrustedApplicationReconciler) neighbours(
	ctx context.Context, app *v1alpha1.TrustedApplication, entry connections.Entry,
) ([]v1alpha1.TrustedApplication, error) {
	limited := false
	for _, g := range entry.Access {
		limited = limited || g.MaxApplications != nil
	}
	if !limited {
		return nil, nil
	}
	var all v1alpha1.TrustedApplicationList
	if err := r.Client.List(ctx, &all, client.MatchingFields{serverIndex: app.Spec.IdentityServerRef.Name}); err != nil {
		return nil, fmt.Errorf("counting the applications of the server: %w", err)
	}
	return all.Items, nil
}

// before says whether an application was made before another one; of two in the same second the name decides.
func before(a, b *v1alpha1.TrustedApplication) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.Namespace+"/"+a.Name < b.Namespace+"/"+b.Name
}
