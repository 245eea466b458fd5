// Package v1alpha1 is the API of the trustedapp operator: TrustedApplication, the registration of an application at an
// identity server, IdentityServer, the server and how to reach it, and TrustedApplicationSet, one application at many servers.
//
// +kubebuilder:object:generate=true
// +groupName=trustedapps.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of all kinds in this package.
var GroupVersion = schema.GroupVersion{Group: "trustedapps.dev", Version: "v1alpha1"}

var schemeBuilder = runtime.NewSchemeBuilder(func(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&TrustedApplication{}, &TrustedApplicationList{},
		&IdentityServer{}, &IdentityServerList{},
		&TrustedApplicationSet{}, &TrustedApplicationSetList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
})

// AddToScheme makes a scheme know the kinds of this package.
var AddToScheme = schemeBuilder.AddToScheme
