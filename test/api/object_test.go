package api_test

import (
	"strings"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// object is what a user writes: unstructured, so that it can hold what the Go types cannot.
type object = *unstructured.Unstructured

// change turns a valid object into the one that an example is about.
type change func(object)

// set puts a value at a dotted path.
func set(path string, value any) change {
	return func(o object) {
		Expect(unstructured.SetNestedField(o.Object, value, strings.Split(path, ".")...)).To(Succeed())
	}
}

// unset removes what is at a dotted path.
func unset(path string) change {
	return func(o object) { unstructured.RemoveNestedField(o.Object, strings.Split(path, ".")...) }
}

func newObject(kind string, spec map[string]any, changes []change) object {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "trustedapps.dev/v1alpha1",
		"kind":       kind,
		"metadata":   map[string]any{"name": "example"},
		"spec":       spec,
	}}
	if kind != server {
		o.SetNamespace("default")
	}
	for _, c := range changes {
		c(o)
	}
	return o
}

const (
	application    = "TrustedApplication"
	applicationSet = "TrustedApplicationSet"
	server         = "IdentityServer"
)

// service is an application that acts as itself.
func service(changes ...change) object {
	return newObject(application, map[string]any{
		"identityServerRef": map[string]any{"name": "acme"},
		"applicationUri":    "com.example.orders/sync",
		"service":           map[string]any{"systemUser": "svc.orders"},
	}, changes)
}

// web is a server-side application that signs users in.
func web(changes ...change) object { return interactive("Confidential", changes) }

// public is a single-page, native or mobile application.
func public(changes ...change) object { return interactive("Public", changes) }

func interactive(clientType string, changes []change) object {
	return newObject(application, map[string]any{
		"identityServerRef": map[string]any{"name": "acme"},
		"applicationUri":    "com.example.shop/web",
		"clientType":        clientType,
		"interactive":       map[string]any{"redirectUris": []any{"https://shop.example.com/signin-oidc"}},
	}, changes)
}

// hybrid signs users in and acts as itself.
func hybrid(changes ...change) object {
	return web(append([]change{set("spec.service", map[string]any{"systemUser": "svc.shop"})}, changes...)...)
}

// erpNet is an IdentityServer.
func erpNet(changes ...change) object {
	return newObject(server, map[string]any{"erpNet": map[string]any{
		"url":            "https://acme.my.erp.net",
		"credentialsRef": map[string]any{"name": "acme-operator"},
	}}, changes)
}

// dynamic is an IdentityServer with dynamic registration.
func dynamic(changes ...change) object {
	return newObject(server, map[string]any{"dynamicRegistration": map[string]any{"issuer": "https://auth.example.com"}}, changes)
}

// hydra is an IdentityServer for Ory Hydra.
func hydra(changes ...change) object {
	return newObject(server, map[string]any{"hydra": map[string]any{
		"adminUrl": "http://hydra-admin.auth.svc:4445", "publicUrl": "https://auth.example.com",
	}}, changes)
}
