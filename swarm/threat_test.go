package swarm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multihash"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/swarm/filestore"
	"camswarm/swarm/p2p/reputation"
	"camswarm/swarm/tokens"
)

// counted returns the value of a counter of the exchange with that label.
func counted(t *testing.T, reg *prometheus.Registry, label string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			for _, l := range m.Label {
				if l.GetValue() == label {
					sum += m.Counter.GetValue()
				}
			}
		}
	}
	return sum
}

// wantsOf makes a message of n wants for blocks, one after the other of those of
// the file, or made up ones with f nil.
func wantsOf(f *filestore.File, n int) message.BitSwapMessage {
	m := message.New(false)
	for i := range n {
		c := blocks.NewBlock(binary.BigEndian.AppendUint64(nil, uint64(i))).Cid()
		if f != nil {
			c = filestore.LeafCID(f.Blocks[i%len(f.Blocks)])
		}
		m.AddEntry(c, 1, pb.Message_Wantlist_Block, true)
	}
	return m
}

// talker opens a bitswap stream from node i to node 0 and drops what is answered.
func (s *testSim) talker(i int) network.Stream {
	s.t.Helper()
	h := s.nodes[i].h
	h.SetStreamHandler(bsnet.ProtocolBitswap, func(st network.Stream) { _, _ = io.Copy(io.Discard, st) })
	s.connect(i, 0)
	st, err := h.NewStream(context.Background(), s.nodes[0].h.ID(), bsnet.ProtocolBitswap)
	if err != nil {
		s.t.Fatal(err)
	}
	return st
}

// Ten times the wants that there can be reason for end with a ban; until then
// they are dropped, and others are served all the while.
func TestThreatDenialOfService_Wants(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 41)
	runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		var caught atomic.Pointer[error]
		reg := prometheus.NewRegistry()
		evil := s.nodes[1].h.ID()
		s.nodes[0].start(ExchangeOptions{Registerer: reg, Misbehaved: func(p peer.ID, err error) {
			if p == evil {
				caught.Store(&err)
				_ = s.nodes[0].h.Network().ClosePeer(p)
			}
		}})
		s.nodes[2].start(ExchangeOptions{})
		s.nodes[0].add(f, data)
		st := s.talker(1)
		sent := 0
		for caught.Load() == nil {
			if wantsOf(&f, 64).ToNetV1(st) != nil {
				break
			}
			if sent += 64; sent > 1_000_000 {
				t.Fatal("a million wants of 64 blocks, and nobody minds")
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		if e := caught.Load(); e == nil || !errors.Is(*e, ErrWantFlood) {
			t.Fatalf("after %d wants the peer is reported with %v", sent, e)
		}
		if counted(t, reg, "want_flood") == 0 || counted(t, reg, "budget") == 0 {
			t.Error("no metric names the flood")
		}
		s.connect(0, 2)
		s.nodes[2].add(f, nil)
		if took := fetchAll(t, f.Root, time.Minute, s.nodes[2]); took[0] > 2 {
			t.Errorf("an honest peer took %.1f s", took[0])
		}
		s.nodes[2].holds(f, data)
	})
}

// An honest camera's whole wantlist of the largest image passes at once.
func TestTheLargestWantlistPasses(t *testing.T) {
	a, now := &account{}, simStart
	for range 2 { // and its cancels
		if pass, flood := a.admit(now, filestore.MaxBlocks+1, filestore.MaxBlocks); pass != filestore.MaxBlocks+1 || flood {
			t.Errorf("%d of %d pass, flood %v", pass, filestore.MaxBlocks+1, flood)
		}
	}
	a = &account{}
	for i := range 100 { // a stock peer repeats a wantlist of 190 blocks every 30 s
		if pass, flood := a.admit(now.Add(time.Duration(i)*30*time.Second), 2*190, 190); pass != 380 || flood {
			t.Fatalf("round %d: %d pass, flood %v", i, pass, flood)
		}
	}
}

