package swarm

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/swarm/filestore"
	"camswarm/swarm/tokens"
)

// account is what one peer may still ask of us. It outlives connections.
type account struct {
	entries  tokens.Bucket               // of wantlists
	over     tokens.Bucket               // entries beyond that
	served   map[[32]byte]*tokens.Bucket // bytes, by file
	welcomed tokens.Bucket               // connections, see welcome
	due      map[[32]byte]due            // by block: paid for and not sent, maxAsked at most
}

// due is what a block that a peer waits for was taken from.
type due struct {
	from *tokens.Bucket
	n    float64 // bytes
}

// admit takes n wantlist entries into account, of a node that lists so many
// blocks. It returns how many may be looked at and whether the peer floods.
func (a *account) admit(now time.Time, n, listed int) (pass int, flood bool) {
	burst := float64(wantBurst + wantsPerBlock*listed)
	rate := burst / wantRefill.Seconds()
	pass = int(a.entries.Take(now, float64(n), tokens.Limit{Burst: burst, PerSecond: rate}))
	return pass, !a.over.Spend(now, float64(n-pass), tokens.Limit{Burst: wantFlood * burst, PerSecond: wantFlood * rate})
}

// serve takes a block d of n bytes into account, of a file of size bytes, and
// tells whether the peer may have it. One that it waits for is paid for.
func (a *account) serve(now time.Time, file, d [32]byte, n int, size int64) bool {
	if _, paid := a.due[d]; paid {
		return true
	}
	t := a.served[file]
	if t == nil {
		if a.served == nil {
			a.served = map[[32]byte]*tokens.Bucket{}
		}
		for oldest := range a.served { // of any: few files are added at a time
			if len(a.served) < maxAccountFiles {
				break
			}
			delete(a.served, oldest)
		}
		t = new(tokens.Bucket)
		a.served[file] = t
	}
	if !t.Spend(now, float64(n), tokens.Limit{
		Burst:     copiesAtOnce * float64(max(size, filestore.MaxBlockBytes)),
		PerSecond: copiesPerDay * float64(size) / (24 * time.Hour).Seconds(),
	}) {
		return false
	}
	if len(a.due) < maxAsked {
		if a.due == nil {
			a.due = map[[32]byte]due{}
		}
		a.due[d] = due{t, float64(n)}
	}
	return true
}

// unasked gives back what a block has cost that the peer does not wait for any more.
func (a *account) unasked(d [32]byte) {
	if p, ok := a.due[d]; ok {
		p.from.Give(p.n)
		delete(a.due, d)
	}
}

// left gives back what every block has cost that was not sent to a peer that has
// gone, or begins anew: one whose power fails every few seconds would have used up
// all its copies soon, most of which it never got.
func (a *account) left() {
	for _, p := range a.due {
		p.from.Give(p.n)
	}
	a.due = nil
}

// welcome gives back a little of what a peer has had of each file, unless it comes all too
// often.
func (a *account) welcome(now time.Time) {
	if !a.welcomed.Spend(now, 1, tokens.Limit{Burst: welcomeBurst, PerSecond: 1 / welcomeEvery.Seconds()}) {
		return
	}
	for _, t := range a.served {
		t.Give(welcomeBytes)
	}
}

// accounts keeps those of the peers that asked last.
type accounts struct {
	mu    sync.Mutex
	peers recentPeers[account]
}

// with calls f with the account of a peer, under the lock.
func (s *accounts) with(p peer.ID, f func(*account)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.peers.of(p))
}

// receiveWants hands those entries of a message to bitswap's engine that may
// cost us something: of blocks of added files, within the peer's budget. Its
// engine would look up, queue and answer any.
func (x *Exchange) receiveWants(ctx context.Context, p *remotePeer, msg message.BitSwapMessage) {
	entries := msg.Wantlist()
	out := message.New(msg.Full())
	var admitted []message.Entry
	var denied []cid.Cid
	flood, unlisted, enough := false, 0, 0
	now, listed := time.Now(), x.store.Blocks()
	pass, rest := 0, 1+len(msg.BlockPresences()) // which cost about the same
	x.accounts.with(p.id, func(a *account) {
		pass, flood = a.admit(now, rest+len(entries), listed)
		if msg.Full() {
			a.left()
		}
		pass = max(pass-rest, 0)
		for _, e := range entries[:pass] {
			d, ok := filestore.Digest(e.Cid)
			sf, n := (*filestore.Replica)(nil), 0
			if ok {
				sf, n = x.store.Lists(d)
			}
			switch {
			case sf == nil:
				unlisted++
			case e.Cancel:
				a.unasked(d)
				out.Cancel(e.Cid)
				admitted = append(admitted, e)
				continue
			case x.draining.Load():
			case e.WantType == pb.Message_Wantlist_Block && !a.serve(now, sf.Key, d, n, sf.Size):
				enough++
			default:
				out.AddEntry(e.Cid, e.Priority, e.WantType, e.SendDontHave)
				admitted = append(admitted, e)
				continue
			}
			if ok && e.SendDontHave && !e.Cancel {
				denied = append(denied, e.Cid)
			}
		}
	})
	count := func(why string, n int) {
		if n > 0 {
			x.m.refused.WithLabelValues(why).Add(float64(n))
		}
	}
	count("unlisted", unlisted)
	count("enough", enough)
	count("budget", len(entries)-pass)
	if flood {
		x.misbehaved(p, "want_flood", fmt.Errorf("%w: of %d blocks that are listed here", ErrWantFlood, listed))
		return
	}
	p.deny(denied)
	if out.Full() || !out.Empty() {
		x.wanted(p, admitted)
		x.server.ReceiveMessage(ctx, p.id, out)
	}
}

// deny queues DONT_HAVE answers. Those of a peer that does not read are dropped.
func (p *remotePeer) deny(cids []cid.Cid) {
	if len(cids) == 0 {
		return
	}
	p.mu.Lock()
	p.denied = append(p.denied, cids[:min(len(cids), maxDenied-len(p.denied))]...)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
