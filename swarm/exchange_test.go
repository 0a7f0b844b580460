package swarm

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
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
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/swarm/filestore"
	"camswarm/swarm/plan"
)

var fast = link{100, 100}

func flat(d time.Duration) func(i, j int) time.Duration {
	return func(i, j int) time.Duration { return d / 2 }
}

// hostile makes a node that announces every block of the file and answers
// wants with answer.
func (s *testSim) hostile(i int, f filestore.File, answer func(h host.Host, to peer.ID, wants []message.Entry)) {
	h := s.nodes[i].h
	net := bsnet.NewFromIpfsHost(h)
	net.Start(&hostileReceiver{func(p peer.ID, m message.BitSwapMessage) { answer(h, p, m.Wantlist()) }})
	h.SetStreamHandler(HaveProtocol, func(st network.Stream) {
		go func() { // read everything that is announced
			buf := make([]byte, 1000)
			for {
				if _, err := st.Read(buf); err != nil {
					return
				}
			}
		}()
		m := haveMessage{kind: haveAll}
		m.root, _ = filestore.Digest(f.Root)
		out, err := h.NewStream(context.Background(), st.Conn().RemotePeer(), HaveProtocol)
		if err == nil {
			out.Write(m.append(nil))
		}
	})
	s.stopHostile = append(s.stopHostile, net.Stop)
}

type hostileReceiver struct {
	f func(peer.ID, message.BitSwapMessage)
}

func (r *hostileReceiver) ReceiveMessage(_ context.Context, p peer.ID, m message.BitSwapMessage) {
	r.f(p, m)
}
func (r *hostileReceiver) ReceiveError(error)       {}
func (r *hostileReceiver) PeerConnected(peer.ID)    {}
func (r *hostileReceiver) PeerDisconnected(peer.ID) {}

// say sends one bitswap message.
func say(h host.Host, to peer.ID, m message.BitSwapMessage) {
	st, err := h.NewStream(context.Background(), to, bsnet.ProtocolBitswap)
	if err != nil {
		return
	}
	m.ToNetV1(st)
	st.Close()
}

// poisoned_peer
func TestThreatPoisonedPeer(t *testing.T) {
	data, f := testImage(1<<20, 64<<10, 11)
	runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.hostile(1, f, func(h host.Host, to peer.ID, wants []message.Entry) {
			for range wants {
				m := message.New(false)
				m.AddBlock(blocks.NewBlock(bytes.Repeat([]byte("poison"), 10_000)))
				say(h, to, m)
			}
		})
		var caught atomic.Pointer[peer.ID]
		reg := prometheus.NewRegistry()
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[2].start(ExchangeOptions{Registerer: reg, Misbehaved: func(p peer.ID, err error) {
			if errors.Is(err, ErrWrongBytes) {
				caught.Store(&p)
			}
		}})
		s.connect(0, 2)
		s.connect(1, 2)
		s.nodes[0].add(f, data)
		s.nodes[2].add(f, nil)
		took := fetchAll(t, f.Root, time.Minute, s.nodes[2])
		s.nodes[2].holds(f, data)
		evil := s.nodes[1].h.ID()
		if p := caught.Load(); p == nil || *p != evil {
			t.Errorf("the poisoner was not reported: %v", p)
		}
		st := s.nodes[2].x.Stats()
		if w := st.Peers[evil].Wrong; w == 0 || w > 64*60_000 || st.Peers[evil].Useful != 0 {
			t.Errorf("counted of the poisoner: %+v", st.Peers[evil])
		}
		named := false
		families, _ := reg.Gather()
		for _, fam := range families {
			for _, m := range fam.Metric {
				for _, l := range m.Label {
					named = named || l.GetValue() == "poisoned_peer" && m.Counter.GetValue() > 0
				}
			}
		}
		if !named {
			t.Error("no metric names poisoned_peer")
		}
		if took[0] > 3 {
			t.Errorf("took %.1f s", took[0])
		}
	})
}

