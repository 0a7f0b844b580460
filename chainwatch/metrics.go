package chainwatch

import (
	"fmt"
	"time"

	"camswarm/verify"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of one watcher; the product's id is a constant label, since one node
// may follow several.
type metrics struct {
	looks    *prometheus.CounterVec
	rev      prometheus.Gauge
	stopped  prometheus.Gauge
	refuted  prometheus.Counter
	refusals *prometheus.CounterVec
	failures *prometheus.CounterVec
	latency  *prometheus.GaugeVec
	says     *prometheus.GaugeVec
	block    *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer, product verify.ProductID) (*metrics, error) {
	m := &metrics{
		looks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camswarm_chain_looks_total", Help: "Looks at the registry, by result (accepted, held).",
		}, []string{"result"}),
		rev: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "camswarm_chain_rev", Help: "Revision of the accepted view.",
		}),
		stopped: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "camswarm_chain_stopped", Help: "1 while a stop quorum holds the accepted view back.",
		}),
		refuted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "camswarm_chain_refuted_total", Help: "Views that were accepted once and that quorums refuted for long enough.",
		}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camswarm_chain_refusals_total", Help: "Answers and views refused, by attack name.",
		}, []string{"attack"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camswarm_chain_endpoint_failures_total", Help: "Looks in which an endpoint gave no usable answer or one without a vote, by attack name.",
		}, []string{"host", "attack"}),
		latency: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "camswarm_chain_endpoint_seconds", Help: "Duration of an endpoint's last usable answer.",
		}, []string{"host"}),
		says: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "camswarm_chain_endpoint_rev", Help: "Revision in an endpoint's last usable answer.",
		}, []string{"host"}),
		block: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "camswarm_chain_endpoint_block", Help: "Head block in an endpoint's last usable answer.",
		}, []string{"host"}),
	}
	return m, register(r, product, "chain", m.looks, m.rev, m.stopped, m.refuted, m.refusals, m.failures, m.latency, m.says, m.block)
}

// register registers the metrics of a product, unless r is nil.
func register(r prometheus.Registerer, product verify.ProductID, what string, all ...prometheus.Collector) error {
	if r == nil {
		return nil
	}
	r = prometheus.WrapRegistererWith(prometheus.Labels{"product": product.String()[:16]}, r)
	for _, c := range all {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register %s metrics: %w", what, err)
		}
	}
	return nil
}

func (m *metrics) refused(err error) { m.refusals.WithLabelValues(attackLabel(err)).Inc() }

// refusedFrom counts the refusal of one endpoint's answer.
func (m *metrics) refusedFrom(host string, err error) {
	m.refused(err)
	m.failures.WithLabelValues(host, attackLabel(err)).Inc()
}

func attackLabel(err error) string {
	if attack := verify.AttackName(err); attack != "" {
		return attack
	}
	return "other"
}

func (m *metrics) answered(host string, a Answer, latency time.Duration) {
	m.latency.WithLabelValues(host).Set(latency.Seconds())
	m.says.WithLabelValues(host).Set(float64(a.View.Rev))
	m.block.WithLabelValues(host).Set(float64(a.View.Block))
}

// panelMetrics are those of one panel of witnesses.
type panelMetrics struct {
	statements   *prometheus.CounterVec
	rev          prometheus.Gauge
	setAside     prometheus.Gauge
	contradicted prometheus.Counter
}

func newPanelMetrics(r prometheus.Registerer, product verify.ProductID) (*panelMetrics, error) {
	m := &panelMetrics{
		statements: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camswarm_witness_statements_total", Help: "Statements of witnesses that came, by result: accepted, or the attack name.",
		}, []string{"result"}),
		rev: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "camswarm_witness_rev", Help: "Revision that a quorum of witnesses agreed on last.",
		}),
		setAside: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "camswarm_witness_set_aside", Help: "Witnesses that said two things of one revision and count for nothing.",
		}),
		contradicted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "camswarm_witness_contradicted_total", Help: "Times that the device's own quorum contradicted the witnesses.",
		}),
	}
	return m, register(r, product, "witness", m.statements, m.rev, m.setAside, m.contradicted)
}
