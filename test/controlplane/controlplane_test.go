package controlplane_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"trustedapps.dev/operator/test/controlplane"
)

const (
	patience = 30 * time.Second
	often    = 50 * time.Millisecond
)

const gadgetCRD = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, singular: gadget, listKind: GadgetList}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
`

func TestAllParts(t *testing.T) {
	g := NewWithT(t)
	crds := t.TempDir()
	g.Expect(os.WriteFile(filepath.Join(crds, "gadgets.yaml"), []byte(gadgetCRD), 0o600)).To(Succeed())
	audit := filepath.Join(t.TempDir(), "audit.log")
	var log bytes.Buffer

	started := time.Now()
	cp, err := controlplane.Start(t.Context(), controlplane.Options{
		ControllerManager: true, CRDDirs: []string{crds}, AuditLog: audit, Log: &log,
	})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { g.Expect(cp.Stop()).To(Succeed()) })
	t.Logf("started in %s", time.Since(started).Round(time.Millisecond))
	clients := kubernetes.NewForConfigOrDie(cp.RESTConfig)

	t.Run("serves the CRDs it was given", func(t *testing.T) {
		resources, err := clients.Discovery().ServerResourcesForGroupVersion("example.com/v1")
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		NewWithT(t).Expect(resources.APIResources).NotTo(BeEmpty())
	})
	t.Run("has an admin kubeconfig", func(t *testing.T) {
		g := NewWithT(t)
		cfg, err := clientcmd.BuildConfigFromFlags("", cp.Kubeconfig)
		g.Expect(err).NotTo(HaveOccurred())
		_, err = kubernetes.NewForConfigOrDie(cfg).CoreV1().Secrets("").List(t.Context(), metav1.ListOptions{})
		g.Expect(err).NotTo(HaveOccurred())
	})
	t.Run("gives a namespace its default ServiceAccount, with a token and RBAC", func(t *testing.T) {
		checkServiceAccount(t, cp, clients)
	})
	t.Run("collects garbage by owner reference", func(t *testing.T) { checkGarbageCollection(t, clients) })
	t.Run("dumps etcd", func(t *testing.T) { checkDump(t, cp, clients) })
	t.Run("writes an audit log without bodies", func(t *testing.T) { checkAudit(t, audit) })
	t.Run("stops without leaving anything", func(t *testing.T) {
		g := NewWithT(t)
		pids := cp.PIDs()
		g.Expect(pids).To(HaveLen(3))
		stopping := time.Now()
		g.Expect(cp.Stop()).To(Succeed())
		t.Logf("stopped in %s", time.Since(stopping).Round(time.Millisecond))
		for _, pid := range pids {
			g.Expect(running(pid)).To(BeFalse())
		}
		g.Expect(cp.Dir).NotTo(BeADirectory())
		g.Expect(log.String()).To(ContainSubstring("kube-apiserver: "))
		g.Expect(cp.Stop()).To(Succeed(), "a second Stop has nothing to do")
	})
}

func checkServiceAccount(t *testing.T, cp *controlplane.ControlPlane, clients *kubernetes.Clientset) {
	g := NewWithT(t)
	makeNamespace(t, clients, "accounts")
	g.Eventually(func() error {
		_, err := clients.CoreV1().ServiceAccounts("accounts").Get(t.Context(), "default", metav1.GetOptions{})
		return err
	}, patience, often).Should(Succeed())

	cfg, err := cp.ServiceAccountConfig(t.Context(), "accounts", "default")
	g.Expect(err).NotTo(HaveOccurred())
	path := filepath.Join(t.TempDir(), "kubeconfig")
	g.Expect(controlplane.WriteKubeconfig(path, cfg)).To(Succeed())
	cfg, err = clientcmd.BuildConfigFromFlags("", path)
	g.Expect(err).NotTo(HaveOccurred())
	asAccount := kubernetes.NewForConfigOrDie(cfg)
	me, err := asAccount.AuthenticationV1().SelfSubjectReviews().Create(
		t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(me.Status.UserInfo.Username).To(Equal("system:serviceaccount:accounts:default"))
	_, err = asAccount.CoreV1().Secrets("accounts").List(t.Context(), metav1.ListOptions{})
	g.Expect(apierrors.IsForbidden(err)).To(BeTrue(), "it has no permission to list Secrets, got: %v", err)
}

func checkGarbageCollection(t *testing.T, clients *kubernetes.Clientset) {
	g := NewWithT(t)
	makeNamespace(t, clients, "garbage")
	maps := clients.CoreV1().ConfigMaps("garbage")
	owner, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner"}}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name:            "owned",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}},
	}}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())

	g.Expect(maps.Delete(t.Context(), owner.Name, metav1.DeleteOptions{})).To(Succeed())
	g.Eventually(func() bool {
		_, err := maps.Get(t.Context(), "owned", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, patience, often).Should(BeTrue())
}

func checkDump(t *testing.T, cp *controlplane.ControlPlane, clients *kubernetes.Clientset) {
	g := NewWithT(t)
	makeNamespace(t, clients, "dump")
	_, err := clients.CoreV1().Secrets("dump").Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "kept"}, StringData: map[string]string{"key": "plain-in-etcd"},
	}, metav1.CreateOptions{})
	g.Expect(err).NotTo(HaveOccurred())

	dump, err := cp.EtcdDump(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(dump)).To(BeNumerically(">", 200), "more than one page")
	g.Expect(dump).To(HaveKey("/registry/namespaces/dump"))
	g.Expect(string(dump[controlplane.SecretsPrefix+"dump/kept"])).To(ContainSubstring("plain-in-etcd"))
	for key, value := range dump {
		if !strings.HasPrefix(key, controlplane.SecretsPrefix) {
			g.Expect(string(value)).NotTo(ContainSubstring("plain-in-etcd"), key)
		}
	}
}

func checkAudit(t *testing.T, path string) {
	g := NewWithT(t)
	lines, err := os.ReadFile(path)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(lines)).To(ContainSubstring(`"verb":"create"`))
	g.Expect(string(lines)).NotTo(ContainSubstring("plain-in-etcd"))
}

func makeNamespace(t *testing.T, clients *kubernetes.Clientset, name string) {
	_, err := clients.CoreV1().Namespaces().Create(
		t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

// running tells whether a process exists.
func running(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
