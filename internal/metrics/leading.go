package metrics

import "github.com/prometheus/client_golang/prometheus"

// Leading is 1 from the moment that elected is closed: this process does the work, and reports Activity and State. The name of its Lease tells
// shards apart: one without a leader must not hide behind another.
func Leading(lease string, elected <-chan struct{}) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "trustedapp_leading",
		Help:        "1 where this process does the work, 0 where it stands by.",
		ConstLabels: prometheus.Labels{labelLease: lease},
	}, func() float64 {
		select {
		case <-elected:
			return 1
		default:
			return 0
		}
	})
}
