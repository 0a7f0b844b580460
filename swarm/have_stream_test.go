package swarm

import (
	"bufio"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"camswarm/swarm/filestore"
)

// A peer may end the stream of announcements before it has read what stands in it:
// it restarts, or takes a stream that stood silent for too long to negotiate. What
// was written is lost then, without an error at the writer, which may have nothing
// more to write for days. It has to hear of the end and say all again.
func TestAnnouncementsThatAPeerDidNotReadAreSaidAgain(t *testing.T) {
	data, f := testImage(100_000, 32<<10, 1)
	root, _ := filestore.Digest(f.Root)
	runSim(t, []link{{20, 50}, {20, 50}}, rtt(40*time.Millisecond, 40*time.Millisecond, 1), func(s *testSim) {
		var mu sync.Mutex
		streams, claimed := 0, 0
		s.nodes[1].h.SetStreamHandler(HaveProtocol, func(st network.Stream) {
			mu.Lock()
			streams++
			n := streams
			mu.Unlock()
			if n <= 3 {
				time.Sleep(time.Second) // what is said meanwhile stays unread
				st.Reset()
				return
			}
			defer st.Reset()
			for r := bufio.NewReader(st); ; {
				m, err := readHave(r)
				if err != nil {
					return
				}
				mu.Lock()
				if m.kind == haveAll && m.root == root {
					claimed++
				}
				mu.Unlock()
			}
		})
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, data)
		s.connect(0, 1)
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if claimed == 0 {
			t.Errorf("the peer, whose host was asked for %d streams, never heard what is held", streams)
		}
		if streams > 4 {
			t.Errorf("%d streams were opened for one that lived", streams)
		}
	})
}

// A stream on which nothing is written yet is not negotiated: libp2p puts that off
// until the first write, and the peer gives up on it after a while.
func TestAStreamOfAnnouncementsIsOpenBeforeThereIsNews(t *testing.T) {
	runSim(t, []link{{20, 50}, {20, 50}}, rtt(40*time.Millisecond, 40*time.Millisecond, 1), func(s *testSim) {
		var mu sync.Mutex
		open, ended := 0, 0
		s.nodes[1].h.SetStreamHandler(HaveProtocol, func(st network.Stream) {
			mu.Lock()
			open++
			mu.Unlock()
			_, _ = readHave(bufio.NewReader(st))
			mu.Lock()
			ended++
			mu.Unlock()
		})
		s.nodes[0].start(ExchangeOptions{})
		s.connect(0, 1)
		time.Sleep(time.Second)
		mu.Lock()
		if open != 1 {
			t.Errorf("%d streams reached the peer within a second", open)
		}
		mu.Unlock()
		time.Sleep(time.Hour)
		mu.Lock()
		if open != 1 || ended != 0 {
			t.Errorf("after an hour of silence %d streams were opened and %d ended", open, ended)
		}
		mu.Unlock()
	})
}

// A peer that ends every stream at once is not dialled in a loop.
func TestAPeerThatEndsEveryStreamOfAnnouncementsIsLeftInPeace(t *testing.T) {
	data, f := testImage(100_000, 32<<10, 1)
	runSim(t, []link{{20, 50}, {20, 50}}, rtt(40*time.Millisecond, 40*time.Millisecond, 1), func(s *testSim) {
		var mu sync.Mutex
		streams := 0
		s.nodes[1].h.SetStreamHandler(HaveProtocol, func(st network.Stream) {
			mu.Lock()
			streams++
			mu.Unlock()
			st.Reset()
		})
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, data)
		s.connect(0, 1)
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		if streams < 2 || streams > 80 {
			t.Errorf("%d streams in an hour", streams)
		}
	})
}

// Each message of possession is a packet on an uplink that blocks could use, and each
// hop of a block waits for it: a block is named at once where none was named lately,
// later ones together, and soon where there are many.
func TestBlocksThatComeTogetherAreNamedTogether(t *testing.T) {
	data, f := testImage(2_000_000, 32<<10, 1)
	root, _ := filestore.Digest(f.Root)
	runSim(t, []link{{20, 50}, {20, 50}}, rtt(40*time.Millisecond, 40*time.Millisecond, 1), func(s *testSim) {
		type message struct {
			at    time.Time
			named []int
		}
		heard := make(chan message, 16)
		s.nodes[1].h.SetStreamHandler(HaveProtocol, func(st network.Stream) {
			defer st.Reset()
			for r := bufio.NewReader(st); ; {
				m, err := readHave(r)
				if err != nil {
					return
				}
				if m.kind == haveIndexes && m.root == root {
					heard <- message{time.Now(), m.indexes}
				}
			}
		})
		x := s.nodes[0]
		x.start(ExchangeOptions{})
		x.add(f, data)
		s.connect(0, 1)
		time.Sleep(time.Second)
		x.x.mu.Lock()
		q := &x.x.peers[s.nodes[1].h.ID()].have
		x.x.mu.Unlock()
		for _, c := range []struct {
			name   string
			then   []int // blocks, a millisecond apart, after block 0
			second time.Duration
		}{
			{"a few", []int{1, 2}, haveDelay},
			{"many", []int{1, 2, 3, 4}, haveUrgent},
		} {
			q.announce(root, 0)
			for _, i := range c.then {
				time.Sleep(time.Millisecond)
				q.announce(root, i)
			}
			time.Sleep(time.Second)
			if len(heard) != 2 {
				t.Fatalf("%s: %d messages", c.name, len(heard))
			}
			first, second := <-heard, <-heard
			if !slices.Equal(first.named, []int{0}) || !slices.Equal(second.named, c.then) {
				t.Errorf("%s: named %v, then %v", c.name, first.named, second.named)
			}
			if gap := second.at.Sub(first.at); gap < c.second-time.Millisecond || gap > c.second+5*time.Millisecond {
				t.Errorf("%s: the second message came %v after the first, not %v", c.name, gap, c.second)
			}
		}
	})
}
