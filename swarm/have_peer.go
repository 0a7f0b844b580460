package swarm

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multistream"

	"camswarm/swarm/filestore"
	"camswarm/swarm/plan"
)

// haveSupport says whether a peer speaks HaveProtocol.
type haveSupport byte

const (
	haveUnknown haveSupport = iota
	haveYes
	haveNo // a stock bitswap peer: it is asked with want-haves
)

// haveClaim is what a peer has announced of one file.
type haveClaim struct {
	all   bool
	lends bool        // holds more than it says, and wants to hear of all we get
	bits  plan.Bitset // of MaxBlocks bits, or of the blocks of the file if it was known
}

func (c *haveClaim) has(i int) bool { return c.all || i>>6 < len(c.bits) && c.bits.Has(i) }

// haveQueue is what is still to be announced to a peer, merged per file.
type haveQueue struct {
	mu     sync.Mutex
	files  map[[32]byte]*havePending
	order  [][32]byte
	wake   chan struct{}
	hurry  chan struct{} // what is queued may have become urgent
	again  chan struct{} // the protocol may be supported now
	opened bool          // everything was announced on an open stream
}

type havePending struct {
	none, full, ask bool
	indexes         []int
}

// urgent reports whether e should not wait long for more.
func (e *havePending) urgent() bool {
	return e.none || e.full || e.ask || len(e.indexes) >= haveMany
}

func newHaveQueue() haveQueue {
	return haveQueue{files: make(map[[32]byte]*havePending), wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), again: make(chan struct{}, 1)}
}

func (q *haveQueue) edit(root [32]byte, f func(*havePending)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.opened {
		return // the whole state goes out when the stream opens
	}
	e := q.files[root]
	if e == nil {
		e = &havePending{}
		q.files[root] = e
		q.order = append(q.order, root)
	}
	f(e)
	nudge(q.wake)
	if e.urgent() {
		nudge(q.hurry)
	}
}

// delay is the least time between the last message and what is queued.
func (q *haveQueue) delay() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.files {
		if e.urgent() {
			return haveUrgent
		}
	}
	return haveDelay
}

// open lets news in: everything is announced on an open stream.
func (q *haveQueue) open() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.opened = true
}

// close drops what is queued: the whole state goes out on the next stream.
func (q *haveQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.opened = false
	clear(q.files)
	q.order = nil
}

// announce queues the news that a block is held.
func (q *haveQueue) announce(root [32]byte, index int) {
	q.edit(root, func(e *havePending) {
		if !e.full {
			e.indexes = append(e.indexes, index)
		}
	})
}

// state queues all that is held of a file.
func (q *haveQueue) state(root [32]byte) {
	q.edit(root, func(e *havePending) { e.full, e.indexes = true, nil })
}

// ask queues all that is held of a file, and the question what the peer holds.
func (q *haveQueue) ask(root [32]byte) {
	q.edit(root, func(e *havePending) { e.full, e.ask, e.indexes = true, true, nil })
}

// withdraw queues that nothing announced before holds; with state, what is held
// still follows.
func (q *haveQueue) withdraw(root [32]byte, state bool) {
	q.edit(root, func(e *havePending) { *e = havePending{none: true, full: state} })
}

// retry wakes a sender that found the protocol unsupported.
func (q *haveQueue) retry() {
	nudge(q.again)
}

// restHaves is how long what is queued has to wait yet, after a message at last.
func (p *remotePeer) restHaves(last time.Time) time.Duration {
	delay := p.have.delay()
	if p.x.line.Load() > 0 && !p.x.near(p.id) {
		delay = haveDelaySlow
	}
	return delay - time.Since(last)
}

