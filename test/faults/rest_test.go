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
	"trustedapps.dev/operator/test/standin"
)

// check checks what has to hold at rest, whatever happened before.
func (r *Run) check(ctx context.Context) error {
	registered, err := r.registrations(ctx)
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
	} else if app == nil || r.returned && app.Spec.DeletionPolicy == v1alpha1.DeletionDisable {
		r.checkGone(ctx, registered, len(ledgers), len(published))
	} else {
		r.checkLife(ctx, app, registered, len(ledgers), published)
	}
	r.checkForeign(ctx)
	return r.checkLeaks(ctx)
}

// unended are the registrations that should not be there when the application is gone.
func (r *Run) unended(registered []standin.Application) []standin.Application {
	return slices.DeleteFunc(slices.Clone(registered), func(a standin.Application) bool {
		return deref(a.ExternalSystem) == "" || r.app.Spec.DeletionPolicy == v1alpha1.DeletionDisable && !a.IsEnabled
	})
}

func (r *Run) checkGone(ctx context.Context, registered []standin.Application, ledgers, secrets int) {
	var maps corev1.ConfigMapList
	err := r.Admin.List(ctx, &maps, client.InNamespace(r.namespace), client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue})
	if left := len(r.unended(registered)); err != nil || left+ledgers+secrets+len(maps.Items) > 0 {
		r.wrong(6, "%d registrations, %d ledgers, %d Secrets and %d ConfigMaps are left, %v", left, ledgers, secrets, len(maps.Items), err)
	}
}

// misregistered says what is not as the spec says at the server.
func (r *Run) misregistered(registered []standin.Application) (wrong []string) {
	r.mu.Lock()
	app := r.app
	r.mu.Unlock()
	enabled := slices.DeleteFunc(slices.Clone(registered), func(a standin.Application) bool { return !a.IsEnabled })
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
	for _, a := range enabled {
		if got, want := strings.Fields(deref(a.Scope)), texts(app.Spec.Scopes); !slices.Equal(got, want) {
			wrong = append(wrong, fmt.Sprintf("the server has the scopes %v, the spec %v", got, want))
		}
		if a.Name != name {
			wrong = append(wrong, fmt.Sprintf("the server has the name %q, the spec %q", a.Name, name))
		}
		if mark := deref(a.ExternalID); !strings.Contains(mark, string(app.UID)) {
			wrong = append(wrong, fmt.Sprintf("the mark at the server is %q, the application %s", mark, app.UID))
		}
	}
	return wrong
}

func (r *Run) checkLife(ctx context.Context, app *v1alpha1.TrustedApplication, registered []standin.Application, ledgers int, published []corev1.Secret) {
	if ledgers != 1 {
		r.wrong(3, "there are %d ledgers", ledgers)
	}
	for _, wrong := range r.misregistered(registered) {
		r.wrong(12, "%s", wrong)
	}
	if len(registered) > 2 || len(registered) == 2 && strategy(app) != v1alpha1.RotationAlternate {
		r.wrong(1, "there are %d registrations", len(registered))
	}
	switch {
	case app.Spec.ClientType == v1alpha1.ClientTypePublic:
		if len(published) > 0 {
			r.wrong(5, "a public application has a Secret")
		}
		if slices.ContainsFunc(registered, func(a standin.Application) bool { return deref(a.ApplicationSecretHash) != "" }) {
			r.wrong(5, "the server holds a secret of a public application")
		}
	case len(published) != 1:
		r.wrong(2, "there are %d Secrets", len(published))
	default:
		secret := string(published[0].Data["client_secret"])
		if slices.Contains(r.former, secret) {
			r.wrong(11, "the application has the secret of its predecessor")
		}
		if authenticates(app) {
			if status, err := r.token(ctx, published[0], secret); err != nil || status != http.StatusOK {
				r.wrong(2, "the published credential gets HTTP %d, %v", status, err)
			}
		}
	}
}

// checkForeign checks that what belongs to others is as it was.
func (r *Run) checkForeign(ctx context.Context) {
	a, found, err := r.instance.Application(ctx, r.uri()+"/of/others")
	if err != nil || !found || a.Name != foreign || !a.IsEnabled || a.ObjectVersion != 1 {
		r.wrong(10, "the registration of others is %+v, %v", a, err)
	}
	var secret corev1.Secret
	err = r.Admin.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: foreign}, &secret)
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
		if r.secrets.in(string(text)) {
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
