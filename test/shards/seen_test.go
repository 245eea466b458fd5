package shards

import (
	"errors"
	"net/http"
	"slices"

	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/test/bed"
	"trustedapps.dev/operator/test/standin"
)

// held is what must stay where a server moves.
type held struct {
	Secret        map[string]string
	Versions      []string
	Registrations map[string]int32
}

// kept is what there is of applications: their secrets, the versions of all of their objects, and their registrations.
func (w *world) kept(apps []*v1alpha1.TrustedApplication, instance *standin.Instance) held {
	w.t.Helper()
	h := held{Secret: map[string]string{}, Registrations: map[string]int32{}}
	for _, app := range apps {
		var secret, ledger corev1.Secret
		w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKeyFromObject(app), app)).To(Succeed())
		w.Expect(w.Admin.Get(w.t.Context(), client.ObjectKeyFromObject(app), &secret)).To(Succeed())
		w.Expect(w.Admin.Get(w.t.Context(), types.NamespacedName{Namespace: bed.OperatorNamespace, Name: "ta-" + string(app.UID)}, &ledger)).To(Succeed())
		h.Secret[app.Name] = string(secret.Data["client_secret"])
		h.Versions = append(h.Versions, app.ResourceVersion, secret.ResourceVersion, ledger.ResourceVersion)
	}
	all, err := instance.Applications(w.t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	for _, a := range all {
		h.Registrations[a.ApplicationURI] = a.ObjectVersion
	}
	return h
}

// registered is the number of registrations that operators made.
func registered(w *world, instance *standin.Instance) (n int) {
	all, err := instance.Applications(w.t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	for _, a := range all {
		if a.ExternalSystem != nil && *a.ExternalSystem != "" {
			n++
		}
	}
	return n
}

// operators is the number of sessions that operators have open.
func operators(w *world, instance *standin.Instance) (n int) {
	all, err := instance.Sessions(w.t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	for _, s := range all {
		if s.ClientID == bed.OperatorURI {
			n++
		}
	}
	return n
}

func (w *world) isPaused(app *v1alpha1.TrustedApplication) (bool, error) {
	_, err := w.ready(app)
	return meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionPaused) != nil, err
}

func (w *world) isGone(app *v1alpha1.TrustedApplication) (bool, error) {
	err := w.Admin.Get(w.t.Context(), client.ObjectKeyFromObject(app), &v1alpha1.TrustedApplication{})
	return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
}

// metric is the sum of a release's counters and gauges of a name, of those that have the labels.
func (w *world) metric(of *release, name string, labels map[string]string) float64 {
	w.t.Helper()
	sum, err := w.read(of, name, labels)
	w.Expect(err).NotTo(HaveOccurred())
	return sum
}

func (w *world) read(of *release, name string, labels map[string]string) (sum float64, err error) {
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+of.Metrics+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return 0, err
	}
	for _, m := range families[name].GetMetric() {
		matching := 0
		for label, value := range labels {
			if slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == label && l.GetValue() == value }) {
				matching++
			}
		}
		if matching == len(labels) {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum, nil
}
