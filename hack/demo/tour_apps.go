package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Kinds of applications, by the design's table.
const (
	service = "service"
	web     = "web"
	spa     = "spa"
	hybrid  = "hybrid"
)

// tourist is a sample of config/samples and its kind.
type tourist struct{ name, kind string }

var tourists = []tourist{{"orders", service}, {"shop", web}, {"board", spa}, {"portal", hybrid}}

// useService is the service application's life: credentials, token, data.
func (t *tour) useService(ctx context.Context) {
	t.step("The service application reads business data with its own credentials")
	t.try(ctx, "orders", func(ctx context.Context) error {
		b, err := t.backEnd(ctx, "orders")
		if err != nil {
			return err
		}
		api, err := t.serviceAPI(ctx, "orders", b)
		if err != nil {
			return err
		}
		rows, err := t.read(ctx, "orders", api)
		if err != nil {
			return err
		}
		t.note("It is registered with the scope read, so it must not write:")
		var refused refusedError
		switch err := api.setActive(ctx, rows[0], !rows[0].Active); {
		case err == nil:
			return errors.New("it could write although it is registered with the scope read only")
		case !errors.As(err, &refused) || refused.status != http.StatusForbidden:
			return err
		}
		t.holds("the API refuses a write: %v", refused)
		return nil
	})
}

// signInUsers is what the interactive applications do.
func (t *tour) signInUsers(ctx context.Context) {
	t.step("Users sign in: Authorization Code with PKCE, the browser's part played over HTTP")
	for _, a := range tourists {
		switch a.kind {
		case web:
			t.note("The web application %s has a Secret for its server and a ConfigMap:", a.name)
			t.try(ctx, a.name, func(ctx context.Context) error { return t.signInConfidential(ctx, a.name) })
		case spa:
			t.note("The single-page application %s has a ConfigMap alone:", a.name)
			t.try(ctx, a.name, func(ctx context.Context) error { return t.signInPublic(ctx, a.name) })
		case hybrid:
			t.note("The hybrid application %s does both, with one registration:", a.name)
			t.try(ctx, a.name, func(ctx context.Context) error { return t.useHybrid(ctx, a.name) })
		}
	}
}

func (t *tour) signInConfidential(ctx context.Context, name string) error {
	b, err := t.backEnd(ctx, name)
	if err != nil {
		return err
	}
	return t.signInAnna(ctx, name, b)
}

func (t *tour) signInPublic(ctx context.Context, name string) error {
	var secrets corev1.SecretList
	err := t.world.kube.List(ctx, &secrets, client.InNamespace(appNamespace), client.MatchingLabels{v1alpha1.ApplicationLabel: name})
	if err != nil {
		return fmt.Errorf("listing Secrets: %w", err)
	}
	app, err := t.application(ctx, name)
	if err != nil {
		return err
	}
	if len(secrets.Items) > 0 || app.Status.Binding != nil {
		return errors.New("there is a Secret for a public client")
	}
	if err := t.world.kubectl.run(ctx, "get", "secret,configmap", "-n", appNamespace, "-l", v1alpha1.ApplicationLabel+"="+name); err != nil {
		return err
	}
	t.holds("no Secret exists for it: a browser could not keep one")
	return t.signInAnna(ctx, name, backEnd{})
}

func (t *tour) useHybrid(ctx context.Context, name string) error {
	b, err := t.backEnd(ctx, name)
	if err != nil {
		return err
	}
	if err := t.signInAnna(ctx, name, b); err != nil {
		return err
	}
	entry := t.report.app(name)
	signedIn := *entry
	entry.TokenOK, entry.APIOK = false, false // both ways must work
	api, err := t.serviceAPI(ctx, name, b)
	if err != nil {
		return err
	}
	rows, err := t.read(ctx, name, api)
	if err != nil {
		return err
	}
	if err := api.setActive(ctx, rows[0], rows[0].Active); err != nil {
		entry.APIOK = false
		return err
	}
	t.holds("registered with the scope update, its back end may write, too")
	entry.TokenOK, entry.APIOK = entry.TokenOK && signedIn.TokenOK, entry.APIOK && signedIn.APIOK
	return nil
}

