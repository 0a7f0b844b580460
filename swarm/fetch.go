package swarm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"

	"camswarm/swarm/filestore"
	"camswarm/swarm/plan"
)

// fetch is a running Fetch. Exchange.mu guards it.
type fetch struct {
	file   *filestore.Replica
	plan   *plan.Planner
	start  time.Time
	byKey  map[plan.PeerKey]*remotePeer
	probes map[plan.PeerKey]*stockProbe
	origin *originFetch // nil: none

	wake chan struct{} // capacity 1: look at err, at Missing, at the time
	err  error         // why it has to end
	rate int64         // its part of the download limit in bytes per second; 0: none

	done        chan struct{} // closed when it has ended, after
	result      error         // what its Fetch returned, and
	interrupted bool          // whether that one's ctx had ended

	silent  bool // nothing is told of what it gets, see silentFor
	durable durable
	useful  time.Time // when a block last arrived
	samples []sample  // for the rate
}

type sample struct {
	at    time.Time
	bytes int64
}

// stockProbe is what was asked of a stock peer with want-haves.
type stockProbe struct {
	sent    plan.Bitset // by unit
	waiting int
	at      time.Time // of the last round
}

func (f *fetch) now() time.Duration { return time.Since(f.start) }

// fail ends the fetch. The caller holds mu.
func (f *fetch) fail(err error) {
	if f.err == nil {
		f.err = err
	}
	f.poke()
}

func (f *fetch) poke() { nudge(f.wake) }

// Rates are measured over rateWindow with samples rateStep apart.
const (
	rateWindow = 3 * time.Second
	rateStep   = 200 * time.Millisecond
)

func (f *fetch) sample(n int64) {
	now := time.Now()
	f.useful = now
	if k := len(f.samples); k > 0 && now.Sub(f.samples[k-1].at) < rateStep {
		f.samples[k-1].bytes += n
		return
	}
	for len(f.samples) > 0 && now.Sub(f.samples[0].at) > rateWindow {
		f.samples = f.samples[1:]
	}
	f.samples = append(f.samples, sample{now, n})
}

func (f *fetch) speed() float64 {
	now, sum, span := time.Now(), int64(0), min(rateWindow, time.Since(f.start))
	for _, s := range f.samples {
		if now.Sub(s.at) <= rateWindow {
			sum += s.bytes
		}
	}
	return float64(sum) / max(span, rateStep).Seconds()
}

// Fetch gets the missing blocks of an added file from connected peers and
// returns nil when the file is complete and synced to disk. While it runs, the
// blocks that have arrived are served to others, and synced now and then: a power
// cut takes what came in the last second, or up to 128 KiB. When ctx ends it returns
// ctx.Err(); what arrived is kept, and another Fetch, also after a restart, gets
// only the rest. While the mode is ModeOff it waits. Where another Fetch of the
// same root runs already, for another owner perhaps, it waits for that one, and
// goes on by itself if the other's ctx ends.
//
// Errors: filestore.ErrNotAdded, also when the last owner is removed meanwhile;
// ErrReadOnly; filestore.ErrNoSpace, which is not retried; ErrStopped; and those
// of the file system.
//
// Origins are asked beside peers, as far as their budget allows. Where another Fetch
// runs already, its origins count.
func (x *Exchange) Fetch(ctx context.Context, root cid.Cid, origins Origins) error {
	err := x.fetch(ctx, root, origins)
	switch {
	case err == nil:
		x.m.fetches.WithLabelValues("complete").Inc()
	case ctx.Err() != nil:
		x.m.fetches.WithLabelValues("interrupted").Inc()
	default:
		x.m.fetches.WithLabelValues("failed").Inc()
	}
	return err
}

