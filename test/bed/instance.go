package bed

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/standin"
)

// The operator's own trusted application at each instance.
const (
	OperatorURI    = "dev.trustedapps.operator/test"
	OperatorSecret = "canary-of-the-operator-itself-0123456789"
)

// Spec is an instance in which the operator is registered, as the system user svc.operator, and which has the user svc.orders for service
// applications. It has room for many operators, as one that is killed leaves a session which holds a licence for 20 minutes.
func Spec(name string) standin.Spec {
	return standin.Spec{
		Name: name, Version: "26.2.1.66", LicenceSlots: 10_000, RequestsPerMinute: 1_000_000,
		Users: []standin.User{
			{Login: "svc.operator", Active: true, IsAdmin: true, UserType: "InternalUser"},
			{Login: "svc.orders", Active: true, UserType: "ApplicationUserNoLogin"},
		},
		Applications: []standin.Application{{
			ApplicationURI: OperatorURI, Name: "operator", IsEnabled: true, ClientType: "Confidential", Secret: OperatorSecret,
			SystemUserAllowed: true, SystemUser: "svc.operator", Scope: new("read update sec"),
		}},
	}
}

// Instance starts an instance, and makes the IdentityServer of the same name with the Secret for it.
func (b *Bed) Instance(ctx context.Context, spec standin.Spec) (*standin.Instance, error) {
	instance, err := b.Servers.NewInstance(ctx, spec)
	if err != nil {
		return nil, err
	}
	if err := b.Admin.Create(ctx, Credentials(spec.Name)); err != nil {
		return instance, fmt.Errorf("making the Secret for %s: %w", spec.Name, err)
	}
	if err := b.Admin.Create(ctx, b.Server(instance)); err != nil {
		return instance, fmt.Errorf("making the IdentityServer %s: %w", spec.Name, err)
	}
	return instance, nil
}

// Credentials is the Secret that an IdentityServer refers to.
func Credentials(name string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: OperatorNamespace, Name: name},
		Data:       map[string][]byte{"client_id": []byte(OperatorURI), "client_secret": []byte(OperatorSecret)},
	}
}

// Everyone is a grant for all of the cluster.
func Everyone() []v1alpha1.AccessGrant {
	return []v1alpha1.AccessGrant{{Name: "everyone", Namespaces: []v1alpha1.NamespacePattern{"*"}}}
}

// Server is the IdentityServer for an instance.
func (b *Bed) Server(instance *standin.Instance) *v1alpha1.IdentityServer {
	return &v1alpha1.IdentityServer{
		ObjectMeta: metav1.ObjectMeta{Name: instance.Name},
		Spec: v1alpha1.IdentityServerSpec{CABundle: b.Servers.CA, Access: Everyone(), ERPNet: &v1alpha1.ERPNetServer{
			URL: v1alpha1.HTTPSURL(instance.URL), CredentialsRef: v1alpha1.LocalSecretReference{Name: instance.Name},
		}},
	}
}
