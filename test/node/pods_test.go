package node_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var serial atomic.Int64

// restricted is the strictest level of Pod Security.
var restricted = map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}

var _ = Describe("a node", func() {
	It("is Ready", func(ctx SpecContext) {
		node, err := clients.CoreV1().Nodes().Get(ctx, running.Name, metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(node.Status.Conditions).To(ContainElement(And(
			HaveField("Type", corev1.NodeReady), HaveField("Status", corev1.ConditionTrue))))
		Expect(node.Status.NodeInfo.KubeletVersion).To(Equal("v1.37.1"))
	})

	It("runs a Pod that mounts a Secret, shows its log, and brings a change of the Secret to it", func(ctx SpecContext) {
		ns := makeNamespace(ctx, restricted)
		writeSecret(ctx, ns, "first")
		createPod(ctx, ns, "reader")
		pod := waitReady(ctx, ns, "reader")
		Expect(kubectl(ctx, "-n", ns, "logs", "reader")).To(ContainSubstring("word at the start: first"))
		Expect(ask(ctx, "http://"+pod.Status.PodIP+":8080/word")).To(Equal("first"))

		writeSecret(ctx, ns, "second")
		Eventually(kubectlExec).WithContext(ctx).WithArguments(ns, "reader", "read", "/secret/word").Should(Equal("second"))
	})

	It("starts a Pod that waits for a missing Secret once it appears", func(ctx SpecContext) {
		ns := makeNamespace(ctx, restricted)
		createPod(ctx, ns, "waiting")
		Eventually(func(g Gomega) {
			events, err := clients.CoreV1().Events(ns).List(ctx, metav1.ListOptions{FieldSelector: "reason=FailedMount"})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(events.Items).NotTo(BeEmpty())
		}).Should(Succeed())
		pod, err := clients.CoreV1().Pods(ns).Get(ctx, "waiting", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(pod.Status.Phase).To(Equal(corev1.PodPending))
		writeSecret(ctx, ns, "late")
		waitReady(ctx, ns, "waiting")
	})

	It("reaches Pods by the address of a Service, from Pods, from itself and from the test", func(ctx SpecContext) {
		ns := makeNamespace(ctx, restricted)
		writeSecret(ctx, ns, "served")
		createPod(ctx, ns, "server")
		service, err := clients.CoreV1().Services(ns).Create(ctx, &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: "server"},
			Spec: corev1.ServiceSpec{
				Selector: map[string]string{"app": "server"}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
			},
		}, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		createPod(ctx, ns, "client")
		waitReady(ctx, ns, "server")
		waitReady(ctx, ns, "client")
		url := "http://" + service.Spec.ClusterIP + "/word"
		Eventually(kubectlExec).WithContext(ctx).WithArguments(ns, "client", "get", url).Should(Equal("served"))
		Eventually(kubectlExec).WithContext(ctx).WithArguments(ns, "server", "get", url).Should(Equal("served"), "through itself")
		Eventually(ask).WithContext(ctx).WithArguments(url).Should(Equal("served"), "from the test")
	})

	It("lets Pods reach a server of the test at the node's address", func(ctx SpecContext) {
		listener, err := net.Listen("tcp", running.Address()+":0")
		Expect(err).NotTo(HaveOccurred())
		server := &http.Server{ReadHeaderTimeout: longEnough, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("from the test"))
		})}
		go func() { _ = server.Serve(listener) }()
		DeferCleanup(server.Close)
		ns := makeNamespace(ctx, restricted)
		writeSecret(ctx, ns, "any")
		createPod(ctx, ns, "visitor")
		waitReady(ctx, ns, "visitor")
		Expect(kubectlExec(ctx, ns, "visitor", "get", "http://"+listener.Addr().String())).To(Equal("from the test"))
	})

	It("gives a Pod the API server and the token of its ServiceAccount, with no more than its RBAC", func(ctx SpecContext) {
		ns := makeNamespace(ctx, restricted)
		writeSecret(ctx, ns, "any")
		createPod(ctx, ns, "caller")
		url := "http://" + waitReady(ctx, ns, "caller").Status.PodIP + ":8080/pods"
		_, err := ask(ctx, url)
		Expect(err).To(MatchError(And(ContainSubstring("403"), ContainSubstring("system:serviceaccount:"+ns+":default"))))

		_, err = clients.RbacV1().RoleBindings(ns).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "view"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: ns, Name: "default"}},
		}, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		Eventually(ask).WithContext(ctx).WithArguments(url).Should(ContainSubstring(`"name":"caller"`))
	})

	It("keeps a privileged Pod out of a restricted namespace", func(ctx SpecContext) {
		ns := makeNamespace(ctx, restricted)
		pod := workload("privileged")
		pod.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: new(true)}
		_, err := clients.CoreV1().Pods(ns).Create(ctx, pod, metav1.CreateOptions{})
		Expect(apierrors.IsForbidden(err)).To(BeTrue(), "%v", err)
		Expect(err).To(MatchError(ContainSubstring(`violates PodSecurity "restricted:latest": privileged`)))
	})

	It("filters the system calls of a Pod with seccomp RuntimeDefault", func(ctx SpecContext) {
		ns := makeNamespace(ctx, restricted)
		writeSecret(ctx, ns, "any")
		createPod(ctx, ns, "filtered")
		waitReady(ctx, ns, "filtered")
		status, err := kubectlExec(ctx, ns, "filtered", "read", "/proc/1/status")
		Expect(err).NotTo(HaveOccurred())
		Expect(status).To(And(MatchRegexp(`(?m)^Seccomp:\s+2$`), MatchRegexp(`(?m)^CapEff:\s+0+$`), MatchRegexp(`(?m)^Uid:\s+65532\s`)))
	})

	It("makes a Deployment with two replicas Available", func(ctx SpecContext) {
		ns := makeNamespace(ctx, restricted)
		writeSecret(ctx, ns, "any")
		pod := workload("twice")
		_, err := clients.AppsV1().Deployments(ns).Create(ctx, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: "twice"},
			Spec: appsv1.DeploymentSpec{
				Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: pod.Labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pod.Labels}, Spec: pod.Spec},
			},
		}, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		Eventually(func(g Gomega) {
			deployment, err := clients.AppsV1().Deployments(ns).Get(ctx, "twice", metav1.GetOptions{})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(deployment.Status.AvailableReplicas).To(Equal(int32(2)))
			g.Expect(deployment.Status.Conditions).To(ContainElement(And(
				HaveField("Type", appsv1.DeploymentAvailable), HaveField("Status", corev1.ConditionTrue))))
		}).Should(Succeed())
	})

	It("forwards a port to a Pod", func(ctx SpecContext) {
		ns := makeNamespace(ctx, restricted)
		writeSecret(ctx, ns, "forwarded")
		createPod(ctx, ns, "target")
		waitReady(ctx, ns, "target")
		port := forward(ctx, ns, "target", 8080)
		Expect(ask(ctx, fmt.Sprintf("http://127.0.0.1:%s/word", port))).To(Equal("forwarded"))
	})

	It("removes a Pod and its namespace", func(ctx SpecContext) {
		ns := makeNamespace(ctx, restricted)
		writeSecret(ctx, ns, "any")
		createPod(ctx, ns, "gone")
		waitReady(ctx, ns, "gone")
		Expect(clients.CoreV1().Namespaces().Delete(ctx, ns, metav1.DeleteOptions{})).To(Succeed())
		Eventually(func() bool {
			_, err := clients.CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
			return apierrors.IsNotFound(err)
		}).Should(BeTrue())
	})
})

