package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/identityservers"
)

// clientSite is a server with OAuth 2.0 clients by the names of RFC 7591, as its administrator sees and edits them.
type clientSite struct {
	r *Run
	// clients is where they are, list how all of them are asked for.
	clients, list string
	// own says whether one is of the run.
	own func(oauthClient) bool
	// patch is an edit of one member in the form that the server takes.
	patch func(name string, value any) any
	// others is a client of somebody else, as it was.
	others oauthClient
}

// oauthClient is one.
type oauthClient struct {
	ID       string                     `json:"client_id"`
	Name     string                     `json:"client_name"`
	Grants   []string                   `json:"grant_types"`
	Method   string                     `json:"token_endpoint_auth_method"`
	Scope    string                     `json:"scope"`
	Contacts []string                   `json:"contacts"`
	Metadata map[string]json.RawMessage `json:"metadata"`
}

// serverFor makes the IdentityServer of a run, and its credentials.
func (r *Run) serverFor(ctx context.Context, spec v1alpha1.IdentityServerSpec, credentials map[string][]byte) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: bed.OperatorNamespace, Name: r.name}, Data: credentials}
	if err := r.Admin.Create(ctx, secret); err != nil {
		return err
	}
	return r.Admin.Create(ctx, &v1alpha1.IdentityServer{ObjectMeta: metav1.ObjectMeta{Name: r.name}, Spec: spec})
}

func openHydra(ctx context.Context, r *Run) (site, error) {
	server, err := r.shared.hydra()
	if err != nil {
		return nil, err
	}
	s := &clientSite{
		r: r, clients: server.AdminURL + "/admin/clients", list: "?page_size=500",
		own: func(c oauthClient) bool { return c.ID == r.uri() || c.ID == r.uri()+v1alpha1.AlternateSuffix },
		patch: func(name string, value any) any {
			return []any{map[string]any{"op": "replace", "path": "/" + name, "value": value}}
		},
	}
	if err := s.ask(ctx, http.MethodPost, "", map[string]any{
		"client_id": r.uri() + ".of.others", "client_name": foreign, "grant_types": []string{"client_credentials"}, "scope": "read",
	}, &s.others); err != nil {
		return nil, err
	}
	r.trust(server.CA)
	return s, r.serverFor(ctx, v1alpha1.IdentityServerSpec{CABundle: server.CA, Access: bed.Everyone(), Hydra: &v1alpha1.HydraServer{
		AdminURL: v1alpha1.HTTPURL(server.AdminURL), PublicURL: v1alpha1.HTTPSURL(server.PublicURL),
	}}, nil)
}

func openProvider(ctx context.Context, r *Run) (site, error) {
	server, err := r.shared.provider()
	if err != nil {
		return nil, err
	}
	contact := r.namespace + "@example.com"
	s := &clientSite{
		r: r, clients: server.Control + "/clients",
		own:   func(c oauthClient) bool { return slices.Contains(c.Contacts, contact) },
		patch: func(name string, value any) any { return map[string]any{name: value} },
	}
	r.trust(server.CA)
	if s.others, err = r.registerAnother(ctx, server.Issuer); err != nil {
		return nil, err
	}
	return s, r.serverFor(ctx, v1alpha1.IdentityServerSpec{CABundle: server.CA, Access: bed.Everyone(), DynamicRegistration: &v1alpha1.DynamicRegistrationServer{
		Issuer: v1alpha1.HTTPSURL(server.Issuer), Contacts: []string{contact}, CredentialsRef: &v1alpha1.LocalSecretReference{Name: r.name},
	}}, map[string][]byte{v1alpha1.KeyInitialAccessToken: []byte(identityservers.InitialAccessToken)})
}

// registerAnother registers a client that is nobody's here.
func (r *Run) registerAnother(ctx context.Context, issuer string) (made oauthClient, err error) {
	body := `{"client_name":"` + foreign + `","grant_types":["client_credentials"],"response_types":[],"redirect_uris":[]}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, issuer+"/reg", strings.NewReader(body))
	if err != nil {
		return made, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+identityservers.InitialAccessToken)
	err = answer(r.browser, request, &made)
	return made, err
}

func (s *clientSite) ask(ctx context.Context, method, id string, body, told any) error {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return err
		}
	}
	address := s.clients
	if id != "" {
		address += "/" + url.PathEscape(id)
	} else if method == http.MethodGet {
		address += s.list
	}
	request, err := http.NewRequestWithContext(ctx, method, address, &content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	return answer(http.DefaultClient, request, told)
}

// answer sends a request, some times if it is not answered well: Hydra's tables lock each other out, and it says HTTP 400 or 500 then.
func answer(web *http.Client, request *http.Request, told any) error {
	var err error
	for range attempts {
		if request.GetBody != nil {
			if request.Body, err = request.GetBody(); err != nil {
				return err
			}
		}
		var response *http.Response
		if response, err = web.Do(request); err != nil {
			return err
		}
		err = json.NewDecoder(response.Body).Decode(told)
		_ = response.Body.Close()
		switch {
		case response.StatusCode == http.StatusNotFound, response.StatusCode == http.StatusNoContent:
			return nil
		case response.StatusCode < http.StatusMultipleChoices:
			return err
		}
		err = fmt.Errorf("%s %s: HTTP %d", request.Method, request.URL.Path, response.StatusCode)
	}
	return err
}

// attempts are how often somebody asks a server that is not able to answer.
const attempts = 20

func (s *clientSite) registrations(ctx context.Context) ([]registration, error) {
	var all []oauthClient
	if err := s.ask(ctx, http.MethodGet, "", nil, &all); err != nil {
		return nil, err
	}
	var own []registration
	for _, c := range all {
		if !s.own(c) {
			continue
		}
		disabled := len(c.Grants) == 0 || strings.HasPrefix(c.Grants[0], "urn:trustedapps.dev:")
		own = append(own, registration{
			id: c.ID, clientID: c.ID, name: c.Name, enabled: !disabled, secret: strings.HasPrefix(c.Method, "client_secret"),
			scopes: strings.Fields(c.Scope), mark: string(c.Metadata["trustedapps.dev"]),
		})
	}
	return own, nil
}

func (s *clientSite) remove(ctx context.Context, of registration) error {
	return s.ask(ctx, http.MethodDelete, of.id, nil, &struct{}{})
}

func (s *clientSite) rename(ctx context.Context, of registration, name string) error {
	return s.ask(ctx, http.MethodPatch, of.id, s.patch("client_name", name), &struct{}{})
}

func (s *clientSite) plant(ctx context.Context) error {
	return s.ask(ctx, http.MethodPost, "", map[string]any{
		"client_id": s.r.uri(), "client_name": "By hand", "client_secret": "by-hand-0123456789", "grant_types": []string{"client_credentials"}, "scope": "read",
	}, &struct{}{})
}

func (s *clientSite) untouched(ctx context.Context) error {
	var now oauthClient
	if err := s.ask(ctx, http.MethodGet, s.others.ID, nil, &now); err != nil {
		return err
	}
	if now.ID != s.others.ID || now.Name != s.others.Name || !slices.Equal(now.Grants, s.others.Grants) || now.Method != s.others.Method {
		return fmt.Errorf("it is %+v", now)
	}
	return nil
}

func (s *clientSite) close(ctx context.Context) error {
	all, err := s.registrations(ctx)
	for _, of := range append(all, registration{id: s.others.ID}) {
		if err == nil {
			err = s.remove(ctx, of)
		}
	}
	return err
}

// trust lets people trust the server's authority, too.
func (r *Run) trust(ca []byte) { r.Trusted.AppendCertsFromPEM(ca) }
