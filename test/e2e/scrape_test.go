package e2e

import (
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"trustedapps.dev/operator/test/bed"
)

// scrapeText reads the operator's metrics endpoint as Prometheus does.
func scrapeText(ctx context.Context) string {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metricsAddress+"/metrics", http.NoBody)
	Expect(err).NotTo(HaveOccurred())
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { Expect(response.Body.Close()).To(Succeed()) }()
	body, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	Expect(response.StatusCode).To(Equal(http.StatusOK), "%s", body)
	return string(body)
}

// served waits until a restarted operator serves its metrics.
func served(ctx context.Context) {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metricsAddress+"/metrics", http.NoBody)
	Expect(err).NotTo(HaveOccurred())
	Eventually(func() error {
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}).Should(Succeed())
}

// scrape returns the operator's own metrics by name.
func scrape(ctx context.Context) map[string]*dto.MetricFamily {
	GinkgoHelper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(scrapeText(ctx)))
	Expect(err).NotTo(HaveOccurred())
	for name := range families {
		if !strings.HasPrefix(name, "trustedapp_") {
			delete(families, name)
		}
	}
	return families
}

// value adds up the series with the labels; of a histogram, the count.
func value(families map[string]*dto.MetricFamily, name string, labels map[string]string) (sum float64, found bool) {
	if families[name] == nil {
		return 0, false
	}
	for _, m := range families[name].Metric {
		if !hasLabels(m, labels) {
			continue
		}
		found = true
		sum += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return sum, found
}

func hasLabels(m *dto.Metric, labels map[string]string) bool {
	have := map[string]string{}
	for _, l := range m.Label {
		have[l.GetName()] = l.GetValue()
	}
	for name, v := range labels {
		if have[name] != v {
			return false
		}
	}
	return true
}

// described is a metric without its values: its type and the names of its labels.
type described struct {
	kind   string
	labels string
}

func describe(families map[string]*dto.MetricFamily) map[string]described {
	all := map[string]described{}
	for name, family := range families {
		for _, m := range family.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName())
			}
			slices.Sort(labels)
			d := described{strings.ToLower(family.GetType().String()), strings.Join(labels, " ")}
			if known, ok := all[name]; ok {
				Expect(d).To(Equal(known), "series of %s differ in their labels", name)
			}
			all[name] = d
		}
	}
	return all
}

// documented is the table of docs/metrics.md.
func documented() map[string]described {
	GinkgoHelper()
	page, err := os.ReadFile(bed.Path("docs/metrics.md"))
	Expect(err).NotTo(HaveOccurred())
	all := map[string]described{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(trustedapp_\\w+)` \\| (\\w+) \\| ([^|]*)\\| .+ \\|$").FindAllStringSubmatch(string(page), -1) {
		labels := strings.FieldsFunc(row[3], func(r rune) bool { return r == ',' || r == '`' || r == ' ' })
		slices.Sort(labels)
		Expect(all).NotTo(HaveKey(row[1]))
		all[row[1]] = described{row[2], strings.Join(labels, " ")}
	}
	return all
}
