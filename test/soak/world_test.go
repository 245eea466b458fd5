package soak

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/audit"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/controlplane"
	"trustedapps.dev/operator/test/standin"
)

const (
	// namespace is that of the applications.
	namespace = "shop"
	// patience is how long a state may take to come.
	patience = 2 * time.Minute
)

// world is a bed with one namespace for all applications, and a record of what the API server was asked for.
type world struct {
	*WithT
	*bed.Bed
	t       *testing.T
	audit   string
	browser *http.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{WithT: NewWithT(t), t: t, audit: filepath.Join(t.TempDir(), "audit.log")}
	w.SetDefaultEventuallyTimeout(patience)
	w.SetDefaultEventuallyPollingInterval(200 * time.Millisecond)
	ctrl.SetLogger(logr.Discard())
	var err error
	w.Bed, err = bed.Start(t.Context(), controlplane.Options{AuditLog: w.audit}, os.Stderr)
	t.Cleanup(func() { w.Expect(w.Stop()).To(Succeed()) })
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.Namespace(t.Context(), namespace)).To(Succeed())
	w.browser = w.Browser(30 * time.Second)
	return w
}

// instance starts an ERP.net instance and makes the IdentityServer for it.
func (w *world) instance(name string, change ...func(*standin.Spec)) *standin.Instance {
	w.t.Helper()
	spec := bed.Spec(name)
	for _, c := range change {
		c(&spec)
	}
	instance, err := w.Instance(w.t.Context(), spec)
	w.Expect(err).NotTo(HaveOccurred())
	return instance
}

// operator starts one.
func (w *world) operator(flags ...string) *bed.Manager {
	w.t.Helper()
	o, err := w.Manager(w.t.Context(), io.Discard, append([]string{"--zap-log-level=error"}, flags...)...)
	w.Expect(err).NotTo(HaveOccurred())
	w.t.Cleanup(func() { _ = o.Stop() }) // it may have been killed
	return o
}

// ready waits until an operator serves.
func (w *world) ready(o *bed.Manager) *bed.Manager {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	w.Expect(o.WaitReady(ctx)).To(Succeed())
	return o
}

// metric is the sum of an operator's counters or gauges of a name, of those that have a label of the value if one is given.
func (w *world) metric(o *bed.Manager, name, label, value string) (sum float64) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+o.Metrics+"/metrics", http.NoBody)
	w.Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	w.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = response.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(families).To(HaveKey(name))
	for _, m := range families[name].GetMetric() {
		if label == "" || slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == label && l.GetValue() == value }) {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// requests is how often an operator asked a server.
func (w *world) requests(o *bed.Manager, server string) float64 {
	w.t.Helper()
	return w.metric(o, "trustedapp_server_requests_total", "server", server)
}

// rss is the memory of an operator in MB.
func (w *world) rss(o *bed.Manager) float64 {
	w.t.Helper()
	memory, err := o.Memory()
	w.Expect(err).NotTo(HaveOccurred())
	return memory
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
func (w *world) edit(name string, change func(*v1alpha1.TrustedApplication)) error {
	for {
		var app v1alpha1.TrustedApplication
		if err := w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &app); err != nil {
			return client.IgnoreNotFound(err)
		}
		change(&app)
		if err := w.Admin.Update(w.t.Context(), &app); !apierrors.IsConflict(err) {
			return client.IgnoreNotFound(err)
		}
	}
}

// apps are all applications.
func (w *world) apps() ([]v1alpha1.TrustedApplication, error) {
	var all v1alpha1.TrustedApplicationList
	err := w.Admin.List(w.t.Context(), &all)
	return all.Items, err
}

// settled says what keeps the applications from rest; nil where all are Ready with what their specs say, and none is on its way out.
func (w *world) settled() error {
	all, err := w.apps()
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
func (w *world) violations(instances ...*standin.Instance) []string {
	w.t.Helper()
	var wrong []string
	all, err := w.apps()
	w.Expect(err).NotTo(HaveOccurred())
	wanted := map[string]*v1alpha1.TrustedApplication{}
	for i := range all {
		wanted[all[i].Spec.ApplicationURI] = &all[i]
	}
	registered := map[string]int{}
	for _, instance := range instances {
		found, err := instance.Applications(w.t.Context())
		w.Expect(err).NotTo(HaveOccurred())
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
	w.Expect(w.Admin.List(w.t.Context(), &ledgers, client.InNamespace(bed.OperatorNamespace))).To(Succeed())
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
		w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: app.Status.Binding.Name}, &secret)).To(Succeed())
		status, err := bed.Token(w.t.Context(), w.browser, string(secret.Data["token_endpoint"]),
			string(secret.Data[v1alpha1.KeyClientID]), string(secret.Data[v1alpha1.KeyClientSecret]))
		if err != nil || status != http.StatusOK {
			wrong = append(wrong, fmt.Sprintf("the published credential of %s gets HTTP %d, %v", id, status, err))
		}
	}
	return wrong
}

// kubeWrites are the writes of the operator so far, without Leases, Events and questions about permissions.
func (w *world) kubeWrites() (writes []string) {
	w.t.Helper()
	all, err := audit.Of(w.audit, bed.OperatorUser)
	w.Expect(err).NotTo(HaveOccurred())
	for _, r := range all {
		switch r.ObjectRef.Resource {
		case "leases", "events", "selfsubjectaccessreviews":
			continue
		}
		switch r.Verb {
		case "create", "update", "patch", "delete", "deletecollection":
			writes = append(writes, r.Verb+" "+r.ObjectRef.Resource+" "+r.ObjectRef.Namespace+"/"+r.ObjectRef.Name)
		}
	}
	return writes
}

// wait lets time pass, where that is what is tried.
func (w *world) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.t.Context().Done():
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
