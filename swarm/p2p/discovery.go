package p2p

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// source is where the address of a peer came from, best first.
type source int

const (
	sourceStatic   source = iota // the configuration
	sourceProvider               // holds a file that is wanted and that no neighbour has
	sourceLAN                    // mDNS
	sourceDHT                    // a member of a namespace
)

func (s source) String() string { return [...]string{"static", "provider", "mdns", "dht"}[s] }

// book holds the peers that the node knows and might dial, and decides which
// one is next. It does no I/O and reads no clock; jitter comes from random.
type book struct {
	peers  map[peer.ID]*candidate
	random func() float64    // [0, 1)
	worth  func(peer.ID) int // of a peer to us; among equals of a source the best are dialled first
}

type candidate struct {
	addrs     []ma.Multiaddr
	source    source
	seen      time.Time // when it was last discovered
	next      time.Time // not dialled before
	alone     time.Time // the same for a node that has no connection at all
	failures  int       // in a row
	dialling  bool
	connected time.Time // zero: not connected
}

func newBook() *book {
	return &book{peers: map[peer.ID]*candidate{}, random: rand.Float64, worth: func(peer.ID) int { return 0 }}
}

// add records that a peer was discovered, and tells whether that is news. A
// peer keeps its best source, and the newest addresses of that source or a
// better one.
func (b *book) add(info peer.AddrInfo, src source, now time.Time) bool {
	if len(info.Addrs) == 0 {
		return false
	}
	c := b.peers[info.ID]
	isNew := c == nil
	if isNew {
		if src != sourceStatic && !b.makeRoom(src, now) {
			return false
		}
		c = &candidate{source: src, next: now}
		b.peers[info.ID] = c
	}
	if src < c.source {
		c.source, c.failures, c.next = src, 0, now
	}
	if src == c.source {
		c.addrs = info.Addrs[:min(len(info.Addrs), maxCandidateAddrs)]
	}
	c.seen = now
	return isNew
}

// makeRoom forgets one candidate if the book is full: the least recently seen
// of the worst source, which must not be better than src.
func (b *book) makeRoom(src source, now time.Time) bool {
	var worst peer.ID
	for id, c := range b.peers {
		if c.source == sourceStatic || c.dialling || !c.connected.IsZero() {
			continue
		}
		if now.Sub(c.seen) > candidateAge {
			delete(b.peers, id)
			continue
		}
		if w := b.peers[worst]; w == nil || c.source > w.source || c.source == w.source && c.seen.Before(w.seen) {
			worst = id
		}
	}
	if len(b.peers) < maxCandidates {
		return true
	}
	w := b.peers[worst]
	if w == nil || w.source < src {
		return false
	}
	delete(b.peers, worst)
	return true
}

// mesh is what the choice of the next dial needs to know of the connections.
type mesh struct {
	peers int // connected
	own   int // of these, neither static nor those who dialled us
	away  int // static peers that are not connected
}

// next chooses whom to dial now. Static peers are always dialled. Providers of a
// wanted file may go above the mesh, since neighbours that hold nothing, or
// pretend to, must not keep them out; the least useful neighbour goes then.
// Peers on the LAN are dialled until the mesh is full, others until it is large
// enough and enough of it is of our own choice. It returns false when nobody is
// due.
func (b *book) next(now time.Time, m mesh, l Limits) (peer.AddrInfo, source, bool) {
	m = m.with(b.dialling())
	var due []peer.ID
	best, most := sourceDHT, math.MinInt
	for id, c := range b.peers {
		if c.dialling || !c.connected.IsZero() || now.Before(c.due(m)) || !wanted(c.source, m, l) || c.source > best {
			continue
		}
		worth := b.worth(id)
		if c.source < best || worth > most {
			best, most, due = c.source, worth, due[:0]
		}
		if worth == most {
			due = append(due, id)
		}
	}
	if len(due) == 0 {
		return peer.AddrInfo{}, 0, false
	}
	slices.Sort(due) // the choice depends on random alone
	id := due[int(b.random()*float64(len(due)))]
	c := b.peers[id]
	c.dialling = true
	return peer.AddrInfo{ID: id, Addrs: c.addrs}, c.source, true
}

