package controlplane

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"trustedapps.dev/operator/test/process"
)

// ServiceRange holds the addresses of Services; serviceAddress, its first one, is that of the Service `kubernetes`.
const (
	ServiceRange   = "10.96.0.0/24"
	serviceAddress = "10.96.0.1"
)

// launch knows the flags of every program.
type launch struct {
	assets, dir, kubeconfig, auditLog              string
	etcdPort, peerPort, managerPort, schedulerPort uint16
	api                                            netip.AddrPort
	controllerManager                              bool
	node                                           bool // Pods will run
	ownerPermissions, durable                      bool
	creds                                          *credentials
	log                                            io.Writer
}

// ownerPermissions is the plugin of Options.OwnerPermissions.
const ownerPermissions = "OwnerReferencesPermissionEnforcement"

// auditPolicy records who did what to which object, never a body, and once per request.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
`

// controllers are those that a test or the demo can notice where no Pod runs; the rest would only cost time and memory.
var controllers = []string{
	"namespace-controller", "garbage-collector-controller", "serviceaccount-controller",
	"root-ca-certificate-publisher-controller", "clusterrole-aggregation-controller",
	"deployment-controller", "replicaset-controller",
}

func (l *launch) etcdURL() string { return fmt.Sprintf("http://127.0.0.1:%d", l.etcdPort) }

// program is a process that is ready once url answers.
func (l *launch) program(name string, client *http.Client, url string, args []string) *process.Process {
	return process.New(filepath.Join(l.assets, name), args, process.Answers(client, url), l.log)
}

func (l *launch) etcd() *process.Process {
	peerURL := fmt.Sprintf("http://127.0.0.1:%d", l.peerPort)
	args := []string{
		"--data-dir=" + filepath.Join(l.dir, "etcd"),
		"--listen-client-urls=" + l.etcdURL(),
		"--advertise-client-urls=" + l.etcdURL(),
		"--listen-peer-urls=" + peerURL,
		"--initial-advertise-peer-urls=" + peerURL,
		"--initial-cluster=default=" + peerURL,
		"--socket-reuse-port=true", // see ports
		"--log-level=warn",
	}
	if !l.durable {
		args = append(args, "--unsafe-no-fsync") // nothing here outlives a crash of the machine
	}
	return l.program("etcd", &http.Client{Transport: &http.Transport{}}, l.etcdURL()+"/readyz", args)
}

func (l *launch) apiserver() (*process.Process, error) {
	url := "https://" + l.api.String()
	args := []string{
		"--etcd-servers=" + l.etcdURL(),
		"--bind-address=" + l.api.Addr().String(),
		fmt.Sprintf("--secure-port=%d", l.api.Port()),
		"--permit-port-sharing=true", // see ports
		"--service-cluster-ip-range=" + ServiceRange,
		"--client-ca-file=" + l.creds.caFile,
		"--tls-cert-file=" + l.creds.servingCertFile,
		"--tls-private-key-file=" + l.creds.servingKeyFile,
		"--service-account-issuer=" + url,
		"--service-account-key-file=" + l.creds.serviceAccountPubFile,
		"--service-account-signing-key-file=" + l.creds.serviceAccountKeyFile,
		"--allow-privileged=true",
		"--profiling=false",
	}
	var plugins []string
	if l.ownerPermissions {
		plugins = append(plugins, ownerPermissions)
	}
	if l.node {
		args = append(args,
			"--authorization-mode=Node,RBAC",
			"--enable-admission-plugins="+strings.Join(append(plugins, "NodeRestriction"), ","),
			"--advertise-address="+l.api.Addr().String(),
			"--kubelet-certificate-authority="+l.creds.caFile,
			"--kubelet-client-certificate="+l.creds.adminCertFile,
			"--kubelet-client-key="+l.creds.adminKeyFile,
			"--kubelet-preferred-address-types=InternalIP",
		)
	} else {
		args = append(args, "--authorization-mode=RBAC", "--endpoint-reconciler-type=none", "--enable-admission-plugins="+strings.Join(plugins, ","))
	}
	if !l.controllerManager { // nothing would create the default ServiceAccounts that this plugin insists on
		args = append(args, "--disable-admission-plugins=ServiceAccount")
	}
	if l.auditLog != "" {
		policy := filepath.Join(l.dir, "audit-policy.yaml")
		if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
			return nil, fmt.Errorf("writing the audit policy: %w", err)
		}
		args = append(args, "--audit-policy-file="+policy, "--audit-log-path="+l.auditLog, "--audit-log-mode=blocking-strict",
			"--audit-log-maxsize=0") // one file, however long: who follows it would lose the rest
	}
	return l.program("kube-apiserver", l.creds.adminClient(), url+"/readyz", args), nil
}

func (l *launch) controllerManagerProcess() *process.Process {
	run := strings.Join(controllers, ",")
	if l.node {
		run = "*"
	}
	args := append(l.clientOfAPIServer(l.managerPort), "--root-ca-file="+l.creds.caFile, "--controllers="+run,
		"--flex-volume-plugin-dir="+filepath.Join(l.dir, "volume-plugins")) // it would make one in /usr
	url := fmt.Sprintf("https://127.0.0.1:%d/healthz", l.managerPort)
	return l.program("kube-controller-manager", l.creds.adminClient(), url, args)
}

func (l *launch) scheduler() *process.Process {
	url := fmt.Sprintf("https://127.0.0.1:%d/readyz", l.schedulerPort)
	return l.program("kube-scheduler", l.creds.adminClient(), url, l.clientOfAPIServer(l.schedulerPort))
}

// clientOfAPIServer are the flags that kube-controller-manager and kube-scheduler have in common.
func (l *launch) clientOfAPIServer(port uint16) []string {
	return []string{
		"--kubeconfig=" + l.kubeconfig,
		"--authentication-kubeconfig=" + l.kubeconfig,
		"--authorization-kubeconfig=" + l.kubeconfig,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--permit-port-sharing=true", // see ports
		"--tls-cert-file=" + l.creds.servingCertFile,
		"--tls-private-key-file=" + l.creds.servingKeyFile,
		"--leader-elect=false",
		"--profiling=false",
	}
}
