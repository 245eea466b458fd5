package canary

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/test/controlplane"
)

// Etcd are all objects of a cluster but Secrets, as they are stored: events, status, annotations.
func Etcd(ctx context.Context, plane *controlplane.ControlPlane) ([]Place, error) {
	dump, err := plane.EtcdDump(ctx)
	if err != nil {
		return nil, err
	}
	var places []Place
	for key, value := range dump {
		if !strings.HasPrefix(key, controlplane.SecretsPrefix) {
			places = append(places, Place{"etcd, " + key, value})
		}
	}
	return places, nil
}

// Secrets are what Secrets show beside their data: labels, annotations, types.
func Secrets(ctx context.Context, c client.Reader) ([]Place, error) {
	var all corev1.SecretList
	if err := c.List(ctx, &all); err != nil {
		return nil, fmt.Errorf("listing the Secrets: %w", err)
	}
	var places []Place
	for _, s := range all.Items {
		s.Data = nil
		content, err := json.Marshal(s)
		if err != nil {
			return nil, fmt.Errorf("writing a Secret: %w", err)
		}
		places = append(places, Place{"the metadata of the Secret " + s.Namespace + "/" + s.Name, content})
	}
	return places, nil
}

// Served is what a URL answers, whatever its status: metrics, profiles.
func Served(ctx context.Context, address string) (Place, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return Place{}, fmt.Errorf("asking for %s: %w", address, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return Place{}, fmt.Errorf("asking for %s: %w", address, err)
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return Place{}, fmt.Errorf("reading %s: %w", address, err)
	}
	return Place{address, content}, nil
}

// Process is what everybody on a machine sees of a process: its arguments and its environment.
func Process(pid int) ([]Place, error) {
	var places []Place
	for _, name := range []string{"cmdline", "environ"} {
		content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + name)
		if err != nil {
			return nil, fmt.Errorf("looking at the process: %w", err)
		}
		places = append(places, Place{"the process's " + name, content})
	}
	return places, nil
}
