package torrent

import (
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A Client is one peer of one torrent.
type Client struct {
	info *Info
	cfg  Config
	file io.ReaderAt                       // of what is complete
	keep func(off int, piece []byte) error // of each piece that came, checked
	id   [20]byte
	hash [20]byte

	mu      sync.Mutex
	rng     *rand.Rand
	wants   bool // began
	have    []bool
	left    int // pieces
	pieces  []*progress
	begun   []int   // pieces of which some blocks are here or asked for
	unasked int     // blocks that are missing and asked of nobody
	spread  []int   // neighbours that have a piece
	peers   []*peer // in the order of the rotation
	rounds  int
	stats   Stats
	failed  error
	done    chan struct{}
	closed  bool
	stop    chan struct{}
	wg      sync.WaitGroup
}

// Stats are bytes of blocks.
type Stats struct {
	Sent, Received, Duplicate int64
	Pieces                    int // complete
}

// progress is a piece that is on its way.
type progress struct {
	data  []byte
	got   []bool
	asked []int // of how many neighbours
	left  int
}

// New makes a client that has the file, if keep is nil, or none of it: then every
// piece is handed to keep, checked, before file is read there. Both may be called from
// several goroutines. The client does not begin to fetch before [Client.Begin].
func New(info *Info, cfg Config, file io.ReaderAt, keep func(off int, piece []byte) error, rng *rand.Rand) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := len(info.Hashes)
	c := &Client{info: info, cfg: cfg, file: file, keep: keep, hash: info.Hash(), rng: rng,
		have: make([]bool, n), pieces: make([]*progress, n), spread: make([]int, n), left: n, done: make(chan struct{}), stop: make(chan struct{})}
	for i := range c.id {
		c.id[i] = byte(rng.Uint32())
	}
	if keep == nil {
		for i := range c.have {
			c.have[i] = true
		}
		c.left = 0
		close(c.done)
	}
	for i := range n {
		if keep != nil {
			c.unasked += info.blocks(i)
		}
	}
	c.wg.Go(c.rotate)
	return c, nil
}

// Begin starts to fetch.
func (c *Client) Begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wants = true
	for _, p := range c.peers {
		p.interest()
	}
}

// Wait returns when the file is complete.
func (c *Client) Wait(ctx context.Context) error {
	select {
	case <-c.done:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.failed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stats returns what was sent and received.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Pieces = len(c.have) - c.left
	return s
}

// Peers returns the number of neighbours.
func (c *Client) Peers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.peers)
}

// Close ends all connections and waits for the client's goroutines.
func (c *Client) Close() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.stop)
		for _, p := range c.peers {
			p.end()
		}
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// Add makes the other end of a connection a neighbour, until either side ends it. The
// client closes it.
func (c *Client) Add(conn io.ReadWriteCloser) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close()
		return
	}
	p := &peer{c: c, conn: conn, have: make([]bool, len(c.have)), choked: true, choking: true, out: map[block]bool{}}
	p.wake.L = &c.mu
	c.wg.Go(func() {
		defer p.leave()
		_ = p.receive()
	})
	c.wg.Go(func() {
		defer p.leave()
		_ = p.send()
	})
}

// joined makes a peer that has greeted a neighbour. The client is locked.
func (c *Client) joined(p *peer) {
	p.control = append(p.control, bitfield(c.have)...)
	c.peers = slices.Insert(c.peers, c.rng.IntN(len(c.peers)+1), p)
	c.choose()
	p.wake.Broadcast()
}

// gone forgets a neighbour. The client is locked.
func (c *Client) gone(p *peer) {
	i := slices.Index(c.peers, p)
	if i < 0 {
		return
	}
	c.peers = slices.Delete(c.peers, i, i+1)
	for n, has := range p.have {
		if has {
			c.spread[n]--
		}
	}
	p.release()
	c.choose()
	c.askAll()
}

// got takes a block that came. The client is locked.
func (c *Client) got(p *peer, b block, data []byte) error {
	delete(p.out, b)
	c.stats.Received += int64(len(data))
	p.down.add(len(data))
	g := c.pieces[b.piece]
	if c.have[b.piece] || g == nil || g.got[b.n] {
		c.stats.Duplicate += int64(len(data))
		p.ask()
		return nil
	}
	if g.asked[b.n] == 0 { // it was given up
		c.unasked--
	}
	copy(g.data[b.n*RequestBytes:], data)
	g.got[b.n] = true
	g.left--
	for _, o := range c.peers {
		if o.out[b] {
			delete(o.out, b)
			o.say(message(cancelMessage, b.piece, b.n*RequestBytes, len(data)))
			if o != p {
				o.ask()
			}
		}
	}
	if g.left == 0 {
		if err := c.complete(b.piece, g); err != nil {
			return err
		}
	}
	p.ask()
	return nil
}

// complete checks a piece and tells of it. The client is locked.
func (c *Client) complete(n int, g *progress) error {
	c.pieces[n] = nil
	c.begun = slices.DeleteFunc(c.begun, func(i int) bool { return i == n })
	if sha1.Sum(g.data) != c.info.Hashes[n] {
		c.unasked += c.info.blocks(n)
		return fmt.Errorf("%w: a piece with another hash", ErrProtocol)
	}
	if err := c.keep(n*c.info.PieceBytes, g.data); err != nil && c.failed == nil {
		c.failed = err
	}
	c.have[n] = true
	c.left--
	for _, p := range c.peers {
		if p.have[n] {
			p.wanted--
			p.interest()
		} else {
			p.say(message(haveMessage, n))
		}
	}
	if c.left == 0 {
		close(c.done)
		c.choose()
	}
	return nil
}