func (x *Exchange) fetch(ctx context.Context, root cid.Cid, origins Origins) error {
	if _, err := x.store.Find(root); err != nil {
		return err
	}
	select {
	case <-x.started:
	case <-x.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
	if x.opts.Fetching != nil {
		x.opts.Fetching(true)
		defer x.opts.Fetching(false)
	}
	for {
		sf, err := x.store.Find(root)
		if err != nil {
			return err
		}
		if path := x.store.ReadOnly(sf); path != "" {
			if _, _, all := x.store.Status(sf); !all {
				return fmt.Errorf("%w: %s", ErrReadOnly, path)
			}
			return nil
		}
		f, mine, err := x.startFetch(ctx, sf, origins)
		if err != nil {
			return err
		}
		if mine {
			f.result = x.finishFetch(f, x.drive(ctx, f))
			f.interrupted = ctx.Err() != nil
			close(f.done)
			return f.result
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.done:
			if f.file == sf && !f.interrupted {
				return f.result
			}
		}
	}
}

// startFetch returns the fetch of a file that runs, or a new one, which is the
// caller's to drive and finish.
func (x *Exchange) startFetch(ctx context.Context, sf *filestore.Replica, origins Origins) (f *fetch, mine bool, err error) {
	done := x.store.TakeOver(sf) // what other files hold by now

	x.mu.Lock()
	defer x.mu.Unlock()
	x.arrived(done)
	if !x.running {
		return nil, false, ErrStopped
	}
	if f := x.fetches[sf.Key]; f != nil {
		return f, false, nil
	}
	if x.store.ByKey(sf.Key) != sf {
		return nil, false, fmt.Errorf("%w: %s was removed", filestore.ErrNotAdded, sf.Root)
	}
	f = x.newFetch(sf)
	f.silent = x.line.Load() > 0
	x.fetches[sf.Key] = f
	if g := x.lendings[sf.Key]; f.silent && g != nil {
		x.barPeers(g)
	}
	x.shareRate()
	x.permit(f)
	for _, p := range x.peers {
		// First of all how many there are: who is introduced first is not alone.
		if p.speaks != haveNo && x.mayAsk(p.id) {
			f.plan.PeerJoined(0, p.key)
		}
	}
	x.useOrigins(ctx, f, origins) // before peers are asked for what lies in its ranges
	for _, p := range x.peers {
		x.introduce(f, p)
	}
	return f, true, nil
}

// finishFetch ends a fetch that was driven to err, and syncs the file.
func (x *Exchange) finishFetch(f *fetch, err error) error {
	x.mu.Lock()
	x.act(f, f.plan.Cancel())
	x.endProbes(f)
	delete(x.fetches, f.file.Key)
	if f.silent {
		x.tell(f)
	}
	x.shareRate()
	if len(x.fetches) == 0 {
		for id := range x.keys {
			if x.peers[id] == nil {
				delete(x.keys, id)
			}
		}
	}
	if err == nil && f.plan.Missing() > 0 && x.opts.Damaged != nil {
		// Damage was met after the last look at the plan: the next Fetch mends it.
		x.damaged[f.file.Root] = struct{}{}
		nudge(x.ailing)
	}
	x.mu.Unlock()
	if err != nil {
		return err
	}
	return x.store.Sync(f.file)
}

func (x *Exchange) newFetch(sf *filestore.Replica) *fetch {
	sizes := make([]int32, len(sf.First))
	for u, i := range sf.First {
		sizes[u] = int32(sf.BlockLen(int(i)))
	}
	now := time.Now()
	f := &fetch{
		file: sf, start: now, useful: now,
		plan:   plan.NewPlanner(x.opts.Planner, sizes, rand.New(rand.NewPCG(x.rng.Uint64(), x.rng.Uint64()))),
		byKey:  make(map[plan.PeerKey]*remotePeer),
		probes: make(map[plan.PeerKey]*stockProbe),
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
	}
	// A block that arrives between this and the registration of the fetch
	// would be missed: both happen under mu, and blocks are reported under mu.
	absent := plan.NewBitset(len(sizes))
	for _, u := range x.store.Missing(sf) {
		absent.Set(u)
	}
	for u := range sizes {
		if !absent.Has(u) {
			f.plan.Have(u)
		}
	}
	return f
}

// introduce tells a fetch what is known of a peer. The caller holds mu.
func (x *Exchange) introduce(f *fetch, p *remotePeer) {
	if !x.mayAsk(p.id) {
		return
	}
	f.byKey[p.key] = p
	if x.opts.Reputations != nil {
		score, pace := x.opts.Reputations.Of(p.id)
		f.plan.PeerKnown(f.now(), p.key, score >= 1, score < 0, pace)
	}
	if p.speaks != haveNo {
		f.plan.PeerJoined(f.now(), p.key)
	} else {
		x.probe(f, p)
	}
	c := p.claims[f.file.Key]
	switch {
	case c == nil:
	case c.all:
		x.act(f, f.plan.PeerHasAll(f.now(), p.key))
	default:
		var units []int
		for i, u := range f.file.UnitOf {
			if c.has(i) {
				units = append(units, int(u))
			}
		}
		x.act(f, f.plan.PeerHas(f.now(), p.key, units...))
	}
}

// act carries out what the planner decided. The caller holds mu.
func (x *Exchange) act(f *fetch, actions []plan.Action) {
	for _, a := range actions {
		if a.Peer == originKey {
			f.origin.want(a)
			continue
		}
		p := f.byKey[a.Peer]
		if p == nil {
			continue
		}
		d := f.file.Blocks[f.file.First[a.Unit]]
		if a.Cancel {
			p.want(d, filestore.LeafCID(d), wantCancel)
		} else {
			p.want(d, filestore.LeafCID(d), wantBlock)
		}
	}
	if f.origin != nil {
		f.origin.flush()
	}
	for _, key := range f.plan.Failures() {
		p := f.byKey[key]
		if p == nil {
			continue
		}
		x.books.add(p.id, PeerStats{Failures: 1})
		if x.opts.Reputations != nil {
			x.opts.Reputations.Failed(p.id)
		}
	}
	if f.plan.Missing() == 0 {
		f.poke()
	}
}

// arrived tells fetches and neighbours of units that have become present. The
// caller holds mu.
func (x *Exchange) arrived(done []filestore.Arrival) {
	var news []*lending
	for _, u := range done {
		if f := x.fetches[u.Replica.Key]; f != nil && !f.plan.Has(u.Unit) {
			x.act(f, f.plan.Received(f.now(), elsewhere, u.Unit))
		}
		if g := x.lendings[u.Replica.Key]; g != nil {
			g.l.Has(u.Unit)
			if !slices.Contains(news, g) {
				news = append(news, g)
			}
		}
	}
	for _, g := range news {
		x.lend(g)
	}
}

// elsewhere is the key of no peer.
const elsewhere plan.PeerKey = -1

// drive waits, ticks the planner and looks for peers until the fetch is done.
func (x *Exchange) drive(ctx context.Context, f *fetch) error {
	defer f.origin.leave()
	pause, nextFind := findPeersAfter, time.Now().Add(findPeersAfter)
	searching := make(chan struct{}, 1)
	fctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-x.stopped:
			return ErrStopped
		case <-f.wake:
		case <-timer.C:
		}
		x.mu.Lock()
		if !x.running {
			f.fail(ErrStopped)
		}
		for id, p := range x.peers {
			switch may := x.mayAsk(id); {
			case !may && f.byKey[p.key] != nil:
				x.act(f, f.plan.PeerHasNone(f.now(), p.key))
				delete(f.byKey, p.key)
			case may && f.byKey[p.key] == nil:
				x.introduce(f, p)
			case may:
				f.plan.Progress(f.now(), p.key, p.in.Load())
			}
		}
		if f.origin != nil {
			f.plan.Progress(f.now(), originKey, f.origin.read.Load())
		}
		actions := f.plan.Tick(f.now())
		for _, a := range actions {
			if a.Cancel { // time alone withdraws nothing from a peer that delivers
				x.m.late.Inc()
			}
		}
		x.act(f, actions)
		missing, err := f.plan.Missing(), f.err
		wait, ok := f.plan.Next(f.now())
		starved := f.plan.Sources(f.now()) == 0 || time.Since(f.useful) > 5*time.Second
		if !starved {
			pause, nextFind = findPeersAfter, time.Now().Add(findPeersAfter)
		}
		find := x.opts.FindPeers != nil && starved && x.fetchScope == ScopeAll && !time.Now().Before(nextFind)
		if find {
			select {
			case searching <- struct{}{}:
				nextFind = time.Now().Add(pause)
				pause = min(2*pause, findPeersMax)
				if !x.goRun(func() {
					x.opts.FindPeers(fctx, f.file.Root)
					<-searching
				}) {
					<-searching
				}
			default: // still looking
				nextFind = time.Now().Add(pause)
			}
		}
		x.speakUp(f)
		x.reprobe(f)
		sync, unsynced := x.keep(f)
		x.mu.Unlock()
		switch {
		case err != nil:
			return err
		case missing == 0:
			return nil
		}
		if !ok || wait > time.Second {
			wait = time.Second
		}
		if unsynced {
			wait = min(wait, sync)
		}
		timer.Reset(wait)
	}
}

