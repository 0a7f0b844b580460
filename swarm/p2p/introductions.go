package p2p

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"

	"camswarm/swarm/p2p/book"
	"camswarm/swarm/p2p/introduce"
	"camswarm/swarm/tokens"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// PeersProtocol is how a camera tells a seed what it is a member of, and asks for
// others: an introduce.Ask and an introduce.Answer. FullProtocol is how a seed
// without room says so before it hangs up: an introduce.Answer.
const (
	PeersProtocol protocol.ID = "/camswarm/peers/1"
	FullProtocol  protocol.ID = "/camswarm/full/1"
)

// introductions is the state of both sides, guarded by Network.mu.
type introductions struct {
	asked map[peer.ID]*asking // connected peers that can be asked
	told  introduce.NAT       // in the latest question
	held  []introduce.Key     // images that this node has

	// Of a seed: whom it can name, which other seeds have no room, and when those
	// are to come back that it hangs up on.
	table *introduce.Table
	full  map[peer.ID]bool
	after time.Duration
}

// asking is when a peer is asked.
type asking struct {
	last, next time.Time
	misses     int // answers in a row without anybody new
}

func newIntroductions(limits Limits, seed bool) introductions {
	i := introductions{asked: map[peer.ID]*asking{}, full: map[peer.ID]bool{}, after: comeBackLeast}
	if seed {
		i.table = introduce.NewTable(knownPerConnection * limits.Connections)
	}
	return i
}

// Hold replaces the images that seeds are told this node has, so that Seek of others
// finds it. They hear of it when they are asked next.
func (n *Network) Hold(roots []cid.Cid) {
	var keys []introduce.Key
	for _, c := range roots[:min(len(roots), maxHeld)] {
		keys = append(keys, introduce.KeyOf(c))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.intro.held = keys
}

// met notes a peer that can be asked.
func (n *Network) met(p peer.ID) {
	if !connectedBy(n.host.Network(), p, network.DirOutbound) && !n.isStatic(p) {
		return // whoever dials us could name anybody
	}
	n.mu.Lock()
	if n.intro.asked[p] == nil {
		n.intro.asked[p] = &asking{next: n.now()}
	}
	n.mu.Unlock()
	nudge(n.asks)
}

// left forgets a peer that is not connected any more.
func (n *Network) left(p peer.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.intro.asked, p)
	delete(n.intro.full, p)
	if n.intro.table != nil {
		n.intro.table.Gone(p, n.now())
	}
}

