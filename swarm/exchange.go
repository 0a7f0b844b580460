package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	bsnetwork "github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/bitswap/server"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/swarm/filestore"
	"camswarm/swarm/plan"
	"camswarm/swarm/tokens"
)

// Reputations is what an Exchange needs of the memory of peers. It is called
// from many goroutines and must not call the Exchange.
type Reputations interface {
	// Of returns the score of a peer, below 0 if it failed more often than it
	// delivered and 1 or more if it delivered well, and the time that it took for
	// a MiB, 0 if that is not known.
	Of(p peer.ID) (score float64, pace time.Duration)

	// Delivered notes n useful bytes that took d, 0 if that is not known.
	Delivered(p peer.ID, n int, d time.Duration)

	// Failed notes a time-out or a false claim.
	Failed(p peer.ID)

	// Wrong notes what no honest peer does.
	Wrong(p peer.ID)
}

// ExchangeOptions is what a program injects into an Exchange. Every field may
// be left zero.
type ExchangeOptions struct {
	Logger     *slog.Logger          // nil: discard
	Registerer prometheus.Registerer // nil: no metrics
	Rand       *rand.Rand            // for random choices among equals; nil: seeded from the system
	Planner    plan.PlannerConfig    // zero: DefaultPlannerConfig
	Lender     plan.LenderConfig     // zero: DefaultLenderConfig

	// Near says whether a peer is on this node's own network, for ModeLAN. It is
	// called as MayServe is. Nil: nobody is.
	Near func(peer.ID) bool

	// Class names what kind of peer it is, by which Stats.Classes counts bytes: its
	// distance, for example. It is called for every message of blocks, and must give
	// few different words. Nil: they are not told apart.
	Class func(peer.ID) string

	// MayServe and MayAsk say whether blocks may be sent to a peer, and asked
	// of it: LAN only, for example. They are called often, so that the answer
	// may change; they must not block or call the Exchange. Nil admits everyone
	// who is connected.
	MayServe, MayAsk func(peer.ID) bool

	// Reputations takes note of how peers behave, and tells how they behaved; nil:
	// every fetch starts without prejudice.
	Reputations Reputations

	// Budget bounds what a peer may make us do: the possession messages that tell
	// nothing new are counted, and the streams of messages that were asked for are
	// given back. Nil: each protocol has its own limits alone.
	Budget *tokens.Budget

	// MeasureLine has the uplink measured after the start, with 32 KiB to one peer or,
	// where it seems slow, to three. Meant for cameras. See LineProtocol.
	MeasureLine bool

	// Fetching is called when a Fetch begins, with true, and when it has ended; nil:
	// nobody wants to know.
	Fetching func(begins bool)

	// FindPeers is called when a fetch has had no useful source for a while,
	// and again with growing pauses. It may look for providers and connect to
	// them until ctx ends; the exchange itself opens no connection.
	FindPeers func(ctx context.Context, root cid.Cid)

	// Misbehaved is called when a peer is caught: with ErrWrongBytes or
	// ErrBadMessage. The exchange does not ask it again in the same fetch; to
	// remember and disconnect it is the caller's part.
	Misbehaved func(p peer.ID, err error)

	// Damaged is called, from a goroutine of Run's, when blocks of a file that
	// nobody fetches are no longer right on disk: once for all owners and for all
	// blocks that were met until it is called. Fetch repairs the file.
	Damaged func(root cid.Cid)

	// OpenFile opens the files of blocks; nil: os.OpenFile.
	OpenFile filestore.Opener
}