// A peer that throws away what it gets and asks again, on ever new streams, is sent two
// copies.
func TestThreatDenialOfService_TheSameFileAgainAndAgain(t *testing.T) {
	data, f := testImage(6<<20, 32<<10, 42)
	runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		reg := prometheus.NewRegistry()
		s.nodes[0].start(ExchangeOptions{Registerer: reg})
		s.nodes[2].start(ExchangeOptions{})
		s.nodes[0].add(f, data)
		var st network.Stream
		for range 4 {
			for i := range f.Blocks {
				if i%16 == 0 { // only a connection is worth a welcome
					st = s.talker(1)
				}
				m := message.New(i == 0)
				m.AddEntry(filestore.LeafCID(f.Blocks[i]), 1, pb.Message_Wantlist_Block, true)
				if err := m.ToNetV1(st); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Millisecond)
			}
		}
		time.Sleep(5 * time.Second)
		if sent := s.nodes[0].x.Stats().Peers[s.nodes[1].h.ID()].Sent; sent > int64(len(data))*11/5 || sent < 2*int64(len(data)) {
			t.Errorf("it was sent %.2f copies", float64(sent)/float64(len(data)))
		}
		if counted(t, reg, "enough") == 0 {
			t.Error("no metric says that it had enough")
		}
		s.connect(0, 2)
		s.nodes[2].add(f, nil)
		fetchAll(t, f.Root, time.Minute, s.nodes[2])
		s.nodes[2].holds(f, data)
	})
}

// A member of a private swarm that connects as often as a seed of 640 connections takes
// it, twenty times a second, and asks for all of a file each time, has a few copies and
// welcomes of a day, not what the seed's line carries.
func TestThreatDenialOfService_ConnectionsWithoutEnd(t *testing.T) {
	const size, block = 6 << 20, 32 << 10
	a, now, got := &account{}, simStart, int64(0)
	for range 24 * time.Hour / (50 * time.Millisecond) {
		now = now.Add(50 * time.Millisecond)
		a.welcome(now)
		for a.serve(now, [32]byte{1}, [32]byte{}, block, size) {
			clear(a.due) // sent
			got += block
		}
	}
	const welcomes = welcomeBurst + 24*time.Hour/welcomeEvery + 1
	if most := size*(copiesAtOnce+copiesPerDay) + float64(welcomes*welcomeBytes); float64(got) > most || float64(got) < 0.9*most {
		t.Errorf("it has %d MB in a day, of at most %.0f", got/1e6, most/1e6)
	}
}

// A camera whose power fails every second asks anew each time, and its seed is slow:
// what it was not sent it has not used up, whether it says that it begins anew or not.
func TestWhoAsksAnewPaysForWhatItGot(t *testing.T) {
	for _, full := range []bool{false, true} {
		t.Run(fmt.Sprintf("full=%v", full), func(t *testing.T) {
			data, f := testImage(2<<20, 32<<10, 43)
			runSim(t, []link{{1, 1}, fast}, flat(20*time.Millisecond), func(s *testSim) {
				reg := prometheus.NewRegistry()
				s.nodes[0].start(ExchangeOptions{Registerer: reg})
				s.nodes[0].add(f, data)
				st := s.talker(1)
				for range 10 { // 125 kB each
					m := message.New(full)
					for _, d := range f.Blocks {
						m.AddEntry(filestore.LeafCID(d), 1, pb.Message_Wantlist_Block, true)
					}
					if err := m.ToNetV1(st); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
				}
				if counted(t, reg, "enough") != 0 {
					t.Errorf("it had enough after %d bytes of %d", s.nodes[0].x.Stats().Peers[s.nodes[1].h.ID()].Sent, f.Size)
				}
			})
		})
	}
}