// receiveBlocks takes blocks from a peer. bitswap's decoder has computed their
// CIDs from their bytes, so a wrong block is one for which the peer was never asked
// and that belongs to no file here. A genuine block is no evidence against a peer,
// however late it comes or however often, until it floods with them.
func (x *Exchange) receiveBlocks(p *remotePeer, blks []blocks.Block) {
	for _, b := range blks {
		n := int64(len(b.RawData()))
		d, ok := filestore.Digest(b.Cid())
		ever, due := false, false
		done, err := []filestore.Arrival(nil), filestore.ErrUnlisted
		if ok {
			if ever, due = p.asked.answered(d); due {
				x.refund(p)
			}
			done, err = x.store.Write(d, b.RawData())
		}
		var took time.Duration // for a block of the fetch, of late
		x.mu.Lock()
		waited := x.deliver(d, b)
		stats := PeerStats{Received: n}
		switch {
		case len(done) > 0 || waited:
			stats.Useful = n
		case ever || !errors.Is(err, filestore.ErrUnlisted):
			stats.Duplicate = n
		default:
			stats.Wrong = n
		}
		flood := stats.Duplicate > 0 && !due && p.asked.tooMany(time.Now())
		for _, f := range x.fetches {
			u, listed := f.file.BySum[d]
			if !ok || !listed {
				continue
			}
			if err != nil {
				f.fail(err)
				continue
			}
			if x.store.HasUnit(f.file, int(u)) {
				f.plan.Progress(f.now(), p.key, p.in.Load())
				if len(done) > 0 {
					f.sample(n)
				}
				x.act(f, f.plan.Received(f.now(), p.key, int(u)))
				took = f.plan.Interval(p.key)
			}
		}
		x.arrived(done)
		wrong := stats.Wrong > 0
		if wrong || flood {
			for _, f := range x.fetches {
				x.act(f, f.plan.Wrong(f.now(), p.key))
			}
		}
		x.mu.Unlock()

		x.books.add(p.id, stats)
		if stats.Useful > 0 && x.opts.Reputations != nil {
			x.opts.Reputations.Delivered(p.id, len(b.RawData()), took)
		}
		switch {
		case stats.Useful > 0:
			x.m.bytes.WithLabelValues("useful").Add(float64(n))
			x.server.ReceivedBlocks(p.id, []blocks.Block{b})
		case stats.Duplicate > 0:
			x.m.bytes.WithLabelValues("duplicate").Add(float64(n))
		default:
			x.m.bytes.WithLabelValues("wrong").Add(float64(n))
		}
		if len(done) > 0 {
			x.notify(b)
		}
		switch {
		case wrong:
			x.misbehaved(p, "poisoned_peer", fmt.Errorf("%w: block %s of %d bytes", ErrWrongBytes, b.Cid(), n))
		case flood:
			x.misbehaved(p, "block_flood", fmt.Errorf("%w: the last was %s", ErrBlockFlood, b.Cid()))
		}
	}
}