// Exchange fetches and serves the blocks of added files, by stock bitswap and
// HaveProtocol. See the package comment for why it is not bitswap's client.
//
// All methods may be called at any time from any goroutine, except that Fetch
// and FetchBlock wait until Run is running.
type Exchange struct {
	h     host.Host
	cfg   ExchangeConfig
	opts  ExchangeOptions
	log   *slog.Logger
	m     *exchangeMetrics
	store *filestore.Store
	books *ledger

	accounts accounts     // what peers may ask of us
	gate     *uploadGate  // UploadLimit
	lineGate *uploadGate  // of a slow uplink: for peers that are not near
	line     atomic.Int64 // bytes per second of a slow uplink, else 0

	born time.Time
	ran  atomic.Bool
	// draining is set when wants are denied because the node stops.
	draining atomic.Bool
	started  chan struct{} // closed when Run is ready
	stopped  chan struct{} // closed when Run ends
	server   *lazyServer
	wg       sync.WaitGroup // goroutines of Run, but for those of libp2p and boxo

	// mu guards everything below, and the planners. It is never held during
	// I/O, so that waiting for it never takes long.
	mu         sync.Mutex
	running    bool
	serveScope Scope // with whom blocks are exchanged, see SetMode
	fetchScope Scope
	sending    map[*context.CancelFunc]struct{} // messages of blocks, for Cut
	up, down   int64                            // limits, bytes per second
	rng        *rand.Rand
	peers      map[peer.ID]*remotePeer
	byKey      map[plan.PeerKey]*remotePeer // the same
	keys       map[peer.ID]plan.PeerKey     // of connected peers and of those that a fetch remembers
	lastKey    plan.PeerKey
	salt       float64                  // of this node's share at origins, 0 to 1
	troubles   map[string]OriginTrouble // by the name of the origin
	fetches    map[[32]byte]*fetch
	lendings   map[[32]byte]*lending // of added files
	waiters    map[[32]byte][]*blockWaiter
	departed   recentPeers[asked]   // what was asked of those that have left
	damaged    map[cid.Cid]struct{} // roots of which Damaged is to be told
	ailing     chan struct{}        // capacity 1: there are some
}

// bitswapProtocols are what is spoken with any peer, best first.
var bitswapProtocols = []protocol.ID{
	bsnet.ProtocolBitswap, bsnet.ProtocolBitswapOneOne, bsnet.ProtocolBitswapOneZero, bsnet.ProtocolBitswapNoVers,
}