// A message that is larger than anything we wait for is not read: its length
// alone makes room for nothing.
func TestThreatDenialOfService_HugeMessages(t *testing.T) {
	data, f := testImage(1<<20, 32<<10, 43)
	runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		reg := prometheus.NewRegistry()
		s.nodes[0].start(ExchangeOptions{Registerer: reg})
		s.nodes[0].add(f, data)
		first := s.talker(1)
		for _, head := range [][]byte{
			binary.AppendUvarint(nil, maxFrame+1), binary.AppendUvarint(nil, 1<<40),
			{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		} {
			st, err := s.nodes[1].h.NewStream(context.Background(), s.nodes[0].h.ID(), bsnet.ProtocolBitswap)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := st.Write(head); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() { defer close(ended); _, _ = st.Read(make([]byte, 1)) }()
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Errorf("a length of % x is waited for", head)
			}
			st.Reset()
		}
		if counted(t, reg, "huge_message") != 3 {
			t.Error("no metric counts them")
		}
		// Of others, so many of one peer are in memory at once.
		for range 3 * maxFrames {
			st, err := s.nodes[1].h.NewStream(context.Background(), s.nodes[0].h.ID(), bsnet.ProtocolBitswap)
			if err != nil {
				t.Fatal(err)
			}
			defer st.Reset()
			if _, err := st.Write(append(binary.AppendUvarint(nil, maxFrame), make([]byte, 10)...)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		x := s.nodes[0].x
		x.mu.Lock()
		reading := len(x.peers[s.nodes[1].h.ID()].frames)
		x.mu.Unlock()
		if reading != maxFrames {
			t.Errorf("%d messages are read side by side", reading)
		}
		first.Reset()
		s.nodes[2].start(ExchangeOptions{})
		s.connect(0, 2)
		s.nodes[2].add(f, nil)
		fetchAll(t, f.Root, time.Minute, s.nodes[2])
		s.nodes[2].holds(f, data)
	})
}

// Wants for identity CIDs, other hashes and absurdly long digests cost a look.
func TestThreatWantForUnlistedBlock_StrangeCIDs(t *testing.T) {
	data, f := testImage(200_000, 64<<10, 44)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		reg := prometheus.NewRegistry()
		s.nodes[0].start(ExchangeOptions{Registerer: reg})
		s.nodes[0].add(f, data)
		h := s.nodes[1].h
		answers := make(chan message.BitSwapMessage, 10)
		net := bsnet.NewFromIpfsHost(h)
		net.Start(&hostileReceiver{func(_ peer.ID, m message.BitSwapMessage) { answers <- m }})
		s.stopHostile = append(s.stopHostile, net.Stop)
		s.connect(1, 0)
		m := message.New(true)
		for _, code := range []uint64{multihash.IDENTITY, multihash.SHA1, multihash.SHA2_512, multihash.BLAKE3} {
			for _, n := range []int{1, 20, 1000} {
				mh, err := multihash.Encode(make([]byte, n), code)
				if err == nil {
					m.AddEntry(cid.NewCidV1(cid.Raw, mh), 1, pb.Message_Wantlist_Block, true)
				}
			}
		}
		strange := len(m.Wantlist())
		m.AddEntry(filestore.LeafCID(f.Blocks[0]), 1, pb.Message_Wantlist_Block, true)
		say(h, s.nodes[0].h.ID(), m)
		got := <-answers
		if len(got.Blocks()) != 1 || len(got.DontHaves()) != 0 {
			t.Errorf("answered with %v", got)
		}
		if n := counted(t, reg, "unlisted"); n != float64(strange) || strange < 8 {
			t.Errorf("%v of %d strange wants are counted", n, strange)
		}
	})
}

// A peer that announces without end is listened to at a bounded rate, however
// often it opens a new stream.
func TestThreatDenialOfService_HaveMessages(t *testing.T) {
	data, f := testImage(1<<20, 32<<10, 45)
	runSim(t, []link{fast, {1000, 1000}, fast}, flat(20*time.Millisecond), func(s *testSim) {
		reg := prometheus.NewRegistry()
		s.nodes[0].start(ExchangeOptions{Registerer: reg})
		s.nodes[2].start(ExchangeOptions{})
		s.nodes[0].add(f, data)
		s.connect(1, 0)
		const span = 10 * time.Second
		m := haveMessage{kind: haveIndexes, indexes: []int{1}}
		m.root, _ = filestore.Digest(f.Root)
		burst := m.append(nil)
		for len(burst) < 8<<10 {
			burst = m.append(burst)
		}
		ctx, cancel := context.WithTimeout(context.Background(), span)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			for ctx.Err() == nil {
				st, err := s.nodes[1].h.NewStream(ctx, s.nodes[0].h.ID(), HaveProtocol)
				if err != nil {
					return
				}
				_ = st.SetWriteDeadline(time.Now().Add(time.Second))
				for err == nil {
					_, err = st.Write(burst)
				}
				st.Reset()
			}
		})
		s.connect(0, 2)
		s.nodes[2].add(f, nil)
		if took := fetchAll(t, f.Root, time.Minute, s.nodes[2]); took[0] > 2 {
			t.Errorf("an honest peer took %.1f s", took[0])
		}
		wg.Wait()
		s.nodes[2].holds(f, data)
		if n := counted(t, reg, "in"); n > 1000+500*1.2*span.Seconds() || n < 1000 {
			t.Errorf("%v messages were taken in %v", n, span)
		}
	})
}

