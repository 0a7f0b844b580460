package swarm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/marcopolo/simnet"
	"github.com/quic-go/quic-go"
	"go.uber.org/fx"

	"camswarm/swarm/filestore"
	"camswarm/swarm/p2p/reputation"
)

// link is the access line of a simulated node.
type link struct{ up, down int } // Mbit/s

// testSim is a set of real libp2p hosts over simulated lines, in virtual time.
type testSim struct {
	t     *testing.T
	net   *simnet.Simnet
	nodes []*testNode

	stopHostile []func()
}

// testNode is a host, and an Exchange if start was called.
type testNode struct {
	t      *testing.T
	h      host.Host
	x      *Exchange
	dir    string
	link   link
	line   atomic.Pointer[simnet.SimConn]
	cancel context.CancelFunc
	done   chan error
}

type fixedSource struct{ ip atomic.Pointer[net.IP] }

func (s *fixedSource) PreferredSourceIPForDestination(*net.UDPAddr) (net.IP, error) {
	return *s.ip.Load(), nil
}

func simAddr(i int) *net.UDPAddr { return &net.UDPAddr{IP: simnet.IntToPublicIPv4(i), Port: 8000} }

// simHost makes a libp2p host with QUIC over a simulated line.
func simHost(t *testing.T, n *simnet.Simnet, i int, l link, line *atomic.Pointer[simnet.SimConn]) host.Host {
	src := &fixedSource{}
	settings := simnet.NodeBiDiLinkSettings{
		Uplink:   simnet.LinkSettings{BitsPerSecond: l.up * simnet.Mibps, FlowBucketCount: 4096},
		Downlink: simnet.LinkSettings{BitsPerSecond: l.down * simnet.Mibps, FlowBucketCount: 4096},
	}
	h, err := libp2p.New(
		libp2p.ListenAddrStrings(fmt.Sprintf("/ip4/%s/udp/8000/quic-v1", simAddr(i).IP)),
		libp2p.QUICReuse(func(l fx.Lifecycle, key quic.StatelessResetKey, token quic.TokenGeneratorKey, opts ...quicreuse.Option) (*quicreuse.ConnManager, error) {
			cm, err := quicreuse.NewConnManager(key, token, opts...)
			if err == nil {
				l.Append(fx.StopHook(cm.Close))
			}
			return cm, err
		},
			quicreuse.OverrideSourceIPSelector(func() (quicreuse.SourceIPSelector, error) { return src, nil }),
			quicreuse.OverrideListenUDP(func(_ string, a *net.UDPAddr) (net.PacketConn, error) {
				src.ip.Store(&a.IP)
				c := n.NewEndpoint(a, settings)
				line.Store(c)
				return c, nil
			})),
		libp2p.DisableIdentifyAddressDiscovery(), // stalls virtual time
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableMetrics(),
		libp2p.DisableRelay(),
	)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// runSim runs f in a bubble of virtual time with one host per line; delay is
// one way, between the hosts with those numbers.
func runSim(t *testing.T, links []link, delay func(i, j int) time.Duration, f func(s *testSim)) {
	t.Helper()
	dir := t.TempDir() // outside: cleanups of the bubble's T run in the bubble
	synctest.Test(t, func(t *testing.T) {
		index := make(map[[4]byte]int)
		for i := range links {
			index[[4]byte(simAddr(i).IP.To4())] = i
		}
		s := &testSim{t: t, net: &simnet.Simnet{LatencyFunc: func(p *simnet.Packet) time.Duration {
			a := index[[4]byte(p.From.(*net.UDPAddr).IP.To4())]
			b := index[[4]byte(p.To.(*net.UDPAddr).IP.To4())]
			return delay(a, b)
		}}}
		for i, l := range links {
			d := filepath.Join(dir, fmt.Sprint(i))
			if err := os.Mkdir(d, 0o700); err != nil {
				t.Fatal(err)
			}
			n := &testNode{t: t, dir: d, link: l}
			n.h = simHost(t, s.net, i, l, &n.line)
			s.nodes = append(s.nodes, n)
		}
		s.net.Start()
		defer s.net.Close()
		defer func() {
			for _, stop := range s.stopHostile {
				stop()
			}
			var wg sync.WaitGroup
			for _, n := range s.nodes {
				wg.Go(func() { n.stop(); n.h.Close() })
			}
			wg.Wait()
		}()
		f(s)
	})
}

// rtt returns one-way delays that make round trips of lo to hi, fixed per pair.
func rtt(lo, hi time.Duration, seed uint64) func(i, j int) time.Duration {
	return func(i, j int) time.Duration {
		r := rand.New(rand.NewPCG(seed, uint64(min(i, j))<<32|uint64(max(i, j))))
		return (lo + time.Duration(r.Int64N(int64(hi-lo)+1))) / 2
	}
}

func (n *testNode) start(opts ExchangeOptions) {
	n.startWith(DefaultExchangeConfig(), opts)
}

func (n *testNode) startWith(cfg ExchangeConfig, opts ExchangeOptions) {
	n.t.Helper()
	x, err := NewExchange(n.h, cfg, opts)
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.x, n.cancel, n.done = x, cancel, make(chan error, 1)
	go func() { n.done <- x.Run(ctx) }()
	<-x.started
}

func (n *testNode) stop() {
	if n.cancel == nil {
		return
	}
	n.cancel()
	if err := <-n.done; err != nil {
		n.t.Error("Run:", err)
	}
	n.cancel = nil
}

func (s *testSim) connect(i, j int) {
	s.t.Helper()
	a, b := s.nodes[i].h, s.nodes[j].h
	if err := a.Connect(context.Background(), peer.AddrInfo{ID: b.ID(), Addrs: b.Addrs()}); err != nil {
		s.t.Fatalf("connect %d and %d: %v", i, j, err)
	}
}

// mesh connects node 0 to seedDegree others, and every other to low to high
// random ones among the rest, as cameras in the field are.
func (s *testSim) mesh(low, high, seedDegree int, seed uint64) {
	s.t.Helper()
	r := rand.New(rand.NewPCG(seed, 99))
	n := len(s.nodes)
	var wg sync.WaitGroup
	seen := map[[2]int]bool{}
	degree := make([]int, n)
	link := func(i, j int) {
		k := [2]int{min(i, j), max(i, j)}
		if i == j || seen[k] {
			return
		}
		seen[k] = true
		degree[i]++
		degree[j]++
		wg.Go(func() { s.connect(i, j) })
	}
	for _, j := range r.Perm(n - 1)[:min(seedDegree, n-1)] {
		link(0, j+1)
	}
	clear(degree)
	for _, k := range r.Perm(n - 1) {
		i := k + 1
		for tries := 0; degree[i] < low && tries < 20*high; tries++ {
			if j := 1 + r.IntN(n-1); degree[j] < high {
				link(i, j)
			}
		}
	}
	wg.Wait()
}

// testImage makes random bytes and their description.
func testImage(size, blockSize int, seed uint64) ([]byte, filestore.File) {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	data := make([]byte, size)
	r.Read(data)
	return data, describe(data, blockSize)
}

func describe(data []byte, blockSize int) filestore.File {
	f := filestore.File{Size: int64(len(data)), BlockSize: blockSize}
	for off := 0; off < len(data); off += blockSize {
		f.Blocks = append(f.Blocks, sha256.Sum256(data[off:min(off+blockSize, len(data))]))
	}
	h := sha256.New()
	for _, b := range f.Blocks {
		h.Write(b[:])
	}
	f.Root = filestore.LeafCID([32]byte(h.Sum(nil)))
	return f
}

// blockOf returns block i of the file with these bytes.
func blockOf(f *filestore.File, data []byte, i int) []byte {
	return data[i*f.BlockSize : min((i+1)*f.BlockSize, len(data))]
}

// simStart is when time begins for the clocks that tests set by hand.
var simStart = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

func newReputationsAt(t time.Time) *reputation.Peers {
	return reputation.New(func() time.Time { return t })
}

// add adds the file to the node, with its bytes if data is not nil.
func (n *testNode) add(f filestore.File, data []byte) cid.Cid {
	n.t.Helper()
	f.Path = filepath.Join(n.dir, f.Root.String())
	if data != nil {
		if err := os.WriteFile(f.Path, data, 0o600); err != nil {
			n.t.Fatal(err)
		}
	}
	if err := n.x.Add(f); err != nil {
		n.t.Fatal(err)
	}
	return f.Root
}

// remove takes away what add has added.
func (n *testNode) remove(f filestore.File) {
	n.t.Helper()
	if err := n.x.Remove(f.Root, filepath.Join(n.dir, f.Root.String())); err != nil {
		n.t.Error(err)
	}
}

// holds fails the test unless the node's file has the sha256 of data.
func (n *testNode) holds(f filestore.File, data []byte) {
	n.t.Helper()
	got, err := os.ReadFile(filepath.Join(n.dir, f.Root.String()))
	if err != nil {
		n.t.Fatal(err)
	}
	if sha256.Sum256(got) != sha256.Sum256(data) {
		n.t.Error("the file differs from what was published")
	}
}

// fetchAll runs Fetch on nodes and returns the seconds that each took.
func fetchAll(t *testing.T, root cid.Cid, limit time.Duration, nodes ...*testNode) []float64 {
	t.Helper()
	took := make([]float64, len(nodes))
	start := time.Now()
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			if err := n.x.Fetch(ctx, root, Origins{}); err != nil && !errors.Is(err, ErrStopped) {
				t.Errorf("node %d: %v", i, err)
			}
			took[i] = time.Since(start).Seconds()
		})
	}
	wg.Wait()
	return took
}

// fluidBound is the least possible time for one seed to bring size bytes to all
// others: max(F/u_s, F/d_min, N·F/(u_s+Σu)).
func fluidBound(size int, seed link, others []link) float64 {
	bits := float64(size) * 8 / 1e6
	up, down := seed.up, others[0].down
	for _, l := range others {
		up += l.up
		down = min(down, l.down)
	}
	return max(bits/float64(seed.up), bits/float64(down), float64(len(others))*bits/float64(up))
}