// NewExchange returns an exchange over h. It starts nothing: see Run.
func NewExchange(h host.Host, cfg ExchangeConfig, opts ExchangeOptions) (*Exchange, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Rand == nil {
		opts.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if opts.Planner == (plan.PlannerConfig{}) {
		opts.Planner = plan.DefaultPlannerConfig()
	}
	if opts.Lender == (plan.LenderConfig{}) {
		opts.Lender = plan.DefaultLenderConfig()
	}
	m, err := newExchangeMetrics(opts.Registerer)
	if err != nil {
		return nil, fmt.Errorf("swarm: register metrics of the exchange: %w", err)
	}
	x := &Exchange{
		born: time.Now(),
		h:    h, cfg: cfg, opts: opts, log: opts.Logger, m: m,
		books: newLedger(opts.Class), sending: make(map[*context.CancelFunc]struct{}), accounts: accounts{peers: newRecentPeers[account](MaxLedgerPeers)}, gate: newUploadGate(int64(cfg.UploadLimit)), lineGate: newUploadGate(0),
		started: make(chan struct{}), stopped: make(chan struct{}),
		up: int64(cfg.UploadLimit), down: int64(cfg.DownloadLimit), rng: opts.Rand, salt: opts.Rand.Float64(), troubles: make(map[string]OriginTrouble),
		departed: newRecentPeers[asked](maxDeparted),
		peers:    make(map[peer.ID]*remotePeer), keys: make(map[peer.ID]plan.PeerKey),
		byKey: make(map[plan.PeerKey]*remotePeer), lendings: make(map[[32]byte]*lending),
		fetches: make(map[[32]byte]*fetch), waiters: make(map[[32]byte][]*blockWaiter),
		damaged: make(map[cid.Cid]struct{}), ailing: make(chan struct{}, 1),
	}
	x.serveScope, x.fetchScope = cfg.Mode.Scopes()
	x.store = filestore.New(filestore.Options{Logger: x.log, Open: opts.OpenFile, Lost: x.blockLost})
	return x, nil
}

// Run serves and fetches until ctx ends, then waits for its goroutines and
// closes the files. It can be called once (ErrRunning).
func (x *Exchange) Run(ctx context.Context) error {
	if !x.ran.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer close(x.stopped)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	sub, err := x.h.EventBus().Subscribe([]any{
		new(event.EvtPeerConnectednessChanged), new(event.EvtPeerProtocolsUpdated), new(event.EvtPeerIdentificationCompleted),
	}, eventbus.BufSize(256), eventbus.Name("camswarm/exchange"))
	if err != nil {
		return fmt.Errorf("swarm: subscribe to connection events: %w", err)
	}
	defer sub.Close()

	inbound := func(s network.Stream, handle func(*remotePeer)) { x.inbound(ctx, s, handle) }
	bs := bsnet.NewFromIpfsHost(&meteredHost{Host: x.h, inbound: inbound}, bsnet.SupportedProtocols(append([]protocol.ID(nil), bitswapProtocols...)))
	// The engine's own defaults are for gateways: 128 blockstore workers, and a
	// megabyte queued per peer. Two messages per peer keep the pipe full, since
	// messages to one peer are sent one after the other; more would only hold
	// send workers that other peers could use.
	x.server = newLazyServer(func() *server.Server {
		return server.New(ctx, &sendNetwork{BitSwapNetwork: bs, x: x}, x.store,
			server.TaskWorkerCount(x.cfg.Workers),
			server.EngineTaskWorkerCount(x.cfg.Workers),
			server.EngineBlockstoreWorkerCount(min(4, x.cfg.Workers)),
			server.MaxOutstandingBytesPerPeer(128<<10),
			server.WithPeerBlockRequestFilter(func(p peer.ID, _ cid.Cid) bool { return x.mayServe(p) }),
		)
	})
	x.mu.Lock()
	x.running = true
	x.mu.Unlock()
	bs.Start(x)
	x.h.SetStreamHandler(HaveProtocol, func(s network.Stream) {
		inbound(s, func(p *remotePeer) { x.handleHave(ctx, p, s) })
	})
	x.h.SetStreamHandler(LineProtocol, func(s network.Stream) {
		inbound(s, func(*remotePeer) { answerLine(s) })
	})
	for _, p := range x.h.Network().Peers() {
		x.connectedness(ctx, p)
	}
	x.mu.Lock()
	x.goRun(func() { x.reportDamage(ctx) })
	if x.opts.MeasureLine {
		x.goRun(func() { x.keepMeasuring(ctx) })
	}
	x.mu.Unlock()
	close(x.started)

	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case e := <-sub.Out():
			switch e := e.(type) {
			case event.EvtPeerConnectednessChanged:
				x.connectedness(ctx, e.Peer)
			case event.EvtPeerProtocolsUpdated:
				x.protocolsChanged(e.Peer)
			case event.EvtPeerIdentificationCompleted:
				x.connectedness(ctx, e.Peer)
				x.protocolsChanged(e.Peer)
			}
		}
	}

	sub.Close() // now: who emits an event waits for those who do not read it
	x.mu.Lock()
	x.running = false
	for _, f := range x.fetches {
		f.fail(ErrStopped)
	}
	gone := make([]*remotePeer, 0, len(x.peers))
	for _, p := range x.peers {
		gone = append(gone, p)
	}
	clear(x.peers)
	clear(x.byKey)
	for root := range x.lendings {
		x.stopLending(root)
	}
	x.mu.Unlock()
	x.h.RemoveStreamHandler(HaveProtocol)
	x.h.RemoveStreamHandler(LineProtocol)
	for _, id := range bitswapProtocols {
		x.h.RemoveStreamHandler(id)
	}
	bs.Stop()
	x.server.Close()
	for _, p := range gone {
		p.cancel()
	}
	x.wg.Wait()
	x.store.Close()
	return nil
}