// denial_of_service: possession messages that say the same again, of one file or of
// files without end, come out of the peer's budget; what is news is free.
func TestThreatDenialOfService_OldNews(t *testing.T) {
	data, f := testImage(4<<20, 32<<10, 45)
	root, _ := filestore.Digest(f.Root)
	other := func(i int) haveMessage {
		return haveMessage{kind: haveAll, root: [32]byte{byte(i), byte(i >> 8), 1}}
	}
	const burst = 20
	for what, c := range map[string]struct {
		message func(i int) haveMessage
		taken   float64 // of 500
	}{
		"news":              {func(i int) haveMessage { return haveMessage{kind: haveIndexes, root: root, indexes: []int{i % 128}} }, 128 + burst/haveCost + 1},
		"the same":          {func(int) haveMessage { return haveMessage{kind: haveIndexes, root: root, indexes: []int{1}} }, 1 + burst/haveCost + 1},
		"files without end": {other, burst/haveCost + 1},
		"on and off": {func(i int) haveMessage {
			return haveMessage{kind: []haveKind{haveAll, haveNone}[i%2], root: root}
		}, 2*burst/haveCost + 2},
	} {
		t.Run(what, func(t *testing.T) {
			runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
				reg := prometheus.NewRegistry()
				start := time.Now()
				var over atomic.Int64
				s.nodes[0].start(ExchangeOptions{Registerer: reg, Budget: tokens.NewBudget(tokens.BudgetConfig{
					Peer: tokens.Limit{Burst: burst}, Prefix: tokens.Limit{Burst: burst}, Peers: 10,
					Now: func() time.Time { return start }, Over: func(peer.ID) { over.Add(1) },
				})})
				s.nodes[0].add(f, data)
				s.connect(1, 0)
				st, err := s.nodes[1].h.NewStream(context.Background(), s.nodes[0].h.ID(), HaveProtocol)
				if err != nil {
					t.Fatal(err)
				}
				var all []byte
				for i := range 500 {
					m := c.message(i)
					all = m.append(all)
				}
				_ = st.SetWriteDeadline(time.Now().Add(time.Minute))
				_, _ = st.Write(all)
				time.Sleep(time.Minute)
				if n := counted(t, reg, "in"); n != c.taken || over.Load() != 1 {
					t.Errorf("%v messages were taken, not %v; told %d times", n, c.taken, over.Load())
				}
			})
		})
	}
}

// endless_data: what was asked for is answered without end, or with messages of
// any size. The fetch goes on elsewhere.
func TestThreatEndlessData(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 46)
	runSim(t, []link{fast, fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		stream := func(h host.Host, to peer.ID, write func(network.Stream) error) {
			st, err := h.NewStream(context.Background(), to, bsnet.ProtocolBitswap)
			if err != nil {
				return
			}
			for end := time.Now().Add(20 * time.Second); err == nil && time.Now().Before(end); {
				_ = st.SetWriteDeadline(time.Now().Add(time.Second))
				err = write(st)
			}
			st.Reset()
		}
		var once sync.Once
		s.hostile(1, f, func(h host.Host, to peer.ID, _ []message.Entry) {
			once.Do(func() { // one message of 1 GiB
				go func() {
					first := true
					stream(h, to, func(st network.Stream) error {
						b := make([]byte, 64<<10)
						if first {
							b, first = binary.AppendUvarint(nil, 1<<30), false
						}
						_, err := st.Write(b)
						return err
					})
				}()
			})
		})
		var again sync.Once
		s.hostile(2, f, func(h host.Host, to peer.ID, _ []message.Entry) {
			again.Do(func() { // messages of presences of nothing
				go func() {
					m := message.New(false)
					for i := range 200 {
						m.AddHave(blocks.NewBlock([]byte(fmt.Sprint(i))).Cid())
					}
					stream(h, to, func(st network.Stream) error { time.Sleep(time.Millisecond); return m.ToNetV1(st) })
				}()
			})
		})
		s.nodes[0].start(ExchangeOptions{})
		reg := prometheus.NewRegistry()
		flooder := s.nodes[2].h.ID()
		var caught atomic.Bool
		s.nodes[3].start(ExchangeOptions{Registerer: reg, Misbehaved: func(p peer.ID, err error) {
			if p == flooder && errors.Is(err, ErrWantFlood) {
				caught.Store(true)
			}
			go s.nodes[3].h.Network().ClosePeer(p)
		}})
		for i := range 3 {
			s.connect(i, 3)
		}
		s.nodes[0].add(f, data)
		s.nodes[3].add(f, nil)
		if took := fetchAll(t, f.Root, time.Minute, s.nodes[3]); took[0] > 3 {
			t.Errorf("took %.1f s", took[0])
		}
		s.nodes[3].holds(f, data)
		time.Sleep(30 * time.Second)
		if counted(t, reg, "huge_message") == 0 || !caught.Load() {
			t.Errorf("huge messages %v, flood caught %v", counted(t, reg, "huge_message"), caught.Load())
		}
	})
}

