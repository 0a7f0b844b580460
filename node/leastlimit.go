package node

import (
	"fmt"

	"camswarm/node/control"
	"camswarm/swarm"
	"camswarm/swarm/units"
)

// RaiseLimits raises the limits that are below [swarm.MinLimit] to it, and says which. A
// configuration that an earlier version took must not stop a device whose firmware has
// just brought this one: [New] and [Node.Reconfigure] raise, warn, and raise the alarm
// limit_raised.
func (c *Config) RaiseLimits() (raised []string) {
	for _, l := range []struct {
		key  string
		rate *units.Rate
	}{
		{"exchange.upload_limit", &c.Exchange.UploadLimit},
		{"exchange.download_limit", &c.Exchange.DownloadLimit},
		{"polite.busy_download", &c.Polite.BusyDownload},
	} {
		was := *l.rate
		if raise(l.rate) {
			raised = append(raised, fmt.Sprintf("%s is %s and counts as %s (64 kbit/s), the least", l.key, was, swarm.MinLimit))
		}
	}
	return raised
}

// raise raises one limit, if it has to.
func raise(r *units.Rate) bool {
	low := *r > 0 && *r < swarm.MinLimit
	if low {
		*r = swarm.MinLimit
	}
	return low
}

// raiseKept does so for limits that were kept.
func raiseKept(l *control.Limits) {
	raise(&l.UploadLimit)
	raise(&l.DownloadLimit)
}

// raiseLimits has the node go by limits that are not too low; it takes the place of what was
// noted before.
func (n *Node) raiseLimits(c *Config) {
	raised := c.RaiseLimits()
	for _, r := range raised {
		n.log.Warn("a limit is too low and is raised", "limit", r)
	}
	n.raised.Store(&raised)
}