// drop_request, eclipse: most neighbours swallow requests.
func TestThreatDropRequest_Peers(t *testing.T) {
	data, f := testImage(1<<20, 64<<10, 12)
	runSim(t, []link{fast, fast, fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		for _, i := range []int{1, 2, 3} {
			s.hostile(i, f, func(host.Host, peer.ID, []message.Entry) {})
		}
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[4].start(ExchangeOptions{})
		for i := range 4 {
			s.connect(i, 4)
		}
		time.Sleep(time.Second)
		s.nodes[0].add(f, data)
		s.nodes[4].add(f, nil)
		took := fetchAll(t, f.Root, time.Minute, s.nodes[4])
		s.nodes[4].holds(f, data)
		if took[0] > 6 {
			t.Errorf("took %.1f s where one time-out is 4 s", took[0])
		}
	})
}

func TestThreatSlowRetrieval_FalseClaims(t *testing.T) {
	data, f := testImage(2<<20, 64<<10, 13)
	runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		var asked atomic.Int64
		s.hostile(1, f, func(h host.Host, to peer.ID, wants []message.Entry) {
			m := message.New(false)
			for _, w := range wants {
				if !w.Cancel {
					asked.Add(1)
					m.AddDontHave(w.Cid)
				}
			}
			if !m.Empty() {
				say(h, to, m)
			}
		})
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[2].start(ExchangeOptions{})
		s.connect(0, 2)
		s.connect(1, 2)
		s.nodes[0].add(f, data)
		s.nodes[2].add(f, nil)
		took := fetchAll(t, f.Root, time.Minute, s.nodes[2])
		if took[0] > 1.5 || asked.Load() > 24 {
			t.Errorf("took %.1f s, the false claimer was asked %d times", took[0], asked.Load())
		}
	})
}

// want_for_unlisted_block: a camera serves only what it was told to.
func TestThreatWantForUnlistedBlock(t *testing.T) {
	data, f := testImage(200_000, 64<<10, 14)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, data)
		answers := make(chan message.BitSwapMessage, 10)
		h := s.nodes[1].h
		net := bsnet.NewFromIpfsHost(h)
		net.Start(&hostileReceiver{func(_ peer.ID, m message.BitSwapMessage) { answers <- m }})
		s.stopHostile = append(s.stopHostile, net.Stop)
		s.connect(1, 0)
		ask := func(c cid.Cid) message.BitSwapMessage {
			m := message.New(false)
			m.AddEntry(c, 1, pb.Message_Wantlist_Block, true)
			say(h, s.nodes[0].h.ID(), m)
			return <-answers
		}
		other := blocks.NewBlock([]byte("other"))
		// A peer cannot make it store, and then serve, a block of its own.
		m := message.New(false)
		m.AddBlock(other)
		say(h, s.nodes[0].h.ID(), m)
		if got := ask(other.Cid()); len(got.DontHaves()) != 1 || len(got.Blocks()) != 0 {
			t.Fatalf("a want for an unlisted block was answered with %v", got)
		}
		if got := ask(filestore.LeafCID(f.Blocks[0])); len(got.Blocks()) != 1 {
			t.Fatalf("a want for a listed block was answered with %v", got)
		}
		s.nodes[0].remove(f)
		if got := ask(filestore.LeafCID(f.Blocks[1])); len(got.DontHaves()) != 1 || len(got.Blocks()) != 0 {
			t.Errorf("a want for a block of a removed file was answered with %v", got)
		}
	})
}

// churn
func TestPeerThatLeavesMidFetchIsReplaced(t *testing.T) {
	data, f := testImage(4<<20, 64<<10, 15)
	runSim(t, []link{{10, 10}, {10, 10}, fast}, flat(40*time.Millisecond), func(s *testSim) {
		for _, n := range s.nodes {
			n.start(ExchangeOptions{})
		}
		s.connect(0, 2)
		s.connect(1, 2)
		s.nodes[0].add(f, data)
		s.nodes[1].add(f, data)
		s.nodes[2].add(f, nil)
		time.AfterFunc(time.Second, func() { s.nodes[1].h.Network().ClosePeer(s.nodes[2].h.ID()) })
		took := fetchAll(t, f.Root, time.Minute, s.nodes[2])
		s.nodes[2].holds(f, data)
		if took[0] > 5 {
			t.Errorf("took %.1f s; the one that stayed needs 3.4 s alone", took[0])
		}
		if d := s.nodes[2].x.Stats().Total.Duplicate; d > 0 {
			t.Errorf("%d duplicate bytes", d)
		}
	})
}

