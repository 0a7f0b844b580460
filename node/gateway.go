//go:build !camera

package node

import (
	"context"
	"fmt"
	"net"
	"time"

	"camswarm/node/gateway"
	"camswarm/node/monitor"
	"camswarm/swarm"
	"camswarm/swarm/p2p"
)

// Validate says what is wrong with the section, of a node with a network.
func (c *GatewayConfig) Validate(network *p2p.Config) error {
	if c.Listen == "" {
		return nil
	}
	if err := monitor.CheckListen(c.Listen); err != nil && err != monitor.ErrPublic {
		return badListen(c.Listen, err)
	}
	if c.Rate < 0 {
		return fmt.Errorf("rate is %v; it cannot be negative", c.Rate)
	}
	if network.Membership != "" && !network.Strangers {
		return fmt.Errorf("listen is %q, but the swarm is private (network.membership): who asks by HTTP shows no certificate. Leave it out, or let strangers have blocks by network.strangers = true", c.Listen)
	}
	return nil
}

// wireGateway makes the gateway that the configuration names.
func (n *Node) wireGateway() (err error) {
	if n.cfg.Gateway.Listen == "" {
		return nil
	}
	cfg := gateway.Config{
		Listen: n.cfg.Gateway.Listen, Rate: int64(n.cfg.Gateway.Rate),
		Block: n.exchange.Held, Size: n.exchange.HeldSize,
		Open: func() bool {
			serve, _ := n.exchange.Scopes()
			return serve == swarm.ScopeAll
		},
		Record: n.ipns.record, Registerer: n.registry, Log: n.log,
	}
	if !n.network.Private() {
		cfg.Providers = func() (string, []string) {
			var addrs []string
			for _, a := range n.network.Host().Addrs() {
				addrs = append(addrs, a.String())
			}
			return n.network.Host().ID().String(), addrs
		}
	}
	n.http.gateway, err = gateway.New(cfg)
	return err
}

// GatewayAddr is where the gateway listens; nil while it does not.
func (n *Node) GatewayAddr() net.Addr {
	if n.http.gateway == nil {
		return nil
	}
	return n.http.gateway.Addr()
}

func (n *Node) serveGateway(ctx context.Context) error {
	if n.http.gateway == nil {
		return nil
	}
	return n.http.gateway.Run(ctx)
}

// drainGateway ends the gateway's replies, see Drain.
func (n *Node) drainGateway(ctx context.Context) error {
	if n.http.gateway == nil {
		return nil
	}
	return n.http.gateway.Drain(ctx)
}

// limitGateway takes over what can change while the gateway runs.
func (n *Node) limitGateway(cfg *Config) {
	if n.http.gateway != nil {
		n.http.gateway.SetRate(int64(cfg.Gateway.Rate))
	}
}

// record returns the IPNS record of a name that a publisher left here, while it is
// right for the newest release, and when it ends.
func (k *ipnsKeeper) record(name string) (record []byte, until time.Time, ok bool) {
	name, err := p2p.ParseIPNSName(name)
	if err != nil {
		return nil, until, false
	}
	for _, f := range k.n.followers {
		s := f.newestHeld()
		if s == nil {
			continue
		}
		if own, err := p2p.ParseIPNSName(s.Manifest().IPNSName); err != nil || own != name {
			continue
		}
		view, ok := f.watcher.Current()
		k.mu.Lock()
		kept := k.products[f].kept
		k.mu.Unlock()
		if !ok || kept == nil {
			continue
		}
		r, err := p2p.OpenIPNS(name, kept)
		if err == nil {
			_, err = CheckIPNS(s.Manifest(), s.Envelope(), r, f.trustedTime(&view))
		}
		if err == nil {
			return kept, r.Validity, true
		}
	}
	return nil, until, false
}
