package baseline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/client"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/ipld/merkledag"
	ufsio "github.com/ipfs/boxo/ipld/unixfs/io"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"camswarm/sim/bubble"
	"camswarm/sim/links"
	"camswarm/sim/report"
	"camswarm/verify"
)

// dag is the image as stock IPFS tools see it.
type dag struct {
	root   cid.Cid
	blocks []blocks.Block // inner nodes, root first, then the leaves in order; none twice
}

func newDAG(image []byte, blockSize int) (*dag, error) {
	info, err := verify.DescribeImage(bytes.NewReader(image), uint32(blockSize))
	if err != nil {
		return nil, err
	}
	d := &dag{root: info.Root}
	seen := map[cid.Cid]bool{}
	add := func(c cid.Cid, data []byte) error {
		if seen[c] {
			return nil
		}
		seen[c] = true
		b, err := blocks.NewBlockWithCid(data, c)
		d.blocks = append(d.blocks, b)
		return err
	}
	for _, n := range info.Nodes() {
		err = errors.Join(err, add(n.CID, n.Data))
	}
	for i, digest := range info.Blocks {
		from := i * int(info.BlockSize)
		err = errors.Join(err, add(verify.RawCID(digest), image[from:from+info.BlockLen(i)]))
	}
	return d, err
}

func (d *dag) cids() []cid.Cid {
	out := make([]cid.Cid, len(d.blocks))
	for i, b := range d.blocks {
		out[i] = b.Cid()
	}
	return out
}

// store is a blockstore in memory. The bytes of a block, which have its hash by
// then, are those of the image for every node, so that a hundred nodes do not
// hold a hundred images.
type store struct {
	all map[cid.Cid]blocks.Block // shared, not changed

	mu  sync.RWMutex
	has map[cid.Cid]bool
}

var _ blockstore.Blockstore = (*store)(nil)

func (s *store) Get(_ context.Context, c cid.Cid) (blocks.Block, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.has[c] {
		return nil, ipld.ErrNotFound{Cid: c}
	}
	return s.all[c], nil
}

func (s *store) Has(_ context.Context, c cid.Cid) (bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.has[c], nil
}

func (s *store) GetSize(ctx context.Context, c cid.Cid) (int, error) {
	b, err := s.Get(ctx, c)
	if err != nil {
		return -1, err
	}
	return len(b.RawData()), nil
}

func (s *store) Put(ctx context.Context, b blocks.Block) error {
	return s.PutMany(ctx, []blocks.Block{b})
}

func (s *store) PutMany(_ context.Context, list []blocks.Block) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range list {
		if s.all[b.Cid()] == nil {
			return fmt.Errorf("block %s is not one of the image's", b.Cid())
		}
		s.has[b.Cid()] = true
	}
	return nil
}

func (s *store) DeleteBlock(_ context.Context, c cid.Cid) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.has, c)
	return nil
}

func (s *store) AllKeysChan(context.Context) (<-chan cid.Cid, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := make(chan cid.Cid, len(s.has))
	for c := range s.has {
		keys <- c
	}
	close(keys)
	return keys, nil
}

// stock is a node with boxo's bitswap.
type stock struct {
	h     host.Host
	x     *bitswap.Bitswap
	store *store
}

// fetch gets the whole image. walk reads the file from its root on, as ipfs get
// does: through a session, ten leaves ahead. Otherwise the session is asked for
// every block at once.
func (s *stock) fetch(ctx context.Context, d *dag, image []byte, walk bool) error {
	service := blockservice.New(s.store, s.x) // puts what comes, and tells bitswap
	if !walk {
		n := 0
		for range blockservice.NewSession(ctx, service).GetBlocks(ctx, d.cids()) {
			n++
		}
		if n < len(d.blocks) {
			return fmt.Errorf("%d of %d blocks: %w", n, len(d.blocks), ctx.Err())
		}
		return nil
	}
	session := merkledag.NewSession(ctx, merkledag.NewDAGService(service))
	root, err := session.Get(ctx, d.root)
	if err != nil {
		return err
	}
	r, err := ufsio.NewDagReader(ctx, root, session)
	if err != nil {
		return err
	}
	defer r.Close()
	got := 0
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > len(image)-got || !bytes.Equal(buf[:n], image[got:got+n]) {
			return errors.New("the file read is not the image")
		}
		if got += n; err == io.EOF && got == len(image) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%d of %d bytes: %w", got, len(image), err)
		}
	}
}

