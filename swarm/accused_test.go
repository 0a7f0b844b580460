package swarm

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	blocks "github.com/ipfs/go-block-format"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/swarm/filestore"
)

// slowPeer is an honest peer whose answers a test sends when it likes.
type slowPeer struct {
	h    host.Host
	data map[[32]byte][]byte

	mu    sync.Mutex
	asked [][32]byte // blocks, in order, again if again
	to    peer.ID
}

// slow makes node i an honest peer that has the file and holds its answers back.
func (s *testSim) slow(i int, f filestore.File, data []byte) *slowPeer {
	p := &slowPeer{h: s.nodes[i].h, data: map[[32]byte][]byte{}}
	for k, d := range f.Blocks {
		p.data[d] = data[k*f.BlockSize : min((k+1)*f.BlockSize, len(data))]
	}
	s.hostile(i, f, func(_ host.Host, to peer.ID, wants []message.Entry) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.to = to
		for _, e := range wants {
			if d, ok := filestore.Digest(e.Cid); ok && !e.Cancel {
				p.asked = append(p.asked, d)
			}
		}
	})
	return p
}

// wants returns how many blocks it was asked for.
func (p *slowPeer) wants() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

// answer sends all that it was asked for, so many times.
func (p *slowPeer) answer(times int) {
	p.mu.Lock()
	asked, to := p.asked, p.to
	p.mu.Unlock()
	for _, d := range asked {
		for range times {
			m := message.New(false)
			m.AddBlock(blocks.NewBlock(p.data[d]))
			say(p.h, to, m)
		}
	}
}

// A genuine block is no wrong one, whenever it comes: after the request was given
// up, after the file was complete or removed, after the fetch ended, over another
// connection, and twice.
func TestHonestPeersOnSlowLinesAreNotAccused(t *testing.T) {
	for _, c := range []struct {
		name string
		// during is called while the fetch runs, after when it has ended.
		during, after func(s *testSim, p *slowPeer, root func() error)
		alone         bool // nobody else has the file, and the fetch is given up
	}{
		{name: "twice", during: func(s *testSim, p *slowPeer, _ func() error) { p.answer(2) }},
		{name: "after the file was complete", after: func(s *testSim, p *slowPeer, _ func() error) { p.answer(1) }},
		{name: "twice after the file was complete", after: func(s *testSim, p *slowPeer, _ func() error) { p.answer(2) }},
		{name: "after the file was removed", after: func(s *testSim, p *slowPeer, remove func() error) {
			if err := remove(); err != nil {
				s.t.Error(err)
			}
			p.answer(2)
		}},
		{name: "in part before the file was removed", after: func(s *testSim, p *slowPeer, remove func() error) {
			p.answer(1)
			time.Sleep(time.Second)
			if err := remove(); err != nil {
				s.t.Error(err)
			}
			p.answer(1)
		}},
		{name: "after the fetch was given up", alone: true, after: func(s *testSim, p *slowPeer, _ func() error) {
			time.Sleep(time.Minute)
			p.answer(1)
		}},
		{name: "over another connection", after: func(s *testSim, p *slowPeer, remove func() error) {
			if err := p.h.Network().ClosePeer(s.nodes[0].h.ID()); err != nil {
				s.t.Error(err)
			}
			if err := remove(); err != nil {
				s.t.Error(err)
			}
			time.Sleep(time.Second)
			s.connect(1, 0)
			time.Sleep(time.Second)
			p.answer(2)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, f := testImage(1<<20, 64<<10, 61)
			runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
				p := s.slow(1, f, data)
				n := s.nodes[0]
				n.start(ExchangeOptions{Misbehaved: func(p peer.ID, err error) { t.Errorf("%s is accused: %v", p, err) }})
				s.connect(0, 1)
				root := n.add(f, nil)
				limit := time.Minute
				if c.alone {
					limit = 5 * time.Second
				} else {
					s.nodes[2].start(ExchangeOptions{})
					s.nodes[2].add(f, data)
					s.connect(0, 2)
				}
				fetched := make(chan error, 1)
				go func() {
					ctx, cancel := context.WithTimeout(context.Background(), limit)
					defer cancel()
					fetched <- n.x.Fetch(ctx, root, Origins{})
				}()
				remove := func() error { return n.x.Remove(root, filepath.Join(n.dir, root.String())) }
				time.Sleep(100 * time.Millisecond)
				if c.during != nil {
					c.during(s, p, remove)
				}
				if err := <-fetched; (err != nil) != c.alone {
					t.Fatal(err)
				}
				if c.after != nil {
					c.after(s, p, remove)
				}
				time.Sleep(5 * time.Second)
				if p.wants() == 0 {
					t.Fatal("it was asked for nothing")
				}
				if st := n.x.Stats().Peers[p.h.ID()]; st.Wrong != 0 || st.Received == 0 {
					t.Errorf("of %d bytes that it sent, %d are called wrong", st.Received, st.Wrong)
				}
			})
		})
	}
}

// The same of a single block, which is asked again every few seconds.
func TestHonestPeersThatAnswerTwiceForOneBlockAreNotAccused(t *testing.T) {
	data, f := testImage(1000, 64<<10, 62)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		p := s.slow(1, f, data)
		n := s.nodes[0]
		n.start(ExchangeOptions{Misbehaved: func(p peer.ID, err error) { t.Errorf("%s is accused: %v", p, err) }})
		s.connect(0, 1)
		got := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			_, err := n.x.FetchBlock(ctx, filestore.LeafCID(f.Blocks[0]), 2000)
			got <- err
		}()
		time.Sleep(30 * time.Second)
		p.answer(1)
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if st := n.x.Stats().Peers[p.h.ID()]; st.Wrong != 0 || p.wants() < 2 {
			t.Errorf("%d answers, of which %d bytes are called wrong", p.wants(), st.Wrong)
		}
	})
}

// endless_data: genuine blocks, sent again and again, are no wrong bytes and take
// up the line all the same.
func TestThreatEndlessData_TheSameBlockAgainAndAgain(t *testing.T) {
	data, f := testImage(1<<20, 64<<10, 63)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		p := s.slow(1, f, data)
		n := s.nodes[0]
		var mu sync.Mutex
		var caught error
		reg := prometheus.NewRegistry()
		n.start(ExchangeOptions{Registerer: reg, Misbehaved: func(p peer.ID, err error) {
			mu.Lock()
			defer mu.Unlock()
			caught = err
		}})
		s.connect(0, 1)
		root := n.add(f, nil)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		go func() { _ = n.x.Fetch(ctx, root, Origins{}) }()
		time.Sleep(time.Second)
		p.answer(2)
		time.Sleep(10 * time.Second)
		mu.Lock()
		if caught != nil {
			t.Errorf("accused after two answers to each of %d wants: %v", p.wants(), caught)
		}
		mu.Unlock()
		p.answer(20)
		time.Sleep(10 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if !errors.Is(caught, ErrBlockFlood) || counted(t, reg, "block_flood") == 0 {
			t.Errorf("after 20 more it is reported with %v", caught)
		}
	})
}
