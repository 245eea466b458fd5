package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// This file is the application's part. It is an ordinary OAuth 2.0 library with what the operator published, and nothing else.

// serviceToken gets an access token with the Client Credentials flow.
func serviceToken(ctx context.Context, client *http.Client, b backEnd) (string, error) {
	config := clientcredentials.Config{
		ClientID: b.clientID, ClientSecret: b.clientSecret.Reveal(), TokenURL: b.tokenEndpoint, AuthStyle: oauth2.AuthStyleInParams,
	}
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	if err != nil {
		return "", fmt.Errorf("requesting a token with client credentials: %w", err)
	}
	return token.AccessToken, nil
}

// refusal returns the OAuth 2.0 error code that a token request was answered with; empty where err is something else.
func refusal(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return refused.ErrorCode
	}
	return ""
}

// userTokens is what a sign-in gives an application.
type userTokens struct {
	access string
	id     map[string]any // claims of the ID token
	// refreshable tells that the application may get new tokens without the user.
	refreshable bool
}

// signIn signs the browser's user in with the Authorization Code flow and PKCE. The secret is empty for a public client.
func signIn(ctx context.Context, client *http.Client, b *browser, f frontEnd, secret backEnd) (userTokens, error) {
	config := oauth2.Config{
		ClientID: f.clientID, ClientSecret: secret.clientSecret.Reveal(), RedirectURL: f.redirectURI, Scopes: f.scopes,
		Endpoint: oauth2.Endpoint{AuthURL: f.authorizationEndpoint, TokenURL: f.tokenEndpoint, AuthStyle: oauth2.AuthStyleInParams},
	}
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	start := config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("nonce", nonce))
	back, err := b.visit(ctx, start, f.redirectURI)
	if err != nil {
		return userTokens{}, err
	}
	if back.Get("state") != state {
		return userTokens{}, errors.New("checking the redirect: the state is not the one that was sent")
	}
	if code := back.Get("error"); code != "" {
		return userTokens{}, fmt.Errorf("signing in: the server answered %s: %s", code, back.Get("error_description"))
	}
	token, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, client), back.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return userTokens{}, fmt.Errorf("exchanging the code: %w", err)
	}
	idToken, _ := token.Extra("id_token").(string)
	id, err := claimsOf(idToken)
	if err != nil {
		return userTokens{}, fmt.Errorf("reading the ID token: %w", err)
	}
	return userTokens{access: token.AccessToken, id: id, refreshable: token.RefreshToken != ""}, checkIDToken(id, f, nonce)
}

// checkIDToken does what OpenID Connect Core 3.1.3.7 asks for. The signature may be left out where the token comes from the token
// endpoint itself, over TLS with a checked certificate.
func checkIDToken(id map[string]any, f frontEnd, nonce string) error {
	expires, _ := id["exp"].(float64)
	switch {
	case id["iss"] != f.authority:
		return errors.New("checking the ID token: it has another issuer")
	case id["aud"] != f.clientID:
		return errors.New("checking the ID token: it is for another application")
	case id["nonce"] != nonce:
		return errors.New("checking the ID token: the nonce is not the one that was sent")
	case time.Now().After(time.Unix(int64(expires), 0)):
		return errors.New("checking the ID token: it has expired")
	}
	return nil
}

// claimsOf decodes what a token says, without checking it: that is for those who accept it.
func claimsOf(token string) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("decoding a token: it is no signed JWT")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("decoding a token: %w", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		return nil, fmt.Errorf("decoding a token: %w", err)
	}
	return claims, nil
}

// claimText writes a claim for a person: times as such, lists with spaces.
func claimText(claim any) string {
	switch value := claim.(type) {
	case string:
		return value
	case float64:
		if value == float64(int64(value)) && value > 1e9 {
			return fmt.Sprintf("%d (%s)", int64(value), time.Unix(int64(value), 0).UTC().Format(time.RFC3339))
		}
	case []any:
		words := make([]string, 0, len(value))
		for _, v := range value {
			words = append(words, claimText(v))
		}
		return strings.Join(words, " ")
	}
	return fmt.Sprint(claim)
}