// goRun runs f in a goroutine that Run waits for. It reports false, and runs
// nothing, when Run is not running. The caller holds mu.
func (x *Exchange) goRun(f func()) bool {
	if !x.running {
		return false
	}
	x.wg.Add(1)
	go func() {
		defer x.wg.Done()
		f()
	}()
	return true
}

// Add opens or creates a file, hashes what is in it, and serves that from then
// on; Fetch gets the rest. Blocks that other added files hold are copied from
// them. A root that is added already gets one more owner, whose path becomes a
// hard link of the same bytes, or a checked copy of them: see filestore.Store.Add.
// To add the same root and path again does nothing. It takes as long as reading
// the file; everything else goes on meanwhile. Errors: filestore.ErrBadFile,
// ErrPathTaken, ErrNoSpace, or the file system's.
func (x *Exchange) Add(f filestore.File) error {
	sf, done, err := x.store.Add(f)
	if err != nil {
		return err
	}
	x.mu.Lock()
	if x.store.ByKey(sf.Key) != sf {
		x.mu.Unlock()
		return nil // removed meanwhile
	}
	x.startLending(sf)
	for _, p := range x.peers {
		p.have.ask(sf.Key)
	}
	x.arrived(done)
	x.lend(x.lendings[sf.Key])
	x.mu.Unlock()
	// Stock peers may be waiting for some of it already. The engine looks only
	// at the CID and the length.
	held, _ := x.store.Held(sf)
	news, zeros := append([]blocks.Block(nil), f.Extra...), make([]byte, sf.BlockSize)
	held.Each(func(i int) {
		if b, err := blocks.NewBlockWithCid(zeros[:sf.BlockLen(i)], filestore.LeafCID(sf.Blocks[i])); err == nil {
			news = append(news, b)
		}
	})
	x.notify(news...)
	return nil
}

// Remove drops the owner of a root at a path, as it was given to Add. With the
// last owner it stops serving the file, withdraws what was announced of it, and
// closes it; a Fetch of it ends with ErrNotAdded. The bytes stay on disk. The
// error is filestore.ErrNotAdded.
func (x *Exchange) Remove(root cid.Cid, path string) error {
	change, err := x.store.Remove(root, path)
	if err != nil {
		return err
	}
	sf := change.Replica
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.fetchOf(sf)
	if !change.Gone {
		x.settle(f, change)
		return nil
	}
	if f != nil {
		f.fail(fmt.Errorf("%w: %s was removed", filestore.ErrNotAdded, root))
	}
	if g := x.lendings[sf.Key]; g != nil && g.file == sf {
		x.stopLending(sf.Key)
	}
	again := x.store.ByKey(sf.Key) != nil
	for _, p := range x.peers {
		p.have.withdraw(sf.Key, again)
	}
	return nil
}

// Seal forbids to write to the file of a root at a path, as it was given to Add: from
// now on it is what File.ReadOnly says. When it returns nothing of ours writes to it; a
// Fetch that could only do that ends with ErrReadOnly. The error is
// filestore.ErrNotAdded.
func (x *Exchange) Seal(root cid.Cid, path string) error {
	change, err := x.store.Seal(root, path)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.settle(x.fetchOf(change.Replica), change)
	return nil
}

// fetchOf returns the fetch of a file that runs; nil: none. The caller holds mu.
func (x *Exchange) fetchOf(sf *filestore.Replica) *fetch {
	if f := x.fetches[sf.Key]; f != nil && f.file == sf { // else of a file that was added since
		return f
	}
	return nil
}

// settle deals with a file that has lost an owner or a place to be written to, while
// f fetches it. The caller holds mu.
func (x *Exchange) settle(f *fetch, change filestore.Removal) {
	if path := x.store.ReadOnly(change.Replica); path != "" && f != nil {
		f.fail(fmt.Errorf("%w: %s", ErrReadOnly, path))
	}
	for _, u := range change.Lost {
		x.lose(u)
	}
	x.arrived(change.Gained)
}

