package links

import (
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
)

// Host makes a plain go-libp2p host on node i, which listens there and has no
// other transport: no relay, no metrics, no address discovery by identify (its
// timers stand in the way of virtual time), and no limits unless opts bring a
// resource manager. A nil key makes a random one.
func Host(n Network, i int, key crypto.PrivKey, opts ...libp2p.Option) (host.Host, error) {
	all := []libp2p.Option{
		libp2p.ListenAddrs(n.Addr(i)),
		libp2p.Transport(n.Transport(i)),
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.DisableMetrics(),
		libp2p.DisableRelay(),
	}
	if key != nil {
		all = append(all, libp2p.Identity(key))
	}
	all = append(all, opts...)
	all = append(all, func(c *libp2p.Config) error {
		if c.ResourceManager == nil {
			c.ResourceManager = &network.NullResourceManager{}
		}
		return nil
	})
	return libp2p.New(all...)
}