// refund gives back what an answer that was due has cost its peer: a stock one opens a
// stream for every message.
func (x *Exchange) refund(p *remotePeer) {
	if x.opts.Budget != nil {
		x.opts.Budget.Return(p.id, 1)
	}
}

// receivePresences takes HAVE and DONT_HAVE answers from a peer.
func (x *Exchange) receivePresences(p *remotePeer, pres []message.BlockPresence) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, f := range x.fetches {
		var has []int
		pr := f.probes[p.key]
		for _, e := range pres {
			d, ok := filestore.Digest(e.Cid)
			if !ok {
				continue
			}
			u, ok := f.file.BySum[d]
			if !ok {
				continue
			}
			if pr != nil && pr.waiting > 0 {
				pr.waiting--
				x.refund(p)
			}
			if e.Type == pb.Message_Have {
				has = append(has, int(u))
			} else {
				x.act(f, f.plan.DontHave(f.now(), p.key, int(u)))
			}
		}
		if len(has) > 0 && x.mayAsk(p.id) {
			x.act(f, f.plan.PeerHas(f.now(), p.key, has...))
		}
		if pr != nil {
			x.probe(f, p)
		}
	}
	for _, e := range pres {
		if d, ok := filestore.Digest(e.Cid); ok && e.Type == pb.Message_DontHave {
			for _, w := range x.waiters[d] {
				w.refused(p)
			}
		}
	}
}