func TestLateJoinerIsServedByThoseWhoAreDoneAndThoseWhoAreNot(t *testing.T) {
	data, f := testImage(4<<20, 64<<10, 16)
	runSim(t, []link{{5, 50}, {20, 5}, {20, 50}}, flat(40*time.Millisecond), func(s *testSim) {
		for _, n := range s.nodes {
			n.start(ExchangeOptions{})
		}
		s.connect(0, 1)
		s.nodes[0].add(f, data)
		s.nodes[1].add(f, nil)
		first := make(chan struct{})
		go func() { defer close(first); fetchAll(t, f.Root, time.Minute, s.nodes[1]) }()
		time.Sleep(2 * time.Second)
		s.connect(1, 2) // knows only the one that is still fetching
		s.nodes[2].add(f, nil)
		took := fetchAll(t, f.Root, time.Minute, s.nodes[2])
		s.nodes[2].holds(f, data)
		if took[0] > 7 {
			t.Errorf("the late joiner took %.1f s, 5.2 s after it came its only neighbour is done", took[0])
		}
		<-first
	})
}

// partial_bundle_installation, crash_anywhere
func TestFetchResumesAfterARestart(t *testing.T) {
	data, f := testImage(4<<20, 64<<10, 17)
	runSim(t, []link{{10, 10}, fast}, flat(40*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, data)
		s.nodes[1].start(ExchangeOptions{})
		s.connect(0, 1)
		s.nodes[1].add(f, nil)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := s.nodes[1].x.Fetch(ctx, f.Root, Origins{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("interrupted fetch: %v", err)
		}
		p, ok := s.nodes[1].x.Progress(f.Root)
		if !ok || p.Blocks < 10 || p.Blocks == p.BlocksTotal || p.Fetching {
			t.Fatalf("progress when interrupted: %+v", p)
		}
		s.nodes[1].stop()
		s.nodes[1].start(ExchangeOptions{})
		s.nodes[1].add(f, nil)
		q, _ := s.nodes[1].x.Progress(f.Root)
		if q.Blocks < p.Blocks {
			t.Errorf("%d blocks before the restart, %d after", p.Blocks, q.Blocks)
		}
		fetchAll(t, f.Root, time.Minute, s.nodes[1])
		s.nodes[1].holds(f, data)
		if got := s.nodes[1].x.Stats().Total.Received; got > f.Size-q.Bytes+64<<10 {
			t.Errorf("%d bytes were missing, %d were received", f.Size-q.Bytes, got)
		}
	})
}

func TestDamageOnDiskIsRepairedByAnotherFetch(t *testing.T) {
	data, f := testImage(1<<20, 64<<10, 18)
	runSim(t, []link{fast, fast, fast}, flat(10*time.Millisecond), func(s *testSim) {
		damaged := make(chan cid.Cid, 10)
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[1].start(ExchangeOptions{Damaged: func(c cid.Cid) { damaged <- c }})
		s.nodes[2].start(ExchangeOptions{})
		s.connect(0, 1)
		s.nodes[0].add(f, data)
		s.nodes[1].add(f, data)
		w, _ := os.OpenFile(filepath.Join(s.nodes[1].dir, f.Root.String()), os.O_WRONLY, 0)
		w.WriteAt([]byte("flash decays"), 5*64<<10)
		w.Close()
		// Somebody asks for it, gets everything else, and the damage is known.
		s.connect(1, 2)
		s.nodes[2].add(f, nil)
		go fetchAll(t, f.Root, time.Minute, s.nodes[2])
		if c := <-damaged; c != f.Root || s.nodes[1].x.Complete(f.Root) {
			t.Errorf("reported %v, complete %v", c, s.nodes[1].x.Complete(f.Root))
		}
		fetchAll(t, f.Root, time.Minute, s.nodes[1])
		s.nodes[1].holds(f, data)
		time.Sleep(20 * time.Second) // and the one who asked gets it now
		s.nodes[2].holds(f, data)
	})
}

