package baseline

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"

	"camswarm/sim/bubble"
	"camswarm/sim/links"
	"camswarm/sim/report"
	"camswarm/sim/torrent"
)

const torrentProtocol = "/bittorrent/1"

// runTorrent measures BitTorrent.
func (e *Env) runTorrent(ctx context.Context, name string, cfg Config) (b report.Baseline, err error) {
	err = bubble.Run(ctx, func(ctx context.Context) error {
		b, err = e.torrent(ctx, name, cfg)
		return err
	})
	return b, err
}

func (e *Env) torrent(ctx context.Context, name string, cfg Config) (b report.Baseline, err error) {
	client, peers, piece := torrent.DefaultConfig(), cfg.TorrentPeers, cfg.TorrentPieceBytes
	client.Choking, client.Requests = cfg.TorrentChoking, cfg.TorrentRequests
	how := "each serves four neighbours at a time, one of them by optimism, chosen by tit for tat every 10 s and whenever one of them needs nothing more; seeds serve in turn"
	switch {
	case name == TorrentBest:
		client.Choking, client.Requests = torrent.Everybody, cfg.TorrentBestRequests
		peers, piece = cfg.TorrentBestPeers, cfg.TorrentBestPieceBytes
		how = "everybody serves everybody, which suits an honest crowd"
	case cfg.TorrentChoking == torrent.Everybody:
		how = "everybody serves everybody"
	case cfg.TorrentChoking == torrent.Credit:
		how = "each serves those that have something to give and got at most 100 KiB more than they gave, seeds serve everybody, as anacrolix/torrent does"
	}
	info, err := torrent.Describe("image", e.Image, piece)
	if err != nil {
		return b, err
	}
	net, err := e.Open(e.Topology)
	if err != nil {
		return b, err
	}
	defer net.Close()
	clients, hosts := map[int]*torrent.Client{}, map[int]host.Host{}
	defer func() {
		var wg sync.WaitGroup
		for i, c := range clients {
			wg.Go(func() {
				_ = hosts[i].Close()
				c.Close()
			})
		}
		wg.Wait()
	}()
	r := rand.New(rand.NewPCG(e.Seed, 0x746f7272))
	for _, i := range slices.Concat(e.Seeds, e.Cameras) {
		h, err := links.Host(net, i, nil)
		if err != nil {
			return b, err
		}
		keep := func(int, []byte) error { return nil } // the bytes are those of the image for every node
		if slices.Contains(e.Seeds, i) {
			keep = nil
		}
		c, err := torrent.New(info, client, bytes.NewReader(e.Image), keep, rand.New(rand.NewPCG(e.Seed, uint64(i))))
		if err != nil {
			_ = h.Close()
			return b, err
		}
		h.SetStreamHandler(torrentProtocol, func(s network.Stream) { c.Add(s) })
		clients[i], hosts[i] = c, h
	}
	made, err := e.connect(ctx, hosts, e.mesh(e.tracker(r, peers), len(hosts)))
	if err != nil {
		return b, err
	}
	for _, pair := range made {
		s, err := hosts[pair[0]].NewStream(ctx, hosts[pair[1]].ID(), torrentProtocol)
		if err != nil {
			return b, err
		}
		clients[pair[0]].Add(s)
	}
	if err := sleep(ctx, settle); err != nil {
		return b, err
	}

	seconds, why := e.fetchAll(ctx, name, func(ctx context.Context, k int) error {
		c := clients[e.Cameras[k]]
		c.Begin()
		return c.Wait(ctx)
	})
	var dup, sent int64
	for i, c := range clients {
		st := c.Stats()
		dup += st.Duplicate
		if slices.Contains(e.Seeds, i) {
			sent += st.Sent
		}
	}
	size := float64(len(e.Image))
	b = summary(seconds, fmt.Sprintf("BitTorrent's peer protocol (BEP 3) over the same transport: rarest piece first, pieces of %d bytes, up to %d requests of 16 KiB at a neighbour, end game; %s. Up to %d random neighbours of a tracker, connected before the announcement (%d connections in all); the metainfo is known to everybody. %.1f %% of the image's bytes came again; seeds sent %.1f copies.",
		info.PieceBytes, client.Requests, how, peers, len(made), 100*float64(dup)/size/float64(len(e.Cameras)), float64(sent)/size), why)
	b.ServedBy = fmt.Sprintf("%d seeds and the cameras", len(e.Seeds))
	return b, nil
}

// tracker returns random connections, so that every node has about so many.
func (e *Env) tracker(r *rand.Rand, peers int) (pairs [][2]int) {
	nodes := slices.Concat(e.Seeds, e.Cameras)
	degree := map[int]int{}
	had := map[[2]int]bool{}
	for _, i := range nodes {
		for _, k := range r.Perm(len(nodes)) {
			j := nodes[k]
			pair := [2]int{min(i, j), max(i, j)}
			if degree[i] >= peers {
				break
			}
			if i == j || degree[j] >= peers || had[pair] || !e.Topology.Connects(i, j) {
				continue
			}
			had[pair] = true
			degree[i]++
			degree[j]++
			pairs = append(pairs, pair)
		}
	}
	return pairs
}
