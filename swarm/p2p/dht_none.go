//go:build camera

package p2p

import (
	"context"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"
)

// HasDHT tells whether this build links the DHT and with it IPNS. The camera build
// (build tag "camera") does not: a camera finds others through its seeds.
const HasDHT = false

type kademlia struct{}

func (n *Network) dhtServers() int { return 0 }

func (n *Network) startDHT() (stop func(), err error) { return nil, ErrNoDHT }

// Provide returns ErrNoDHT.
func (n *Network) Provide(context.Context, cid.Cid) error { return ErrNoDHT }

// FindProviders returns ErrNoDHT.
func (n *Network) FindProviders(context.Context, cid.Cid) ([]peer.AddrInfo, error) {
	return nil, ErrNoDHT
}