func TestConcurrentFilesShareBlocksAndConnections(t *testing.T) {
	one, f1 := testImage(1<<20, 64<<10, 19)
	two := bytes.Clone(one)
	copy(two[300_000:], "the next release differs here")
	f2 := describe(two, 64<<10)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		for _, n := range s.nodes {
			n.start(ExchangeOptions{})
		}
		s.connect(0, 1)
		s.nodes[0].add(f1, one)
		s.nodes[0].add(f2, two)
		s.nodes[1].add(f1, nil)
		s.nodes[1].add(f2, nil)
		done := make(chan struct{})
		go func() { defer close(done); fetchAll(t, f2.Root, time.Minute, s.nodes[1]) }()
		fetchAll(t, f1.Root, time.Minute, s.nodes[1])
		<-done
		s.nodes[1].holds(f1, one)
		s.nodes[1].holds(f2, two)
		if got := s.nodes[1].x.Stats().Total; got.Received > 15*(1<<20)/10 {
			t.Errorf("two images that differ in one block of 16 took %+v bytes", got)
		}
	})
}

func TestUploadLimitOfASlowLineIsKeptAndSmooth(t *testing.T) {
	data, f := testImage(3*64<<10, 64<<10, 20)
	runSim(t, []link{fast, fast}, flat(40*time.Millisecond), func(s *testSim) {
		cfg := DefaultExchangeConfig()
		cfg.UploadLimit = 8000 // 64 kbit/s: eight seconds per block
		s.nodes[0].startWith(cfg, ExchangeOptions{})
		s.nodes[1].start(ExchangeOptions{})
		s.connect(0, 1)
		s.nodes[0].add(f, data)
		s.nodes[1].add(f, nil)
		took := fetchAll(t, f.Root, 5*time.Minute, s.nodes[1])
		if took[0] < 22 || took[0] > 30 {
			t.Errorf("196608 bytes at 8000 per second took %.1f s, 24.6 are right", took[0])
		}
		if d := s.nodes[1].x.Stats().Total.Duplicate; d > 0 {
			t.Errorf("%d duplicate bytes on a slow line", d)
		}
	})
}

func TestDownloadLimitChangesWhileRunning(t *testing.T) {
	data, f := testImage(2<<20, 64<<10, 21)
	runSim(t, []link{fast, fast}, flat(40*time.Millisecond), func(s *testSim) {
		for _, n := range s.nodes {
			n.start(ExchangeOptions{})
		}
		s.nodes[1].x.SetLimits(0, 128<<10)
		s.connect(0, 1)
		s.nodes[0].add(f, data)
		s.nodes[1].add(f, nil)
		time.AfterFunc(8*time.Second, func() { s.nodes[1].x.SetLimits(0, 0) }) // half of it
		took := fetchAll(t, f.Root, time.Minute, s.nodes[1])
		if took[0] < 7.5 || took[0] > 9.5 {
			t.Errorf("2 MiB, 8 s of them at 128 KiB/s, took %.1f s", took[0])
		}
	})
}

func TestModes(t *testing.T) {
	data, f := testImage(1<<20, 64<<10, 22)
	runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		for _, n := range s.nodes {
			n.start(ExchangeOptions{})
		}
		s.connect(0, 1)
		s.connect(1, 2)
		s.nodes[0].add(f, data)
		s.nodes[1].add(f, nil)
		if err := s.nodes[1].x.SetMode(ModeLeech); err != nil {
			t.Fatal(err)
		}
		fetchAll(t, f.Root, time.Minute, s.nodes[1]) // a leech fetches
		s.nodes[2].add(f, nil)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.nodes[2].x.Fetch(ctx, f.Root, Origins{}); err == nil {
			t.Error("a leech served")
		}
		s.nodes[2].x.SetMode(ModeOff)
		s.nodes[1].x.SetMode(ModeShare)
		ctx, cancel = context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.nodes[2].x.Fetch(ctx, f.Root, Origins{}); err == nil {
			t.Error("fetched while off")
		}
		if st := s.nodes[2].x.Stats().Total; st.Received > 0 {
			t.Errorf("received %d bytes while off", st.Received)
		}
		time.AfterFunc(2*time.Second, func() { s.nodes[2].x.SetMode(ModeShare) })
		fetchAll(t, f.Root, time.Minute, s.nodes[2])
		s.nodes[2].holds(f, data)
		if err := s.nodes[2].x.SetMode("loud"); err == nil {
			t.Error("an unknown mode was taken")
		}
	})
}