// Recheck reads every block of an added file that is held, so that what has gone
// bad on disk is known; Fetch gets it again. It takes as long as reading the file.
func (x *Exchange) Recheck(root cid.Cid) error {
	sf, err := x.store.Find(root)
	if err != nil {
		return err
	}
	for _, d := range sf.Blocks {
		_, _ = x.store.Get(context.Background(), filestore.LeafCID(d)) // it forgets what it could not read
	}
	return nil
}

// Complete reports whether every block of an added file is present, as far as
// is known: flash may decay after it was checked.
func (x *Exchange) Complete(root cid.Cid) bool {
	sf, err := x.store.Find(root)
	if err != nil {
		return false
	}
	_, _, all := x.store.Status(sf)
	return all
}

// Progress says how far a file is.
type Progress struct {
	Blocks, BlocksTotal int     // present, and in the file
	Bytes, BytesTotal   int64   // the same in bytes
	Rate                float64 // bytes per second that arrived in the last seconds, while fetching
	Sources             int     // peers that can be asked for missing blocks, while fetching
	Fetching            bool
}

// Progress returns the progress of an added file, and false if it is not added.
func (x *Exchange) Progress(root cid.Cid) (Progress, bool) {
	sf, err := x.store.Find(root)
	if err != nil {
		return Progress{}, false
	}
	p := Progress{BlocksTotal: len(sf.Blocks), BytesTotal: sf.Size}
	p.Blocks, p.Bytes, _ = x.store.Status(sf)
	x.mu.Lock()
	defer x.mu.Unlock()
	if f := x.fetches[sf.Key]; f != nil {
		p.Fetching = true
		p.Rate = f.speed()
		p.Sources = f.plan.Sources(f.now())
	}
	return p, true
}

// Stats returns what was moved so far.
func (x *Exchange) Stats() Stats { return x.books.snapshot() }

// SetLimits changes the limits on upload and download, in bytes per second; 0
// means none. What is already asked for or being sent is not recalled.
func (x *Exchange) SetLimits(up, down int64) error {
	if up < 0 || down < 0 {
		return fmt.Errorf("swarm: limits are bytes per second, 0 for none; got %d and %d", up, down)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up, x.down = up, down
	x.gate.set(up)
	x.shareRate()
	return nil
}

// SetMode changes the mode: to what all of those given allow together, so that a
// node can be "lan-only" for one reason and "leech" for another. Peers are told at
// once what they can still ask for. What is being sent or was asked for is let come
// to its end, see Cut.
func (x *Exchange) SetMode(modes ...Mode) error {
	for _, m := range modes {
		if err := m.Validate(); err != nil {
			return err
		}
	}
	serve, fetch := Scopes(modes...)
	files := x.store.Replicas()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.serveScope == serve && x.fetchScope == fetch {
		return nil
	}
	told := x.serveScope != serve
	x.serveScope, x.fetchScope = serve, fetch
	for _, f := range x.fetches {
		x.permit(f)
		f.poke() // peers that are not near leave it, or come back
	}
	for _, sf := range files {
		if !told {
			break
		}
		if g := x.lendings[sf.Key]; g != nil {
			g.l.Withdrawn()
		}
		for _, p := range x.peers {
			p.have.withdraw(sf.Key, true)
		}
	}
	return nil
}

// permit tells a fetch what the mode lets it do. The caller holds mu.
func (x *Exchange) permit(f *fetch) {
	x.act(f, f.plan.Pause(f.now(), x.fetchScope == ScopeNone))
	x.act(f, f.plan.Bar(f.now(), x.fetchScope != ScopeAll))
	if x.fetchScope != ScopeAll && f.origin != nil {
		f.origin.pause()
	}
}

// Scopes returns with whom blocks are exchanged now, in each direction.
func (x *Exchange) Scopes() (serve, fetch Scope) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.serveScope, x.fetchScope
}

