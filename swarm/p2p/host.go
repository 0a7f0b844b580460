package p2p

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"camswarm/swarm/p2p/book"
	"camswarm/swarm/p2p/portmap"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/core/transport"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	basicconnmgr "github.com/libp2p/go-libp2p/p2p/net/connmgr"
	libp2pswarm "github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/quic-go/quic-go"
)

// protocolVersion is what identify tells peers about the family of protocols.
const protocolVersion = "camswarm/1"

// UserAgent is the agent string that identify tells peers: "camswarm/1", the
// role and the region if there is one. Peers derive the tier of this node from
// it; a program that injects its own host gives it to that host.
func UserAgent(c Config) string {
	agent := protocolVersion + " " + c.role()
	if c.Region != "" {
		agent += " " + c.Region
	}
	return agent
}

// TransportConstructor makes the one transport of a host: its connections must
// be the identity's, pass the gater and be accounted for with the resource
// manager. Transports of go-libp2p have constructors of about this form.
type TransportConstructor func(crypto.PrivKey, connmgr.ConnectionGater, network.ResourceManager) (transport.Transport, error)

// cameraHost is a libp2p host assembled by hand. Importing go-libp2p's root or
// config package would link every transport it has, 5 to 6 MB of binary, so
// this file wires what config.NewNode wires, less what a camera has no use for:
// no fx, no TLS over TCP, no WebSocket, WebTransport or WebRTC, no libp2p
// metrics.
type cameraHost struct {
	*basichost.BasicHost
	swarm     *libp2pswarm.Swarm
	rcmgr     network.ResourceManager
	key       crypto.PrivKey
	gater     *gater
	listeners *listeners
	quicAddrs []ma.Multiaddr  // to listen on once QUIC is on
	members   *members        // nil: the swarm is open
	reach     *reach          // nil: this node asks for no way through a NAT
	mapper    *portmap.Mapper // nil: the router is asked for nothing
	prober    *prober         // nil: nobody is asked whether this node can be dialled
	relays    *relays         // nil: this node is no relay
	foreign   bool            // the transport is the program's: there is no QUIC to turn on
	closers   []func() error  // of what serves on top of the host; called first, the last of them before the others

	mu     sync.Mutex
	closed bool
	quic   *quicreuse.ConnManager // nil while QUIC is off
}

