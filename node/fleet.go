//go:build !camera

package node

import (
	"context"

	"github.com/libp2p/go-libp2p/core/crypto"

	"camswarm/beacon"
	"camswarm/node/control"
	"camswarm/verify"
)

// fleet counts what cameras tell this seed.
type fleet struct {
	counter *beacon.Counter
	key     crypto.PrivKey
}

func newFleet(n *Node, key crypto.PrivKey) (*fleet, error) {
	var follow []verify.ProductID
	for _, f := range n.followers {
		follow = append(follow, f.product())
	}
	c, err := beacon.NewCounter(n.network.Host(), n.cfg.Beacons, follow, n.network.Budget().Allow, n.registry, n.log)
	return &fleet{c, key}, err
}

func (f *fleet) run(ctx context.Context) error { return f.counter.Run(ctx) }

// Fleet is what this seed counts of cameras, signed.
func (n *Node) Fleet() (beacon.Statement, error) {
	if n.fleet == nil {
		return beacon.Statement{}, control.ErrNotCounted
	}
	f := beacon.Fleet{Reports: []beacon.Report{}}
	for _, p := range n.followers {
		r := n.fleet.counter.Report(p.product())
		r.Name = p.rules.verifier.Product.String()
		f.Reports = append(f.Reports, r)
	}
	return f.Sign(n.fleet.key)
}
