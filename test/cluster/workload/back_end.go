package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	credentials "trustedapps.dev/operator/docs/clients/go"
)

// every is the time between the token requests of the loop.
const every = 200 * time.Millisecond

// backEnd works with the Client Credentials flow.
type backEnd struct {
	dir    string
	client *http.Client

	mu       sync.Mutex
	requests int
	failures int
	last     string // of the failures
}

// token requests one with the credentials as they are mounted now.
func (b *backEnd) token(ctx context.Context) (token, api string, err error) {
	mounted, err := entries(b.dir, "api_url")
	if err != nil {
		return "", "", err
	}
	got, err := credentials.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, b.client), b.dir).Token()
	if err != nil {
		return "", "", err
	}
	return got.AccessToken, mounted["api_url"], nil
}

// loop requests tokens until the program ends.
func (b *backEnd) loop(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_, _, err := b.token(ctx)
		b.mu.Lock()
		b.requests++
		if err != nil {
			b.failures++
			b.last = err.Error()
			log.Print("requesting a token: ", err)
		}
		b.mu.Unlock()
	}
}

// tokens tells what became of the requests of the loop.
func (b *backEnd) tokens(w http.ResponseWriter, _ *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	answer(w, map[string]any{"requests": b.requests, "failures": b.failures, "last": b.last}, nil)
}

// customers gets a token and reads the API with it.
func (b *backEnd) customers(w http.ResponseWriter, r *http.Request) {
	token, api, err := b.token(r.Context())
	if err != nil {
		answer(w, nil, err)
		return
	}
	claims, err := claimsOf(token)
	if err != nil {
		answer(w, nil, err)
		return
	}
	number, err := readCustomers(r.Context(), b.client, api, token)
	answer(w, map[string]any{"claims": claims, "customers": number}, err)
}

func answer(w http.ResponseWriter, value any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // only the connection can fail
}

// claimsOf decodes what a token says; checking it is for those who accept it.
func claimsOf(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("decoding a token: it is no signed JWT")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	err = json.Unmarshal(raw, &claims)
	return claims, err
}