// dialling counts dials in flight, which may become connections.
func (b *book) dialling() (count int) {
	for _, c := range b.peers {
		if c.dialling {
			count++
		}
	}
	return count
}

// with counts dials in flight, which may become connections.
func (m mesh) with(dials int) mesh {
	m.peers += dials
	m.own += dials
	return m
}

// small tells whether neighbours are to be sought. Whoever dials a node first
// could be all its neighbours, so those do not make the mesh large enough: some
// must be of its own choice.
func (m mesh) small(l Limits) bool {
	return m.peers < l.MeshLow || m.own < l.Chosen && m.peers < l.MeshHigh
}

func wanted(src source, m mesh, l Limits) bool {
	switch src {
	case sourceStatic:
		return true
	case sourceProvider:
		return m.peers+max(m.away, 1) < l.Connections // a static peer finds a slot when it comes back
	case sourceLAN:
		return m.peers < l.MeshHigh
	}
	return m.small(l)
}

// wait returns how long nobody becomes due, at most a minute.
func (b *book) wait(now time.Time, m mesh, l Limits) time.Duration {
	m = m.with(b.dialling())
	wait := time.Minute
	for _, c := range b.peers {
		if !c.dialling && c.connected.IsZero() && wanted(c.source, m, l) {
			wait = min(wait, max(c.due(m).Sub(now), 0))
		}
	}
	return wait
}

// dialled records the end of a dial.
func (b *book) dialled(id peer.ID, err error, now time.Time) {
	c := b.peers[id]
	if c == nil {
		return
	}
	c.dialling = false
	if err != nil && c.connected.IsZero() {
		c.demote()
		b.backOff(c, now)
		if c.source != sourceStatic && now.Sub(c.seen) > candidateAge {
			delete(b.peers, id)
		}
	}
}

func (b *book) connectedTo(id peer.ID, now time.Time) {
	if c := b.peers[id]; c != nil && c.connected.IsZero() {
		c.connected = now
	}
}

// disconnected records that the last connection to a peer is gone. One that
// held for a minute forgives former failures; one that did not counts as a
// failure, so that a full peer that hangs up on us is not dialled in a loop.
func (b *book) disconnected(id peer.ID, now time.Time) {
	c := b.peers[id]
	if c == nil || c.connected.IsZero() {
		return
	}
	if now.Sub(c.connected) >= time.Minute {
		c.failures = 0
	}
	c.connected = time.Time{}
	c.demote()
	b.backOff(c, now)
}

// again lets those be dialled at once who had no room for us.
func (b *book) again(now time.Time) {
	for id, c := range b.peers {
		if c.connected.IsZero() && c.source != sourceStatic && b.worth(id) >= 0 {
			c.failures, c.next, c.alone = 0, now, now
		}
	}
}

// demote ends a provider's privilege after one try; the next search renews it.
func (c *candidate) demote() {
	if c.source == sourceProvider {
		c.source = sourceDHT
	}
}

func (b *book) backOff(c *candidate, now time.Time) {
	limit := backoffMax
	if c.source == sourceStatic {
		limit = staticBackoffMax
	}
	wait := limit
	if c.failures < 20 {
		wait = min(backoffBase<<c.failures, limit)
	}
	c.failures++
	jitter := b.random()
	c.next = now.Add(wait + time.Duration(jitter*float64(wait)/2))
	c.alone = c.next
	if c.source == sourceStatic && wait > aloneBackoffMax {
		c.alone = now.Add(aloneBackoffMax + time.Duration(jitter*float64(aloneBackoffMax)/2))
	}
}

// due returns when a candidate may be dialled.
func (c *candidate) due(m mesh) time.Time {
	if m.peers == 0 {
		return c.alone
	}
	return c.next
}

// is tells the source a peer was discovered by.
func (b *book) is(id peer.ID) (source, bool) {
	c := b.peers[id]
	if c == nil {
		return 0, false
	}
	return c.source, true
}