func makeNamespace(ctx context.Context, labels map[string]string) string {
	GinkgoHelper()
	name := fmt.Sprintf("pods-%d", serial.Add(1))
	_, err := clients.CoreV1().Namespaces().Create(
		ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	Eventually(func() error { // without it no Pod is admitted
		_, err := clients.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		return err
	}).Should(Succeed())
	return name
}

// writeSecret creates or changes the Secret that every workload mounts.
func writeSecret(ctx context.Context, ns, word string) {
	GinkgoHelper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "secret"}, StringData: map[string]string{"word": word}}
	_, err := clients.CoreV1().Secrets(ns).Create(ctx, secret, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = clients.CoreV1().Secrets(ns).Update(ctx, secret, metav1.UpdateOptions{})
	}
	Expect(err).NotTo(HaveOccurred())
}

// workload is a Pod that the restricted level admits.
func workload(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: new(int64(1)),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "workload", Image: workloadImage, ImagePullPolicy: corev1.PullNever, Args: []string{"serve"},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true),
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
				ReadinessProbe: &corev1.Probe{
					ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/word", Port: intstr.FromInt32(8080)}},
					PeriodSeconds: 1,
				},
				VolumeMounts: []corev1.VolumeMount{{Name: "secret", MountPath: "/secret"}},
			}},
			Volumes: []corev1.Volume{{
				Name: "secret", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "secret"}},
			}},
		},
	}
}

func createPod(ctx context.Context, ns, name string) {
	GinkgoHelper()
	_, err := clients.CoreV1().Pods(ns).Create(ctx, workload(name), metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
}

func waitReady(ctx context.Context, ns, name string) (pod *corev1.Pod) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var err error
		pod, err = clients.CoreV1().Pods(ns).Get(ctx, name, metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(pod.Status.Conditions).To(ContainElement(And(
			HaveField("Type", corev1.PodReady), HaveField("Status", corev1.ConditionTrue))), "%v", pod.Status)
	}).Should(Succeed())
	return pod
}