// Cut ends at once what is being sent, and recalls what was asked for of peers and
// origins, after SetMode or SetLimits for a reason that cannot wait. A peer still
// sends what had left its queue: 128 KiB and what a round trip holds. All of it is
// asked for again as far as mode and limits allow.
func (x *Exchange) Cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for end := range x.sending {
		(*end)()
	}
	for _, f := range x.fetches {
		x.act(f, f.plan.Cancel())
		if f.origin != nil {
			f.origin.pause()
		}
	}
	x.shareRate()
}

// cuttable returns a context that Cut ends, and what ends it otherwise.
func (x *Exchange) cuttable(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	x.mu.Lock()
	x.sending[&cancel] = struct{}{}
	x.mu.Unlock()
	return ctx, func() {
		x.mu.Lock()
		delete(x.sending, &cancel)
		x.mu.Unlock()
		cancel()
	}
}

// shareRate divides the download limit among the fetches. The caller holds mu.
func (x *Exchange) shareRate() {
	for _, f := range x.fetches {
		r := x.down
		if r > 0 {
			r = max(r/int64(len(x.fetches)), 1)
		}
		f.rate = r
		x.act(f, f.plan.SetRate(f.now(), r))
	}
}

func (x *Exchange) mayServe(p peer.ID) bool {
	x.mu.Lock()
	scope := x.serveScope
	x.mu.Unlock()
	return x.within(scope, p) && (x.opts.MayServe == nil || x.opts.MayServe(p))
}

// mayAsk reports whether p may be asked for blocks. The caller holds mu.
func (x *Exchange) mayAsk(p peer.ID) bool {
	return (x.fetchScope == ScopeNone || x.within(x.fetchScope, p)) && (x.opts.MayAsk == nil || x.opts.MayAsk(p))
}

// within reports whether p is in a scope.
func (x *Exchange) within(s Scope, p peer.ID) bool {
	return s == ScopeAll || s == ScopeNear && x.near(p)
}

// connectedness looks at whether p is connected and makes or ends its remotePeer.
func (x *Exchange) connectedness(ctx context.Context, id peer.ID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	// Under mu: an answer from before another call's would undo what that one did.
	// Relayed connections end after 128 KiB: they are for hole punching.
	up := x.h.Network().Connectedness(id) == network.Connected
	p := x.peers[id]
	switch {
	case up && p == nil:
		x.join(ctx, id)
	case !up && p != nil:
		delete(x.peers, id)
		delete(x.byKey, p.key)
		x.departed.Add(id, p.asked)
		x.accounts.with(id, (*account).left)
		p.cancel()
		for _, g := range x.lendings {
			g.l.PeerGone(p.key)
			x.lend(g)
		}
		for _, f := range x.fetches {
			delete(f.byKey, p.key)
			delete(f.probes, p.key)
			x.act(f, f.plan.PeerGone(f.now(), p.key))
		}
		if len(x.fetches) == 0 {
			delete(x.keys, id)
		}
	}
}

// join makes the remotePeer of a connected peer. The caller holds mu.
func (x *Exchange) join(ctx context.Context, id peer.ID) {
	if !x.running {
		return
	}
	key, ok := x.keys[id]
	if !ok {
		// Peers keep their key while a fetch runs, and with it their
		// penalties. The map is dropped when it grows beyond reason.
		if len(x.keys) > 4*MaxLedgerPeers {
			clear(x.keys)
			for other, p := range x.peers {
				x.keys[other] = p.key
			}
		}
		x.lastKey++
		key = x.lastKey
		x.keys[id] = key
	}
	ctx, cancel := context.WithCancel(ctx)
	p := newRemotePeer(x, id, key, cancel)
	if before, ok := x.departed.Peek(id); ok {
		p.asked = before
		x.departed.Remove(id)
	}
	x.peers[id] = p
	x.byKey[key] = p
	for _, g := range x.lendings {
		x.meetLender(g, p)
	}
	x.goRun(func() { p.sendWants(ctx) })
	x.goRun(func() { p.sendHaves(ctx) })
	for _, f := range x.fetches {
		x.introduce(f, p)
	}
}