// next returns the block to ask a neighbour for. The client is locked.
func (c *Client) next(p *peer) (block, bool) {
	best, ties := -1, 0
	take := func(i int) {
		switch {
		case best < 0 || c.spread[i] < c.spread[best]:
			best, ties = i, 1
		case c.spread[i] == c.spread[best]:
			if ties++; c.rng.IntN(ties) == 0 {
				best = i
			}
		}
	}
	for _, i := range c.begun {
		if p.have[i] && c.free(i) >= 0 {
			take(i)
		}
	}
	if best < 0 && len(c.have)-c.left < randomFirst {
		for i := range c.have {
			if p.have[i] && !c.have[i] && c.pieces[i] == nil {
				if ties++; c.rng.IntN(ties) == 0 {
					best = i
				}
			}
		}
	} else if best < 0 {
		for i := range c.have {
			if p.have[i] && !c.have[i] && c.pieces[i] == nil {
				take(i)
			}
		}
	}
	if best >= 0 {
		if c.pieces[best] == nil {
			n := c.info.blocks(best)
			c.pieces[best] = &progress{data: make([]byte, c.info.pieceLen(best)), got: make([]bool, n), asked: make([]int, n), left: n}
			c.begun = append(c.begun, best)
		}
		return block{best, c.free(best)}, true
	}
	if c.unasked > 0 || len(p.out) > 0 {
		return block{}, false
	}
	return c.again(p)
}

// randomFirst is how many pieces are chosen at random before the rarest are: a new
// peer wants something to give.
const randomFirst = 4

// free is a block of a piece that is missing and asked of nobody; -1: none.
func (c *Client) free(piece int) int {
	g := c.pieces[piece]
	for n, asked := range g.asked {
		if asked == 0 && !g.got[n] {
			return n
		}
	}
	return -1
}

// again is the end game: a block that was asked of others, the least often asked one.
// As in libtorrent a neighbour gets one such request at a time, when it owes nothing.
func (c *Client) again(p *peer) (b block, ok bool) {
	least, ties := 0, 0
	for _, i := range c.begun {
		if !p.have[i] {
			continue
		}
		g := c.pieces[i]
		for n := range g.asked {
			o := block{i, n}
			if g.got[n] || p.out[o] {
				continue
			}
			switch {
			case !ok || g.asked[n] < least:
				b, least, ties, ok = o, g.asked[n], 1, true
			case g.asked[n] == least:
				if ties++; c.rng.IntN(ties) == 0 {
					b = o
				}
			}
		}
	}
	return b, ok
}

func (c *Client) askAll() {
	for _, i := range c.rng.Perm(len(c.peers)) {
		c.peers[i].ask()
	}
}

// rotate makes the choices that are made every round.
func (c *Client) rotate() {
	t := time.NewTicker(c.cfg.Round)
	defer t.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-t.C:
		}
		c.mu.Lock()
		if c.rounds++; c.rounds%3 == 0 {
			if i := slices.IndexFunc(c.peers, func(p *peer) bool { return p.choking && p.interested }); i > 0 {
				c.peers = slices.Concat(c.peers[i:], c.peers[:i])
			}
		}
		c.chooseAnew(true)
		c.mu.Unlock()
	}
}

// choose decides whom to serve after something has changed. The client is locked.
func (c *Client) choose() { c.chooseAnew(false) }

// chooseAnew does, at the end of a round too: then those that a complete client serves
// give way.
func (c *Client) chooseAnew(round bool) {
	switch c.cfg.Choking {
	case Everybody:
		for _, p := range c.peers {
			p.choke(false)
		}
		return
	case Credit:
		for _, p := range c.peers {
			p.choke(c.left > 0 && (p.wanted == 0 || p.up.sum >= p.down.sum+credit))
		}
		return
	}
	now := time.Now()
	var best []*peer
	for _, p := range c.peers {
		if p.interested {
			best = append(best, p)
		}
	}
	if c.left == 0 {
		slices.SortStableFunc(best, func(a, b *peer) int {
			if a.choking != b.choking && !round {
				if b.choking {
					return -1
				}
				return 1
			}
			return a.served.Compare(b.served)
		})
	} else {
		slices.SortStableFunc(best, func(a, b *peer) int {
			switch x, y := a.down.rate(now), b.down.rate(now); {
			case x > y:
				return -1
			case x < y:
				return 1
			}
			return 0
		})
	}
	best = best[:min(len(best), c.cfg.Slots-1)]
	served := len(best)
	for _, p := range c.peers {
		switch {
		case slices.Contains(best, p):
			p.choke(false)
			p.served = now
		case served < c.cfg.Slots:
			p.choke(false)
			if p.interested {
				p.served = now
				served++
			}
		default:
			p.choke(true)
		}
	}
}

// rate measures bytes as mainline does: over the last 20 seconds at most.
type rate struct {
	sum         int64
	value       float64 // bytes a second
	since, last time.Time
}

const rateOver = 20 * time.Second

func (r *rate) add(n int) {
	r.sum += int64(n)
	r.update(time.Now(), n)
}

func (r *rate) update(now time.Time, n int) {
	if r.last.IsZero() {
		r.since, r.last = now.Add(-time.Second), now.Add(-time.Second)
	}
	r.value = (r.value*r.last.Sub(r.since).Seconds() + float64(n)) / max(now.Sub(r.since).Seconds(), 1e-3)
	r.last = now
	if from := now.Add(-rateOver); r.since.Before(from) {
		r.since = from
	}
}

func (r *rate) rate(now time.Time) float64 {
	if r.last.IsZero() {
		return 0
	}
	r.update(now, 0)
	return r.value
}