// runBitswap measures stock bitswap over the swarm's mesh: the walk in the swarm's
// blocks, all at once in those that suit it best.
func (e *Env) runBitswap(ctx context.Context, name string, cfg Config) (best report.Baseline, err error) {
	sizes := []int{e.BlockBytes}
	if name == BitswapAll {
		sizes = cfg.BitswapAllBytes
	}
	var others []string
	for i, size := range sizes {
		var b report.Baseline
		err = bubble.Run(ctx, func(ctx context.Context) error {
			b, err = e.bitswap(ctx, name, cfg, size)
			return err
		})
		if err != nil {
			return best, err
		}
		others = append(others, fmt.Sprintf("%d: %.2f s", size, b.P95))
		if i == 0 || b.Unfinished < best.Unfinished || b.Unfinished == best.Unfinished && b.P95 < best.P95 {
			best = b
		}
	}
	if len(sizes) > 1 {
		best.Note += fmt.Sprintf(" The best of its block sizes at p95 (%s).", strings.Join(others, ", "))
	}
	return best, nil
}

func (e *Env) bitswap(ctx context.Context, name string, cfg Config, blockBytes int) (b report.Baseline, err error) {
	d, err := newDAG(e.Image, blockBytes)
	if err != nil {
		return b, err
	}
	all := make(map[cid.Cid]blocks.Block, len(d.blocks))
	for _, block := range d.blocks {
		all[block.Cid()] = block
	}
	net, err := e.Open(e.Topology)
	if err != nil {
		return b, err
	}
	defer net.Close()

	nodes, hosts := make(map[int]*stock), make(map[int]host.Host)
	defer func() {
		var wg sync.WaitGroup
		for _, n := range nodes {
			wg.Go(func() {
				_ = n.x.Close()
				_ = n.h.Close()
			})
		}
		wg.Wait()
	}()
	for _, i := range slices.Concat(e.Seeds, e.Cameras) {
		h, err := links.Host(net, i, nil)
		if err != nil {
			return b, err
		}
		n := &stock{h: h, store: &store{all: all, has: map[cid.Cid]bool{}}}
		if slices.Contains(e.Seeds, i) {
			_ = n.store.PutMany(ctx, d.blocks)
		}
		// All options are boxo's defaults, which are kubo's, but two that only
		// concern many nodes in one process: fewer goroutines that read the store,
		// and no spacing of wants by the number of peers in the process.
		n.x = bitswap.New(context.Background(), bsnet.NewFromIpfsHost(h), nil, n.store,
			bitswap.EngineBlockstoreWorkerCount(4),
			bitswap.WithClientOption(client.WithPerPeerSendDelay(1)))
		nodes[i], hosts[i] = n, h
	}
	made, err := e.connect(ctx, hosts, e.mesh(e.Neighbours, cfg.SeedNeighbours))
	if err == nil {
		err = knowBitswap(hosts)
	}
	if err != nil {
		return b, err
	}

	seconds, why := e.fetchAll(ctx, name, func(ctx context.Context, k int) error {
		return nodes[e.Cameras[k]].fetch(ctx, d, e.Image, name == Bitswap)
	})
	var dup, sent uint64
	for i, n := range nodes {
		st, err := n.x.Stat()
		if err != nil {
			return b, err
		}
		dup += st.DupDataReceived
		if slices.Contains(e.Seeds, i) {
			sent += st.DataSent
		}
	}
	how := "the file is read from its root on, as ipfs get does"
	if name == BitswapAll {
		how = "all blocks of the file are asked for at once"
	}
	size := float64(len(e.Image))
	b = summary(seconds, fmt.Sprintf("Stock boxo bitswap with kubo's options (but no broadcast reduction, which would leave it without its neighbours), over %d of the swarm's connections, at most about %d of a seed's, which suits it best; %s, in blocks of %d bytes. %.0f %% of the image's bytes came again; seeds sent %.1f copies.",
		len(made), cfg.SeedNeighbours, how, blockBytes, 100*float64(dup)/size/float64(len(e.Cameras)), float64(sent)/size), why)
	b.ServedBy = fmt.Sprintf("%d seeds and the cameras", len(e.Seeds))
	return b, nil
}

