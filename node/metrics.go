package node

import (
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/verify"
)

// metrics are the pipeline's own; the mechanisms register theirs.
type metrics struct {
	refusals  *prometheus.CounterVec
	installed *prometheus.GaugeVec
	keys      *prometheus.GaugeVec
	verdicts  *prometheus.CounterVec
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
		keys: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "camswarm", Subsystem: "pipeline", Name: "keys_disagree",
			Help: "1 while the registry lists other signing keys than this device trusts, and nothing is installed.",
		}, []string{"product"}),
	}
	m.verdicts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "camswarm", Subsystem: "pipeline", Name: "verdicts_total",
		Help: "Announcements accepted, by whose word on the chain: the own quorum's, or witnesses'.",
	}, []string{"by"})
	reg.MustRegister(m.refusals, m.installed, m.keys, m.verdicts)
	return m
}

// refused counts a refusal under its attack name; plain failures count as
// "fault".
func (m *metrics) refused(at stage, err error) {
	attack := verify.AttackName(err)
	if attack == "" {
		attack = "fault"
	}
	m.refusals.WithLabelValues(string(at), attack).Inc()
}

// keysDisagreeNow notes whether the registry's keys are those that are trusted.
func (m *metrics) keysDisagreeNow(product verify.Product, disagree bool) {
	value := 0.0
	if disagree {
		value = 1
	}
	m.keys.WithLabelValues(product.String()).Set(value)
}