func TestOnlyAdmittedPeersAreServedAndAsked(t *testing.T) {
	data, f := testImage(1<<20, 64<<10, 23)
	runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		var open atomic.Bool
		friend := s.nodes[1].h.ID()
		s.nodes[0].start(ExchangeOptions{MayServe: func(p peer.ID) bool { return p == friend || open.Load() }})
		s.nodes[1].start(ExchangeOptions{})
		s.nodes[2].start(ExchangeOptions{MayAsk: func(p peer.ID) bool { return p != friend }})
		s.connect(0, 1)
		s.connect(0, 2)
		s.connect(1, 2)
		s.nodes[0].add(f, data)
		s.nodes[1].add(f, nil)
		s.nodes[2].add(f, nil)
		fetchAll(t, f.Root, time.Minute, s.nodes[1])
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.nodes[2].x.Fetch(ctx, f.Root, Origins{}); err == nil {
			t.Error("one that is not admitted was served, or asked one that it must not ask")
		}
		if st := s.nodes[2].x.Stats().Total; st.Received > 0 {
			t.Errorf("received %d bytes", st.Received)
		}
	})
}

func TestFindPeersIsCalledWhenNobodyHasTheFile(t *testing.T) {
	data, f := testImage(1<<20, 64<<10, 24)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, data)
		var calls atomic.Int64
		s.nodes[1].start(ExchangeOptions{FindPeers: func(ctx context.Context, root cid.Cid) {
			if root != f.Root {
				t.Errorf("asked to find %s", root)
			}
			if calls.Add(1) == 2 {
				s.connect(1, 0)
			}
		}})
		s.nodes[1].add(f, nil)
		took := fetchAll(t, f.Root, time.Minute, s.nodes[1])
		if calls.Load() != 2 || took[0] > 10 {
			t.Errorf("FindPeers was called %d times, the fetch took %.1f s", calls.Load(), took[0])
		}
	})
}

func TestFetchErrors(t *testing.T) {
	data, f := testImage(100_000, 64<<10, 25)
	runSim(t, []link{fast}, flat(0), func(s *testSim) {
		n := s.nodes[0]
		n.start(ExchangeOptions{})
		ctx := context.Background()
		if err := n.x.Fetch(ctx, f.Root, Origins{}); !errors.Is(err, filestore.ErrNotAdded) {
			t.Errorf("unknown root: %v", err)
		}
		if err := n.x.Remove(f.Root, "nowhere"); !errors.Is(err, filestore.ErrNotAdded) {
			t.Errorf("remove of an unknown root: %v", err)
		}
		n.add(f, nil)
		first := make(chan error, 1)
		go func() { first <- n.x.Fetch(ctx, f.Root, Origins{}) }()
		time.Sleep(time.Second)
		second := make(chan error, 1)
		go func() { second <- n.x.Fetch(ctx, f.Root, Origins{}) }()
		time.Sleep(time.Second)
		n.remove(f)
		for _, c := range []chan error{first, second} {
			if err := <-c; !errors.Is(err, filestore.ErrNotAdded) {
				t.Errorf("fetch of a removed file: %v", err)
			}
		}
		ro := f
		ro.ReadOnly, ro.Path = true, filepath.Join(n.dir, "slot")
		os.WriteFile(ro.Path, data[:70_000], 0o400)
		if err := n.x.Add(ro); err != nil {
			t.Fatal(err)
		}
		if err := n.x.Fetch(ctx, f.Root, Origins{}); !errors.Is(err, ErrReadOnly) {
			t.Errorf("fetch into a read-only file: %v", err)
		}
		n.x.Remove(ro.Root, ro.Path)
		n.add(f, nil)
		go func() { first <- n.x.Fetch(ctx, f.Root, Origins{}) }()
		time.Sleep(time.Second)
		x := n.x
		n.stop()
		if err := <-first; !errors.Is(err, ErrStopped) {
			t.Errorf("fetch when the exchange stops: %v", err)
		}
		if err := x.Run(ctx); !errors.Is(err, ErrRunning) {
			t.Errorf("second Run: %v", err)
		}
	})
}

