package announce

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/verify"
)

// askedChain notes which kind of look was asked for. While err is set, looks fail;
// while low is, they end with the view as it is.
type askedChain struct {
	*memChain
	mu    sync.Mutex
	asked []string
	err   error
	low   bool
}

func (c *askedChain) note(kind string, ctx context.Context, rev uint64) (verify.View, error) {
	c.mu.Lock()
	c.asked = append(c.asked, kind)
	err, low := c.err, c.low
	c.mu.Unlock()
	switch {
	case err != nil:
		return verify.View{}, err
	case low:
		v, _ := c.Current()
		return v, nil
	}
	return c.memChain.View(ctx, rev)
}

func (c *askedChain) View(ctx context.Context, rev uint64) (verify.View, error) {
	return c.note("any", ctx, rev)
}

func (c *askedChain) ViewProven(ctx context.Context, rev uint64) (verify.View, error) {
	return c.note("proven", ctx, rev)
}

func (c *askedChain) ViewOwn(ctx context.Context, rev uint64) (verify.View, error) {
	return c.note("own", ctx, rev)
}

// took returns the looks since it was called last.
func (c *askedChain) took() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.asked
	c.asked = nil
	return all
}

// judge is a Gossip that nobody speaks to: the test hands it what peers would send.
type judge struct {
	*testNode
	t     *testing.T
	s     *subject
	chain *askedChain
	log   *bytes.Buffer
}

func newJudge(t *testing.T, m *maker, view verify.View, change ...func(*Subject)) *judge {
	t.Helper()
	j := &judge{t: t, chain: &askedChain{memChain: newChain(view)}, log: new(bytes.Buffer)}
	j.testNode = &testNode{h: newNet(t).host(), reg: prometheus.NewRegistry()}
	var err error
	logger := slog.New(slog.NewTextHandler(j.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if j.Gossip, err = New(j.h, DefaultConfig(), Options{Registerer: j.reg, Logger: logger}); err != nil {
		t.Fatal(err)
	}
	v := m.verifier
	v.Trust = new(verify.Trust)
	subject := Subject{Product: v.Product, Verifier: &v, Chain: j.chain, Accepted: func(a Accepted) { j.accepted = append(j.accepted, a) }}
	for _, f := range change {
		f(&subject)
	}
	if err := j.Follow(subject); err != nil {
		t.Fatal(err)
	}
	j.s = j.subject(v.Product.ID())
	return j
}

// says has a peer send an announcement; the verdict and its attack, and the looks
// that it took, must be these.
func (j *judge) says(from string, a Announcement, src source, want decision, attack string, looks ...string) {
	j.t.Helper()
	d, err := j.judge(j.t.Context(), j.s, peer.ID(from), encode(j.t, a), src)
	if d != want || verify.AttackName(err) != attack {
		j.t.Errorf("%s of rev %d by %s: %v as %q (%v), want %v as %q", src, a.Rev, from, d, verify.AttackName(err), err, want, attack)
	}
	if took := j.chain.took(); !slices.Equal(took, looks) {
		j.t.Errorf("%s of rev %d by %s: looks %q, want %q", src, a.Rev, from, took, looks)
	}
}

// What proves nothing waits behind what does, and what is known costs no look.
func TestLooksByWhatIsProven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaker(t, "ucam-2")
		one, two := m.genuine(t, 1), m.genuine(t, 2)
		j := newJudge(t, m, m.view(5, 1, one))
		j.says("a", m.hint(5), viaGossip, accept, "") // nobody has heard of this rev yet
		j.says("a", m.hint(5), viaGossip, ignore, attackReplay)
		j.chain.mine(m.view(6, 1, one))
		j.says("a", m.hint(6), viaGossip, accept, "", "any")
		j.chain.mine(m.view(7, 1, one))
		j.says("a", m.hint(7), viaGossip, accept, "", "proven") // it was right before
		j.chain.mine(m.view(8, 1, one))
		j.says("b", m.news(one, 8), viaGossip, accept, "", "any") // anybody may say more of what is known
		j.chain.mine(m.view(9, 2, two, one))
		j.says("c", m.news(two, 9), viaGossip, accept, "", "proven")
		j.chain.mine(m.view(10, 2, two, one))
		j.says("d", m.news(two, 10), viaAsk, accept, "", "any")
		j.says("d", m.news(two, 10), viaLatest, ignore, attackReplay)
		j.says("d", m.news(two, 10), viaAsk, accept, "")
		j.chain.mine(m.view(11, 2, two, one))
		j.says(string(j.h.ID()), m.hint(11), viaSelf, accept, "", "proven")
		if got := j.releases(); !slices.Equal(got, []uint64{1, 2, 2, 2}) {
			t.Errorf("accepted %v", got)
		}
	})
}

