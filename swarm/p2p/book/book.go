package book

import (
	"cmp"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// Source is where the address of a peer came from, best first.
type Source int

// The sources of addresses.
const (
	Static     Source = iota // the configuration
	Provider                 // holds a file that is fetched and that no neighbour has
	LAN                      // mDNS
	Introduced               // a seed named it
	DHT                      // a seed of a namespace
)

// String names a source as metrics and logs do.
func (s Source) String() string {
	return [...]string{"static", "provider", "mdns", "introduced", "dht"}[s]
}

// Bounds are the limits on connections that a choice keeps to.
type Bounds struct {
	Connections       int // of all kinds
	MeshLow, MeshHigh int // between which the node is content
	Chosen            int // how many neighbours must be of its own choice
	Static            int // how many static peers are enough; 0: all of them
}

// Mesh is what the choice of the next dial needs to know of the connections.
type Mesh struct {
	Peers  int // connected
	Own    int // of these, neither static nor those who dialled us
	Static int // of these, static
	Away   int // static peers that are lacking
}

// Small reports whether neighbours are to be sought. Whoever dials a node first
// could be all its neighbours, so those do not make the mesh large enough: some
// must be of its own choice.
func (m Mesh) Small(b Bounds) bool {
	return m.Peers < b.MeshLow || m.Own < b.Chosen && m.Peers < b.MeshHigh
}

// seeks reports whether peers of a source are dialled. Static peers are until there
// are enough of them: a fleet's seeds are for all of it.
// Providers of a file that is fetched may go above the mesh, since neighbours that
// hold nothing, or pretend to, must not keep them out; the least useful neighbour
// goes then. Peers on the LAN are dialled until the mesh is full, others until it
// is large enough and enough of it is of our own choice.
func (m Mesh) seeks(src Source, b Bounds) bool {
	switch src {
	case Static:
		return b.Static == 0 || m.Static < b.Static
	case Provider:
		return m.Peers+max(m.Away, 1) < b.Connections // a static peer finds a slot when it comes back
	case LAN:
		return m.Peers < b.MeshHigh
	}
	return m.Small(b)
}

// Book holds the peers that the node knows and might dial, and selects the next.
// Its times come from the caller. It is not safe for concurrent use.
type Book struct {
	// Worth ranks peers of one source: the best are dialled first, and those below
	// 0 are not forgiven by Forgive.
	Worth func(peer.ID) int

	peers  map[peer.ID]*candidate
	places map[netip.Addr]*place
	again  time.Time      // a node with enough neighbours visits no static peer before
	full   int            // static peers that had no room, in a row
	random func() float64 // [0, 1): all that a choice depends on beside what it is told
}

// candidate is what a Book knows of a peer.
type candidate struct {
	addrs     []ma.Multiaddr
	source    Source
	seen      time.Time // when it was last discovered
	next      time.Time // not dialled before
	alone     time.Time // the same for a node that has no connection at all
	failures  int       // in a row
	dialling  bool
	connected time.Time // zero: not connected

	// What it asked for when it had no room: not before until, and untilAlone for a
	// node that has no connection at all.
	until, untilAlone time.Time
}

// New returns an empty book, to which all peers are worth the same.
func New() *Book {
	return &Book{peers: map[peer.ID]*candidate{}, places: map[netip.Addr]*place{}, random: rand.Float64, Worth: func(peer.ID) int { return 0 }}
}

// Len returns the number of peers that are known, connected or not.
func (b *Book) Len() int { return len(b.peers) }

// SourceOf returns the source that a peer was discovered by, and false if it is
// not known.
func (b *Book) SourceOf(id peer.ID) (Source, bool) {
	c := b.peers[id]
	if c == nil {
		return 0, false
	}
	return c.source, true
}

// Add records that a peer was discovered, and reports whether that is news. A
// peer keeps its best source, and the newest addresses of that source or a
// better one.
func (b *Book) Add(info peer.AddrInfo, src Source, now time.Time) bool {
	if len(info.Addrs) == 0 {
		return false
	}
	c := b.peers[info.ID]
	isNew := c == nil
	if isNew {
		if src != Static && !b.makeRoom(src, now) {
			return false
		}
		c = &candidate{source: src, next: now}
		b.peers[info.ID] = c
	}
	if src < c.source {
		c.source, c.failures, c.next = src, 0, now
	}
	if src == c.source {
		c.addrs = info.Addrs[:min(len(info.Addrs), MaxAddrs)]
	}
	c.seen = now
	return isNew
}

// Release makes a static peer one like those that the DHT finds.
func (b *Book) Release(id peer.ID) {
	if c := b.peers[id]; c != nil && c.source == Static {
		c.source = DHT
	}
}

// makeRoom forgets one candidate if the book is full: the least recently seen of
// the worst source, which must not be better than src, and there of those that are
// worth least, so that nobody who was good is pushed out by names.
func (b *Book) makeRoom(src Source, now time.Time) bool {
	var worst peer.ID
	for id, c := range b.peers {
		if c.source == Static || c.dialling || !c.connected.IsZero() {
			continue
		}
		if now.Sub(c.seen) > candidateAge {
			delete(b.peers, id)
			continue
		}
		w := b.peers[worst]
		if w == nil || cmp.Or(cmp.Compare(c.source, w.source), cmp.Compare(b.Worth(worst), b.Worth(id)), w.seen.Compare(c.seen)) > 0 {
			worst = id
		}
	}
	if len(b.peers) < MaxCandidates {
		return true
	}
	w := b.peers[worst]
	if w == nil || w.source < src || b.Worth(worst) > 0 && w.source == src {
		return false
	}
	delete(b.peers, worst)
	return true
}

// Next selects the peer to dial now, of the best source of which somebody is due,
// and records that it is dialled. It returns false when nobody is.
func (b *Book) Next(now time.Time, m Mesh, bounds Bounds) (peer.AddrInfo, Source, bool) {
	m = b.withDials(m)
	var due []peer.ID
	best, most := DHT, math.MinInt
	for id, c := range b.peers {
		if c.dialling || !c.connected.IsZero() || now.Before(b.due(c, m, bounds)) || !m.seeks(c.source, bounds) || c.source > best {
			continue
		}
		worth := b.Worth(id)
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
	return peer.AddrInfo{ID: id, Addrs: b.open(c, now)}, c.source, true
}

// withDials counts dials in flight, which may become connections.
func (b *Book) withDials(m Mesh) Mesh {
	for _, c := range b.peers {
		switch {
		case !c.dialling:
			continue
		case c.source == Static:
			m.Static++
		default:
			m.Own++
		}
		m.Peers++
	}
	return m
}

// Wait returns how long nobody becomes due, at most a minute.
func (b *Book) Wait(now time.Time, m Mesh, bounds Bounds) time.Duration {
	m = b.withDials(m)
	wait := time.Minute
	for _, c := range b.peers {
		if !c.dialling && c.connected.IsZero() && m.seeks(c.source, bounds) {
			wait = min(wait, max(b.due(c, m, bounds).Sub(now), 0))
		}
	}
	return wait
}

// Dialled records the end of a dial.
func (b *Book) Dialled(id peer.ID, err error, now time.Time) {
	c := b.peers[id]
	if c == nil {
		return
	}
	c.dialling = false
	b.reached(c, err == nil || !c.connected.IsZero(), now)
	if err != nil && c.connected.IsZero() {
		c.demote()
		b.backOff(c, now)
		if c.source != Static && now.Sub(c.seen) > candidateAge {
			delete(b.peers, id)
		}
	}
}

// Connected records that there is a connection to a peer.
func (b *Book) Connected(id peer.ID, now time.Time) {
	if c := b.peers[id]; c != nil && c.connected.IsZero() {
		c.connected = now
	}
}

// Disconnected records that the last connection to a peer is gone. One that
// held for a minute makes up for former failures; one that did not counts as a
// failure, so that a full peer that hangs up on us is not dialled in a loop.
func (b *Book) Disconnected(id peer.ID, now time.Time) {
	c := b.peers[id]
	if c == nil || c.connected.IsZero() {
		return
	}
	if now.Sub(c.connected) >= steady {
		c.failures = 0
		if c.source == Static {
			b.full, b.again = 0, time.Time{}
		}
	}
	c.connected = time.Time{}
	c.demote()
	b.backOff(c, now)
}

// Forgive lets those be dialled at once who had no room for us.
func (b *Book) Forgive(now time.Time) {
	for id, c := range b.peers {
		if c.connected.IsZero() && c.source != Static && b.Worth(id) >= 0 {
			c.failures, c.next, c.alone = 0, now, now
		}
	}
}

// demote ends a provider's privilege after one try; the next search renews it.
func (c *candidate) demote() {
	if c.source == Provider {
		c.source = DHT
	}
}

func (b *Book) backOff(c *candidate, now time.Time) {
	limit := backoffMax
	if c.source == Static {
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
	if c.source == Static && wait > aloneBackoffMax {
		c.alone = now.Add(aloneBackoffMax + time.Duration(jitter*float64(aloneBackoffMax)/2))
	}
}

// due returns when a candidate may be dialled.
func (b *Book) due(c *candidate, m Mesh, bounds Bounds) time.Time {
	if m.Peers == 0 {
		return later(c.alone, c.untilAlone)
	}
	at := later(c.next, c.until)
	if c.source == Static {
		if m.Small(bounds) {
			return at
		}
		return later(at, b.again)
	}
	return later(at, b.opens(c))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
