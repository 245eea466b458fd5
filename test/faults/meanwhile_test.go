package faults

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
)

// takeover is how long another operator may need to do everything while the first one is held.
const takeover = 30 * time.Second

// meet is called before each call of an operator: it does what others do meanwhile.
func (r *Run) meet(p *process, c Call, f Fault) {
	ctx := context.Background()
	r.precede(ctx, c)
	act, hidden, meanwhile := f.meanwhile()
	switch {
	case f == heldBack, hidden:
		p.streams.freeze(false)
	case f == dropped:
		p.streams.freeze(true)
	}
	var err error
	switch {
	case f == twoLeaders:
		r.wire.hold(func() { err = r.anotherLeader(ctx, p) })
	case meanwhile:
		err = r.byOthers(ctx, act)
	}
	if err != nil {
		r.wrong(0, "%s, meanwhile: %v", f, err)
	}
}

// anotherLeader starts an operator beside the one that is held, and waits until it has done everything.
func (r *Run) anotherLeader(ctx context.Context, held *process) error {
	second, err := r.start(nil, 0)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.others, r.operator, r.disturbed = append(r.others, held), second, true
	r.mu.Unlock()
	deadline := time.Now().Add(takeover)
	for {
		app, err := r.stored(ctx)
		if err != nil {
			return err
		}
		if r.reached(app) && r.wire.quietBeside() > stillness {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the second leader is not done after %s: %s", takeover, told(app))
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// byOthers is what people do meanwhile. What the API server refuses they do not do.
func (r *Run) byOthers(ctx context.Context, act Fault) error {
	var err error
	switch act {
	case editsSpec:
		err = r.edit(ctx, func(app *v1alpha1.TrustedApplication) { app.Spec.DisplayName = "edited meanwhile" })
	case renamesSecret:
		err = r.edit(ctx, func(app *v1alpha1.TrustedApplication) {
			if app.Spec.Credentials == nil {
				app.Spec.Credentials = &v1alpha1.CredentialsSpec{}
			}
			app.Spec.Credentials.SecretName = "renamed-meanwhile"
		})
	case deletesApp, recreatesApp:
		return r.leave(ctx, act == recreatesApp)
	case deletesSecret:
		r.mu.Lock()
		r.disturbed = true
		r.mu.Unlock()
		secrets, err := r.published(ctx)
		for i := range secrets {
			if err == nil {
				err = client.IgnoreNotFound(r.Admin.Delete(ctx, &secrets[i]))
			}
		}
		return err
	case deletesRegistration:
		return r.unregister(ctx)
	}
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
		return nil
	}
	return err
}

// leave deletes the application; it comes back as soon as it is gone, if it returns.
func (r *Run) leave(ctx context.Context, returns bool) error {
	secrets, err := r.published(ctx)
	if err != nil {
		return err
	}
	app, err := r.stored(ctx)
	if err != nil || app == nil {
		return err
	}
	r.mu.Lock()
	r.deleted, r.returns, r.disturbed = true, returns, true
	for i := range secrets {
		r.former = append(r.former, secretOf(secrets[i]))
	}
	r.mu.Unlock()
	return client.IgnoreNotFound(r.Admin.Delete(ctx, &v1alpha1.TrustedApplication{ObjectMeta: app.ObjectMeta}))
}

// unregister removes the registration by hand, and asks for a sweep.
func (r *Run) unregister(ctx context.Context) error {
	r.mu.Lock()
	r.disturbed = true
	r.mu.Unlock()
	all, err := r.site.registrations(ctx)
	for _, of := range all {
		if err == nil {
			err = r.site.remove(ctx, of)
		}
	}
	if err != nil {
		return err
	}
	return r.sweep(ctx)
}

// ledgersOf are the ledgers of an application.
func (r *Run) ledgersOf(ctx context.Context, app *v1alpha1.TrustedApplication) ([]corev1.Secret, error) {
	var all corev1.SecretList
	if err := r.Admin.List(ctx, &all, client.InNamespace(bed.OperatorNamespace)); err != nil {
		return nil, err
	}
	var own []corev1.Secret
	for _, s := range all.Items {
		if s.Name == "ta-"+string(app.UID) {
			own = append(own, s)
		}
	}
	return own, nil
}