// slow_retrieval: most neighbours send what they are asked for at 300 bytes a
// second. None of them costs more than the first look at it.
func TestThreatSlowRetrieval(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 47)
	runSim(t, []link{{10, 10}, fast, fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		stop := make(chan struct{})
		var running sync.WaitGroup
		for _, i := range []int{1, 2, 3} {
			s.hostile(i, f, func(h host.Host, to peer.ID, wants []message.Entry) {
				running.Go(func() {
					st, err := h.NewStream(context.Background(), to, bsnet.ProtocolBitswap)
					if err != nil {
						return
					}
					defer st.Reset()
					for _, w := range wants {
						if w.Cancel {
							continue
						}
						size := f.BlockSize + 50
						if _, err := st.Write(binary.AppendUvarint(nil, uint64(size))); err != nil {
							return
						}
						for range size / 30 {
							select {
							case <-stop:
								return
							case <-time.After(100 * time.Millisecond):
							}
							if _, err := st.Write(make([]byte, 30)); err != nil {
								return
							}
						}
					}
				})
			})
		}
		repute, worst := newReputationsAt(simStart), reputation.Reputation{Failures: 1e6}.Score()
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[4].start(ExchangeOptions{Reputations: repute})
		for i := range 4 {
			s.connect(i, 4)
		}
		time.Sleep(time.Second)
		s.nodes[0].add(f, data)
		s.nodes[4].add(f, nil)
		took := fetchAll(t, f.Root, time.Minute, s.nodes[4])
		s.nodes[4].holds(f, data)
		if took[0] > 3.5 { // 1.9 s without them
			t.Errorf("took %.1f s", took[0])
		}
		for _, i := range []int{1, 2, 3} {
			if score := repute.Score(s.nodes[i].h.ID()); score >= 0 || score < worst {
				t.Errorf("trickler %d scores %v", i, score)
			}
		}
		if score := repute.Score(s.nodes[0].h.ID()); score < 1 {
			t.Errorf("the honest peer scores %v", score)
		}
		close(stop)
		running.Wait()
	})
}

// What was learnt of peers counts in the next fetch: those that stalled are asked
// last, and cost nothing.
func TestThreatSlowRetrieval_IsRemembered(t *testing.T) {
	data, f := testImage(1<<20, 32<<10, 48)
	data2, f2 := testImage(1<<20, 32<<10, 49)
	runSim(t, []link{fast, fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		var asked atomic.Int64
		for _, i := range []int{1, 2} {
			s.hostile(i, f2, func(_ host.Host, _ peer.ID, wants []message.Entry) { asked.Add(int64(len(wants))) })
		}
		repute := newReputationsAt(simStart)
		repute.Delivered(s.nodes[0].h.ID(), 10<<20, time.Second)
		for _, i := range []int{1, 2} {
			repute.Failed(s.nodes[i].h.ID())
		}
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[3].start(ExchangeOptions{Reputations: repute})
		for i := range 3 {
			s.connect(i, 3)
		}
		s.nodes[0].add(f, data)
		s.nodes[3].add(f, nil)
		fetchAll(t, f.Root, time.Minute, s.nodes[3])
		s.nodes[0].add(f2, data2)
		s.nodes[3].add(f2, nil)
		time.Sleep(time.Second)
		took := fetchAll(t, f2.Root, time.Minute, s.nodes[3])
		s.nodes[3].holds(f2, data2)
		if took[0] > 0.5 || asked.Load() > 8 {
			t.Errorf("took %.2f s, the stallers were sent %d wants", took[0], asked.Load())
		}
	})
}

