//go:build !camera

package p2p

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/ipfs/go-cid"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"github.com/libp2p/go-libp2p-kad-dht/records"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// HasDHT tells whether this build links the DHT and with it IPNS. The camera build
// (build tag "camera") does not: a camera finds others through its seeds.
const HasDHT = true

// kademlia is what a network has of a DHT.
type kademlia struct {
	dht  atomic.Pointer[dht.IpfsDHT] // nil: it is off
	ipns ipnsNames
}

// dhtServers is how many servers the routing table has.
func (n *Network) dhtServers() int {
	if d := n.dht.Load(); d != nil {
		return d.RoutingTable().Size()
	}
	return 0
}

// startDHT joins the DHT; stop leaves it.
func (n *Network) startDHT() (stop func(), err error) {
	opts := []dht.Option{
		dht.ProtocolPrefix(DHTProtocolPrefix),
		dht.Datastore(n.newBoundedRecords()),
		dht.ProviderManagerOpts(records.ProvideValidity(providerValidity), records.ProviderAddrTTL(providerValidity), records.Cache(noCache{})),
		// Of values only IPNS records, and of names that the node cares for: others
		// would let anybody fill a server's memory.
		dht.Validator(ipnsValidator{&n.ipns}),
		dht.BootstrapPeersFunc(func() []peer.AddrInfo { return n.statics() }),
		dht.OnRequestHook(func(_ context.Context, s network.Stream, _ *pb.Message) {
			if !n.budget.Allow(s.Conn().RemotePeer(), dhtCost) {
				_ = s.Reset() // this request is still answered, to nobody
			}
		}),
	}
	if n.cfg.seed() {
		opts = append(opts, dht.Mode(dht.ModeServer))
	} else {
		opts = append(opts, dht.Mode(dht.ModeClient),
			// Each query dials its servers; few at a time, and none to refresh a
			// table that a camera asks twice a day.
			dht.Concurrency(3), dht.LookupCheckConcurrency(4), dht.DisableAutoRefresh(),
			dht.ValueGCInterval(0)) // it stores no values
	}
	d, err := dht.New(n.host, opts...)
	if err != nil {
		return nil, fmt.Errorf("swarm: cannot start the DHT: %w", err)
	}
	n.dht.Store(d)
	return func() {
		n.dht.Store(nil)
		if err := d.Close(); err != nil {
			n.log.Warn("the DHT did not close cleanly", "err", err)
		}
	}, nil
}

// Provide tells the DHT that this node has what c names. It returns ErrNoDHT
// without a DHT, and an error when no server was reached.
func (n *Network) Provide(ctx context.Context, c cid.Cid) error {
	d := n.dht.Load()
	if d == nil {
		return ErrNoDHT
	}
	ctx, cancel := context.WithTimeout(ctx, routingTimeout)
	defer cancel()
	if err := d.Provide(ctx, c, true); err != nil {
		return fmt.Errorf("swarm: provide %s: %w", c, err)
	}
	return nil
}

// FindProviders asks the DHT who has what c names, up to 20 peers, with the
// addresses that can be dialled from here. It returns what was found when ctx
// or its own limit of 30 s ends the search, and ErrNoDHT without a DHT.
func (n *Network) FindProviders(ctx context.Context, c cid.Cid) ([]peer.AddrInfo, error) {
	d := n.dht.Load()
	if d == nil {
		return nil, ErrNoDHT
	}
	ctx, cancel := context.WithTimeout(ctx, routingTimeout)
	defer cancel()
	var found []peer.AddrInfo
	for info := range d.FindProvidersAsync(ctx, c, findCount) {
		if info.ID == n.host.ID() {
			continue
		}
		if len(info.Addrs) == 0 {
			info.Addrs = n.host.Peerstore().Addrs(info.ID)
		}
		info.Addrs = n.links.dialable(info.Addrs)
		found = append(found, info)
	}
	return found, nil
}