// A claim that was true costs its sender nothing of the budget for those that prove
// nothing.
func TestTrueHintsAreFree(t *testing.T) {
	now, b := time.Now(), new(bucket)
	for range 3 {
		if !b.take(now, 1, 1, time.Minute) || b.take(now, 1, 1, time.Minute) {
			t.Fatal("the bucket holds one")
		}
		b.give()
	}
	if !b.take(now, 1, 1, time.Minute) {
		t.Error("what is given back is gone")
	}
	if b.take(now.Add(time.Minute-1), 1, 1, time.Minute) || !b.take(now.Add(time.Minute), 1, 1, time.Minute) {
		t.Error("it fills at another rate")
	}
}

// What was rejected once is rejected again, unread; what was ignored may become right.
func TestVerdictsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaker(t, "ucam-2")
		one, two := m.genuine(t, 1), m.genuine(t, 2)
		j := newJudge(t, m, m.view(5, 1, one))
		unsigned := m.news(m.release(t, 2, 40<<10, verify.MinBlockSize), 5)
		j.says("a", unsigned, viaGossip, reject, verify.AttackArbitrary)
		j.says("b", unsigned, viaGossip, reject, attackReplay)
		j.says("a", m.news(one, 5), viaGossip, accept, "")
		j.says("b", m.news(one, 5), viaGossip, ignore, attackReplay)
		early := m.news(two, 5)
		j.says("a", early, viaGossip, ignore, verify.AttackBeforeChain)
		j.chain.mine(m.view(6, 2, two, one))
		j.chain.poll()
		j.says("a", early, viaGossip, accept, "")
	})
}

// An honest relay is not to blame for what a newer view refuses.
func TestOnlyTheSameViewIsHeldAgainstASender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaker(t, "ucam-2")
		one := m.genuine(t, 1)
		other := m.release(t, 1, 50<<10, verify.MinBlockSize, m.keys[0], m.keys[1]) // what the chain offered before, perhaps
		j := newJudge(t, m, m.view(5, 1, one))
		j.says("a", m.news(other, 4), viaGossip, ignore, verify.AttackMixAndMatch)
		j.says("a", m.news(other, 5), viaGossip, reject, verify.AttackMixAndMatch)
	})
}

// The verdict names what stands between a node and the chain.
func TestLookNamesWhatStandsInTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaker(t, "ucam-2")
		one, two := m.genuine(t, 1), m.genuine(t, 2)
		for _, c := range []struct {
			err    error
			low    bool
			attack string
		}{
			{verify.Soft("rpc_down_all", "no endpoint answers"), false, "rpc_down_all"},
			{errors.New("cut"), false, verify.AttackBeforeChain},
			{nil, true, verify.AttackBeforeChain},
		} {
			j := newJudge(t, m, m.view(5, 1, one))
			j.chain.err, j.chain.low = c.err, c.low
			j.says("a", m.news(two, 6), viaGossip, hold, c.attack, "proven")
			j.says(string(j.h.ID()), m.hint(6), viaSelf, ignore, c.attack, "proven")
			if len(j.got()) > 0 || j.s.waiting() != 1 {
				t.Errorf("%s: accepted %v, %d held", c.attack, j.got(), j.s.waiting())
			}
		}
	})
}

// A release of the registry to which a manufacturer moved is held, and told of, until
// this device has followed; its sender did nothing wrong.
func TestReleaseOfANewRegistryWaits(t *testing.T) {
	m := newMaker(t, "ucam-2")
	there := verify.RegistryRef{ChainID: 4690, Address: verify.Address{9}}
	p := m.movedTo(t, 7, there)
	for _, told := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var moved []*verify.Signed
			j := newJudge(t, m, m.view(5, 0), func(s *Subject) {
				if told {
					s.Moved = func(s *verify.Signed) { moved = append(moved, s) }
				}
			})
			j.says(string(j.h.ID()), m.news(p, 2), viaSelf, ignore, verify.AttackWrongChain)
			j.says("a", m.news(p, 2), viaGossip, hold, verify.AttackWrongChain)
			if told != (len(moved) == 1) || j.s.waiting() != 1 {
				t.Fatalf("told of %d, %d held", len(moved), j.s.waiting())
			}
			h := j.s.held[0]
			old, none, now := m.view(5, 0), verify.View{Rev: 5}, time.Now()
			view := m.view(2, 7, p)
			view.Registry = there
			for name, v := range map[string]*verify.View{"the old registry's": &old, "the new one's, too early": &view, "no": &none} {
				if ready, _, retry, _ := j.s.due(now.Add(lastRetry), v); len(ready) > 0 || retry > 0 {
					t.Errorf("%s view: %d are ready, look for %d", name, len(ready), retry)
				}
			}
			if err := j.s.Verifier.AdoptHistory(h.signed.History()); err != nil {
				t.Fatal(err)
			}
			if ready, _, _, _ := j.s.due(now, &old); len(ready) > 0 {
				t.Error("the old registry's view judges what the device followed to another")
			}
			ready, _, _, _ := j.s.due(now, &view)
			if len(ready) != 1 {
				t.Fatal("the new registry's view is there, and the release waits on")
			}
			j.second(t.Context(), j.s, ready[0], view)
			if got := j.releases(); !slices.Equal(got, []uint64{7}) {
				t.Errorf("accepted %v", got)
			}
		})
	}
}