// newHost assembles a host and binds its TCP addresses, and its QUIC addresses
// when the clock is sane.
//
// With a transport, that one takes the place of both. A seed makes a second one, from
// whose ports it dials for those who ask whether they can be dialled.
func newHost(cfg Config, key crypto.PrivKey, g *gater, budget *Budget, m *members, injected Options, log *slog.Logger) (_ *cameraHost, err error) {
	construct := injected.Transport
	limits, err := LimitsFor(cfg)
	if err != nil {
		return nil, err
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	// What is built is closed again, last first, if a later step fails.
	var undo []func() error
	defer func() {
		if err != nil {
			for i := len(undo) - 1; i >= 0; i-- {
				_ = undo[i]()
			}
		}
	}()

	store, err := pstoremem.NewPeerstore(pstoremem.WithMaxAddresses(16*limits.Connections+book.MaxCandidates*book.MaxAddrs), pstoremem.WithMaxAddressesPerPeer(book.MaxAddrs))
	if err != nil {
		return nil, err
	}
	undo = append(undo, store.Close)
	if err := errors.Join(store.AddPrivKey(id, key), store.AddPubKey(id, key.GetPublic())); err != nil {
		return nil, err
	}
	unmetered, err := limits.resourceManager()
	if err != nil {
		return nil, err
	}
	resources := &meteredResources{ResourceManager: unmetered, budget: budget}
	undo = append(undo, resources.Close)
	low, high := limits.MeshLow, limits.MeshHigh
	if cfg.seed() {
		low, high = limits.Connections, limits.Connections // it ends visits by itself, with a word
	}
	conns, err := basicconnmgr.NewConnManager(low, high, basicconnmgr.WithGracePeriod(gracePeriod))
	if err != nil {
		return nil, err
	}
	undo = append(undo, conns.Close)
	bus := eventbus.NewBus()
	options := []libp2pswarm.Option{
		libp2pswarm.WithConnectionGater(g),
		libp2pswarm.WithResourceManager(resources),
		libp2pswarm.WithDialTimeout(cfg.DialTimeout),
		libp2pswarm.WithDialTimeoutLocal(cfg.DialTimeout),
		// Most dials over UDP fail behind NATs: that is no network without UDP, and a
		// node that believed so would not even call others at its seeds.
		libp2pswarm.WithUDPBlackHoleSuccessCounter(nil),
	}
	if injected.Bandwidth != nil {
		options = append(options, libp2pswarm.WithMetrics(injected.Bandwidth))
	}
	sw, err := libp2pswarm.NewSwarm(id, store, bus, options...)
	if err != nil {
		return nil, err
	}
	undo = append(undo, sw.Close)

	up, err := newUpgrader(key, limits, resources, g)
	if err != nil {
		return nil, err
	}
	if construct == nil {
		err = addTCP(sw, up, resources, m, cfg.DialTimeout)
	} else if t, terr := construct(key, g, resources); terr != nil {
		err = terr
	} else {
		err = sw.AddTransport(m.wrap(t))
	}
	if err != nil {
		return nil, err
	}
	advertise, err := parseAddrs(cfg.Advertise)
	if err != nil {
		return nil, err
	}
	var through *reach
	opts := &basichost.HostOpts{
		EventBus:           bus,
		ConnManager:        conns,
		UserAgent:          UserAgent(cfg),
		ProtocolVersion:    protocolVersion,
		NegotiationTimeout: negotiationTimeout,
		AddrsFactory: func(addrs []ma.Multiaddr) []ma.Multiaddr {
			if len(advertise) > 0 {
				return advertise
			}
			return append(withoutLoopback(addrs), through.addrs()...)
		},
	}
	if !cfg.seed() && !cfg.LANOnly {
		if through, err = newReach(bus, sw, opts, cfg.DialTimeout); err != nil {
			return nil, err
		}
		undo = append(undo, through.Close)
	}
	var ports *portmap.Mapper
	if construct == nil && cfg.PortMapping == PortMappingAuto {
		opts.NATManager = func(nw network.Network) basichost.NATManager { ports = portmap.New(nw); return ports }
	}
	basic, err := basichost.NewHost(sw, opts)
	if err != nil {
		return nil, err
	}
	h := &cameraHost{BasicHost: basic, swarm: sw, rcmgr: resources, key: key, gater: g, members: m, reach: through, mapper: ports, listeners: newListeners(sw.AddListenAddr, g.now, log)}
	undo = []func() error{h.Close} // closes all of the above
	pings := &ping.PingService{Host: h}
	h.SetStreamHandler(ping.ID, func(s network.Stream) { pings.PingHandler(&meteredStream{Stream: s, budget: budget, cost: pingBytes}) })

	listen, err := parseListen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	h.Start() // before listening, so that identify sees every connection
	if through != nil {
		if err := through.start(h, up, m); err != nil {
			return nil, err
		}
		if h.prober, err = newProber(h); err != nil {
			return nil, err
		}
	}
	if construct != nil {
		h.foreign = true
		for _, a := range listen {
			if err := h.listeners.listen(a); err != nil {
				return nil, err
			}
		}
		if err := h.serve(cfg, limits, construct); err != nil {
			return nil, err
		}
		return h, nil
	}
	for _, a := range listen {
		if transportOf(a) == transportQUIC {
			h.quicAddrs = append(h.quicAddrs, a)
		} else if err := h.listeners.listen(a); err != nil {
			return nil, err
		}
	}
	if ClockSane(g.now()) {
		if err := h.enableQUIC(); err != nil {
			return nil, err
		}
	} else {
		log.Warn("the clock is not set; QUIC is off until it is, TCP works", "now", g.now())
	}
	if err := h.serve(cfg, limits, nil); err != nil {
		return nil, err
	}
	return h, nil
}

// newUpgrader secures a connection with Noise and multiplexes it with yamux, which
// need no clock.
func newUpgrader(key crypto.PrivKey, limits Limits, resources network.ResourceManager, g *gater) (transport.Upgrader, error) {
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: newYamux(uint32(limits.StreamWindow))}}
	security, err := noise.New(noise.ID, key, muxers)
	if err != nil {
		return nil, err
	}
	return upgrader.New([]sec.SecureTransport{security}, muxers, nil, resources, g)
}

// addTCP adds TCP.
func addTCP(sw *libp2pswarm.Swarm, up transport.Upgrader, resources network.ResourceManager, m *members, timeout time.Duration) error {
	// No SO_REUSEPORT: two nodes that are given the same port would both get it
	// and share the connections; the second must hear of it.
	t, err := tcp.NewTCPTransport(up, resources, nil, tcp.DisableReuseport(), tcp.WithConnectionTimeout(timeout))
	if err != nil {
		return err
	}
	return sw.AddTransport(m.wrap(t))
}

