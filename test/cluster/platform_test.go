package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
)

// platform is where programs run. The specs are the same on both; nothing else knows the difference.
type platform interface {
	// kubelet tells whether programs run in Pods.
	kubelet() bool
	// host is the address of this machine that programs reach servers of the suite at.
	host() string
	// provide makes an image available, by what hack/e2e.sh built in a directory: NAME.tar, and the program in it.
	provide(ctx context.Context, image, dir string) error
	// settle returns once the operator runs as its Deployment says, or not at all where there is none.
	settle(ctx context.Context) error
	// endLeader ends the replica that holds the Lease, as an eviction does.
	endLeader(ctx context.Context) error
	// run starts a workload and returns the address that it serves at, over TLS.
	run(ctx context.Context, w workload) (string, error)
	// stop ends everything that this platform started.
	stop() error
}

// workload is the program test/cluster/workload as one application needs it.
type workload struct {
	name string
	// hostName is in its certificate and in the redirect URIs of the application.
	hostName string
	// secret and configMap are the names of the published objects that it mounts; empty: none.
	secret, configMap string
	// service says that it has the Client Credentials flow.
	service bool
}

// Where the workload finds its files in a Pod.
const (
	tlsDir         = "/tls"
	caDir          = "/ca"
	credentialsDir = "/credentials"
	configDir      = "/config"
	workloadPort   = 8443
)

// mounts are the objects of a workload by the directory that they are mounted at.
func (w workload) mounts() map[string]corev1.VolumeSource {
	secret := func(name string) corev1.VolumeSource {
		return corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name}}
	}
	configMap := func(name string) corev1.VolumeSource {
		return corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}
	}
	m := map[string]corev1.VolumeSource{tlsDir: secret(w.name + "-tls"), caDir: configMap(caConfigMap)}
	if w.secret != "" {
		m[credentialsDir] = secret(w.secret)
	}
	if w.configMap != "" {
		m[configDir] = configMap(w.configMap)
	}
	return m
}

// args are its flags, with the directories below root.
func (w workload) args(root, listen string) []string {
	args := []string{"-listen=" + listen, "-tls=" + root + tlsDir, "-ca=" + root + caDir + "/ca.crt"}
	if w.secret != "" {
		args = append(args, "-credentials="+root+credentialsDir)
	}
	if w.configMap != "" {
		args = append(args, "-config="+root+configDir)
	}
	if w.service {
		args = append(args, "-service")
	}
	return args
}
