package announce

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	judged  *prometheus.CounterVec
	looks   *prometheus.CounterVec
	dropped prometheus.Counter
	told    prometheus.Counter
	held    prometheus.Gauge
	served  *prometheus.CounterVec
	asked   *prometheus.CounterVec
}

// newMetrics makes the metrics and registers them; a nil registerer leaves them
// unregistered.
func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		judged: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camswarm_announce_judged_total",
			Help: "Announcements and witness statements by source (gossip, latest, ask, held, self; witness), verdict (accept, ignore, reject, hold) and the attack that the verdict names.",
		}, []string{"source", "verdict", "attack"}),
		looks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camswarm_announce_looks_total",
			Help: "Looks at the chain by cause: release (a signed envelope never seen before), doubt (one that witnesses do not confirm), hint (a claim that proves nothing), credit (the same from a peer whose last one was true), retry (for what is held), self.",
		}, []string{"cause"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "camswarm_announce_dropped_total",
			Help: "Messages dropped unread because their sender was over its rate (gossip_flood) or muted for invalid ones.",
		}),
		told: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "camswarm_announce_told_total",
			Help: "Hints published because the node's own view of the registry rose.",
		}),
		held: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "camswarm_announce_held",
			Help: "Announcements that wait for the chain's view.",
		}),
		served: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camswarm_announce_latest_served_total",
			Help: "Questions for the latest announcement by outcome: full, hint (the asker has the envelope), empty, refused (over rate or too many at once), failed.",
		}, []string{"outcome"}),
		asked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camswarm_announce_latest_asked_total",
			Help: "Questions put to peers by outcome: answer, empty, failed.",
		}, []string{"outcome"}),
	}
	if r == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.judged, m.looks, m.dropped, m.told, m.held, m.served, m.asked} {
		errs = append(errs, r.Register(c))
	}
	return m, errors.Join(errs...)
}
