package faults

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

// Workflow is something that people do, and where it has to lead.
type Workflow struct {
	Name string
	// spec is that of the application.
	spec func() v1alpha1.TrustedApplicationSpec
	// fresh: the workflow is the creation; else the application is Ready before it begins.
	fresh bool
	// arrange prepares what the workflow finds; act is what people do, by default the creation.
	arrange, act func(context.Context, *Run) error
	// reached says whether it ended where it should, beside being Ready; nil is enough.
	reached func(*v1alpha1.TrustedApplication) bool
	// gone: it ends with the end of the application.
	gone bool
	// continuous: some published credential works at every moment.
	continuous bool
}

func serviceSpec() v1alpha1.TrustedApplicationSpec {
	return v1alpha1.TrustedApplicationSpec{Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}, Scopes: []v1alpha1.Scope{"read"}}
}

func interactiveSpec(kind v1alpha1.ClientType) func() v1alpha1.TrustedApplicationSpec {
	return func() v1alpha1.TrustedApplicationSpec {
		return v1alpha1.TrustedApplicationSpec{
			ClientType: kind, Scopes: []v1alpha1.Scope{"read"},
			Interactive: &v1alpha1.InteractiveSpec{RedirectURIs: []v1alpha1.RedirectURI{"https://app.example.com/callback"}},
		}
	}
}

func hybridSpec() v1alpha1.TrustedApplicationSpec {
	spec := interactiveSpec(v1alpha1.ClientTypeConfidential)()
	spec.Service = &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}
	return spec
}

func rotatingSpec(s v1alpha1.RotationStrategy) func() v1alpha1.TrustedApplicationSpec {
	return func() v1alpha1.TrustedApplicationSpec {
		spec := serviceSpec()
		short := &metav1.Duration{Duration: time.Second}
		spec.Credentials = &v1alpha1.CredentialsSpec{Rotation: &v1alpha1.RotationSpec{Strategy: s, GracePeriod: short, AnnouncePeriod: short}}
		return spec
	}
}

func edits(change func(*v1alpha1.TrustedApplicationSpec)) func(context.Context, *Run) error {
	return func(ctx context.Context, r *Run) error {
		return r.edit(ctx, func(app *v1alpha1.TrustedApplication) { change(&app.Spec) })
	}
}

func annotates(key, value string) func(context.Context, *Run) error {
	return func(ctx context.Context, r *Run) error {
		return r.edit(ctx, func(app *v1alpha1.TrustedApplication) { metav1.SetMetaDataAnnotation(&app.ObjectMeta, key, value) })
	}
}

func creates(ctx context.Context, r *Run) error {
	app := r.application()
	if err := r.Admin.Create(ctx, app); err != nil {
		return err
	}
	r.see(app)
	return nil
}

func deletes(ctx context.Context, r *Run) error { return r.Admin.Delete(ctx, r.application()) }

// rotated says whether the rotation that was asked for is over.
func rotated(app *v1alpha1.TrustedApplication) bool {
	r := app.Status.Rotation
	return r != nil && r.HandledRotate == app.Annotations[v1alpha1.RotateAnnotation] &&
		r.HandledRevoke == app.Annotations[v1alpha1.RevokeAnnotation] && r.Phase == v1alpha1.RotationIdle
}

