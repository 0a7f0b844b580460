package swarm

import (
	"bufio"
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
