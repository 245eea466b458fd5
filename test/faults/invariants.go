package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

// check checks what has to hold at rest, whatever happened before. It returns all that does not.
func (r *Run) check(ctx context.Context, w *Workflow, browser *http.Client) error {
	registered, err := r.registrations(ctx)
	if err != nil {
		return err
	}
	var ledgers, secrets corev1.SecretList
	var configMaps corev1.ConfigMapList
	err = errors.Join(r.Admin.List(ctx, &ledgers, client.InNamespace(operatorNamespace)), r.Admin.List(ctx, &secrets, client.InNamespace(r.namespace)),
		r.Admin.List(ctx, &configMaps, client.InNamespace(r.namespace)))
	if err != nil {
		return err
	}
	mine := slices.DeleteFunc(ledgers.Items, func(s corev1.Secret) bool { return s.Name != "ta-"+string(r.app.UID) })
	published := slices.DeleteFunc(secrets.Items, func(s corev1.Secret) bool { return s.Labels[v1alpha1.ManagedByLabel] == "" })
	configured := slices.DeleteFunc(configMaps.Items, func(c corev1.ConfigMap) bool { return c.Labels[v1alpha1.ManagedByLabel] == "" })
	var broken []error
	wrong := func(invariant int, format string, args ...any) {
		broken = append(broken, fmt.Errorf("invariant %d: %s", invariant, fmt.Sprintf(format, args...)))
	}
	if w.gone {
		left := len(registered)
		if r.app.Spec.DeletionPolicy == v1alpha1.DeletionDisable {
			left = len(slices.DeleteFunc(registered, func(a standin.Application) bool { return !a.IsEnabled }))
		}
		if left+len(mine)+len(published)+len(configured) > 0 {
			wrong(6, "%d registrations, %d ledgers, %d Secrets, %d ConfigMaps are left", left, len(mine), len(published), len(configured))
		}
		return errors.Join(broken...)
	}
	if len(mine) != 1 {
		wrong(3, "there are %d ledgers", len(mine))
	}
	enabled := slices.DeleteFunc(slices.Clone(registered), func(a standin.Application) bool { return !a.IsEnabled })
	want := 1
	if r.app.Spec.Enabled != nil && !*r.app.Spec.Enabled {
		want = 0
	}
	if len(enabled) != want || len(registered) > 2 || len(registered) == 2 && strategy(r.app) != v1alpha1.RotationAlternate {
		wrong(1, "there are %d registrations, %d of them enabled", len(registered), len(enabled))
	}
	for _, a := range enabled {
		if got, want := strings.Fields(deref(a.Scope)), texts(r.app.Spec.Scopes); !slices.Equal(got, want) {
			wrong(12, "the server has the scopes %v, the spec %v", got, want)
		}
		if got := a.Name; got != r.namespace+"/orders" {
			wrong(12, "the server has the name %s", got)
		}
	}
	public := r.app.Spec.ClientType == v1alpha1.ClientTypePublic
	switch {
	case public && len(published) > 0:
		wrong(5, "a public application has a Secret")
	case public && slices.ContainsFunc(registered, func(a standin.Application) bool { return deref(a.ApplicationSecretHash) != "" }):
		wrong(5, "the server holds a secret of a public application")
	case !public && len(published) != 1:
		wrong(2, "there are %d Secrets", len(published))
	case !public && r.app.Spec.Service != nil && want == 1:
		if status, err := r.token(ctx, browser, published[0]); err != nil || status != http.StatusOK {
			wrong(2, "the published credential gets HTTP %d, %v", status, err)
		}
	}
	return errors.Join(broken...)
}

func strategy(app *v1alpha1.TrustedApplication) v1alpha1.RotationStrategy {
	if c := app.Spec.Credentials; c != nil && c.Rotation != nil {
		return c.Rotation.Strategy
	}
	return ""
}

// registrations are those of the application.
func (r *Run) registrations(ctx context.Context) ([]standin.Application, error) {
	all, err := r.instance.Applications(ctx)
	return slices.DeleteFunc(all, func(a standin.Application) bool { return !strings.HasPrefix(a.ApplicationURI, r.app.Spec.ApplicationURI) }), err
}

// token asks for one with what is published.
func (r *Run) token(ctx context.Context, browser *http.Client, secret corev1.Secret) (status int, err error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {string(secret.Data["client_id"])}, "client_secret": {string(secret.Data["client_secret"])}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, string(secret.Data["token_endpoint"]), strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := browser.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func texts[T ~string](list []T) []string {
	var out []string
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}
