package cli

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// published is what a workload has: the content of the Secret, and how to reach the server.
type published struct {
	app        *v1alpha1.TrustedApplication
	secret     string
	credential idserver.Credential
	endpoint   string
	client     *oauth.Client
}

// published reads the Secret of an application, with the rights of the user.
func (e *env) published(ctx context.Context, name string) (*published, error) {
	app, err := e.application(ctx, name)
	if err != nil {
		return nil, err
	}
	if app.Spec.ClientType == v1alpha1.ClientTypePublic {
		return nil, fmt.Errorf("%s is a Public client: it has no credential that could be tried; its users sign in", name)
	}
	if app.Status.Binding == nil {
		return nil, fmt.Errorf("no Secret is published for %s yet: kubectl trustedapp status %s says why", name, name)
	}
	k, err := e.client()
	if err != nil {
		return nil, err
	}
	var secret corev1.Secret
	err = k.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: app.Status.Binding.Name}, &secret)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("the Secret %s is gone: the operator writes it again, if it runs", app.Status.Binding.Name)
	}
	if err != nil {
		return nil, err
	}
	p := &published{
		app: app, secret: secret.Name, endpoint: string(secret.Data[v1alpha1.KeyTokenEndpoint]),
		credential: idserver.Credential{
			ClientID: string(secret.Data[v1alpha1.KeyClientID]), Secret: idserver.Secret(secret.Data[v1alpha1.KeyClientSecret]),
			Key: idserver.Secret(secret.Data[v1alpha1.KeyPrivateKeyJWK]),
		},
	}
	if _, err := oauth.ParseHTTPS(p.endpoint); err != nil {
		return nil, fmt.Errorf("the Secret %s has no usable %s", secret.Name, v1alpha1.KeyTokenEndpoint)
	}
	p.client, err = e.tokenClient(ctx, app.Spec.IdentityServerRef.Name)
	return p, err
}

// tokenClient asks as the IdentityServer says. Who may not read it trusts the system's authorities, and sends the secret as most servers want.
func (e *env) tokenClient(ctx context.Context, name string) (*oauth.Client, error) {
	options := oauth.Options{UserAgent: "kubectl-trustedapp"}
	server, err := e.identityServer(ctx, name)
	switch {
	case apierrors.IsForbidden(err):
	case err != nil:
		return nil, err
	default:
		options.CABundle, options.ClientAuthentication = server.Spec.CABundle, string(authentication(server))
	}
	return oauth.NewClient(options)
}

func authentication(server *v1alpha1.IdentityServer) v1alpha1.ClientAuthentication {
	var way v1alpha1.ClientAuthentication
	switch s := server.Spec; {
	case s.ERPNet != nil:
		way = s.ERPNet.ClientAuthentication
	case s.DynamicRegistration != nil:
		way = s.DynamicRegistration.ClientAuthentication
	case s.Hydra != nil:
		way = s.Hydra.ClientAuthentication
	}
	return cmp.Or(way, v1alpha1.ClientAuthenticationPost)
}

// want is what the credential is for, as far as proving it goes.
func (p *published) want() idserver.Registration {
	r := idserver.Registration{Service: p.app.Spec.Service != nil, PrivateKey: p.credential.Key != ""}
	if p.app.Spec.Interactive != nil {
		for _, u := range p.app.Spec.Interactive.RedirectURIs {
			r.RedirectURIs = append(r.RedirectURIs, string(u))
		}
	}
	return r
}

// grant requests a token as the workload does. An error means that nothing was found out.
func (p *published) grant(ctx context.Context, scopes []string) (oauth.Granted, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(scopes) > 0 {
		form.Set("scope", strings.Join(scopes, " "))
	}
	g, err := p.client.Token(ctx, "requesting a token", p.endpoint, p.credential, form)
	if err != nil {
		return g, fmt.Errorf("%w; the request goes from this machine: is %s reachable from here?", err, p.endpoint)
	}
	return g, nil
}

// errOpaque is no failure: such a token is meant for the server alone.
var errOpaque = errors.New("the token is opaque: only the server knows what it says")

// claims are what a token says, unchecked: that is for those who accept it.
func claims(token idserver.Secret) (map[string]any, error) {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return nil, errOpaque
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, errOpaque
	}
	var all map[string]any
	if json.Unmarshal(raw, &all) != nil {
		return nil, errOpaque
	}
	return all, nil
}
