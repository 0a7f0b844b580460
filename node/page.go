//go:build !camera

package node

import (
	"cmp"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"camswarm/node/page"
)

// showPage has the monitoring listener, if there is one, show this node to people.
func (n *Node) showPage() { n.HandleHTTP("GET /{$}", page.Handler(n.pageData)) }

func (n *Node) pageData() (page.Data, error) {
	d := page.Data{Now: time.Now(), Status: n.Status()}
	for _, f := range n.followers {
		p := page.Product{Name: f.rules.verifier.Product.String(), Region: f.cfg.Region}
		if view, ok := f.watcher.Current(); ok {
			p.Rollout, p.Paused = view.Candidates, view.Paused
		}
		if n.fleet != nil {
			r := n.fleet.Report(f.product())
			p.Fleet = &r
		}
		d.Products = append(d.Products, p)
	}
	families, err := n.registry.Gather()
	d.Attacks = attacksIn(families)
	return d, err
}

// attackLabels say which label of a metric names what was turned away, and which values
// do not: what is a fault or honest.
var attackLabels = map[string]struct {
	label, where string
	honest       []string
}{
	"camswarm_pipeline_refusals_total":      {"attack", "a release", []string{"fault"}},
	"camswarm_announce_judged_total":        {"attack", "announcements", []string{"", "gossip_before_chain", "gossip_replay"}},
	"camswarm_chain_refusals_total":         {"attack", "the chain's endpoints", nil},
	"camswarm_exchange_hostile_total":       {"what", "blocks", nil},
	"camswarm_exchange_refused_wants_total": {"reason", "wants", []string{"enough"}},
	"camswarm_network_refused_total":        {"reason", "connections", []string{"useless", "not-lan"}},
	"camswarm_beacon_heard_total":           {"outcome", "beacons", []string{"counted", "withdrawn", "failed", "product"}},
}

// attacksIn sums up what was turned away, most first.
func attacksIn(families []*dto.MetricFamily) (out []page.Attack) {
	for _, f := range families {
		about, ok := attackLabels[f.GetName()]
		if !ok {
			continue
		}
		for _, m := range f.GetMetric() {
			at := slices.IndexFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == about.label })
			if at < 0 || m.GetCounter().GetValue() == 0 || slices.Contains(about.honest, m.GetLabel()[at].GetValue()) {
				continue
			}
			a := page.Attack{Where: about.where, Name: m.GetLabel()[at].GetValue(), Count: uint64(m.GetCounter().GetValue())}
			if same := slices.IndexFunc(out, func(b page.Attack) bool { return a.Where == b.Where && a.Name == b.Name }); same >= 0 {
				out[same].Count += a.Count
			} else {
				out = append(out, a)
			}
		}
	}
	slices.SortFunc(out, func(a, b page.Attack) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name))
	})
	return out
}