// protocolsChanged lets a peer that did not speak HaveProtocol be tried again.
func (x *Exchange) protocolsChanged(id peer.ID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if p := x.peers[id]; p != nil {
		p.have.retry()
	}
}

// meteredHost shows bitswap streams whose bytes are counted as they are read,
// so that a slow peer is known from a silent one before a block is whole.
type meteredHost struct {
	host.Host
	inbound func(network.Stream, func(*remotePeer))
}

func (h *meteredHost) SetStreamHandler(id protocol.ID, handle network.StreamHandler) {
	h.Host.SetStreamHandler(id, func(s network.Stream) {
		h.inbound(s, func(p *remotePeer) {
			m := &meteredStream{Stream: s, p: p}
			defer m.done()
			handle(m)
		})
	})
}

// meteredStream is a bitswap stream that a peer writes to. It follows the
// messages, each a uvarint length and so many bytes, before bitswap's reader
// makes room for them.
type meteredStream struct {
	network.Stream
	p     *remotePeer
	size  uint64 // of the message, as far as its length has been read
	bits  int    // of the length that have been read
	left  uint64 // bytes of the message that are still to come
	holds bool   // one of the peer's frames
}

// Read counts what may be part of a block: a peer that only asks, in messages of
// a few wants, and sends nothing is silent.
func (s *meteredStream) Read(b []byte) (int, error) {
	if s.left > 0 {
		n, err := s.Stream.Read(b[:min(uint64(len(b)), s.left)])
		s.left -= uint64(n)
		if s.size > wantHaveBytes {
			s.p.in.Add(int64(n))
		}
		return n, err
	}
	s.done() // with the message before
	n, err := s.Stream.Read(b[:min(len(b), 1)])
	if n == 0 {
		return n, err
	}
	if s.bits == 0 {
		s.size = 0
	}
	s.size |= uint64(b[0]&0x7f) << s.bits
	if s.bits += 7; b[0] < 0x80 {
		s.bits, s.left = 0, s.size
		if limit := s.p.x.frameLimit(); s.size > uint64(limit) {
			s.p.x.m.refused.WithLabelValues("huge_message").Inc()
			s.Reset()
			return 0, fmt.Errorf("swarm: a bitswap message of %d bytes, at most %d are read", s.size, limit)
		}
		if s.size > wantHaveBytes { // smaller ones need no turn
			s.p.frames <- struct{}{} // until another stream of the peer ends its message, or ends
			s.holds = true
		}
	} else if s.bits > 28 {
		s.p.x.m.refused.WithLabelValues("huge_message").Inc()
		s.Reset()
		return 0, errors.New("swarm: a bitswap message without a length")
	}
	return n, err
}

// done ends a message, or the stream.
func (s *meteredStream) done() {
	if s.holds {
		s.holds = false
		<-s.p.frames
	}
}

// frameLimit is the largest bitswap message that is read: that with the largest
// block that may have been asked for, and the other entries of its message.
func (x *Exchange) frameLimit() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.waiters) > 0 {
		return filestore.MaxBlockBytes + maxFrame
	}
	largest := 0
	for _, f := range x.fetches {
		largest = max(largest, f.file.BlockSize)
	}
	return largest + maxFrame
}

// inbound handles a stream that a peer has opened, until Run ends: what is left
// open would swallow what the peer sends to the next Exchange over this host.
func (x *Exchange) inbound(ctx context.Context, s network.Stream, handle func(*remotePeer)) {
	id := s.Conn().RemotePeer()
	x.mu.Lock()
	p := x.peers[id]
	x.mu.Unlock()
	if p == nil { // the stream was faster than the event of the connection
		x.connectedness(ctx, id)
	}
	x.mu.Lock()
	p = x.peers[id]
	if p != nil {
		x.wg.Add(1)
		if met := s.Conn().Stat().Opened; met.After(p.met) {
			p.met = met
			x.accounts.with(id, func(a *account) { a.welcome(time.Now()) })
		}
	}
	x.mu.Unlock()
	if p == nil { // not connected any more, over a relay, or Run has ended
		s.Reset()
		return
	}
	defer x.wg.Done()
	defer context.AfterFunc(ctx, func() { s.Reset() })()
	handle(p)
}