// signInAnna signs her in and reads data on her behalf. b is empty for a public client.
func (t *tour) signInAnna(ctx context.Context, name string, b backEnd) error {
	app, err := t.application(ctx, name)
	if err != nil {
		return err
	}
	f, err := readFrontEnd(ctx, t.world.kube, app.Status.ConfigMapName)
	if err != nil {
		return err
	}
	person, err := newBrowser(t.world.trusting, anna, t.world.annasPassword)
	if err != nil {
		return err
	}
	tokens, err := signIn(ctx, t.world.client(), person, f, b)
	if err != nil {
		return err
	}
	if person.asked != 1 {
		return fmt.Errorf("signing in: the login form was shown %d times", person.asked)
	}
	how := "no secret"
	if b.clientSecret != "" {
		how = "the client secret"
	}
	t.holds("anna filled in the login form; state and nonce are right; the code was exchanged with the PKCE verifier and %s", how)
	if tokens.refreshable {
		t.holds("it also got a refresh token, because it is registered with offline_access")
	}
	t.claims("ID token", tokens.id)
	claims, err := claimsOf(tokens.access)
	if err != nil {
		return err
	}
	t.claims("access token", claims)
	if claims["sub"] != anna || tokens.id["sub"] != anna || claims["client_id"] != app.Spec.ApplicationURI {
		return errors.New("the token is not anna's for this application")
	}
	t.report.app(name).TokenOK = true
	_, err = t.read(ctx, name, domainAPI{t.world.client(), f.apiURL, tokens.access})
	return err
}

// serviceAPI gets a token as the application itself.
func (t *tour) serviceAPI(ctx context.Context, name string, b backEnd) (domainAPI, error) {
	app, err := t.application(ctx, name)
	if err != nil {
		return domainAPI{}, err
	}
	token, err := serviceToken(ctx, t.world.client(), b)
	if err != nil {
		return domainAPI{}, err
	}
	claims, err := claimsOf(token)
	if err != nil {
		return domainAPI{}, err
	}
	t.holds("%s got an access token with the Client Credentials flow", name)
	t.claims("access token", claims)
	if claims["client_id"] != app.Spec.ApplicationURI || claims["client_system_user"] != app.Spec.Service.SystemUser || claims["sub"] != nil {
		return domainAPI{}, errors.New("the token is not that of the application and its system user")
	}
	t.report.app(name).TokenOK = true
	return domainAPI{t.world.client(), b.apiURL, token}, nil
}

// read reads customers and shows them.
func (t *tour) read(ctx context.Context, name string, api domainAPI) ([]customer, error) {
	rows, err := api.customers(ctx)
	if err != nil {
		return nil, err
	}
	t.holds("the Domain API accepts it; GET %s/Crm_Customers?$top=3:", strings.TrimSuffix(api.root, "/"))
	for _, row := range rows {
		t.output(fmt.Sprintf("%s  %s", row.Number, row.Name["EN"]))
	}
	t.report.app(name).APIOK = true
	return rows, nil
}

// backEnd reads the credentials the way the workload does: as files.
func (t *tour) backEnd(ctx context.Context, name string) (backEnd, error) {
	app, err := t.application(ctx, name)
	if err != nil {
		return backEnd{}, err
	}
	if app.Status.Binding == nil {
		return backEnd{}, errors.New("its status names no Secret")
	}
	dir := t.mounted(name)
	if err := mountSecret(ctx, t.world.kube, app.Status.Binding.Name, dir); err != nil {
		return backEnd{}, err
	}
	b, err := readBackEnd(dir)
	if err != nil {
		return backEnd{}, err
	}
	t.world.published[name] = b.clientSecret
	t.holds("Secret %s, mounted as files, holds its client_id, client_secret, token_endpoint and api_url", app.Status.Binding.Name)
	return b, nil
}

// mounted is where the files of an application's Secret are.
func (t *tour) mounted(name string) string { return filepath.Join(t.world.dir, "mounted", name) }

func (t *tour) application(ctx context.Context, name string) (*v1alpha1.TrustedApplication, error) {
	var app v1alpha1.TrustedApplication
	if err := t.world.kube.Get(ctx, client.ObjectKey{Namespace: appNamespace, Name: name}, &app); err != nil {
		return nil, fmt.Errorf("reading TrustedApplication %s: %w", name, err)
	}
	return &app, nil
}
