package identityservers

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// RotatingHydra is a real Hydra behind a front that adds what only Ory's other editions have: former secrets of a client that go on to work
// beside the present one, as the client modules of Ory document it (github.com/ory/client-go v1.22.92, OAuth2API: rotateOAuth2ClientSecret,
// deleteRotatedOAuth2ClientSecrets). Nobody can build those editions.
type RotatingHydra struct {
	*Hydra
	// AdminURL and PublicURL are those of the front.
	AdminURL, PublicURL string
	// DrawsSecrets: it takes no secret for a rotation, as the first documentation of the feature had it.
	DrawsSecrets bool

	servers []*http.Server

	// mu is held for reading during token requests, so that none sees half a rotation.
	mu      sync.RWMutex
	secrets map[string]*clientSecrets
}

// clientSecrets are those of a client that the front knows.
type clientSecrets struct {
	present string
	former  []string // the latest first
}

// maxFormer is how many are kept.
const maxFormer = 5

// StartRotatingHydra starts both. log gets what Hydra prints; nil: nobody.
func StartRotatingHydra(ctx context.Context, log io.Writer) (*RotatingHydra, error) {
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, public.Close())
	}
	r := &RotatingHydra{
		AdminURL: "http://" + admin.Addr().String(), PublicURL: "https://" + public.Addr().String(), secrets: map[string]*clientSecrets{},
	}
	if r.Hydra, err = startHydra(ctx, log, r.PublicURL); err != nil {
		return nil, errors.Join(err, public.Close(), admin.Close())
	}
	trust := x509.NewCertPool()
	trust.AppendCertsFromPEM(r.CA)
	r.serve(admin, http.HandlerFunc(r.admin), nil)
	pair, err := tls.LoadX509KeyPair(r.certificate.certFile, r.certificate.keyFile)
	if err != nil {
		return nil, errors.Join(err, r.Stop())
	}
	r.serve(public, r.tokens(forward(r.Hydra.PublicURL, &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12})),
		&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	return r, nil
}

// serve answers at a listener, over TLS where secured.
func (r *RotatingHydra) serve(l net.Listener, h http.Handler, secured *tls.Config) {
	s := &http.Server{Handler: h, TLSConfig: secured, ReadHeaderTimeout: 10 * time.Second}
	r.servers = append(r.servers, s)
	go func() {
		if secured != nil {
			_ = s.ServeTLS(l, "", "")
			return
		}
		_ = s.Serve(l)
	}()
}

// Stop ends it.
func (r *RotatingHydra) Stop() error {
	var err error
	for _, s := range r.servers {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, r.Hydra.Stop())
}

// forward hands requests on.
func forward(to string, trust *tls.Config) *httputil.ReverseProxy {
	target, err := url.Parse(to)
	if err != nil { // it is one of ours
		panic(err)
	}
	return &httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(target) },
		Transport: &http.Transport{TLSClientConfig: trust},
	}
}

const rotateSuffix = "/secrets/rotate"

// admin is the admin API.
func (r *RotatingHydra) admin(w http.ResponseWriter, request *http.Request) {
	path := request.URL.EscapedPath()
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if id, ok := strings.CutSuffix(strings.TrimPrefix(path, "/admin/clients/"), rotateSuffix); ok {
		r.rotate(w, request, id, body)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	status, answer := r.ask(request.Context(), request.Method, request.URL.RequestURI(), body, w.Header())
	if secret := secretIn(body); secret != "" && status < 300 {
		var told struct {
			ID string `json:"client_id"`
		}
		_ = json.Unmarshal(answer, &told)
		r.of(told.ID).present = secret
	}
	reply(w, status, answer)
}

// rotate is what the front adds.
func (r *RotatingHydra) rotate(w http.ResponseWriter, request *http.Request, id string, body []byte) {
	ctx, at := request.Context(), "/admin/clients/"+id
	r.mu.Lock()
	defer r.mu.Unlock()
	secret := ""
	var status int
	var answer []byte
	switch request.Method {
	case http.MethodDelete:
		status, answer = r.ask(ctx, http.MethodGet, at, nil, w.Header())
	case http.MethodPost:
		if secret = secretIn(body); secret == "" || r.DrawsSecrets {
			secret = rand.Text()
		}
		patch, _ := json.Marshal([]map[string]string{{"op": "add", "path": "/client_secret", "value": secret}})
		status, answer = r.ask(ctx, http.MethodPatch, at, patch, w.Header())
	default:
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	if status < 300 {
		plain, _ := url.PathUnescape(id)
		known := r.of(plain)
		if known.former = slices.Insert(known.former, 0, known.present); secret == "" {
			known.former = nil
		} else {
			known.present, known.former = secret, known.former[:min(len(known.former), maxFormer)]
			answer = bytes.Replace(answer, []byte("{"), []byte(`{"client_secret":"`+secret+`",`), 1)
		}
	}
	reply(w, status, answer)
}

func reply(w http.ResponseWriter, status int, answer []byte) {
	w.WriteHeader(status)
	_, _ = w.Write(answer) //nolint:gosec // it is Hydra's own
}

// ask hands a request on to Hydra's own admin API.
func (r *RotatingHydra) ask(ctx context.Context, method, path string, body []byte, header http.Header) (status int, answer []byte) {
	request, err := http.NewRequestWithContext(ctx, method, r.Hydra.AdminURL+path, bytes.NewReader(body))
	if err != nil {
		return http.StatusBadRequest, nil
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return http.StatusBadGateway, nil
	}
	defer func() { _ = response.Body.Close() }()
	if answer, err = io.ReadAll(response.Body); err != nil {
		return http.StatusBadGateway, nil
	}
	for _, name := range []string{"Content-Type", "Link"} {
		header.Set(name, response.Header.Get(name))
	}
	return response.StatusCode, answer
}

// secretIn is the client_secret in a client, or in a JSON Patch of one.
func secretIn(body []byte) string {
	var client struct {
		Secret string `json:"client_secret"`
	}
	if json.Unmarshal(body, &client) == nil {
		return client.Secret
	}
	var patch []struct {
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	_ = json.Unmarshal(body, &patch)
	for _, o := range patch {
		if secret, ok := o.Value.(string); ok && o.Path == "/client_secret" {
			return secret
		}
	}
	return ""
}

// of are the secrets of a client; mu is held.
func (r *RotatingHydra) of(id string) *clientSecrets {
	if r.secrets[id] == nil {
		r.secrets[id] = &clientSecrets{}
	}
	return r.secrets[id]
}

// present is the secret that Hydra itself takes of a client that sends one that works; mu is held.
func (r *RotatingHydra) present(id, sent string) string {
	if s := r.secrets[id]; s != nil && slices.Contains(s.former, sent) {
		return s.present
	}
	return sent
}

// tokens lets former secrets work at the token endpoint.
func (r *RotatingHydra) tokens(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/oauth2/token" {
			r.mu.RLock()
			defer r.mu.RUnlock()
			body, err := io.ReadAll(request.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			form, err := url.ParseQuery(string(body))
			if err == nil && form.Has("client_secret") {
				form.Set("client_secret", r.present(form.Get("client_id"), form.Get("client_secret")))
				body = []byte(form.Encode())
			}
			if id, secret, ok := request.BasicAuth(); ok {
				request.SetBasicAuth(id, r.present(id, secret))
			}
			request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			request.Header.Del("Content-Length")
		}
		next.ServeHTTP(w, request)
	})
}