// malicious_mirrors_preventing_updates: of ten neighbours nine are hostile, each
// in its own way.
func TestThreatMaliciousMirrorsPreventingUpdates(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 50)
	links := make([]link, 11)
	for i := range links {
		links[i] = fast
	}
	runSim(t, links, flat(20*time.Millisecond), func(s *testSim) {
		ways := []func(h host.Host, to peer.ID, wants []message.Entry){
			func(host.Host, peer.ID, []message.Entry) {},
			func(h host.Host, to peer.ID, wants []message.Entry) { // denies
				m := message.New(false)
				for _, w := range wants {
					if !w.Cancel {
						m.AddDontHave(w.Cid)
					}
				}
				say(h, to, m)
			},
			func(h host.Host, to peer.ID, wants []message.Entry) { // lies
				m := message.New(false)
				m.AddBlock(blocks.NewBlock(make([]byte, 32<<10)))
				say(h, to, m)
			},
		}
		for i := range 9 {
			s.hostile(i+1, f, ways[i%len(ways)])
		}
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[10].start(ExchangeOptions{})
		for i := range 10 {
			s.connect(i, 10)
		}
		time.Sleep(time.Second)
		s.nodes[0].add(f, data)
		s.nodes[10].add(f, nil)
		took := fetchAll(t, f.Root, time.Minute, s.nodes[10])
		s.nodes[10].holds(f, data)
		if took[0] > 2.5 {
			t.Errorf("took %.1f s", took[0])
		}
	})
}

// churn: a third of the swarm leaves for good in the middle of a fetch, and as
// many come.
func TestThreatChurn(t *testing.T) {
	data, f := testImage(3<<19, 32<<10, 51)
	links := make([]link, 13)
	for i := range links {
		links[i] = link{10, 50}
	}
	runSim(t, links, rtt(10*time.Millisecond, 100*time.Millisecond, 7), func(s *testSim) {
		for _, n := range s.nodes {
			n.start(ExchangeOptions{})
		}
		s.nodes[0].add(f, data)
		for _, n := range s.nodes[1:] {
			n.add(f, nil)
		}
		near := func(i int) { // the seed and five others
			for _, j := range []int{0, i%9 + 1, (i+2)%9 + 1, (i+4)%9 + 1, (i+5)%9 + 1, (i+7)%9 + 1} {
				if i != j {
					s.connect(i, j)
				}
			}
		}
		for i := range 9 {
			near(i + 1)
		}
		time.AfterFunc(700*time.Millisecond, func() {
			for _, i := range []int{1, 2, 3} {
				for _, p := range s.nodes[i].h.Network().Peers() {
					_ = s.nodes[i].h.Network().ClosePeer(p)
				}
			}
		})
		var all sync.WaitGroup
		all.Go(func() { fetchAll(t, f.Root, time.Minute, s.nodes[4:10]...) })
		ctx, cancel := context.WithCancel(context.Background())
		for i := 1; i <= 3; i++ {
			all.Go(func() { _ = s.nodes[i].x.Fetch(ctx, f.Root, Origins{}) })
		}
		time.Sleep(1500 * time.Millisecond)
		for i := 10; i <= 12; i++ {
			for _, j := range []int{4, 5, 6, 7, 8, 9} {
				s.connect(i, j)
			}
		}
		late := fetchAll(t, f.Root, time.Minute, s.nodes[10:]...)
		cancel()
		all.Wait()
		for _, n := range s.nodes[4:] {
			n.holds(f, data)
		}
		for _, took := range late {
			if took > 15 {
				t.Errorf("one that came late took %.1f s", took)
			}
		}
	})
}
