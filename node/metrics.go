package node

import (
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/verify"
)

// metrics are the pipeline's own; the mechanisms register theirs.
type metrics struct {
	refusals  *prometheus.CounterVec
	installed *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "camswarm", Subsystem: "pipeline", Name: "refusals_total",
			Help: "Releases turned down or stages failed, by stage and the name of the attack or fault.",
		}, []string{"stage", "attack"}),
		installed: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "camswarm", Subsystem: "pipeline", Name: "installed_sequence",
			Help: "Sequence of the confirmed release.",
		}, []string{"product"}),
	}
	reg.MustRegister(m.refusals, m.installed)
	return m
}

// refused counts a refusal under its attack name; plain failures count as
// "fault".
func (m *metrics) refused(stage string, err error) {
	attack := verify.AttackName(err)
	if attack == "" {
		attack = "fault"
	}
	m.refusals.WithLabelValues(stage, attack).Inc()
}
