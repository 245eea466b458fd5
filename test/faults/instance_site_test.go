package faults

import (
	"context"
	"fmt"
	"strings"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

// instanceSite is an ERP.net instance of the run's own.
type instanceSite struct {
	*standin.Instance
	r *Run
}

func openInstance(ctx context.Context, r *Run) (site, error) {
	spec := bed.Spec(r.name)
	spec.Users = append(spec.Users, standin.User{Login: "svc.billing", Active: true, UserType: "ApplicationUserNoLogin"})
	spec.Applications = append(spec.Applications,
		standin.Application{ApplicationURI: r.uri() + ".of.others", Name: foreign, IsEnabled: true, ClientType: "Public", Scope: new("read")})
	instance, err := r.Instance(ctx, spec)
	return instanceSite{instance, r}, err
}

func (s instanceSite) registrations(ctx context.Context) ([]registration, error) {
	all, err := s.Applications(ctx)
	var own []registration
	for _, a := range all {
		if a.ApplicationURI != s.r.uri() && a.ApplicationURI != s.r.uri()+v1alpha1.AlternateSuffix {
			continue
		}
		own = append(own, registration{
			id: a.ID, clientID: a.ApplicationURI, name: a.Name, enabled: a.IsEnabled, secret: deref(a.ApplicationSecretHash) != "",
			scopes: strings.Fields(deref(a.Scope)), mark: deref(a.ExternalID),
		})
	}
	return own, err
}

func (s instanceSite) remove(ctx context.Context, of registration) error {
	return s.RemoveApplication(ctx, of.id)
}

func (s instanceSite) rename(ctx context.Context, of registration, name string) error {
	return s.EditApplication(ctx, of.id, map[string]any{"name": name})
}

func (s instanceSite) plant(ctx context.Context) error {
	_, err := s.AddApplication(ctx, standin.Application{
		ApplicationURI: s.r.uri(), Name: "By hand", IsEnabled: true, ClientType: "Confidential", Secret: "by-hand-0123456789",
		SystemUserAllowed: true, SystemUser: "svc.orders", Scope: new("read"),
	})
	return err
}

func (s instanceSite) untouched(ctx context.Context) error {
	a, found, err := s.Application(ctx, s.r.uri()+".of.others")
	if err == nil && (!found || a.Name != foreign || !a.IsEnabled || a.ObjectVersion != 1) {
		err = fmt.Errorf("it is %+v", a)
	}
	return err
}

func (s instanceSite) close(ctx context.Context) error { return s.Close(ctx) }