// workflows are all of them.
func workflows() []*Workflow {
	all := []*Workflow{
		{Name: "create a service", spec: serviceSpec, fresh: true},
		{Name: "create a web application", spec: interactiveSpec(v1alpha1.ClientTypeConfidential), fresh: true},
		{Name: "create a public application", spec: interactiveSpec(v1alpha1.ClientTypePublic), fresh: true},
		{Name: "create a hybrid application", spec: hybridSpec, fresh: true},
		{Name: "change scopes", spec: serviceSpec, act: edits(func(s *v1alpha1.TrustedApplicationSpec) { s.Scopes = append(s.Scopes, "update") })},
		{Name: "disable", spec: serviceSpec, act: edits(func(s *v1alpha1.TrustedApplicationSpec) { s.Enabled = new(false) })},
		{Name: "rename the Secret", spec: serviceSpec, act: edits(func(s *v1alpha1.TrustedApplicationSpec) {
			s.Credentials = &v1alpha1.CredentialsSpec{SecretName: "another"}
		})},
		{Name: "Confidential to Public", spec: interactiveSpec(v1alpha1.ClientTypeConfidential), act: edits(func(s *v1alpha1.TrustedApplicationSpec) {
			s.ClientType = v1alpha1.ClientTypePublic
		})},
		{Name: "Public to Confidential", spec: interactiveSpec(v1alpha1.ClientTypePublic), act: edits(func(s *v1alpha1.TrustedApplicationSpec) {
			s.ClientType = v1alpha1.ClientTypeConfidential
		})},
		{Name: "revoke", spec: rotatingSpec(v1alpha1.RotationAnnounce), act: annotates(v1alpha1.RevokeAnnotation, "leaked"), reached: rotated},
		{Name: "repair drift", spec: serviceSpec, act: drift},
		{Name: "bring back a registration", spec: serviceSpec, act: removeRegistration},
		{Name: "adopt", spec: adoptingSpec, fresh: true, arrange: plant},
		{Name: "delete", spec: hybridSpec, act: deletes, gone: true},
		{Name: "delete, to be disabled only", spec: disablingSpec, act: deletes, gone: true},
		{Name: "delete the Secret", spec: serviceSpec, act: func(ctx context.Context, r *Run) error {
			return r.Admin.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "orders"}})
		}, reached: func(app *v1alpha1.TrustedApplication) bool { return app.Status.Binding != nil }},
	}
	for _, s := range []v1alpha1.RotationStrategy{v1alpha1.RotationInPlace, v1alpha1.RotationAnnounce, v1alpha1.RotationAlternate} {
		all = append(all, &Workflow{
			Name: "rotate, " + string(s), spec: rotatingSpec(s), act: annotates(v1alpha1.RotateAnnotation, "now"), reached: rotated,
			continuous: s != v1alpha1.RotationInPlace,
		})
	}
	all = append(all, &Workflow{
		Name: "delete after a turn", spec: rotatingSpec(v1alpha1.RotationAlternate), gone: true, act: deletes, arrange: turn,
	})
	for _, w := range all {
		if w.act == nil {
			w.act = creates
		}
	}
	return all
}

// find is the workflow of a name; nil where there is none.
func find(name string) *Workflow {
	for _, w := range workflows() {
		if w.Name == name {
			return w
		}
	}
	return nil
}

// turn rotates once.
func turn(ctx context.Context, r *Run) error {
	if err := annotates(v1alpha1.RotateAnnotation, "now")(ctx, r); err != nil {
		return err
	}
	return r.await(ctx, "the turn", func(app *v1alpha1.TrustedApplication) bool { return ready(app) && rotated(app) })
}

func adoptingSpec() v1alpha1.TrustedApplicationSpec {
	spec := serviceSpec()
	spec.AdoptionPolicy = v1alpha1.AdoptIfUnowned
	return spec
}

func disablingSpec() v1alpha1.TrustedApplicationSpec {
	spec := serviceSpec()
	spec.DeletionPolicy = v1alpha1.DeletionDisable
	return spec
}

// plant registers the client id by hand.
func plant(ctx context.Context, r *Run) error {
	_, err := r.instance.AddApplication(ctx, standin.Application{
		ApplicationURI: r.uri(), Name: "By hand", IsEnabled: true, ClientType: "Confidential", Secret: "by-hand-0123456789",
		SystemUserAllowed: true, SystemUser: "svc.orders", Scope: new("read"),
	})
	return err
}

func drift(ctx context.Context, r *Run) error {
	found, _, err := r.instance.Application(ctx, r.uri())
	if err != nil {
		return err
	}
	if err := r.instance.EditApplication(ctx, found.ID, map[string]any{"name": "By hand"}); err != nil {
		return err
	}
	return r.sweep(ctx)
}

func removeRegistration(ctx context.Context, r *Run) error { return r.unregister(ctx) }
