package faults

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Workflow is something that people do, and where it has to lead.
type Workflow struct {
	Name string
	// at is the kind of server.
	at *kind
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
	// searching: it needs a server where registrations can be looked for.
	searching bool
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

// workflows are all of them, at each kind of server those that it can do.
func workflows() []*Workflow {
	all := general()
	for _, w := range all {
		w.at = erpNet
	}
	for _, at := range []*kind{hydra, dynamic} {
		for _, w := range append(general(), keyed()...) {
			if w.searching && at.issues {
				continue
			}
			w.Name += " at " + at.name
			w.at, w.spec = at, without(w.spec, at)
			all = append(all, w)
		}
	}
	return all
}

// without is a spec for a server that has no system users, and its own strategy for rotations.
func without(spec func() v1alpha1.TrustedApplicationSpec, at *kind) func() v1alpha1.TrustedApplicationSpec {
	return func() v1alpha1.TrustedApplicationSpec {
		s := spec()
		if s.Service != nil {
			s.Service.SystemUser = ""
		}
		if at.issues && s.Credentials != nil && s.Credentials.Rotation != nil {
			s.Credentials.Rotation.Strategy = v1alpha1.RotationReplace
		}
		return s
	}
}

// keyed are workflows of applications with a key instead of a secret.
func keyed() []*Workflow {
	method := func(m v1alpha1.CredentialMethod) func() v1alpha1.TrustedApplicationSpec {
		return func() v1alpha1.TrustedApplicationSpec {
			spec := rotatingSpec("")()
			spec.Credentials.Method = m
			return spec
		}
	}
	withKey := method(v1alpha1.MethodPrivateKeyJWT)
	return []*Workflow{
		{Name: "create with a key", spec: withKey, fresh: true, act: creates},
		{Name: "rotate a key", spec: withKey, act: annotates(v1alpha1.RotateAnnotation, "now"), reached: rotated, continuous: true},
		{Name: "revoke a key", spec: withKey, act: annotates(v1alpha1.RevokeAnnotation, "leaked"), reached: rotated},
		{Name: "secret to key", spec: method(""), act: edits(func(s *v1alpha1.TrustedApplicationSpec) {
			s.Credentials.Method = v1alpha1.MethodPrivateKeyJWT
		}), reached: rotated},
		{Name: "delete with a key", spec: withKey, act: deletes, gone: true},
	}
}

// general are those of every kind of server; searching ones only where registrations can be looked for.
func general() []*Workflow {
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
		{Name: "repair drift", spec: serviceSpec, act: drift, searching: true},
		{Name: "bring back a registration", spec: serviceSpec, act: removeRegistration},
		{Name: "adopt", spec: adoptingSpec, fresh: true, arrange: plant, searching: true},
		{Name: "delete", spec: hybridSpec, act: deletes, gone: true},
		{Name: "delete, to be disabled only", spec: disablingSpec, act: deletes, gone: true},
		{Name: "delete the Secret", spec: serviceSpec, act: func(ctx context.Context, r *Run) error {
			return r.Admin.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "orders"}})
		}, reached: func(app *v1alpha1.TrustedApplication) bool { return app.Status.Binding != nil }},
	}
	for _, s := range []v1alpha1.RotationStrategy{v1alpha1.RotationInPlace, v1alpha1.RotationAnnounce, v1alpha1.RotationAlternate} {
		all = append(all, &Workflow{
			Name: "rotate, " + string(s), spec: rotatingSpec(s), act: annotates(v1alpha1.RotateAnnotation, "now"), reached: rotated,
			continuous: s != v1alpha1.RotationInPlace, searching: s != v1alpha1.RotationAnnounce, // the others are the same where there is one way
		})
	}
	all = append(all, &Workflow{
		Name: "delete after a turn", spec: rotatingSpec(v1alpha1.RotationAlternate), gone: true, act: deletes, arrange: turn, searching: true,
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
func plant(ctx context.Context, r *Run) error { return r.site.plant(ctx) }

func drift(ctx context.Context, r *Run) error {
	found, err := r.site.registrations(ctx)
	for _, of := range found {
		if err == nil {
			err = r.site.rename(ctx, of, "By hand")
		}
	}
	if err != nil {
		return err
	}
	return r.sweep(ctx)
}

func removeRegistration(ctx context.Context, r *Run) error { return r.unregister(ctx) }