// probe asks a stock peer which of the missing blocks it has, some at a time.
// The want-haves stay in its ledger, so that a stock peer that gets a block
// later says so: possession is announced with nothing but stock bitswap. The
// caller holds mu.
func (x *Exchange) probe(f *fetch, p *remotePeer) {
	pr := f.probes[p.key]
	if pr == nil {
		pr = &stockProbe{sent: plan.NewBitset(len(f.file.First)), at: time.Now()}
		f.probes[p.key] = pr
		f.plan.PeerInterested(f.now(), p.key)
	}
	if pr.waiting > maxProbes/2 {
		return
	}
	for u, i := range f.file.First {
		if pr.waiting >= maxProbes {
			return
		}
		if pr.sent.Has(u) || f.plan.Has(u) {
			continue
		}
		pr.sent.Set(u)
		pr.waiting++
		d := f.file.Blocks[i]
		if f.file.BlockLen(int(i)) <= wantHaveBytes {
			p.asked.ask(d) // the answer may be the block itself
		}
		p.want(d, filestore.LeafCID(d), wantHave)
	}
}

// reprobe asks stock peers again, in case answers were lost. The caller holds
// mu.
func (x *Exchange) reprobe(f *fetch) {
	for key, pr := range f.probes {
		p := f.byKey[key]
		if p != nil && time.Since(pr.at) > reprobeAfter {
			pr.at, pr.waiting = time.Now(), 0
			clear(pr.sent)
			x.probe(f, p)
		}
	}
}

// reprobeAfter is the time between two rounds of want-haves to a stock peer.
const reprobeAfter = 30 * time.Second

// endProbes withdraws the want-haves of a fetch. The caller holds mu.
func (x *Exchange) endProbes(f *fetch) {
	for key, pr := range f.probes {
		p := f.byKey[key]
		if p == nil {
			continue
		}
		pr.sent.Each(func(u int) {
			d := f.file.Blocks[f.file.First[u]]
			p.want(d, filestore.LeafCID(d), wantCancel)
		})
	}
}
