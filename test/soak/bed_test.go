package soak

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/process"
	"trustedapps.dev/operator/test/prometheus"
	"trustedapps.dev/operator/test/standin"
)

const (
	operatorNamespace = "trustedapp-system"
	operatorURI       = "dev.trustedapps.operator/soak"
	operatorSecret    = "canary-of-the-operator-itself-0123456789"
	// namespace is that of the applications.
	namespace = "shop"
	// patience is how long a state may take to come.
	patience = 2 * time.Minute
)

// bed is a control plane, the stand-in, and all that the operator needs of them.
type bed struct {
	*WithT
	t       *testing.T
	root    string
	plane   *controlplane.ControlPlane
	servers *standin.Process
	admin   client.Client
	audit   string
	browser *http.Client
	// trusted are the authorities that the browser trusts.
	trusted *x509.CertPool
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{WithT: NewWithT(t), t: t, audit: filepath.Join(t.TempDir(), "audit.log")}
	b.SetDefaultEventuallyTimeout(patience)
	b.SetDefaultEventuallyPollingInterval(200 * time.Millisecond)
	ctrl.SetLogger(logr.Discard())
	var err error
	b.root, err = filepath.Abs(filepath.Join("..", ".."))
	b.Expect(err).NotTo(HaveOccurred())
	b.plane, err = controlplane.Start(t.Context(), controlplane.Options{CRDDirs: []string{filepath.Join(b.root, "config", "crd", "bases")}, AuditLog: b.audit})
	b.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { b.Expect(b.plane.Stop()).To(Succeed()) })
	b.servers, err = standin.Start(context.WithoutCancel(t.Context()), os.Stderr)
	b.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { b.Expect(b.servers.Stop()).To(Succeed()) })
	scheme := runtime.NewScheme()
	b.Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	b.Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	fast := *b.plane.RESTConfig
	fast.QPS = -1
	b.admin, err = client.New(&fast, client.Options{Scheme: scheme})
	b.Expect(err).NotTo(HaveOccurred())
	b.kubectl("apply", "--validate=false", "-k", filepath.Join(b.root, "config", "default"))
	b.kubectl("create", "namespace", namespace)
	b.kubectl("create", "rolebinding", "trustedapp-operator-publisher", "-n", namespace, "--clusterrole=trustedapp-operator-publisher",
		"--serviceaccount="+operatorNamespace+":trustedapp-operator")
	account, err := b.plane.ServiceAccountConfig(t.Context(), operatorNamespace, "trustedapp-operator")
	b.Expect(err).NotTo(HaveOccurred())
	b.Expect(controlplane.WriteKubeconfig(b.kubeconfig(), account)).To(Succeed())
	b.trusted = x509.NewCertPool()
	b.trusted.AppendCertsFromPEM(b.servers.CA)
	b.browser = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: b.trusted, MinVersion: tls.VersionTLS12}}, Timeout: 30 * time.Second}
	return b
}

func (b *bed) kubeconfig() string { return filepath.Join(b.plane.Dir, "operator.kubeconfig") }

func (b *bed) kubectl(args ...string) {
	b.t.Helper()
	out, err := exec.CommandContext(b.t.Context(), filepath.Join(b.root, "bin", "kubectl"), append([]string{"--kubeconfig", b.plane.Kubeconfig}, args...)...).CombinedOutput()
	b.Expect(err).NotTo(HaveOccurred(), "kubectl %v: %s", args, out)
}

// instance starts an ERP.net instance and makes the IdentityServer for it.
func (b *bed) instance(name string, change ...func(*standin.Spec)) *standin.Instance {
	b.t.Helper()
	spec := standin.Spec{
		Name: name, Version: "26.2.1.66", LicenceSlots: 10_000, RequestsPerMinute: 1_000_000, // each killed operator leaves a session
		Users: []standin.User{
			{Login: "svc.operator", Active: true, IsAdmin: true, UserType: "InternalUser"},
			{Login: "svc.orders", Active: true, UserType: "ApplicationUserNoLogin"},
		},
		Applications: []standin.Application{{
			ApplicationURI: operatorURI, Name: "operator", IsEnabled: true, ClientType: "Confidential", Secret: operatorSecret,
			SystemUserAllowed: true, SystemUser: "svc.operator", Scope: new("read update sec"),
		}},
	}
	for _, c := range change {
		c(&spec)
	}
	instance, err := b.servers.NewInstance(b.t.Context(), spec)
	b.Expect(err).NotTo(HaveOccurred())
	b.Expect(b.admin.Create(b.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: name},
		Data:       map[string][]byte{"client_id": []byte(operatorURI), "client_secret": []byte(operatorSecret)},
	})).To(Succeed())
	b.Expect(b.admin.Create(b.t.Context(), &v1alpha1.IdentityServer{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.IdentityServerSpec{CABundle: b.servers.CA, ERPNet: &v1alpha1.ERPNetServer{
			URL: v1alpha1.HTTPSURL(instance.URL), CredentialsRef: v1alpha1.LocalSecretReference{Name: name},
		}},
	})).To(Succeed())
	return instance
}