// sendHaves opens the stream of announcements to the peer and keeps it fed. When
// the peer ends the stream, what it had not read of it is lost, so that all is said
// again on another one.
func (p *remotePeer) sendHaves(ctx context.Context) {
	var (
		s     network.Stream
		ended chan error    // tells that the peer has ended s
		since time.Time     // when s was opened
		last  time.Time     // when something was last written
		pause time.Duration // before the next stream
		watch sync.WaitGroup
	)
	defer watch.Wait()
	defer func() {
		if s != nil {
			s.Reset()
		}
	}()
	// again gives up s, and waits until another one may be opened; it reports
	// false when ctx has ended.
	again := func(err error) bool {
		if s != nil {
			s.Reset()
			s = nil
			p.have.close()
			if time.Since(since) > haveLasts {
				pause = 0
			}
		}
		var stock multistream.ErrNotSupported[protocol.ID]
		var retry <-chan time.Time
		if errors.As(err, &stock) {
			p.x.setSpeaks(p, haveNo)
		} else {
			retry = time.After(pause)
			pause = min(max(2*pause, time.Second), time.Minute)
		}
		select {
		case <-ctx.Done():
			return false
		case <-p.have.again:
		case <-retry:
		}
		return true
	}
	for {
		if s == nil {
			open, err := p.openHave(ctx)
			if err != nil {
				pause = max(pause, time.Second) // overload, perhaps, or a connection that is going away
				if !again(err) {
					return
				}
				continue
			}
			end := make(chan error, 1)
			watch.Go(func() { awaitEnd(open, end) })
			s, ended, since = open, end, time.Now()
			p.x.setSpeaks(p, haveYes)
			p.have.open()
			for _, sf := range p.x.store.Replicas() {
				p.have.ask(sf.Key)
			}
		}
		select {
		case <-ctx.Done():
			return
		case err := <-ended:
			if !again(err) {
				return
			}
			continue
		case <-p.have.wake:
		}
		// The first news goes at once, what comes soon after it together.
		for wait := p.restHaves(last); wait > 0; wait = p.restHaves(last) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			case <-p.have.hurry:
			}
		}
		buf, n := p.encodeHaves()
		if len(buf) == 0 {
			continue
		}
		last = time.Now()
		open := s
		stop := context.AfterFunc(ctx, func() { open.Reset() })
		w := &pacedWriter{ctx: ctx, s: s}
		_, err := w.Write(buf)
		if !stop() {
			return
		}
		if err != nil {
			if !again(err) {
				return
			}
			continue
		}
		p.x.m.haves.WithLabelValues("out").Add(float64(n))
	}
}

// awaitEnd sends the error with which the peer ends a stream that only we write
// to. It reads: this is how a stream that is reset tells, and it has libp2p
// negotiate at once, which otherwise waits for the first write, while the peer
// gives up after ten seconds on a stream that is not negotiated.
func awaitEnd(s network.Stream, end chan<- error) {
	_, err := s.Read(make([]byte, 1))
	switch {
	case err == nil:
		err = errors.New("swarm: a peer writes on a stream of ours")
	case errors.Is(err, io.EOF):
		return // it has nothing to say, and may read on
	}
	end <- err
}

func (p *remotePeer) openHave(ctx context.Context) (network.Stream, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "announcements use the connections that there are"), openTimeout)
	defer cancel()
	return p.x.h.NewStream(ctx, p.id, HaveProtocol)
}

// encodeHaves takes everything queued and encodes it.
func (p *remotePeer) encodeHaves() (buf []byte, n int) {
	q := &p.have
	q.mu.Lock()
	files, order := q.files, q.order
	q.files, q.order = make(map[[32]byte]*havePending), nil
	q.mu.Unlock()
	share := p.x.mayServe(p.id)
	put := func(m haveMessage) {
		buf = m.append(buf)
		n++
	}
	for _, root := range order {
		e := files[root]
		if e.none {
			put(haveMessage{kind: haveNone, root: root})
		}
		sf := p.x.store.ByKey(root)
		if sf == nil {
			continue
		}
		// A bitmap of n bits is shorter than n/8 indexes.
		if full := e.full || len(e.indexes) > len(sf.Blocks)/8; full {
			told, all, lends := p.disclosed(sf, share)
			if lends {
				put(haveMessage{kind: haveLend, root: root})
			}
			if all {
				put(haveMessage{kind: haveAll, root: root})
			} else if !lends || told.Count() > 0 {
				put(haveMessage{kind: haveBitmap, root: root, n: len(sf.Blocks), bitmap: told})
			}
		} else if share && len(e.indexes) > 0 {
			slices.Sort(e.indexes)
			put(haveMessage{kind: haveIndexes, root: root, indexes: slices.Compact(e.indexes)})
		}
		if e.ask {
			put(haveMessage{kind: haveAsk, root: root})
		}
	}
	return buf, n
}

// disclosed returns the blocks of a file that the peer is to know of, whether
// these are all of the file, and whether more will be named one by one.
func (p *remotePeer) disclosed(sf *filestore.Replica, share bool) (told plan.Bitset, all, lends bool) {
	told = plan.NewBitset(len(sf.Blocks))
	if !share {
		return told, false, false
	}
	x := p.x
	x.mu.Lock()
	defer x.mu.Unlock()
	g := x.lendings[sf.Key]
	if g == nil || x.peers[p.id] != p || x.silent(sf.Key, p.id) {
		return told, false, false // removed, or gone
	}
	units, all, lends := g.l.Disclose(x.now(), p.key)
	for _, u := range units {
		told.Set(int(sf.First[u]))
	}
	return told, all, lends
}

// setSpeaks notes whether a peer speaks HaveProtocol; stock peers are probed.
func (x *Exchange) setSpeaks(p *remotePeer, s haveSupport) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.peers[p.id] != p || p.speaks == s {
		return
	}
	p.speaks = s
	for _, f := range x.fetches {
		x.introduce(f, p)
	}
}

