package byhand

import (
	"context"
	"fmt"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

// Instance starts an instance with the users of the registrations, and makes the IdentityServer of the same name, which grants what they have. It
// has none of them before Seed.
func Instance(ctx context.Context, b *bed.Bed, name string) (*standin.Instance, error) {
	spec := bed.Spec(name)
	spec.Users = append(spec.Users, standin.User{Login: "svc.chief", Active: true, IsAdmin: true, UserType: "InternalUser"})
	instance, err := b.Servers.NewInstance(ctx, spec)
	if err != nil {
		return nil, err
	}
	if err := b.Admin.Create(ctx, bed.Credentials(name)); err != nil {
		return instance, fmt.Errorf("making the Secret for %s: %w", name, err)
	}
	server := b.Server(instance)
	server.Spec.Access[0].Scopes = []v1alpha1.TextPattern{"read", "update", "offline_access", "sec"} // sec is granted by its name only
	server.Spec.Access[0].Administrators = v1alpha1.AdministratorsAllowed
	if err := b.Admin.Create(ctx, server); err != nil {
		return instance, fmt.Errorf("making the IdentityServer %s: %w", name, err)
	}
	return instance, nil
}

// Seed makes the registrations past the Domain API, and returns them as they are stored, but with their secrets.
func Seed(ctx context.Context, instance *standin.Instance) ([]standin.Application, error) {
	all := Registrations()
	for i := range all {
		stored, err := instance.AddApplication(ctx, all[i])
		if err != nil {
			return nil, fmt.Errorf("making %s: %w", all[i].ApplicationURI, err)
		}
		stored.Secret = all[i].Secret
		all[i] = stored
	}
	return all, nil
}
