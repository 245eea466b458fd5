package faults

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	corev1 "k8s.io/api/core/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
)

// precede checks what has to hold before a call leaves the operator.
func (r *Run) precede(ctx context.Context, c Call) {
	if c.Side != server || !c.Write || r.several() {
		return
	}
	app, err := r.stored(ctx)
	switch {
	case err != nil:
		r.wrong(0, "looking at the application: %v", err)
	case app == nil || !controllerutil.ContainsFinalizer(app, v1alpha1.Finalizer):
		r.wrong(7, "%s without the finalizer on the application: %s", c, told(app))
	}
}

// several says whether more than one operator is at work.
func (r *Run) several() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.others) > 0
}

// moment checks what has to hold at every moment, after a call was answered.
func (r *Run) moment(c Call) {
	ctx := context.Background()
	var err error
	switch {
	case c.is(kube, http.MethodPatch, "/trustedapplications/"):
		err = r.released(ctx)
	case c.is(kube, http.MethodPut, "/trustedapplications/", "/status"):
		err = r.said(ctx)
	case c.Side == server && c.Write && r.workflow.continuous:
		err = r.serving(ctx)
	}
	if err != nil {
		r.wrong(0, "looking at a moment: %v", err)
	}
}

// released checks that an application is let go only when its registration has ended.
func (r *Run) released(ctx context.Context) error {
	app, err := r.stored(ctx)
	if err != nil || app != nil {
		return err
	}
	left, err := r.unended(ctx)
	if err == nil && left > 0 {
		r.wrong(7, "the application is gone, and %d registrations are left", left)
	}
	return err
}

// said checks that what a status says is so.
func (r *Run) said(ctx context.Context) error {
	app, err := r.stored(ctx)
	if err != nil || !ready(app) || r.isDisturbed() {
		return err
	}
	all, err := r.site.registrations(ctx)
	if err != nil {
		return err
	}
	r.see(app)
	if strategy(app) == v1alpha1.RotationAlternate && app.Status.Rotation.Phase != v1alpha1.RotationIdle { // two are in use
		all = slices.DeleteFunc(all, func(of registration) bool { return of.clientID != app.Status.ClientID })
	}
	for _, wrong := range r.misregistered(all) {
		if !r.sweeping() { // the drift is what the next run finds
			r.wrong(12, "Ready, and %s", wrong)
		}
	}
	if !authenticates(app) || meta.IsStatusConditionFalse(app.Status.Conditions, v1alpha1.ConditionCredentialsVerified) {
		return nil
	}
	secrets, err := r.published(ctx)
	if err != nil {
		return err
	}
	if !r.anyWorks(ctx, secrets) {
		r.wrong(13, "Ready, and no published credential gets a token")
	}
	return nil
}

func (r *Run) isDisturbed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.disturbed || r.deleted
}

func (r *Run) sweeping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sweeps
}

// authenticates says whether an application gets tokens for itself.
func authenticates(app *v1alpha1.TrustedApplication) bool {
	return app.Spec.Service != nil && app.Spec.ClientType != v1alpha1.ClientTypePublic && (app.Spec.Enabled == nil || *app.Spec.Enabled)
}

// serving checks that a rotation leaves no moment without a credential that works.
func (r *Run) serving(ctx context.Context) error {
	if r.isDisturbed() {
		return nil
	}
	secrets, err := r.published(ctx)
	if err != nil || len(secrets) == 0 {
		return err
	}
	if !r.anyWorks(ctx, secrets) {
		r.wrong(9, "in the course of a rotation no published credential gets a token")
	}
	return nil
}

// anyWorks says whether some credential of the Secrets gets a token.
func (r *Run) anyWorks(ctx context.Context, secrets []corev1.Secret) bool {
	for i := range secrets {
		for _, form := range proofs(secrets[i]) {
			if status, err := r.token(ctx, secrets[i], form); err == nil && status == http.StatusOK {
				return true
			}
		}
	}
	return false
}

// proofs are what a workload may send of a published Secret: its credential, and the secret that is announced.
func proofs(published corev1.Secret) (forms []url.Values) {
	form, err := bed.Proof(published.Data)
	if err != nil {
		return nil
	}
	forms = append(forms, form)
	if next := published.Data[v1alpha1.KeyClientSecretNext]; len(next) > 0 {
		forms = append(forms, url.Values{"client_id": {string(published.Data[v1alpha1.KeyClientID])}, "client_secret": {string(next)}})
	}
	return forms
}

// token asks for one, as a workload does: once more where the server is not able to answer. Hydra says HTTP 401, too, when its tables lock each
// other out while it reads the client (1.4 % of the requests with a good credential while six others registered clients): what is refused there
// has to be refused each time.
func (r *Run) token(ctx context.Context, published corev1.Secret, form url.Values) (status int, err error) {
	form.Set("grant_type", "client_credentials")
	for range attempts {
		status, _, err = bed.Ask(ctx, r.browser, string(published.Data[v1alpha1.KeyTokenEndpoint]), form)
		locked := r.workflow.at == hydra && status == http.StatusUnauthorized
		if err != nil || status < http.StatusInternalServerError && !locked {
			break
		}
	}
	return status, err
}