// askSoon brings the next questions forward; askAgainLeast lies between two.
func (n *Network) askSoon(wait time.Duration) {
	n.mu.Lock()
	for _, a := range n.intro.asked {
		if soon := later(n.now().Add(wait), a.last.Add(askAgainLeast)); soon.Before(a.next) {
			a.next, a.misses = soon, 0
		}
	}
	n.mu.Unlock()
	nudge(n.asks)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// meet asks seeds until ctx ends: once when one is met, so that it knows this node,
// more while the mesh is too small, and now and then.
func (n *Network) meet(ctx context.Context) {
	repeatedly(ctx, 0, n.asks, n.askRound)
}

// askRound asks who is due and returns the time until more are. A peer that is not
// static is asked only while no static one can be.
func (n *Network) askRound(ctx context.Context) time.Duration {
	now := n.now()
	var due []peer.ID
	n.mu.Lock()
	static := false
	for p := range n.intro.asked {
		static = static || n.isStatic(p)
	}
	for p, a := range n.intro.asked {
		if (n.isStatic(p) || !static) && !now.Before(a.next) {
			due = append(due, p)
			a.last, a.next = now, now.Add(rendezvousRetryMax) // until it has answered
		}
	}
	n.mu.Unlock()

	var asking sync.WaitGroup
	for _, p := range due {
		asking.Go(func() {
			want := 0
			small := !n.cfg.seed() && n.neighbours().Small(n.bounds())
			if small {
				want = introduce.MaxPeers
			}
			found, err := n.askPeer(ctx, p, want, nil, book.Introduced)
			if err != nil {
				n.log.Debug("a seed names nobody", "peer", p.String(), "err", err)
			}
			n.mu.Lock()
			defer n.mu.Unlock()
			a := n.intro.asked[p]
			if a == nil {
				return
			}
			if found > 0 {
				a.misses = 0
			}
			switch {
			case n.cfg.seed():
				a.next = now.Add(n.spread(seedsAskEvery))
			case small || err != nil:
				a.next = now.Add(n.spread(doubling(rendezvousRetry, a.misses, rendezvousRetryMax)))
				a.misses++
			default:
				a.next = now.Add(n.spread(rendezvousRetryMax))
			}
		})
	}
	asking.Wait()

	n.mu.Lock()
	defer n.mu.Unlock()
	wait := rendezvousRetryMax
	for p, a := range n.intro.asked {
		if n.isStatic(p) || !static {
			wait = min(wait, a.next.Sub(n.now()))
		}
	}
	return max(wait, 100*time.Millisecond)
}

// askPeer asks one peer for others, with any of the keys of or with those of this
// node, and returns how many were new.
func (n *Network) askPeer(ctx context.Context, p peer.ID, want int, of []introduce.Key, src book.Source) (found int, err error) {
	ask := introduce.Ask{NAT: n.natKind(), Want: want, Of: of}
	n.mu.Lock()
	n.intro.told = ask.NAT
	n.mu.Unlock()
	if !n.cfg.seed() {
		ask.Seeds = max(n.neighbours().Static-1, 0)
		ask.Keys = n.ownKeys()
		ask.Addrs = n.host.Addrs()
	}
	var answer introduce.Answer
	if err := n.converse(ctx, p, PeersProtocol, askTimeout, func(s network.Stream) (err error) {
		if err := say(s, ask.Encode()); err != nil {
			return err
		}
		answer, err = readAnswer(s)
		return err
	}); err != nil {
		return 0, err
	}
	n.mu.Lock()
	if n.intro.table != nil && n.intro.asked[p] != nil {
		n.intro.full[p] = answer.Full
	}
	n.mu.Unlock()
	return n.heed(answer, src), nil
}

func readAnswer(s network.Stream) (introduce.Answer, error) {
	data, err := io.ReadAll(io.LimitReader(s, introduce.MaxAnswerBytes+1))
	if err != nil {
		return introduce.Answer{}, err
	}
	return introduce.DecodeAnswer(data)
}

// ownKeys are those of the namespaces that were joined and of the images held.
func (n *Network) ownKeys() []introduce.Key {
	n.mu.Lock()
	defer n.mu.Unlock()
	keys := slices.Clone(n.intro.held)
	for _, m := range n.namespaces {
		keys = append(keys, introduce.KeyOf(m.key))
	}
	return keys[:min(len(keys), introduce.MaxKeys)]
}

// tellKind brings the next questions forward if what seeds were told of this node's NAT
// is not what is known now.
func (n *Network) tellKind() {
	kind := n.natKind()
	n.mu.Lock()
	news := kind != n.intro.told
	n.mu.Unlock()
	if news {
		n.askSoon(0)
	}
}

// natKind is what seeds are told of this node's NAT. One whose kind cannot be told yet
// counts as the worst, so that the first neighbours that are named can tell it.
func (n *Network) natKind() introduce.NAT {
	if n.cfg.seed() || n.host.prober.dialled() {
		return introduce.NATNone
	}
	switch n.host.reach.status(n.links, quicPorts(n.host.Network().ListenAddresses())).NAT {
	case NATNone:
		return introduce.NATNone
	case NATKeepsPort, NATMapped:
		return introduce.NATPunchable
	case NATOne, NATSymmetric:
		return introduce.NATSymmetric
	}
	return introduce.NATUnknown
}

// heed takes an answer for what it is, hearsay: seeds that are said to have room may
// be visited, peers may be dialled like all that were discovered, and only relays
// that this node knows are dialled through. It returns how many are new.
func (n *Network) heed(a introduce.Answer, src book.Source) (found int) {
	for i, info := range slices.Concat(a.Seeds, a.Peers) {
		if i < len(a.Seeds) && n.isStatic(info.ID) {
			n.mu.Lock()
			n.book.Room(info.ID)
			n.mu.Unlock()
			continue
		}
		info.Addrs = introduce.Usable(n.links.dialable(info.Addrs), netip.Addr{}, func(p peer.ID) bool {
			return n.isStatic(p) || n.host.Network().Connectedness(p) == network.Connected
		})
		if n.discovered(info, src) {
			found++
		}
	}
	nudge(n.woken)
	return found
}

// seekHolders asks seeds who has an image.
func (n *Network) seekHolders(ctx context.Context, c cid.Cid) (found int) {
	n.mu.Lock()
	var all []peer.ID
	for p := range n.intro.asked {
		all = append(all, p)
	}
	n.mu.Unlock()
	for _, p := range all {
		k, err := n.askPeer(ctx, p, introduce.MaxPeers, []introduce.Key{introduce.KeyOf(c)}, book.Provider)
		if err != nil {
			n.log.Debug("a seed names no holder", "peer", p.String(), "err", err)
		}
		found += k
	}
	return found
}

// serveIntroductions answers PeersProtocol on a seed, and hears FullProtocol.
func (n *Network) serveIntroductions() {
	n.attend(FullProtocol, askTimeout, n.heedFull)
	if n.cfg.seed() {
		n.attend(PeersProtocol, askTimeout, n.answer)
	}
}

// answer serves one question.
func (n *Network) answer(s network.Stream) (answered bool) {
	p := s.Conn().RemotePeer()
	if !n.budget.Allow(p, askCost) {
		return false
	}
	data, err := io.ReadAll(io.LimitReader(s, introduce.MaxAskBytes+1))
	if err != nil {
		return false
	}
	ask, err := introduce.DecodeAsk(data)
	if err != nil {
		n.log.Debug("a question is malformed", "peer", p.String(), "err", err)
		return false
	}
	select { // its addresses come with it
	case <-n.host.IDService().IdentifyWait(s.Conn()):
	case <-time.After(askTimeout):
		return false
	}
	_, err = s.Write(n.introduceTo(s.Conn(), ask).Encode())
	return err == nil
}

// introduceTo enters who asks and answers it.
func (n *Network) introduceTo(c network.Conn, ask introduce.Ask) introduce.Answer {
	p := c.RemotePeer()
	at := tokens.AddrOf(c.RemoteMultiaddr())
	addrs := introduce.Usable(slices.Concat(ask.Addrs, n.host.Peerstore().Addrs(p)), at, func(r peer.ID) bool { return r == n.host.ID() || n.isStatic(r) })
	out := introduce.Answer{Full: n.crowded()}
	if len(ask.Keys) == 0 {
		return out
	}
	n.mu.Lock()
	if n.intro.table.Put(introduce.Node{ID: p, Addrs: addrs, At: at, Ask: ask}, n.now()) {
		out.Peers = n.intro.table.Name(p, n.now())
	}
	n.mu.Unlock()
	if n.host.Network().Connectedness(p) != network.Connected { // left may have been before Put
		n.left(p)
	}
	return out
}

// crowded tells whether a seed has no room for a camera that means to stay.
func (n *Network) crowded() bool { return len(n.host.Network().Peers()) >= n.limits.MeshHigh }

// refuse tells a peer that there is no room, which other seeds have some, and when to
// come back, and hangs up.
func (n *Network) refuse(c network.Conn) error {
	p := c.RemotePeer()
	if n.speaks(p, FullProtocol) {
		if err := n.sayFull(p); err != nil {
			n.log.Debug("a refusal was not heard", "peer", p.String(), "err", err)
		}
	}
	n.metrics.full.WithLabelValues("here").Inc()
	return c.Close()
}

func (n *Network) sayFull(p peer.ID) error {
	n.mu.Lock()
	answer := introduce.Answer{Full: true, After: n.intro.after, Peers: n.intro.table.Name(p, n.now())}
	for seed, full := range n.intro.full {
		if info := n.host.Peerstore().PeerInfo(seed); !full && len(info.Addrs) > 0 {
			answer.Seeds = append(answer.Seeds, info)
		}
	}
	n.mu.Unlock()
	return n.converse(context.Background(), p, FullProtocol, fullTimeout, func(s network.Stream) error {
		if err := say(s, answer.Encode()); err != nil {
			return err
		}
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			return err
		}
		return nil
	})
}

// heedFull hears that a peer has no room for us. Only those that we dialled are
// believed.
func (n *Network) heedFull(s network.Stream) (heard bool) {
	p := s.Conn().RemotePeer()
	if s.Conn().Stat().Direction != network.DirOutbound || !n.budget.Allow(p, askCost) {
		return false
	}
	answer, err := readAnswer(s)
	if err != nil || !answer.Full {
		n.log.Debug("a refusal is malformed", "peer", p.String(), "err", err)
		return false
	}
	n.metrics.full.WithLabelValues("there").Inc()
	n.mu.Lock()
	n.book.Full(p, answer.After, n.now())
	n.mu.Unlock()
	n.heed(answer, book.Introduced)
	return true
}

// pace sets, once a minute, when those are to come back that this seed hangs up on:
// later while more come than visitsMost a second.
func (n *Network) pace(refused int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch most := visitsMost * int(time.Minute/time.Second); {
	case refused > most:
		n.intro.after = min(2*n.intro.after, comeBackMost)
	case refused < most/2:
		n.intro.after = max(n.intro.after/2, comeBackLeast)
	}
}
