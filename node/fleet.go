//go:build !camera

package node

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"

	"camswarm/announce/beacon"
	"camswarm/node/control"
	"camswarm/verify"
)

// fleet counts what cameras tell this seed.
type fleet struct {
	counter *beacon.Counter
	key     crypto.PrivKey

	mu   sync.Mutex
	said map[verify.ProductID]beacon.Report // a moment ago
}

// fleetAge is how old a report may be that is given out: who asks again and again must
// not make a seed count again and again.
const fleetAge = time.Second

// report is what is counted of a product.
func (f *fleet) report(product verify.ProductID) beacon.Report {
	f.mu.Lock()
	r, ok := f.said[product]
	f.mu.Unlock()
	if age := time.Since(r.At); ok && age >= 0 && age < fleetAge {
		return r
	}
	r = f.counter.Report(product)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said[product] = r
	return r
}

func newFleet(n *Node, key crypto.PrivKey) (*fleet, error) {
	var follow []verify.Product
	for _, f := range n.followers {
		follow = append(follow, f.rules.verifier.Product)
	}
	c, err := beacon.NewCounter(n.network.Host(), n.cfg.Beacons, follow, n.network.Budget().Allow, n.latest, n.registry, n.log)
	return &fleet{counter: c, key: key, said: map[verify.ProductID]beacon.Report{}}, err
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

func (f *fleet) run(ctx context.Context) error { return f.counter.Run(ctx) }

// Fleet is what this seed counts of cameras, signed.
func (n *Node) Fleet() (beacon.Statement, error) {
	if n.fleet == nil {
		return beacon.Statement{}, control.ErrNotCounted
	}
	f := beacon.Fleet{Reports: []beacon.Report{}}
	for _, p := range n.followers {
		r := n.fleet.report(p.product())
		r.Name = p.rules.verifier.Product.String()
		f.Reports = append(f.Reports, r)
	}
	return f.Sign(n.fleet.key)
}
