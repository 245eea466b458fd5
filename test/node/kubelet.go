package node

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/process"
)

const (
	kubeletHealth = "127.0.0.1:10248"
	proxyHealth   = "127.0.0.1:10256"
)

// kubeletConfig: nothing is ever evicted and no image removed, as a test machine is often full; what a test waits for is
// looked at every second.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: %[2]s
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: %[1]s/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: %[3]s
containerRuntimeEndpoint: unix://%[1]s/containerd.sock
evictionHard: {memory.available: 1Mi, nodefs.available: 0%%, nodefs.inodesFree: 0%%, imagefs.available: 0%%}
failCgroupV1: false
failSwapOn: false
healthzBindAddress: 127.0.0.1
imageGCHighThresholdPercent: 100
makeIPTablesUtilChains: false
oomScoreAdj: 0
podLogsDir: %[1]s/logs
resolvConf: ""
serializeImagePulls: false
syncFrequency: 1s
tlsCertFile: %[1]s/kubelet.crt
tlsPrivateKeyFile: %[1]s/kubelet.key
volumePluginDir: %[1]s/volume-plugins
`

// proxyConfig leaves the connection tracking of the machine alone (conntrack), which is not of the namespace.
const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: %[1]s/proxy.kubeconfig}
clusterCIDR: %[2]s
conntrack: {maxPerCore: 0, min: 0, tcpCloseWaitTimeout: 0s, tcpEstablishedTimeout: 0s}
healthzBindAddress: ` + proxyHealth + `
hostnameOverride: %[3]s
metricsBindAddress: 127.0.0.1:10249
oomScoreAdj: 0
`

func (n *Node) startKubelet(ctx context.Context) error {
	cert, key, err := n.plane.ServingCertificate(n.Name, net.ParseIP(Address))
	if err != nil {
		return err
	}
	err = n.writeFiles(map[string]string{
		"ca.crt": string(n.plane.CA), "kubelet.crt": string(cert), "kubelet.key": string(key),
		"kubelet.yaml": fmt.Sprintf(kubeletConfig, n.dir, Address, os.Getenv(cgroupVariable)),
	})
	if err != nil {
		return err
	}
	if err := n.writeKubeconfig("kubelet.kubeconfig", "system:node:"+n.Name, "system:nodes"); err != nil {
		return err
	}
	args := []string{
		"--config=" + n.path("kubelet.yaml"),
		"--kubeconfig=" + n.path("kubelet.kubeconfig"),
		"--cert-dir=" + n.path("kubelet-certificates"),
		"--root-dir=" + n.path("kubelet"),
		"--hostname-override=" + n.Name,
		"--node-ip=" + Address,
	}
	return n.run(ctx, n.program("kubelet", "http://"+kubeletHealth+"/healthz", args))
}

func (n *Node) startProxy(ctx context.Context) error {
	if err := n.writeFiles(map[string]string{"proxy.yaml": fmt.Sprintf(proxyConfig, n.dir, podRange, n.Name)}); err != nil {
		return err
	}
	if err := n.writeKubeconfig("proxy.kubeconfig", "system:kube-proxy"); err != nil {
		return err
	}
	return n.run(ctx, n.program("kube-proxy", "http://"+proxyHealth+"/healthz", []string{"--config=" + n.path("proxy.yaml")}))
}

func (n *Node) program(name, health string, args []string) *process.Process {
	client := &http.Client{Transport: &http.Transport{}} // past any proxy of the environment
	return process.New(filepath.Join(n.plane.Assets, name), args, process.Answers(client, health), n.log)
}

func (n *Node) writeKubeconfig(file, user string, groups ...string) error {
	cfg, err := n.plane.ClientConfig(user, groups...)
	if err != nil {
		return err
	}
	return controlplane.WriteKubeconfig(n.path(file), cfg)
}

// waitSchedulable returns once the node is Ready and no taint keeps Pods away.
func (n *Node) waitSchedulable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	clients, err := kubernetes.NewForConfig(n.plane.RESTConfig)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	return poll(ctx, func() error {
		node, err := clients.CoreV1().Nodes().Get(ctx, n.Name, metav1.GetOptions{})
		if err == nil && !schedulable(node) {
			err = fmt.Errorf("waiting for the node to be Ready: taints %v, conditions %v", node.Spec.Taints, node.Status.Conditions)
		}
		return err
	})
}

func schedulable(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue && len(node.Spec.Taints) == 0
		}
	}
	return false
}
