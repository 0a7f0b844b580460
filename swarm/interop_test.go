package swarm

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/client"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	ufsio "github.com/ipfs/boxo/ipld/unixfs/io"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	ipld "github.com/ipfs/go-ipld-format"

	"camswarm/swarm/filestore"
)

// unixfsFile makes data a UnixFS file of raw leaves with CIDv1 and SHA-256, as
// stock IPFS tools make and read it, and describes it.
func unixfsFile(t testing.TB, data []byte, blockSize int) filestore.File {
	t.Helper()
	f := describe(data, blockSize)
	fs := unixfs.NewFSNode(unixfs.TFile)
	for i := range f.Blocks {
		fs.AddBlockSize(uint64(len(blockOf(&f, data, i))))
	}
	pb, err := fs.GetBytes()
	if err != nil {
		t.Fatal(err)
	}
	root := merkledag.NodeWithData(pb)
	root.SetCidBuilder(merkledag.V1CidPrefix())
	for i, d := range f.Blocks {
		root.AddRawLink("", &ipld.Link{Cid: filestore.LeafCID(d), Size: uint64(len(blockOf(&f, data, i)))})
	}
	f.Root = root.Cid()
	f.Extra = []blocks.Block{root}
	return f
}

// stock starts boxo's bitswap on the node, over a blockstore in memory.
func (n *testNode) stock(s *testSim) (*bitswap.Bitswap, blockstore.Blockstore) {
	bs := blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore()))
	x := bitswap.New(context.Background(), bsnet.NewFromIpfsHost(n.h), nil, bs,
		bitswap.EngineBlockstoreWorkerCount(4), bitswap.WithClientOption(client.WithPerPeerSendDelay(1)))
	s.stopHostile = append(s.stopHostile, func() { x.Close() })
	return x, bs
}

func TestStockBitswapReadsTheFileFromOurServer(t *testing.T) {
	data, _ := testImage(1_500_000, 64<<10, 31)
	f := unixfsFile(t, data, 64<<10)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		x, bs := s.nodes[1].stock(s)
		s.connect(1, 0)
		s.nodes[0].add(f, data)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		dag := merkledag.NewDAGService(blockservice.New(bs, x))
		root, err := dag.Get(ctx, f.Root)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ufsio.NewDagReader(ctx, root, dag)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes of %d, %v", len(got), len(data), err)
		}
	})
}

func TestStockBitswapGetsBlocksThatArriveAfterItAsked(t *testing.T) {
	data, f := testImage(300_000, 64<<10, 32)
	runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[1].start(ExchangeOptions{})
		x, _ := s.nodes[2].stock(s)
		s.connect(2, 1)
		s.nodes[1].add(f, nil)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		start := time.Now()
		time.AfterFunc(3*time.Second, func() {
			s.connect(0, 1)
			s.nodes[0].add(f, data)
			s.nodes[1].x.Fetch(ctx, f.Root, Origins{})
		})
		b, err := x.GetBlock(ctx, filestore.LeafCID(f.Blocks[2]))
		if err != nil || !bytes.Equal(b.RawData(), blockOf(&f, data, 2)) {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v to hear of a block that was there after 3 s", took)
		}
	})
}

func TestWeFetchFromAStockBitswapServer(t *testing.T) {
	// The last block is so small that stock bitswap sends it in answer to a
	// want-have.
	data, f := testImage(20*(64<<10)+500, 64<<10, 33)
	runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		ctx := context.Background()
		x, bs := s.nodes[0].stock(s)
		s.nodes[1].start(ExchangeOptions{})
		s.connect(1, 0)
		put := func(i int) {
			b := blocks.NewBlock(blockOf(&f, data, i))
			b, _ = blocks.NewBlockWithCid(b.RawData(), filestore.LeafCID(f.Blocks[i]))
			bs.Put(ctx, b)
			x.NotifyNewBlocks(ctx, b)
		}
		for i := range f.Blocks {
			if i != 7 {
				put(i)
			}
		}
		// It gets the last one while we fetch.
		time.AfterFunc(3*time.Second, func() { put(7) })
		s.nodes[1].add(f, nil)
		took := fetchAll(t, f.Root, time.Minute, s.nodes[1])
		s.nodes[1].holds(f, data)
		if took[0] > 4 {
			t.Errorf("took %.1f s, the last block was there after 3 s", took[0])
		}
		st := s.nodes[1].x.Stats().Total
		if st.Wrong > 0 || st.Duplicate > 0 || st.Useful != f.Size {
			t.Errorf("%+v for a file of %d bytes", st, f.Size)
		}
		// A single block, too.
		extra := blocks.NewBlock([]byte("an envelope"))
		bs.Put(ctx, extra)
		if b, err := s.nodes[1].x.FetchBlock(ctx, extra.Cid(), 100); err != nil || string(b) != "an envelope" {
			t.Errorf("single block: %q, %v", b, err)
		}
		if got, _ := s.nodes[0].h.Peerstore().GetProtocols(s.nodes[1].h.ID()); len(got) == 0 {
			t.Error("not identified")
		}
	})
}
