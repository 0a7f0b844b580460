//go:build !camera

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"camswarm/node/control"
	"camswarm/node/gateway"
	"camswarm/node/monitor"
)

// monitoring are the node's listeners for others than peers; nil: it has none.
type monitoring struct {
	server  *monitor.Server
	gateway *gateway.Server
}

// Validate says what is wrong with the section.
func (c *HTTPConfig) Validate() error {
	if c.Listen == "" {
		return nil
	}
	err := monitor.CheckListen(c.Listen)
	if errors.Is(err, monitor.ErrPublic) {
		if c.Public {
			return nil
		}
		err = errors.New("other machines could read what it serves; listen on 127.0.0.1, or write public = true")
	}
	if err != nil {
		return badListen(c.Listen, err)
	}
	return nil
}

// wireHTTP makes the listener that the configuration names.
func (n *Node) wireHTTP() {
	if n.cfg.HTTP.Listen == "" {
		return
	}
	process := prometheus.NewRegistry()
	process.MustRegister(lifeCollector{n}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "camswarm_build_info", Help: "1, labelled by the program's version and what it can be.",
			ConstLabels: prometheus.Labels{"version": Version(), "build": Build, "role": string(n.cfg.Role)}}, func() float64 { return 1 }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "camswarm_disk_free_bytes", Help: "Free bytes on the file system of the state directory."},
			func() float64 { return float64(n.keeper.usage().free) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "camswarm_disk_used_bytes", Help: "Allocated bytes of all releases."},
			func() float64 { return float64(n.keeper.usage().used) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "camswarm_peers", Help: "Connected peers."},
			func() float64 { return float64(len(n.network.Host().Network().Peers())) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "camswarm_ready", Help: "1 if /readyz says that nothing is missing."},
			func() float64 {
				if len(n.readiness().Missing) > 0 {
					return 0
				}
				return 1
			}))
	n.http.server = monitor.New(monitor.Config{
		Listen: n.cfg.HTTP.Listen, Gatherer: prometheus.Gatherers{n.registry, process},
		Alive: n.Alive, Ready: n.readiness, Log: n.log,
	})
}

// HandleHTTP adds a handler to the monitoring listener, see monitor.Server.Handle. It
// reports whether there is one.
func (n *Node) HandleHTTP(pattern string, h http.Handler) bool {
	if n.http.server == nil {
		return false
	}
	n.http.server.Handle(pattern, h)
	return true
}

// HTTPAddr is where the monitoring listener listens; nil while it does not.
func (n *Node) HTTPAddr() net.Addr {
	if n.http.server == nil {
		return nil
	}
	return n.http.server.Addr()
}

// serveHTTP runs the listener until ctx ends.
func (n *Node) serveHTTP(ctx context.Context) error {
	if n.http.server == nil {
		return nil
	}
	return n.http.server.Run(ctx)
}

// A view of the chain counts as fresh for so many polls, and at least for freshFor,
// within which an endpoint that asks for patience is asked again.
const (
	freshPolls = 3
	freshFor   = 10 * time.Minute
)

// readiness tells what keeps the node from doing what it is there for. It waits for
// nobody.
func (n *Node) readiness() (r monitor.Readiness) {
	miss := func(what, product, format string, a ...any) {
		r.Missing = append(r.Missing, monitor.Missing{What: what, Product: product, Message: fmt.Sprintf(format, a...)})
	}
	if n.draining.Load() {
		miss("stopping", "", "the node was told to stop and finishes what it is sending")
	}
	net := n.network.Host().Network()
	if len(n.cfg.Network.Listen) > 0 && len(net.ListenAddresses()) == 0 {
		miss("listen", "", "no address of network.listen can be listened on")
	}
	if len(n.cfg.Network.Peers) > 0 && len(net.Peers()) == 0 {
		miss("peers", "", "none of network.peers is connected, nor anybody else")
	}
	for _, f := range n.followers {
		if !f.running() {
			miss("started", f.cfg.Name, "the product's loop does not run")
			continue
		}
		w, fresh := f.watcher.Status(), max(freshFor, freshPolls*(f.cfg.Chain.Poll+f.cfg.Chain.PollJitter))
		switch age := time.Since(w.Confirmed); {
		case !w.Accepted || w.Confirmed.IsZero():
			miss("chain", f.cfg.Name, "no view of the chain was accepted since the start: %s", orWaiting(w.Error))
		case age > fresh:
			miss("chain", f.cfg.Name, "no quorum confirmed the view of the chain for %v: %s", age.Round(time.Second), orWaiting(w.Error))
		}
		if t := f.target(f.published.Load()); t != nil && t.Fetch && t.State < control.StateVerified {
			miss("release", f.cfg.Name, "release %d is not held whole: %s %s", t.Sequence, t.State, t.LastError)
		}
	}
	return r
}

func orWaiting(why string) string {
	if why == "" {
		return "endpoints are being asked"
	}
	return why
}
