//go:build !camera

package node

import (
	"encoding/json"
	"net/http"

	"camswarm/announce/beacon"
	"camswarm/node/control"
	"camswarm/verify"
)

// fleet counts what cameras tell this seed.
type fleet struct{ *beacon.Counter }

func newFleet(n *Node) (*fleet, error) {
	var follow []verify.Product
	for _, f := range n.followers {
		follow = append(follow, f.rules.verifier.Product)
	}
	c, err := beacon.NewCounter(n.network.Host(), n.cfg.Beacons, follow, n.network.Budget().Allow, n.latest, n.registry, n.log)
	return &fleet{c}, err
}

// latest is the newest release of a product by the chain as it was seen last.
func (n *Node) latest(product verify.ProductID) uint64 {
	if f := n.follower(product); f != nil {
		if view, ok := f.watcher.Current(); ok {
			return view.Latest
		}
	}
	return 0
}

// serveFleet has the monitoring listener, if there is one, give out what is counted.
func (n *Node) serveFleet() {
	n.HandleHTTP("GET /v1/fleet", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s, err := n.Fleet()
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(s)
	}))
}

// Fleet is what this seed counts of cameras, signed.
func (n *Node) Fleet() (beacon.Statement, error) {
	if n.fleet == nil {
		return beacon.Statement{}, control.ErrNotCounted
	}
	return n.fleet.Statement()
}
