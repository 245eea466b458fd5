package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/ledger"
)

// check checks what has to hold at rest, whatever happened before.
func (r *Run) check(ctx context.Context) error {
	registered, err := r.site.registrations(ctx)
	if err != nil {
		return err
	}
	published, err := r.published(ctx)
	if err != nil {
		return err
	}
	ledgers, err := r.ledgersOf(ctx, r.app)
	if err != nil {
		return err
	}
	if app, err := r.stored(ctx); err != nil {
		return err
	} else if app == nil || r.returned && app.Spec.DeletionPolicy == v1alpha1.DeletionDisable && !r.workflow.at.issues {
		r.checkGone(ctx, len(ledgers), len(published))
	} else {
		r.checkLife(ctx, app, registered, len(ledgers), published)
	}
	r.checkForeign(ctx)
	return r.checkLeaks(ctx)
}

// unended counts the registrations that should not be there when the application is gone, and that are named nowhere.
func (r *Run) unended(ctx context.Context) (int, error) {
	registered, err := r.site.registrations(ctx)
	if err != nil {
		return 0, err
	}
	left := slices.DeleteFunc(registered, func(of registration) bool {
		return of.mark == "" && !r.workflow.at.issues || r.app.Spec.DeletionPolicy == v1alpha1.DeletionDisable && !of.enabled
	})
	if !r.workflow.at.issues || len(left) == 0 {
		return len(left), nil
	}
	var ids v1alpha1.IdentityServer
	if err := r.Admin.Get(ctx, client.ObjectKey{Name: r.name}, &ids); err != nil {
		return 0, err
	}
	for _, a := range ids.Status.Abandoned { // by client id, or by name: of that there may be several
		left = slices.DeleteFunc(left, func(of registration) bool { return of.clientID == a.ClientID || of.name == a.ClientID })
	}
	return len(left), nil
}

func (r *Run) checkGone(ctx context.Context, ledgers, secrets int) {
	var maps corev1.ConfigMapList
	err := r.Admin.List(ctx, &maps, client.InNamespace(r.namespace), client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue})
	left, problem := r.unended(ctx)
	if err = errors.Join(err, problem); err != nil || left+ledgers+secrets+len(maps.Items) > 0 {
		r.wrong(6, "%d registrations, %d ledgers, %d Secrets and %d ConfigMaps are left, %v", left, ledgers, secrets, len(maps.Items), err)
	}
}

// misregistered says what is not as the spec says at the server.
func (r *Run) misregistered(registered []registration) (wrong []string) {
	r.mu.Lock()
	app := r.app
	r.mu.Unlock()
	if r.workflow.at.issues { // others may be on their way out, or declared
		registered = slices.DeleteFunc(slices.Clone(registered), func(of registration) bool { return of.clientID != app.Status.ClientID })
	}
	enabled := slices.DeleteFunc(slices.Clone(registered), func(of registration) bool { return !of.enabled })
	want := 1
	if app.Spec.Enabled != nil && !*app.Spec.Enabled {
		want = 0
	}
	if len(enabled) != want || len(registered) == 0 {
		wrong = append(wrong, fmt.Sprintf("there are %d registrations, %d of them enabled", len(registered), len(enabled)))
	}
	name := app.Spec.DisplayName
	if name == "" {
		name = r.namespace + "/orders"
	}
	for _, of := range enabled {
		if want := texts(app.Spec.Scopes); !slices.Equal(of.scopes, want) {
			wrong = append(wrong, fmt.Sprintf("the server has the scopes %v, the spec %v", of.scopes, want))
		}
		if of.name != name {
			wrong = append(wrong, fmt.Sprintf("the server has the name %q, the spec %q", of.name, name))
		}
		if !r.workflow.at.issues && !strings.Contains(of.mark, string(app.UID)) {
			wrong = append(wrong, fmt.Sprintf("the mark at the server is %q, the application %s", of.mark, app.UID))
		}
	}
	return wrong
}

func (r *Run) checkLife(ctx context.Context, app *v1alpha1.TrustedApplication, registered []registration, ledgers int, published []corev1.Secret) {
	if ledgers != 1 {
		r.wrong(3, "there are %d ledgers", ledgers)
	}
	for _, wrong := range r.misregistered(registered) {
		r.wrong(12, "%s", wrong)
	}
	if most := r.mostRegistrations(app); len(registered) > most {
		r.wrong(1, "there are %d registrations, and should be at most %d: %+v", len(registered), most, registered)
	}
	switch {
	case app.Spec.ClientType == v1alpha1.ClientTypePublic:
		if len(published) > 0 {
			r.wrong(5, "a public application has a Secret")
		}
		if slices.ContainsFunc(registered, func(of registration) bool {
			return of.secret && (!r.workflow.at.issues || of.clientID == app.Status.ClientID)
		}) {
			r.wrong(5, "the server holds a secret of a public application")
		}
	case len(published) != 1:
		r.wrong(2, "there are %d Secrets", len(published))
	default:
		secret := secretOf(published[0])
		if slices.Contains(r.former, secret) {
			r.wrong(11, "the application has the secret of its predecessor")
		}
		if authenticates(app) {
			if status, err := r.token(ctx, published[0], proofs(published[0])[0]); err != nil || status != http.StatusOK {
				r.wrong(2, "the published credential gets HTTP %d, %v", status, err)
			}
		}
	}
}

// mostRegistrations is how many an application may have at rest: one, or two that take turns; and where the server draws client ids one that is
// on its way out, and those that are declared.
func (r *Run) mostRegistrations(app *v1alpha1.TrustedApplication) int {
	most := 1
	switch {
	case r.workflow.at.issues:
		if app.Status.Rotation != nil && app.Status.Rotation.Phase == v1alpha1.RotationGrace {
			most++
		}
		if len(app.Status.Orphans) > 0 { // several may have one name
			most += ledger.MaxOrphans
		}
		if r.returned { // what its predecessor left, by policy or as what is recorded
			most += 1 + ledger.MaxOrphans
		}
	case strategy(app) == v1alpha1.RotationAlternate:
		most++
	}
	return most
}

// checkForeign checks that what belongs to others is as it was.
func (r *Run) checkForeign(ctx context.Context) {
	if err := r.site.untouched(ctx); err != nil {
		r.wrong(10, "the registration of others: %v", err)
	}
	var secret corev1.Secret
	err := r.Admin.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: foreign}, &secret)
	if err != nil || len(secret.Labels) > 0 || string(secret.Data["a"]) != "b" {
		r.wrong(10, "the Secret of others was changed, %v", err)
	}
}

// checkLeaks checks that no secret is in anything that people read.
func (r *Run) checkLeaks(ctx context.Context) error {
	var events eventsv1.EventList
	app, server := &v1alpha1.TrustedApplication{}, &v1alpha1.IdentityServer{}
	err := errors.Join(r.Admin.List(ctx, &events, client.InNamespace(r.namespace)),
		ignoreGone(r.Admin.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: "orders"}, app)), r.Admin.Get(ctx, client.ObjectKey{Name: r.name}, server))
	if err != nil {
		return err
	}
	for _, o := range []any{events, app, server} {
		text, err := json.Marshal(o)
		if err != nil {
			return err
		}
		if len(r.secrets.In(text)) > 0 {
			r.wrong(4, "a secret is in a %T", o)
		}
	}
	return nil
}

func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func strategy(app *v1alpha1.TrustedApplication) v1alpha1.RotationStrategy {
	if c := app.Spec.Credentials; c != nil && c.Rotation != nil {
		return c.Rotation.Strategy
	}
	return ""
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func texts[T ~string](list []T) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}