// PeerConnected implements bitswap's network.Receiver.
func (x *Exchange) PeerConnected(id peer.ID) { x.server.PeerConnected(id) }

// PeerDisconnected implements bitswap's network.Receiver.
func (x *Exchange) PeerDisconnected(id peer.ID) { x.server.PeerDisconnected(id) }

// ReceiveError implements bitswap's network.Receiver.
func (x *Exchange) ReceiveError(err error) {
	if !errors.Is(err, io.EOF) {
		x.log.Debug("bitswap stream ended", "err", err)
	}
}

// ReceiveMessage implements bitswap's network.Receiver: wants go to the server
// engine, blocks and presences to the fetches.
func (x *Exchange) ReceiveMessage(ctx context.Context, id peer.ID, msg message.BitSwapMessage) {
	x.mu.Lock()
	running, p := x.running, x.peers[id]
	x.mu.Unlock()
	if !running {
		return
	}
	if blks := msg.Blocks(); len(blks) > 0 && p != nil {
		x.receiveBlocks(p, blks)
	}
	if pres := msg.BlockPresences(); len(pres) > 0 && p != nil {
		x.receivePresences(p, pres)
	}
	if p != nil && (len(msg.Blocks()) == 0 || len(msg.Wantlist()) > 0) {
		x.receiveWants(ctx, p, msg)
	}
}

// notify offers blocks that have just become present to peers that want them.
// Without it a stock client waits for its rebroadcast of 30 s.
func (x *Exchange) notify(blks ...blocks.Block) {
	select {
	case <-x.started:
	default:
		return
	}
	x.mu.Lock()
	share := x.serveScope != ScopeNone && x.running
	x.mu.Unlock()
	if share && len(blks) > 0 {
		x.server.NotifyNewBlocks(context.Background(), blks...)
	}
}

// misbehaved reports a hostile peer.
func (x *Exchange) misbehaved(p *remotePeer, what string, err error) {
	x.m.hostile.WithLabelValues(what).Inc()
	x.log.Warn("peer misbehaves", "peer", p.id, "err", err)
	if x.opts.Reputations != nil {
		x.opts.Reputations.Wrong(p.id)
	}
	if x.opts.Misbehaved != nil {
		x.opts.Misbehaved(p.id, err)
	}
}

// blockLost is called by the store when a block on disk is damaged, from whatever
// call has met it.
func (x *Exchange) blockLost(sf *filestore.Replica, unit int) {
	x.m.damaged.Inc()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lose(filestore.Arrival{Replica: sf, Unit: unit})
	if x.fetches[sf.Key] == nil && x.opts.Damaged != nil {
		x.damaged[sf.Root] = struct{}{}
		nudge(x.ailing)
	}
}

// lose tells a fetch and neighbours that a unit is not present any more. The
// caller holds mu.
func (x *Exchange) lose(u filestore.Arrival) {
	if f := x.fetches[u.Replica.Key]; f != nil {
		x.act(f, f.plan.Lost(f.now(), u.Unit))
	}
	if g := x.lendings[u.Replica.Key]; g != nil {
		g.l.Lost(u.Unit)
	}
	for _, p := range x.peers {
		p.have.withdraw(u.Replica.Key, true)
	}
}

// reportDamage calls Damaged: from here, so that who adds or fetches one file is
// never called back about another, under locks of its own.
func (x *Exchange) reportDamage(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.ailing:
		}
		x.mu.Lock()
		roots := x.damaged
		x.damaged = make(map[cid.Cid]struct{})
		x.mu.Unlock()
		for root := range roots {
			x.opts.Damaged(root)
		}
	}
}

// nudge wakes whoever waits on a channel of capacity 1.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

var _ bsnetwork.Receiver = (*Exchange)(nil)
