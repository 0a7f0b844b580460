package hostile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/transport"

	"camswarm/announce"
	"camswarm/swarm"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// Peer is a hostile peer at work.
type Peer struct {
	cfg    Config
	log    *slog.Logger
	host   host.Host
	dht    *dht.IpfsDHT // nil without seeds
	cancel context.CancelFunc
	ctx    context.Context // ends with Close; of everything the peer does
	n      counters

	mu        sync.Mutex
	closed    bool
	work      sync.WaitGroup
	rng       *rand.Rand
	lines     map[peer.ID]*line
	roots     [][32]byte // to be claimed, in order
	files     []*file    // whose blocks are known
	blocks    map[cid.Cid]blockOf
	heard     [][]byte         // announcements
	newest    uint64           // sequence in them
	announced map[string]int64 // by attack
	spare     map[peer.ID][]transport.CapableConn
}

// file is an image whose manifest is known.
type file struct {
	root   cid.Cid
	blocks []cid.Cid
	size   int    // of each block but the last
	image  []byte // nil: not there
}

type blockOf struct {
	file  *file
	index int
}

// read returns the bytes of a block, nil if they are not there.
func (f *file) read(i int) []byte {
	from := i * f.size
	if from >= len(f.image) {
		return nil
	}
	return f.image[from:min(from+f.size, len(f.image))]
}

// line is what there is with one connected peer.
type line struct {
	id     peer.ID
	cancel context.CancelFunc
	roots  chan [32]byte // to be claimed
	asks   chan ask
}

// Start puts a hostile peer on the network. It is at work until Close; ctx only
// bounds the start.
func Start(ctx context.Context, cfg Config) (_ *Peer, err error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	cfg.Connections = max(cfg.Connections, 1)
	if cfg.Trickle == 0 {
		cfg.Trickle = defaultTrickle
	}
	p := &Peer{
		cfg: cfg, rng: cfg.Rand, log: cfg.Logger.With("hostile", string(cfg.Behaviour)),
		blocks: map[cid.Cid]blockOf{}, lines: map[peer.ID]*line{}, spare: map[peer.ID][]transport.CapableConn{}, announced: map[string]int64{},
	}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, m := range cfg.Manifests {
		p.study(m)
	}
	// It passes itself off as a camera.
	me := p2p.DefaultConfig()
	me.Region = cfg.Region
	if p.host, err = cfg.Host(libp2p.UserAgent(p2p.UserAgent(me)), libp2p.ProtocolVersion("camswarm/1")); err != nil {
		p.cancel()
		return nil, fmt.Errorf("hostile: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	for _, id := range []protocol.ID{bsnet.ProtocolBitswap, bsnet.ProtocolBitswapOneOne, bsnet.ProtocolBitswapOneZero, bsnet.ProtocolBitswapNoVers} {
		p.handle(id, p.readBitswap)
	}
	p.handle(swarm.HaveProtocol, p.readHaves)
	p.handle(announce.LatestProtocol, p.answerLatest)
	if err := p.joinGossip(); err != nil {
		return nil, err
	}
	p.host.Network().Notify(&network.NotifyBundle{ConnectedF: p.connected, DisconnectedF: p.disconnected})
	for _, s := range cfg.Seeds {
		p.host.Peerstore().AddAddrs(s.ID, s.Addrs, peerstore.PermanentAddrTTL)
	}
	if len(cfg.Seeds) > 0 {
		p.dht, err = dht.New(p.host, dht.ProtocolPrefix(p2p.DHTProtocolPrefix), dht.Mode(dht.ModeClient), dht.DisableAutoRefresh(), dht.DisableValues(), dht.BootstrapPeers(cfg.Seeds...))
		if err != nil {
			return nil, fmt.Errorf("hostile: %w", err)
		}
		p.spawn(p.provide)
	}
	p.spawn(p.keepVictims)
	return p, nil
}

// ID returns the peer's identity.
func (p *Peer) ID() peer.ID { return p.host.ID() }

// Stats returns what was tried so far.
func (p *Peer) Stats() Stats { return p.n.stats() }

// Announced counts the announcements sent so far by the attack that they mount.
func (p *Peer) Announced() map[string]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.announced)
}

// Close ends the peer and waits for its goroutines.
func (p *Peer) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	var err error
	if p.dht != nil {
		err = p.dht.Close()
	}
	p.mu.Lock()
	var spare []transport.CapableConn
	for _, conns := range p.spare {
		spare = append(spare, conns...)
	}
	p.mu.Unlock()
	for _, c := range spare {
		_ = c.Close()
	}
	err = errors.Join(err, p.host.Close())
	p.work.Wait()
	return err
}

