package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap"
	bsnet "github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	swarmpkg "camswarm/swarm"
	"camswarm/verify"
)

// A DID document comes from the swarm by the digest that the chain records: a
// node gets it from a stock IPFS peer, keeps nothing of it, and takes no more than
// a document's size.
func TestDocumentComesFromTheSwarmByItsDigest(t *testing.T) {
	s := startSwarm(t, 0, nil)
	text := []byte(`{"id":"did:io:0xabcdef0123456789abcdef0123456789abcdef01"}`)
	name := verify.RawCID(sha256.Sum256(text))
	huge := bytes.Repeat([]byte("x"), verify.MaxDocumentSize+1)
	hugeName := verify.RawCID(sha256.Sum256(huge))

	h, err := libp2p.New(libp2p.NoListenAddrs)
	s.must(err)
	defer func() { _ = h.Close() }()
	store := blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore()))
	for c, b := range map[cid.Cid][]byte{name: text, hugeName: huge} {
		block, err := blocks.NewBlockWithCid(b, c)
		s.must(err)
		s.must(store.Put(s.ctx, block))
	}
	net := bsnet.NewFromIpfsHost(h)
	stock := bitswap.New(s.ctx, net, nil, store)
	defer func() { _ = stock.Close() }()

	seed := s.Seed
	brief, cancel := context.WithTimeout(s.ctx, 300*time.Millisecond)
	if b, err := seed.Node.Block(brief, name); err == nil {
		t.Errorf("without a peer that has it, the block is %q", b)
	}
	cancel()

	addrs, err := seed.Addrs()
	s.must(err)
	a, err := multiaddr.NewMultiaddr(addrs[0])
	s.must(err)
	info, err := peer.AddrInfoFromP2pAddr(a)
	s.must(err)
	s.must(h.Connect(s.ctx, *info))
	got, err := seed.Node.Block(s.ctx, name)
	if err != nil || !bytes.Equal(got, text) {
		t.Fatalf("block %q, %v", got, err)
	}
	if _, err := seed.Node.Block(s.ctx, hugeName); !errors.Is(err, swarmpkg.ErrTooLarge) {
		t.Errorf("a block over the limit: %v", err)
	}
	s.must(h.Close())
	brief, cancel = context.WithTimeout(s.ctx, 300*time.Millisecond)
	defer cancel()
	if _, err := seed.Node.Block(brief, name); err == nil {
		t.Error("the node kept the block")
	}
}
