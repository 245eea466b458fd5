package main

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/oauth2"
)

//go:embed page
var page embed.FS

// frontEnd signs users in: on the server where it has credentials, else in the browser.
type frontEnd struct {
	config, credentials string
	client              *http.Client
}

// attemptCookie binds a sign-in to the browser that began it.
const attemptCookie = "__Host-attempt"

func serveFrontEnd(mux *http.ServeMux, f frontEnd) error {
	published, err := entries(f.config, "redirect_uris")
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(published["redirect_uris"], "\n")
	redirect, err := url.Parse(first)
	if err != nil {
		return fmt.Errorf("reading the redirect URI: %w", err)
	}
	if f.credentials == "" {
		index := func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, page, "page/index.html") }
		mux.HandleFunc("GET /{$}", index)
		mux.HandleFunc("GET "+redirect.Path, index)
		mux.HandleFunc("GET /app.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, page, "page/app.js") })
		mux.HandleFunc("GET /config.json", func(w http.ResponseWriter, _ *http.Request) {
			published, err := all(f.config)
			answer(w, published, err)
		})
		return nil
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { write(w, result{}) })
	mux.HandleFunc("GET /sign-in", f.begin)
	mux.HandleFunc("GET "+redirect.Path, f.finish)
	return nil
}

// all reads every entry of a mounted ConfigMap.
func all(dir string) (map[string]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		if !strings.HasPrefix(file.Name(), ".") { // kubelet's own
			names = append(names, file.Name())
		}
	}
	read := map[string]string{}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		read[name] = string(content)
	}
	return read, nil
}

// attempt is what a sign-in remembers between its two requests.
type attempt struct{ State, Nonce, Verifier string }

func (f frontEnd) oauth() (oauth2.Config, string, error) {
	public, err := entries(f.config, "client_id", "authority", "authorization_endpoint", "token_endpoint", "redirect_uris", "scope", "api_url")
	if err != nil {
		return oauth2.Config{}, "", err
	}
	secret, err := entries(f.credentials, "client_id", "client_secret")
	if err != nil {
		return oauth2.Config{}, "", err
	}
	redirect, _, _ := strings.Cut(public["redirect_uris"], "\n")
	return oauth2.Config{
		ClientID: secret["client_id"], ClientSecret: secret["client_secret"], RedirectURL: redirect,
		Scopes: append([]string{"openid", "profile"}, strings.Fields(public["scope"])...),
		Endpoint: oauth2.Endpoint{
			AuthURL: public["authorization_endpoint"], TokenURL: public["token_endpoint"], AuthStyle: oauth2.AuthStyleInParams,
		},
	}, public["api_url"], nil
}

// begin sends the browser to the identity server.
func (f frontEnd) begin(w http.ResponseWriter, r *http.Request) {
	config, _, err := f.oauth()
	if err != nil {
		answer(w, nil, err)
		return
	}
	a := attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	raw, err := json.Marshal(a)
	if err != nil {
		answer(w, nil, err)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: attemptCookie, Value: url.QueryEscape(string(raw)), Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	start := config.AuthCodeURL(a.State, oauth2.S256ChallengeOption(a.Verifier), oauth2.SetAuthURLParam("nonce", a.Nonce))
	http.Redirect(w, r, start, http.StatusSeeOther)
}

// finish exchanges the code that the browser brings back.
func (f frontEnd) finish(w http.ResponseWriter, r *http.Request) {
	got, err := f.exchange(r)
	if err != nil {
		answer(w, nil, err)
		return
	}
	write(w, got)
}

func (f frontEnd) exchange(r *http.Request) (result, error) {
	config, api, err := f.oauth()
	if err != nil {
		return result{}, err
	}
	cookie, err := r.Cookie(attemptCookie)
	if err != nil {
		return result{}, err
	}
	var a attempt
	if raw, err := url.QueryUnescape(cookie.Value); err != nil || json.Unmarshal([]byte(raw), &a) != nil {
		return result{}, errors.New("reading the cookie: it is not ours")
	}
	query := r.URL.Query()
	if query.Get("state") != a.State || query.Get("error") != "" {
		return result{}, fmt.Errorf("signing in: %s %s", query.Get("error"), query.Get("error_description"))
	}
	ctx := context.WithValue(r.Context(), oauth2.HTTPClient, f.client)
	token, err := config.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return result{}, err
	}
	claims, err := claimsOf(token.AccessToken)
	if err != nil {
		return result{}, err
	}
	idToken, _ := token.Extra("id_token").(string)
	id, err := claimsOf(idToken)
	if err != nil {
		return result{}, err
	}
	if id["nonce"] != a.Nonce || id["aud"] != config.ClientID {
		return result{}, errors.New("checking the ID token: it is not for this sign-in")
	}
	number, err := readCustomers(r.Context(), f.client, api, token.AccessToken)
	return result{Claims: claims, ID: id, Customers: number}, err
}

// result is what a signed-in user sees.
type result struct {
	Claims    map[string]any `json:"claims"`
	ID        map[string]any `json:"id"`
	Customers int            `json:"customers"`
}

var shown = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Example</title></head><body>
{{if .}}<pre id="result">{{.}}</pre>{{else}}<p><a id="sign-in" href="/sign-in">Sign in</a></p>{{end}}
</body></html>
`))

func write(w http.ResponseWriter, r result) {
	text := ""
	if r.Claims != nil {
		raw, err := json.Marshal(r)
		if err != nil {
			answer(w, nil, err)
			return
		}
		text = string(raw)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = shown.Execute(w, text) // only the connection can fail
}