// enableQUIC adds the QUIC transport and binds its addresses. It does nothing
// when QUIC is on.
func (h *cameraHost) enableQUIC() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.quic != nil || h.closed {
		return nil
	}
	reset, token, err := quicKeys(h.key)
	if err != nil {
		return err
	}
	manager, err := quicreuse.NewConnManager(reset, token,
		quicreuse.ConnContext(func(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
			// An address that cannot be expressed is left to the resource manager.
			addr, err := quicreuse.ToQuicMultiaddr(info.RemoteAddr, quic.Version1)
			if err != nil {
				addr = nil
			}
			scope, err := h.rcmgr.OpenConnection(network.DirInbound, false, addr)
			if err != nil {
				return ctx, err
			}
			ctx = network.WithConnManagementScope(ctx, scope)
			context.AfterFunc(ctx, scope.Done)
			return ctx, nil
		}),
		quicreuse.VerifySourceAddress(func(addr net.Addr) bool { return h.rcmgr.VerifySourceAddress(addr) }))
	if err != nil {
		return err
	}
	TuneQUIC(manager) // that it can is held by a test
	transport, err := libp2pquic.NewTransport(h.key, manager, nil, h.gater, h.rcmgr)
	if err != nil {
		return errors.Join(err, manager.Close())
	}
	if err := h.swarm.AddTransport(h.members.wrap(transport)); err != nil {
		return errors.Join(err, manager.Close())
	}
	h.quic = manager
	for _, a := range h.quicAddrs {
		err = errors.Join(err, h.listeners.listen(a))
	}
	return err
}

func (h *cameraHost) quicOn() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.quic != nil || h.foreign
}

// Close closes the host and every part of it, and waits.
func (h *cameraHost) Close() error {
	var err error
	for _, c := range slices.Backward(h.closers) {
		err = errors.Join(err, c())
	}
	err = errors.Join(err, h.reach.Close(), h.BasicHost.Close()) // and with it the swarm, its transports, managers and peerstore
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.quic != nil {
		// The swarm must be closed before the sockets it used.
		err = errors.Join(err, h.quic.Close())
		h.quic = nil
	}
	return err
}

var _ host.Host = (*cameraHost)(nil)

// quicKeys derives QUIC's stateless reset key and token key from the identity
// with the labels that go-libp2p uses, so that a restarted node ends its old
// connections at once.
func quicKeys(key crypto.PrivKey) (reset quic.StatelessResetKey, token quic.TokenGeneratorKey, err error) {
	secret, err := key.Raw()
	if err != nil {
		return reset, token, err
	}
	for label, out := range map[string][]byte{"libp2p quic stateless reset key": reset[:], "libp2p quic token generator key": token[:]} {
		derived, err := hkdf.Key(sha256.New, secret, nil, label, len(out))
		if err != nil {
			return reset, token, err
		}
		copy(out, derived)
	}
	return reset, token, nil
}

// ClockSane tells whether a clock can be right: it is not before 2026. QUIC's handshake is TLS, whose
// certificates of other peers are not valid yet on a clock that stands at 1970.
func ClockSane(now time.Time) bool { return now.Unix() >= clockFloor }

// withoutLoopback drops loopback addresses if there are others: told to another
// machine they would only make it dial itself.
func withoutLoopback(addrs []ma.Multiaddr) []ma.Multiaddr {
	var out []ma.Multiaddr
	for _, a := range addrs {
		if !manet.IsIPLoopback(a) {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return addrs
	}
	return out
}

// The transports that a connection or address can have.
const (
	transportTCP   = "tcp"
	transportQUIC  = "quic"
	transportRelay = "relay"
	transportOther = "other"
)

func transportOf(a ma.Multiaddr) string {
	has := func(code int) bool { _, err := a.ValueForProtocol(code); return err == nil }
	switch {
	case len(a) < 2:
		return transportOther
	case has(ma.P_CIRCUIT):
		return transportRelay
	case has(ma.P_QUIC_V1) && !has(ma.P_WEBTRANSPORT):
		return transportQUIC
	case has(ma.P_TCP) && !has(ma.P_WS) && !has(ma.P_WSS) && !has(ma.P_TLS):
		return transportTCP
	}
	return transportOther
}