func TestSingleBlockIsFetchedFromWhoeverHasIt(t *testing.T) {
	_, f := testImage(1000, 1000, 26)
	envelope := blocks.NewBlock(bytes.Repeat([]byte("envelope"), 500))
	f.Extra = []blocks.Block{envelope}
	runSim(t, []link{fast, fast, fast, fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		for _, n := range s.nodes {
			n.start(ExchangeOptions{})
		}
		for i := 1; i < 6; i++ {
			s.connect(0, i)
		}
		s.nodes[5].add(f, nil)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		start := time.Now()
		b, err := s.nodes[0].x.FetchBlock(ctx, envelope.Cid(), 10_000)
		if err != nil || !bytes.Equal(b, envelope.RawData()) {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		if took := time.Since(start); took > 500*time.Millisecond {
			t.Errorf("took %v with five neighbours", took)
		}
		if _, err := s.nodes[0].x.FetchBlock(ctx, envelope.Cid(), 100); !errors.Is(err, ErrTooLarge) {
			t.Errorf("a block over the limit: %v", err)
		}
		if _, err := s.nodes[0].x.FetchBlock(ctx, blocks.NewBlock([]byte("nobody has this")).Cid(), 100); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a block that nobody has: %v", err)
		}
	})
}

// denial_of_service: a peer that announces without end costs bounded memory.
func TestThreatDenialOfService_UnknownFiles(t *testing.T) {
	data, f := testImage(200_000, 64<<10, 27)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		h := s.nodes[1].h
		s.connect(1, 0)
		out, err := h.NewStream(context.Background(), s.nodes[0].h.ID(), HaveProtocol)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			m := haveMessage{kind: haveBitmap, n: filestore.MaxBlocks, bitmap: plan.NewBitset(filestore.MaxBlocks)}
			m.root[0], m.root[1] = byte(i), byte(i>>8)
			if i == 299 {
				m.root, _ = filestore.Digest(f.Root)
				m.bitmap.Set(1)
			}
			if _, err := out.Write(m.append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		x := s.nodes[0].x
		x.mu.Lock()
		p := x.peers[h.ID()]
		n := len(p.claims)
		x.mu.Unlock()
		if n > MaxUnknownRoots {
			t.Errorf("%d unknown files are remembered of one peer", n)
		}
		// The latest is remembered until it is added: no round trip is lost.
		root, _ := filestore.Digest(f.Root)
		s.nodes[0].add(f, data[:0])
		x.mu.Lock()
		defer x.mu.Unlock()
		if c := p.claims[root]; c == nil || !c.has(1) || c.has(0) {
			t.Errorf("the claim that came before the file was added: %+v", c)
		}
	})
}

func TestMalformedAnnouncementIsReported(t *testing.T) {
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		caught := make(chan error, 1)
		s.nodes[0].start(ExchangeOptions{Misbehaved: func(_ peer.ID, err error) { caught <- err }})
		s.connect(1, 0)
		out, err := s.nodes[1].h.NewStream(context.Background(), s.nodes[0].h.ID(), HaveProtocol)
		if err != nil {
			t.Fatal(err)
		}
		out.Write([]byte{0xff, 0xff, 0xff, 0xff})
		if err := <-caught; !errors.Is(err, ErrBadMessage) {
			t.Error(err)
		}
	})
}
