package controlplane

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// launch knows the flags of every program.
type launch struct {
	assets, dir, kubeconfig, auditLog        string
	etcdPort, peerPort, apiPort, managerPort int
	controllerManager                        bool
	creds                                    *credentials
	log                                      io.Writer
}

// auditPolicy records who did what to which object, never a body, and once per request.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
`

// controllers are those that a test or the demo can notice; the rest would only cost time and memory.
var controllers = []string{
	"namespace-controller", "garbage-collector-controller", "serviceaccount-controller",
	"root-ca-certificate-publisher-controller", "clusterrole-aggregation-controller",
	"deployment-controller", "replicaset-controller",
}

func (l *launch) etcdURL() string { return fmt.Sprintf("http://127.0.0.1:%d", l.etcdPort) }

func (l *launch) etcd() *process {
	peerURL := fmt.Sprintf("http://127.0.0.1:%d", l.peerPort)
	p := newProcess(l.assets, "etcd", []string{
		"--data-dir=" + filepath.Join(l.dir, "etcd"),
		"--listen-client-urls=" + l.etcdURL(),
		"--advertise-client-urls=" + l.etcdURL(),
		"--listen-peer-urls=" + peerURL,
		"--initial-advertise-peer-urls=" + peerURL,
		"--initial-cluster=default=" + peerURL,
		"--socket-reuse-port=true", // see ports
		"--unsafe-no-fsync",        // nothing here outlives a crash of the machine
		"--log-level=warn",
	}, l.log)
	p.readyURL = l.etcdURL() + "/readyz"
	p.client = &http.Client{Transport: &http.Transport{}}
	return p
}

func (l *launch) apiserver() (*process, error) {
	url := fmt.Sprintf("https://127.0.0.1:%d", l.apiPort)
	args := []string{
		"--etcd-servers=" + l.etcdURL(),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", l.apiPort),
		"--permit-port-sharing=true", // see ports
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.96.0.0/24",
		"--authorization-mode=RBAC",
		"--client-ca-file=" + l.creds.caFile,
		"--tls-cert-file=" + l.creds.servingCertFile,
		"--tls-private-key-file=" + l.creds.servingKeyFile,
		"--service-account-issuer=" + url,
		"--service-account-key-file=" + l.creds.serviceAccountPubFile,
		"--service-account-signing-key-file=" + l.creds.serviceAccountKeyFile,
		"--allow-privileged=true",
		"--profiling=false",
	}
	if !l.controllerManager { // nothing would create the default ServiceAccounts that this plugin insists on
		args = append(args, "--disable-admission-plugins=ServiceAccount")
	}
	if l.auditLog != "" {
		policy := filepath.Join(l.dir, "audit-policy.yaml")
		if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
			return nil, fmt.Errorf("writing the audit policy: %w", err)
		}
		args = append(args, "--audit-policy-file="+policy, "--audit-log-path="+l.auditLog, "--audit-log-mode=blocking-strict")
	}
	p := newProcess(l.assets, "kube-apiserver", args, l.log)
	p.readyURL, p.client = url+"/readyz", l.creds.adminClient()
	return p, nil
}

func (l *launch) controllerManagerProcess() *process {
	p := newProcess(l.assets, "kube-controller-manager", []string{
		"--kubeconfig=" + l.kubeconfig,
		"--authentication-kubeconfig=" + l.kubeconfig,
		"--authorization-kubeconfig=" + l.kubeconfig,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", l.managerPort),
		"--permit-port-sharing=true", // see ports
		"--tls-cert-file=" + l.creds.servingCertFile,
		"--tls-private-key-file=" + l.creds.servingKeyFile,
		"--root-ca-file=" + l.creds.caFile,
		"--leader-elect=false",
		"--profiling=false",
		"--controllers=" + strings.Join(controllers, ","),
	}, l.log)
	p.readyURL, p.client = fmt.Sprintf("https://127.0.0.1:%d/healthz", l.managerPort), l.creds.adminClient()
	return p
}
