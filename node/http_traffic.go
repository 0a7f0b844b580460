//go:build !camera

package node

import "github.com/prometheus/client_golang/prometheus"

var (
	tierBytesDesc = prometheus.NewDesc("camswarm_traffic_bytes_total",
		"Bytes of blocks over the node's whole life, by how near the peer was (lan, region, seed, other) and direction (sent, received).", []string{"tier", "direction"}, nil)
	installsDesc = prometheus.NewDesc("camswarm_installs_total",
		"What became of installs over the node's whole life: installed, confirmed, failed, rolled back.", []string{"outcome"}, nil)
)

// lifeCollector gives out what a node counts over its whole life.
type lifeCollector struct{ n *Node }

// Describe implements prometheus.Collector.
func (lifeCollector) Describe(out chan<- *prometheus.Desc) { out <- tierBytesDesc; out <- installsDesc }

// Collect implements prometheus.Collector.
func (c lifeCollector) Collect(out chan<- prometheus.Metric) {
	life := c.n.traffic.total()
	for _, t := range life.tiers() {
		out <- prometheus.MustNewConstMetric(tierBytesDesc, prometheus.CounterValue, float64(t.SentBytes), t.Tier, "sent")
		out <- prometheus.MustNewConstMetric(tierBytesDesc, prometheus.CounterValue, float64(t.ReceivedBytes), t.Tier, "received")
	}
	for outcome, n := range map[string]int64{"installed": life.Installs.Installed, "confirmed": life.Installs.Confirmed, "failed": life.Installs.Failed, "rolled back": life.Installs.RolledBack} {
		out <- prometheus.MustNewConstMetric(installsDesc, prometheus.CounterValue, float64(n), outcome)
	}
}