// spawn runs f in a goroutine that Close waits for; it reports false after Close.
func (p *Peer) spawn(f func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.work.Go(f)
	return true
}

// handle serves a protocol; streams end with the peer.
func (p *Peer) handle(id protocol.ID, f func(network.Stream)) {
	p.host.SetStreamHandler(id, func(s network.Stream) {
		if !p.spawn(func() {
			defer s.Reset()
			defer context.AfterFunc(p.ctx, func() { s.Reset() })()
			f(s)
		}) {
			s.Reset()
		}
	})
}

// connected begins what is done to a peer, whoever dialled.
func (p *Peer) connected(_ network.Network, c network.Conn) {
	id := c.RemotePeer()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.lines[id] != nil {
		return
	}
	ctx, cancel := context.WithCancel(p.ctx)
	l := &line{id: id, cancel: cancel, roots: make(chan [32]byte, 2*maxRoots), asks: make(chan ask, maxAsks)}
	for _, r := range p.roots {
		l.roots <- r
	}
	p.lines[id] = l
	victims := 0
	for id := range p.lines {
		if p.isVictim(id) {
			victims++
		}
	}
	p.n.peak.Store(max(p.n.peak.Load(), int64(victims)))
	for _, f := range p.jobs() {
		p.work.Go(func() { f(ctx, l) })
	}
}

// jobs are what the behaviour does to each connected peer.
func (p *Peer) jobs() []func(context.Context, *line) {
	switch p.cfg.Behaviour {
	case Flooder:
		return []func(context.Context, *line){p.flood}
	case Replayer, Parrot:
		return []func(context.Context, *line){p.replay}
	case Poisoner:
		return []func(context.Context, *line){p.claim, p.poison}
	case Trickler:
		return []func(context.Context, *line){p.claim, p.trickle}
	case Liar:
		return []func(context.Context, *line){p.claim, p.lie}
	}
	return []func(context.Context, *line){p.claim}
}

func (p *Peer) isVictim(id peer.ID) bool {
	return slices.ContainsFunc(p.cfg.Victims, func(v peer.AddrInfo) bool { return v.ID == id })
}

func (p *Peer) disconnected(n network.Network, c network.Conn) {
	id := c.RemotePeer()
	if n.Connectedness(id) == network.Connected {
		return
	}
	p.n.dropped.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.lines[id]; l != nil {
		l.cancel()
		delete(p.lines, id)
	}
}

// study takes in the manifest of a release.
func (p *Peer) study(m *verify.Manifest) {
	f := &file{root: m.Image.Root, size: int(m.Image.BlockSize)}
	if p.cfg.Image != nil {
		f.image = p.cfg.Image(f.root)
	}
	for _, d := range m.Image.Blocks {
		f.blocks = append(f.blocks, verify.RawCID(d))
	}
	p.mu.Lock()
	if len(p.files) < maxRoots && !slices.ContainsFunc(p.files, func(o *file) bool { return o.root == f.root }) {
		p.files = append(p.files, f)
		for i, c := range f.blocks {
			p.blocks[c] = blockOf{f, i}
		}
	}
	p.mu.Unlock()
	if d, ok := digest(f.root); ok {
		p.learn(d)
	}
}

// public returns the files whose blocks are known.
func (p *Peer) public() []*file {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.files)
}

func (p *Peer) find(c cid.Cid) (blockOf, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.blocks[c]
	return b, ok
}

// learn makes the peer claim a file that it heard of.
func (p *Peer) learn(root [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.roots, root) || len(p.roots) >= maxRoots {
		return
	}
	p.roots = append(p.roots, root)
	for _, l := range p.lines {
		select {
		case l.roots <- root:
		default:
		}
	}
}

func (p *Peer) known() [][32]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.roots)
}

// draw calls f with the random source, which is not safe for concurrent use.
func draw[T any](p *Peer, f func(*rand.Rand) T) T {
	p.mu.Lock()
	defer p.mu.Unlock()
	return f(p.rng)
}

// open opens a stream on a connection that there is.
func (p *Peer) open(ctx context.Context, id peer.ID, proto protocol.ID) (network.Stream, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "hostile"), openTimeout)
	defer cancel()
	return p.host.NewStream(ctx, id, proto)
}
