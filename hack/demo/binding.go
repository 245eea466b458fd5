package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/idserver"
)

// backEnd is what a server-side workload learns from its Secret.
type backEnd struct {
	clientID      string
	clientSecret  idserver.Secret
	tokenEndpoint string
	apiURL        string
}

// frontEnd is what a front end learns from its ConfigMap.
type frontEnd struct {
	clientID, authority                  string
	authorizationEndpoint, tokenEndpoint string
	redirectURI, apiURL                  string
	scopes                               []string
}

// mountSecret writes the entries of a Secret as files, the way a Pod sees it. There is no Pod here: this stands in for kubelet.
func mountSecret(ctx context.Context, kube client.Reader, name, dir string) error {
	var secret corev1.Secret
	if err := kube.Get(ctx, client.ObjectKey{Namespace: appNamespace, Name: name}, &secret); err != nil {
		return fmt.Errorf("reading Secret %s: %w", name, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("mounting Secret %s: %w", name, err)
	}
	for key, value := range secret.Data {
		if err := os.WriteFile(filepath.Join(dir, key), value, 0o600); err != nil {
			return fmt.Errorf("mounting Secret %s: %w", name, err)
		}
	}
	return nil
}

// readBackEnd reads the mounted files, as an application would.
func readBackEnd(dir string) (backEnd, error) {
	var errs []error
	entry := func(key string) string {
		content, err := os.ReadFile(filepath.Join(dir, key))
		if err == nil && len(content) == 0 {
			err = errors.New("the file is empty")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("reading %s: %w", key, err))
		}
		return string(content)
	}
	b := backEnd{
		clientID: entry(v1alpha1.KeyClientID), clientSecret: idserver.Secret(entry(v1alpha1.KeyClientSecret)),
		tokenEndpoint: entry(v1alpha1.KeyTokenEndpoint), apiURL: entry(v1alpha1.KeyAPIURL),
	}
	return b, errors.Join(errs...)
}

// readFrontEnd reads a ConfigMap.
func readFrontEnd(ctx context.Context, kube client.Reader, name string) (frontEnd, error) {
	var published corev1.ConfigMap
	if err := kube.Get(ctx, client.ObjectKey{Namespace: appNamespace, Name: name}, &published); err != nil {
		return frontEnd{}, fmt.Errorf("reading ConfigMap %s: %w", name, err)
	}
	var errs []error
	entry := func(key string) string {
		if published.Data[key] == "" {
			errs = append(errs, fmt.Errorf("reading ConfigMap %s: it has no %s", name, key))
		}
		return published.Data[key]
	}
	redirect, _, _ := strings.Cut(entry(v1alpha1.KeyRedirectURIs), "\n")
	f := frontEnd{
		clientID: entry(v1alpha1.KeyClientID), authority: entry(v1alpha1.KeyAuthority),
		authorizationEndpoint: entry(v1alpha1.KeyAuthorizationEndpoint), tokenEndpoint: entry(v1alpha1.KeyTokenEndpoint),
		redirectURI: redirect, apiURL: entry(v1alpha1.KeyAPIURL),
		// Every application may ask who the user is; what else it may ask for is registered.
		scopes: append([]string{"openid", "profile"}, strings.Fields(entry(v1alpha1.KeyScope))...),
	}
	return f, errors.Join(errs...)
}