// mesh returns those connections that are among seeds and cameras, each once, less
// those of a seed above limit, unless nodes would be cut off without them. A node
// that has none, because it came later or its neighbours were hostile, gets as
// many at random as the others have in the mean; and what is still without a way
// to a seed gets one to the first.
func (e *Env) mesh(neighbours [][2]int, limit int) [][2]int {
	r := rand.New(rand.NewPCG(e.Seed, 0x6d657368))
	nodes := slices.Concat(e.Seeds, e.Cameras)
	there := make(map[int]bool, len(nodes))
	group := make(map[int]int, len(nodes)) // union-find
	for _, i := range nodes {
		there[i], group[i] = true, i
	}
	find := func(i int) int {
		for group[i] != i {
			group[i] = group[group[i]]
			i = group[i]
		}
		return i
	}
	full := func(i, degree int) bool { return degree >= limit && slices.Contains(e.Seeds, i) }
	var keep, spare [][2]int
	seen := map[[2]int]bool{}
	degree := map[int]int{}
	add := func(p [2]int) {
		keep = append(keep, p)
		degree[p[0]]++
		degree[p[1]]++
		group[find(p[0])] = find(p[1])
	}
	pairs := slices.Clone(neighbours)
	r.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	for _, p := range pairs {
		key := [2]int{min(p[0], p[1]), max(p[0], p[1])}
		if p[0] == p[1] || seen[key] || !there[p[0]] || !there[p[1]] {
			continue
		}
		seen[key] = true
		if full(p[0], degree[p[0]]) || full(p[1], degree[p[1]]) {
			spare = append(spare, p)
		} else {
			add(p)
		}
	}
	for _, p := range spare {
		if find(p[0]) != find(p[1]) {
			add(p)
		}
	}
	mean := max(1, 2*len(keep)/len(nodes))
	for _, i := range nodes {
		if degree[i] > 0 {
			continue
		}
		for _, j := range r.Perm(len(nodes))[:min(mean, len(nodes))] {
			if nodes[j] != i && !full(nodes[j], degree[nodes[j]]) {
				add([2]int{i, nodes[j]})
			}
		}
	}
	for _, i := range nodes {
		if !slices.ContainsFunc(e.Seeds, func(s int) bool { return find(s) == find(i) }) {
			add([2]int{i, e.Seeds[0]})
		}
	}
	return keep
}

// connect makes connections, and returns which there are after a while.
func (e *Env) connect(ctx context.Context, hosts map[int]host.Host, mesh [][2]int) ([][2]int, error) {
	var mu sync.Mutex
	var made [][2]int
	var wg sync.WaitGroup
	for _, pair := range mesh {
		a, b := pair[0], pair[1]
		if !e.Topology.Connects(a, b) {
			continue
		}
		// A node behind a NAT dials; two such nodes dial each other at once.
		var dialers [][2]int
		switch natA, natB := e.Topology.Nodes[a].NAT != links.NoNAT, e.Topology.Nodes[b].NAT != links.NoNAT; {
		case natA && natB:
			dialers = [][2]int{{a, b}, {b, a}}
		case natB:
			dialers = [][2]int{{b, a}}
		default:
			dialers = [][2]int{{a, b}}
		}
		wg.Go(func() {
			var ok atomic.Bool
			var both sync.WaitGroup
			for _, d := range dialers {
				both.Go(func() {
					from, to := hosts[d[0]], hosts[d[1]]
					ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
					defer cancel()
					if from.Connect(ctx, peer.AddrInfo{ID: to.ID(), Addrs: []ma.Multiaddr{e.Topology.Outside(d[1])}}) == nil {
						ok.Store(true)
					}
				})
			}
			if both.Wait(); ok.Load() {
				mu.Lock()
				defer mu.Unlock()
				made = append(made, pair)
			}
		})
	}
	wg.Wait()
	return made, sleep(ctx, settle) // identify, both ways
}

// knowBitswap returns an error if a node does not know that a neighbour speaks bitswap.
func knowBitswap(hosts map[int]host.Host) error {
	for i, h := range hosts {
		for _, p := range h.Network().Peers() {
			if got, err := h.Peerstore().SupportsProtocols(p, bsnet.ProtocolBitswap); err != nil || len(got) == 0 {
				return fmt.Errorf("node %d does not know after %v that a neighbour speaks bitswap: %v", i, settle, err)
			}
		}
	}
	return nil
}
