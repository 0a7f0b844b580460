package p2p

import "github.com/prometheus/client_golang/prometheus"

// metrics are what a network counts for its operator.
type metrics struct {
	registerer  prometheus.Registerer
	registered  []prometheus.Collector
	dials       *prometheus.CounterVec // by source and result
	discovered  *prometheus.CounterVec // by source
	refused     *prometheus.CounterVec // by reason
	full        *prometheus.CounterVec // by who has no room
	connections *connectionCollector
}

func newMetrics(n *Network) *metrics {
	name := func(s string) string { return prometheus.BuildFQName("camswarm", "network", s) }
	return &metrics{
		dials: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("dials_total"),
			Help: "Dials of discovery, by source of the peer (static, provider, mdns, introduced, dht) and result (ok, failed)."}, []string{"source", "result"}),
		discovered: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("discovered_total"),
			Help: "Peers discovered that were not known, by source."}, []string{"source"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("refused_total"),
			Help: "Connections and dials refused, by reason: banned, not-lan, not-admitted, useless."}, []string{"reason"}),
		full: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("full_total"),
			Help: "Connections ended for want of room with a word about when to come back, by who has none: here, there."}, []string{"who"}),
		connections: &connectionCollector{network: n,
			open: prometheus.NewDesc(name("connections"), "Open connections, by transport and direction.", []string{"transport", "direction"}, nil),
			bans: prometheus.NewDesc(name("bans"), "Peers that are banned.", nil, nil),
		},
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	m.registerer = r
	for _, c := range []prometheus.Collector{m.dials, m.discovered, m.refused, m.full, m.connections} {
		if err := r.Register(c); err != nil {
			return err // Close unregisters the others
		}
		m.registered = append(m.registered, c)
	}
	return nil
}

func (m *metrics) unregister() {
	for _, c := range m.registered {
		m.registerer.Unregister(c)
	}
	m.registered = nil
}

// connectionCollector reads the host when it is scraped.
type connectionCollector struct {
	network    *Network
	open, bans *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *connectionCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.open
	out <- c.bans
}

// Collect implements prometheus.Collector.
func (c *connectionCollector) Collect(out chan<- prometheus.Metric) {
	counts := map[[2]string]int{}
	for _, conn := range c.network.host.Network().Conns() {
		counts[[2]string{transportOf(conn.RemoteMultiaddr()), direction(conn)}]++
	}
	for k, v := range counts {
		out <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, float64(v), k[0], k[1])
	}
	out <- prometheus.MustNewConstMetric(c.bans, prometheus.GaugeValue, float64(len(c.network.gater.bans.list(c.network.now()))))
}
