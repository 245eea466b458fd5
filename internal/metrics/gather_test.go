package metrics

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
)

// gather scrapes collectors: values by name and labels. Of a histogram it is the count, and the cumulative count of each bucket.
func gather(t *testing.T, collectors ...prometheus.Collector) map[string]float64 {
	t.Helper()
	g := NewWithT(t)
	registry := prometheus.NewPedanticRegistry()
	for _, c := range collectors {
		g.Expect(registry.Register(c)).To(Succeed())
	}
	families, err := registry.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			name := strings.TrimPrefix(family.GetName(), "trustedapp_") + "{" + strings.Join(labels, ",") + "}"
			switch {
			case m.Gauge != nil:
				values[name] = m.Gauge.GetValue()
			case m.Counter != nil:
				values[name] = m.Counter.GetValue()
			case m.Histogram != nil:
				values[name] = float64(m.Histogram.GetSampleCount())
				for _, b := range m.Histogram.Bucket {
					values[fmt.Sprintf("%s<=%g", name, b.GetUpperBound())] = float64(b.GetCumulativeCount())
				}
			}
		}
	}
	return values
}

// matching keeps the values whose names begin so.
func matching(values map[string]float64, prefix string) map[string]float64 {
	found := map[string]float64{}
	for name, v := range values {
		if strings.HasPrefix(name, prefix) {
			found[name] = v
		}
	}
	return found
}
