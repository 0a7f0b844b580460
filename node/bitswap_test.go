package node_test

import (
	"context"
	"testing"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"camswarm/sim/localnet"
)

// bitswapGet asks a member for one block as any IPFS node would.
func bitswapGet(ctx context.Context, t *testing.T, m *localnet.Member, c cid.Cid) ([]byte, error) {
	t.Helper()
	h, err := libp2p.New(libp2p.NoListenAddrs)
	if err != nil {
		return nil, err
	}
	defer func() { _ = h.Close() }()
	bs := bitswap.New(ctx, bsnet.NewFromIpfsHost(h), nil, blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore())))
	defer func() { _ = bs.Close() }()
	addrs, err := m.Addrs()
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		info, err := peer.AddrInfoFromP2pAddr(ma.StringCast(a))
		if err != nil {
			return nil, err
		}
		if err := h.Connect(ctx, *info); err != nil {
			return nil, err
		}
	}
	b, err := bs.GetBlock(ctx, c)
	if err != nil {
		return nil, err
	}
	return b.RawData(), nil
}
