package p2p

import (
	"errors"

	"github.com/libp2p/go-libp2p/core/peer"
	blankhost "github.com/libp2p/go-libp2p/p2p/host/blank"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	libp2pswarm "github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/protocol/autonatv2"
	relayv2 "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
)

// serve starts what a seed does for nodes behind NATs; it does nothing on a camera.
func (h *cameraHost) serve(cfg Config, limits Limits, construct TransportConstructor) error {
	if !cfg.seed() {
		return nil
	}
	return errors.Join(h.serveRelay(limits), h.serveProbes(cfg, limits, construct))
}

// serveRelay makes a seed carry what two nodes behind NATs need to punch a hole. A
// relayed connection ends after 128 KiB or 2 minutes (the defaults of circuit v2), so
// that no image travels through a seed this way. The basic host links the relay
// anyway.
func (h *cameraHost) serveRelay(limits Limits) error {
	h.relays = newRelays(limits)
	relay, err := relayv2.New(h, relayv2.WithResources(h.relays.resources), relayv2.WithACL(relayACL{h.gater, h.relays}), relayv2.WithMetricsTracer(h.relays))
	if err != nil {
		return err
	}
	h.closers = append(h.closers, relay.Close)
	return nil
}

// serveProbes answers AutoNAT v2, which tells nodes whether they can be dialled: it
// dials a node where it asks to be dialled, and wants 30 KB or more of it first if that
// is not where it calls from.
func (h *cameraHost) serveProbes(cfg Config, limits Limits, construct TransportConstructor, opts ...autonatv2.AutoNATOption) error {
	dialer, err := h.newDialer(cfg, limits, construct)
	if err != nil {
		return err
	}
	an, err := autonatv2.New(dialer, append(opts, autonatv2.WithServerRateLimit(limits.Connections/2, probesPerPeer, probesElsewhere, 1))...)
	if err != nil {
		return errors.Join(err, dialer.Close())
	}
	if err := an.Start(h); err != nil {
		return errors.Join(err, dialer.Close())
	}
	h.closers = append(h.closers, func() error { an.Close(); return nil }) // and the dialer
	return nil
}

// newDialer is a host that dials and nothing else: from ports and over connections of
// its own, so that a router has not let them in before. It has this node's identity,
// since a member is answered by members alone, and answers no identify, so that it is
// not taken for this node.
func (h *cameraHost) newDialer(cfg Config, limits Limits, construct TransportConstructor) (_ *blankhost.BlankHost, err error) {
	id, err := peer.IDFromPrivateKey(h.key)
	if err != nil {
		return nil, err
	}
	store, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, err
	}
	h.closers = append(h.closers, store.Close)
	if err := errors.Join(store.AddPrivKey(id, h.key), store.AddPubKey(id, h.key.GetPublic())); err != nil {
		return nil, err
	}
	bus := eventbus.NewBus()
	dialer, err := libp2pswarm.NewSwarm(id, store, bus,
		libp2pswarm.WithConnectionGater(h.gater),
		libp2pswarm.WithResourceManager(h.rcmgr),
		libp2pswarm.WithDialTimeout(cfg.DialTimeout),
		libp2pswarm.WithUDPBlackHoleSuccessCounter(nil),
		libp2pswarm.WithIPv6BlackHoleSuccessCounter(nil))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, dialer.Close())
		}
	}()
	if construct != nil {
		t, err := construct(h.key, h.gater, h.rcmgr)
		if err != nil {
			return nil, err
		}
		if err := dialer.AddTransport(h.members.wrap(t)); err != nil {
			return nil, err
		}
		return blankhost.NewBlankHost(dialer, blankhost.WithEventBus(bus)), nil
	}
	up, err := newUpgrader(h.key, limits, h.rcmgr, h.gater)
	if err != nil {
		return nil, err
	}
	if err := addTCP(dialer, up, h.rcmgr, h.members, cfg.DialTimeout); err != nil {
		return nil, err
	}
	reset, token, err := quicKeys(h.key)
	if err != nil {
		return nil, err
	}
	manager, err := quicreuse.NewConnManager(reset, token)
	if err != nil {
		return nil, err
	}
	h.closers = append(h.closers, manager.Close)
	quic, err := libp2pquic.NewTransport(h.key, manager, nil, h.gater, h.rcmgr)
	if err != nil {
		return nil, err
	}
	if err := dialer.AddTransport(h.members.wrap(quic)); err != nil {
		return nil, err
	}
	return blankhost.NewBlankHost(dialer, blankhost.WithEventBus(bus)), nil
}