// What the witnesses' view does not confirm costs a look at the own quorum, each
// envelope one, and all together few.
func TestThreatWitnessesContradicted_LooksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaker(t, "ucam-2")
		view := m.view(5, 1, m.genuine(t, 1))
		view.Witnessed = true
		j := newJudge(t, m, view)
		own := m.view(5, 1, m.genuine(t, 1))
		j.chain.mine(own)
		for i := range releaseLooks {
			p := m.release(t, uint64(i)+2, 20<<10, verify.MinBlockSize, m.keys[0], m.keys[1])
			j.chain.memChain.change(func() { j.chain.memChain.view = &view })
			j.says("a", m.news(p, 5), viaGossip, ignore, verify.AttackBeforeChain, "own")
		}
		p := m.genuine(t, 60)
		j.says("a", m.news(p, 5), viaGossip, hold, attackFlood)
		j.chain.err = verify.Soft("rpc_down_all", "no endpoint answers")
		j.says(string(j.h.ID()), m.news(p, 5), viaSelf, ignore, "rpc_down_all", "own")
	})
}

// Warnings of one kind are written once a minute and say how many were not.
func TestWarningsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaker(t, "ucam-2")
		j := newJudge(t, m, m.view(5, 0))
		for i := range 3 {
			j.says("a", Announcement{Product: j.s.id, Sequence: 1, Rev: 5, Envelope: []byte{byte(i)}}, viaGossip, reject, verify.AttackMalformed)
		}
		j.says("a", m.hint(4), viaGossip, ignore, attackReplay) // no warning
		if n := strings.Count(j.log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings:\n%s", n, j.log)
		}
		time.Sleep(logEvery)
		j.says("b", Announcement{Product: j.s.id, Sequence: 1, Rev: 5, Envelope: []byte{9}}, viaGossip, reject, verify.AttackMalformed)
		if n := strings.Count(j.log.String(), "level=WARN"); n != 2 || !strings.Contains(j.log.String(), "before=2") {
			t.Errorf("%d warnings:\n%s", n, j.log)
		}
	})
}

// A peer's rate is for each topic that is followed; what is over it is not looked at,
// and much of that is an offence.
func TestThreatGossipFlood_IsCutBeforeItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, other := newMaker(t, "ucam-2"), newMaker(t, "doorbell")
		j := newJudge(t, m, m.view(5, 0))
		send := func(from string, n int) int {
			rpc := &pubsub.RPC{RPC: pb.RPC{Publish: make([]*pb.Message, n)}}
			if err := j.inspect(peer.ID(from), rpc); err != nil {
				t.Fatal(err)
			}
			return len(rpc.Publish)
		}
		burst := j.cfg.PeerBurst
		if got := send("a", burst+1); got != burst {
			t.Errorf("%d messages of %d are looked at", got, burst)
		}
		time.Sleep(j.cfg.PeerEvery)
		if got := send("a", 2); got != 1 {
			t.Errorf("%d messages after the pause", got)
		}
		v := other.verifier
		if err := j.Follow(Subject{Product: v.Product, Verifier: &v, Chain: newChain(other.view(1, 0)), Accepted: func(Accepted) {}}); err != nil {
			t.Fatal(err)
		}
		if got := send("b", burst+1); got != burst+1 {
			t.Errorf("%d messages in two topics", got)
		}
		if got := send("b", 2*burst); got != burst-1 {
			t.Errorf("then %d", got)
		}
		time.Sleep(j.cfg.PeerEvery / 2)
		if got := send("b", 2); got != 1 {
			t.Errorf("%d messages after half of the pause", got)
		}
		if got := j.counter(t, "dropped_total"); got != float64(2+burst+1+1) {
			t.Errorf("%v messages are counted as dropped", got)
		}
		if len(j.offences) > 0 {
			t.Fatal("an offence already")
		}
		send("c", 2*burst+floodDrops-1)
		if len(j.offences) > 0 {
			t.Error("an offence too early")
		}
		if send("c", 1); len(j.offences) != 1 {
			t.Error("no offence")
		}
	})
}