// handleHave reads the announcements of a peer.
func (x *Exchange) handleHave(ctx context.Context, p *remotePeer, s network.Stream) {
	defer s.Reset()
	x.mu.Lock()
	old := p.haves
	p.haves = s
	x.mu.Unlock()
	if old != nil {
		old.Reset() // one stream per peer: the new one replaces the old
	}
	r := bufio.NewReader(s)
	for p.talk.Wait(ctx) == nil {
		m, err := readHave(r)
		if errors.Is(err, ErrBadMessage) {
			x.misbehaved(p, "bad_message", err)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				x.log.Debug("announcements ended", "peer", p.id, "err", err)
			}
			return
		}
		x.m.haves.WithLabelValues("in").Inc()
		news, ok := x.receiveHave(p, &m)
		if !ok {
			return // the peer has come anew meanwhile: it opens another stream and says all again
		}
		if !news && x.opts.Budget != nil && !x.opts.Budget.Allow(p.id, haveCost) {
			return
		}
	}
}

// receiveHave takes an announcement into account, and tells whether it was news. ok is
// false if the peer is not what x knows of it any more.
func (x *Exchange) receiveHave(p *remotePeer, m *haveMessage) (news, ok bool) {
	sf := x.store.ByKey(m.root)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.peers[p.id] != p {
		return false, false
	}
	f, g := x.fetches[m.root], x.lendings[m.root]
	if g != nil {
		defer x.lend(g)
		x.barPeer(g, p)
	}
	switch m.kind {
	case haveAsk:
		if sf != nil {
			p.have.state(m.root)
		}
		return false, true
	case haveNone:
		delete(p.claims, m.root)
		p.unknown = slices.DeleteFunc(p.unknown, func(r [32]byte) bool { return r == m.root })
		if f != nil {
			x.act(f, f.plan.PeerHasNone(f.now(), p.key))
		}
		if g != nil {
			g.l.PeerHasNone(p.key)
		}
		return false, true
	}
	known := sf != nil || p.claims[m.root] != nil // there is no end of others
	c := x.claimOf(p, m.root, sf)
	lent := c.lends
	c.lends = m.kind == haveLend || c.lends && m.kind != haveAll
	if g != nil {
		g.l.PeerLends(p.key, c.lends)
		g.l.PeerInterested(p.key)
	}
	switch m.kind {
	case haveAll:
		news, c.all = !c.all && known, true
		if g != nil {
			g.l.PeerHasAll(x.now(), p.key)
		}
		if f != nil && x.mayAsk(p.id) {
			x.act(f, f.plan.PeerHasAll(f.now(), p.key))
		}
		return news, true
	case haveLend:
		if f != nil {
			f.plan.PeerInterested(f.now(), p.key)
		}
		return !lent && known, true
	}
	units, news := c.add(m, sf)
	if g != nil {
		g.l.PeerHas(x.now(), p.key, units...)
	}
	if f != nil && x.mayAsk(p.id) {
		x.act(f, f.plan.PeerHas(f.now(), p.key, units...))
	}
	return news && known, true
}

// claimOf returns what a peer claims of a file, nothing at first. The caller holds mu.
func (x *Exchange) claimOf(p *remotePeer, root [32]byte, sf *filestore.Replica) *haveClaim {
	c := p.claims[root]
	if c == nil {
		c = &haveClaim{}
		p.claims[root] = c
		if sf == nil {
			// A file that we do not know, or not yet. Only so many are kept.
			if len(p.unknown) >= MaxUnknownRoots {
				x.forgetUnknown(p)
			}
			p.unknown = append(p.unknown, root)
		}
	}
	return c
}

// add adds the blocks of a message to what is claimed of sf, nil if it is not added,
// and returns their units and whether any is new.
func (c *haveClaim) add(m *haveMessage, sf *filestore.Replica) (units []int, news bool) {
	if c.bits == nil {
		n := filestore.MaxBlocks
		if sf != nil {
			n = len(sf.Blocks)
		}
		c.bits, news = plan.NewBitset(n), true
	}
	add := func(i int) {
		if i>>6 >= len(c.bits) {
			return
		}
		news = news || !c.bits.Has(i)
		c.bits.Set(i)
		if sf != nil && i < len(sf.UnitOf) {
			units = append(units, int(sf.UnitOf[i]))
		}
	}
	if m.kind == haveBitmap {
		m.bitmap.Each(add)
	}
	for _, i := range m.indexes {
		add(i)
	}
	return units, news
}

// forgetUnknown drops the oldest claims on files that are still not added. The
// caller holds mu.
func (x *Exchange) forgetUnknown(p *remotePeer) {
	p.unknown = slices.DeleteFunc(p.unknown, func(r [32]byte) bool { return x.store.ByKey(r) != nil })
	for len(p.unknown) >= MaxUnknownRoots {
		delete(p.claims, p.unknown[0])
		p.unknown = p.unknown[1:]
	}
}