// operator is bin/manager with the ServiceAccount and the permissions that ship.
type operator struct {
	*process.Process
	metrics, health string
}

func (b *bed) operator(flags ...string) *operator {
	b.t.Helper()
	o := &operator{}
	for _, address := range []*string{&o.metrics, &o.health} {
		free, err := prometheus.FreeAddress()
		b.Expect(err).NotTo(HaveOccurred())
		*address = free
	}
	args := append([]string{
		"--operator-namespace=" + operatorNamespace, "--health-probe-bind-address=" + o.health, "--metrics-bind-address=" + o.metrics, "--zap-log-level=error",
	}, flags...)
	o.Process = process.New(filepath.Join(b.root, "bin", "manager"), args, process.Answers(http.DefaultClient, "http://"+o.health+"/readyz"), io.Discard).
		WithEnv("KUBECONFIG=" + b.kubeconfig())
	b.Expect(o.Start()).To(Succeed())
	b.t.Cleanup(func() { _ = o.Stop() }) // it may have been killed
	return o
}

// ready waits until an operator serves.
func (b *bed) ready(o *operator) *operator {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	b.Expect(o.WaitReady(ctx)).To(Succeed())
	return o
}

// metric is the value of one of an operator's metrics without labels.
func (b *bed) metric(o *operator, name string) float64 {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://"+o.metrics+"/metrics", http.NoBody)
	b.Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	b.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	var families map[string]*dto.MetricFamily
	families, err = parser.TextToMetricFamilies(response.Body)
	b.Expect(err).NotTo(HaveOccurred())
	b.Expect(families).To(HaveKey(name))
	return families[name].Metric[0].GetGauge().GetValue()
}

// rss is the memory of an operator in MB.
func (b *bed) rss(o *operator) float64 {
	b.t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.PID()))
	b.Expect(err).NotTo(HaveOccurred())
	for line := range strings.Lines(string(content)) {
		if rest, found := strings.CutPrefix(line, "VmRSS:"); found {
			kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
			b.Expect(err).NotTo(HaveOccurred())
			return float64(kilobytes) / 1024
		}
	}
	b.t.Fatal("no VmRSS")
	return 0
}

// service is an application for the Client Credentials flow.
func service(name, server string, change ...func(*v1alpha1.TrustedApplicationSpec)) *v1alpha1.TrustedApplication {
	app := &v1alpha1.TrustedApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.TrustedApplicationSpec{
			IdentityServerRef: v1alpha1.IdentityServerReference{Name: server}, ApplicationURI: "com.example." + server + "/" + name,
			Service: &v1alpha1.ServiceSpec{SystemUser: "svc.orders"}, Scopes: []v1alpha1.Scope{"read"},
		},
	}
	for _, c := range change {
		c(&app.Spec)
	}
	return app
}

// edit changes an application, if it is there.
func (b *bed) edit(name string, change func(*v1alpha1.TrustedApplication)) error {
	for {
		var app v1alpha1.TrustedApplication
		if err := b.admin.Get(b.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &app); err != nil {
			return client.IgnoreNotFound(err)
		}
		change(&app)
		if err := b.admin.Update(b.t.Context(), &app); !apierrors.IsConflict(err) {
			return client.IgnoreNotFound(err)
		}
	}
}

// apps are all applications.
func (b *bed) apps() ([]v1alpha1.TrustedApplication, error) {
	var all v1alpha1.TrustedApplicationList
	err := b.admin.List(b.t.Context(), &all)
	return all.Items, err
}

// settled says what keeps the applications from rest; nil where all are Ready with what their specs say, and none is on its way out.
func (b *bed) settled() error {
	all, err := b.apps()
	if err != nil {
		return err
	}
	var waiting []string
	for i := range all {
		if !atRest(&all[i]) {
			waiting = append(waiting, all[i].Name+" "+state(&all[i]))
		}
	}
	if len(waiting) > 0 {
		return fmt.Errorf("%d of %d applications are not at rest: %s", len(waiting), len(all), strings.Join(waiting[:min(3, len(waiting))], "; "))
	}
	return nil
}

