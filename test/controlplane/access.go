package controlplane

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// tokenLifetime of ServiceAccountConfig, in seconds: a demo that is left running for a working day keeps working.
const tokenLifetime = int64(24 * time.Hour / time.Second)

// crdPollEvery is how often InstallCRDs looks whether they are served.
const crdPollEvery = 50 * time.Millisecond

func (cp *ControlPlane) writeAccess(creds *credentials, api netip.AddrPort) error {
	cp.CA = creds.caPEM
	cp.RESTConfig = &rest.Config{
		Host:            "https://" + api.String(),
		TLSClientConfig: rest.TLSClientConfig{CAData: creds.caPEM, CertData: creds.adminCertPEM, KeyData: creds.adminKeyPEM},
		// Tests wait for the operator, not for a client's own throttle.
		QPS: -1,
	}
	cp.Kubeconfig = filepath.Join(cp.Dir, "admin.kubeconfig")
	return WriteKubeconfig(cp.Kubeconfig, cp.RESTConfig)
}

// WriteKubeconfig writes cfg as a kubeconfig file that only its owner may read.
func WriteKubeconfig(path string, cfg *rest.Config) error {
	const name = "trustedapp-operator"
	file := clientcmdapi.Config{
		CurrentContext: name,
		Clusters:       map[string]*clientcmdapi.Cluster{name: {Server: cfg.Host, CertificateAuthorityData: cfg.CAData}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{name: {
			ClientCertificateData: cfg.CertData, ClientKeyData: cfg.KeyData, Token: cfg.BearerToken,
		}},
	}
	if err := clientcmd.WriteToFile(file, path); err != nil {
		return fmt.Errorf("writing a kubeconfig: %w", err)
	}
	return nil
}

// ServiceAccountConfig returns a configuration that acts as an existing ServiceAccount, with a token of the TokenRequest
// API that is valid for 24 hours. It has the ServiceAccount's permissions and no others.
func (cp *ControlPlane) ServiceAccountConfig(ctx context.Context, namespace, name string) (*rest.Config, error) {
	clients, err := kubernetes.NewForConfig(cp.RESTConfig)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	seconds := tokenLifetime
	token, err := clients.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("requesting a token for ServiceAccount %s/%s: %w", namespace, name, err)
	}
	cfg := rest.AnonymousClientConfig(cp.RESTConfig)
	cfg.BearerToken = token.Status.Token
	return cfg, nil
}

// InstallCRDs creates or updates the CustomResourceDefinitions in the YAML files of a directory and returns once they
// are served.
func (cp *ControlPlane) InstallCRDs(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("installing CRDs: %w", err)
	}
	crds, err := envtest.InstallCRDs(cp.RESTConfig, envtest.CRDInstallOptions{
		Paths: []string{dir}, ErrorIfPathMissing: true, MaxTime: startLimit, PollInterval: crdPollEvery,
	})
	if err != nil {
		return fmt.Errorf("installing the CRDs of %s: %w", dir, err)
	}
	if len(crds) == 0 {
		return fmt.Errorf("installing the CRDs of %s: it holds none", dir)
	}
	return nil
}
