package p2p

import (
	"crypto/rand"
	"errors"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/host/autonat"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	libp2pswarm "github.com/libp2p/go-libp2p/p2p/net/swarm"
	relayv2 "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	ma "github.com/multiformats/go-multiaddr"
)

// serveNAT makes a seed help nodes behind NAT: AutoNAT tells them over TCP
// whether they can be reached, and a relay carries what two of them need to
// punch a hole. A relayed connection ends after 128 KiB or 2 minutes (the
// defaults of circuit v2), so that no image travels through a seed this way.
// All parts are linked by the basic host anyway; together they add 0.1 MB.
func (h *cameraHost) serveNAT(cfg Config, limits Limits) error {
	resources := relayv2.DefaultResources()
	resources.MaxReservations = limits.Connections / 2
	resources.MaxReservationsPerIP = limits.ConnectionsPerIP
	resources.MaxReservationsPerASN = limits.Connections / 2 // cameras of a country share a few providers
	relay, err := relayv2.New(h, relayv2.WithResources(resources), relayv2.WithACL(relayACL{h.gater}))
	if err != nil {
		return err
	}
	h.closers = append(h.closers, relay.Close)

	// AutoNAT dials from an identity of its own, so that it is never answered on
	// a connection that exists already.
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return err
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return err
	}
	store, err := pstoremem.NewPeerstore()
	if err != nil {
		return err
	}
	h.closers = append(h.closers, store.Close)
	if err := errors.Join(store.AddPrivKey(id, key), store.AddPubKey(id, key.GetPublic())); err != nil {
		return err
	}
	dialer, err := libp2pswarm.NewSwarm(id, store, eventbus.NewBus(),
		libp2pswarm.WithConnectionGater(h.gater),
		libp2pswarm.WithResourceManager(h.rcmgr),
		libp2pswarm.WithDialTimeout(cfg.DialTimeout),
		libp2pswarm.WithUDPBlackHoleSuccessCounter(nil),
		libp2pswarm.WithIPv6BlackHoleSuccessCounter(nil))
	if err != nil {
		return err
	}
	h.closers = append(h.closers, dialer.Close)
	// No gate: its identity is nobody's, and all that it tells is that the
	// transport answers.
	if _, err := addTCP(dialer, key, limits, h.rcmgr, h.gater, nil, cfg.DialTimeout); err != nil {
		return err
	}
	// A seed has a public address or forwarded ports; it does not probe itself.
	service, err := autonat.New(h, autonat.EnableService(dialer), autonat.WithReachability(network.ReachabilityPublic))
	if err != nil {
		return err
	}
	h.SetAutoNat(service) // the host closes it
	return nil
}

// relayACL relays for and to those who may connect.
type relayACL struct{ gater *gater }

// AllowReserve implements relay.ACLFilter.
func (a relayACL) AllowReserve(p peer.ID, addr ma.Multiaddr) bool { return a.gater.allow(p, addr) }

// AllowConnect implements relay.ACLFilter. The destination was asked when it
// reserved.
func (a relayACL) AllowConnect(src peer.ID, addr ma.Multiaddr, dest peer.ID) bool {
	return a.gater.allow(src, addr) && !a.gater.bans.holds(dest, a.gater.now())
}