// atRest says whether an application is Ready with what its spec says, and all that was asked for is done.
func atRest(app *v1alpha1.TrustedApplication) bool {
	asked := app.Annotations[v1alpha1.RotateAnnotation]
	handled := asked == "" || app.Status.Rotation != nil && app.Status.Rotation.HandledRotate == asked && app.Status.Rotation.Phase == v1alpha1.RotationIdle
	return app.DeletionTimestamp.IsZero() && app.Status.ObservedGeneration == app.Generation && handled &&
		meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionReady)
}

func state(app *v1alpha1.TrustedApplication) string {
	c := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return "has no status"
	}
	return fmt.Sprintf("Ready %s (%s: %s), deleted %v", c.Status, c.Reason, c.Message, app.DeletionTimestamp != nil)
}

// violations compares all that there is, on the servers and in Kubernetes, with the applications, at rest.
func (b *bed) violations(instances ...*standin.Instance) []string {
	b.t.Helper()
	var wrong []string
	all, err := b.apps()
	b.Expect(err).NotTo(HaveOccurred())
	wanted := map[string]*v1alpha1.TrustedApplication{}
	for i := range all {
		wanted[all[i].Spec.ApplicationURI] = &all[i]
	}
	registered := map[string]int{}
	for _, instance := range instances {
		found, err := instance.Applications(b.t.Context())
		b.Expect(err).NotTo(HaveOccurred())
		for _, a := range found {
			id := strings.TrimSuffix(a.ApplicationURI, v1alpha1.AlternateSuffix)
			switch {
			case a.ExternalSystem == nil || *a.ExternalSystem == "": // it belongs to others
				continue
			case wanted[id] == nil:
				wrong = append(wrong, "nobody wants the registration "+a.ApplicationURI)
			case a.IsEnabled:
				registered[id]++
			}
		}
	}
	var ledgers corev1.SecretList
	b.Expect(b.admin.List(b.t.Context(), &ledgers, client.InNamespace(operatorNamespace))).To(Succeed())
	kept := 0
	for _, s := range ledgers.Items {
		if strings.HasPrefix(s.Name, "ta-") {
			kept++
		}
	}
	if kept != len(all) {
		wrong = append(wrong, fmt.Sprintf("there are %d ledgers of %d applications", kept, len(all)))
	}
	for id, app := range wanted {
		if registered[id] != 1 {
			wrong = append(wrong, fmt.Sprintf("%s has %d enabled registrations", id, registered[id]))
		}
		if app.Spec.Service == nil {
			continue
		}
		var secret corev1.Secret
		err := b.admin.Get(b.t.Context(), client.ObjectKey{Namespace: namespace, Name: app.Status.Binding.Name}, &secret)
		b.Expect(err).NotTo(HaveOccurred())
		if status, err := b.token(secret); err != nil || status != http.StatusOK {
			wrong = append(wrong, fmt.Sprintf("the published credential of %s gets HTTP %d, %v", id, status, err))
		}
	}
	return wrong
}

// token asks for one with what is published.
func (b *bed) token(secret corev1.Secret) (status int, err error) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {string(secret.Data[v1alpha1.KeyClientID])},
		"client_secret": {string(secret.Data[v1alpha1.KeyClientSecret])},
	}
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, string(secret.Data["token_endpoint"]), strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := b.browser.Do(request)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Body.Close()
}

// kubeWrites are the writes of the operator so far, without Leases, Events and questions about permissions.
func (b *bed) kubeWrites() (writes []string) {
	b.t.Helper()
	file, err := os.Open(b.audit)
	b.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Verb string `json:"verb"`
			User struct {
				Username string `json:"username"`
			} `json:"user"`
			ObjectRef struct {
				Resource, Namespace, Name string
			} `json:"objectRef"`
		}
		b.Expect(json.Unmarshal(lines.Bytes(), &e)).To(Succeed())
		switch e.ObjectRef.Resource {
		case "leases", "events", "selfsubjectaccessreviews":
			continue
		}
		switch e.Verb {
		case "create", "update", "patch", "delete", "deletecollection":
			if strings.HasSuffix(e.User.Username, ":trustedapp-operator") {
				writes = append(writes, e.Verb+" "+e.ObjectRef.Resource+" "+e.ObjectRef.Namespace+"/"+e.ObjectRef.Name)
			}
		}
	}
	b.Expect(lines.Err()).NotTo(HaveOccurred())
	return writes
}

// wait lets time pass, where that is what is tried.
func (b *bed) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-b.t.Context().Done():
	case <-timer.C:
	}
}

// number reads a number from the environment.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func progress(format string, args ...any) {
	fmt.Printf("%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
