package swarm

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/security/noise"

	"camswarm/swarm/filestore"
)

// BenchmarkOneToOne brings a 6.2 MB image in blocks of the shipped size from one real
// host into a synced file of another over loopback: this exchange, beside plain boxo
// bitswap with blockstores in memory, all CIDs known, and the file written at the end,
// and beside net/http with TLS and HTTP/1.1, which hashes what it writes. cpu-ms is the
// CPU of both sides for one copy.
func BenchmarkOneToOne(b *testing.B) {
	for _, transport := range []struct {
		name string
		opts []libp2p.Option
	}{
		{"tcp", []libp2p.Option{libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.Security(noise.ID, noise.New)}},
		{"quic", []libp2p.Option{libp2p.ListenAddrStrings("/ip4/127.0.0.1/udp/0/quic-v1")}},
	} {
		b.Run(transport.name+"/camswarm", func(b *testing.B) { benchOneToOne(b, transport.opts, benchCamswarm) })
		b.Run(transport.name+"/boxo", func(b *testing.B) { benchOneToOne(b, transport.opts, benchBoxo) })
	}
	b.Run("tcp/https", benchHTTPS)
}

// shippedBlock is verify.DefaultBlockSize.
const shippedBlock = 32 << 10

func benchOneToOne(b *testing.B, opts []libp2p.Option, run func(b *testing.B, from, to host.Host, data []byte, f filestore.File) func()) {
	data, f := testImage(6_200_000, shippedBlock, 40)
	b.SetBytes(f.Size)
	var cpu, wall time.Duration
	for b.Loop() {
		b.StopTimer()
		var hosts [2]host.Host
		for i := range hosts {
			h, err := libp2p.New(append(opts[:len(opts):len(opts)], libp2p.DisableRelay())...)
			if err != nil {
				b.Fatal(err)
			}
			hosts[i] = h
		}
		fetch := run(b, hosts[0], hosts[1], data, f)
		if err := hosts[1].Connect(context.Background(), peer.AddrInfo{ID: hosts[0].ID(), Addrs: hosts[0].Addrs()}); err != nil {
			b.Fatal(err)
		}
		time.Sleep(time.Second) // until identified; boxo stalls for 15 s otherwise
		before, start := cpuTime(), time.Now()
		b.StartTimer()
		fetch()
		b.StopTimer()
		wall += time.Since(start)
		cpu += cpuTime() - before
		hosts[0].Close()
		hosts[1].Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(cpu.Microseconds())/1000/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(wall.Microseconds())/1000/float64(b.N), "wall-ms/op")
	b.ReportMetric(0, "ns/op")
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// benchHTTPS fetches the image over a new connection each time.
func benchHTTPS(b *testing.B) {
	data, f := testImage(6_200_000, shippedBlock, 40)
	dir := b.TempDir()
	src := filepath.Join(dir, "image")
	if err := os.WriteFile(src, data, 0o600); err != nil {
		b.Fatal(err)
	}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, src) }))
	defer s.Close()
	client, want := s.Client(), sha256.Sum256(data)
	b.SetBytes(f.Size)
	var cpu, wall time.Duration
	for b.Loop() {
		client.CloseIdleConnections()
		before, start := cpuTime(), time.Now()
		if err := download(client, s.URL, filepath.Join(dir, "copy"), want); err != nil {
			b.Fatal(err)
		}
		wall += time.Since(start)
		cpu += cpuTime() - before
	}
	b.ReportMetric(float64(cpu.Microseconds())/1000/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(wall.Microseconds())/1000/float64(b.N), "wall-ms/op")
	b.ReportMetric(0, "ns/op")
}

// download writes what a URL has into a synced file and checks its digest.
func download(client *http.Client, url, path string, want [32]byte) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, h), resp.Body); err != nil {
		return err
	}
	if [32]byte(h.Sum(nil)) != want {
		return errors.New("wrong bytes")
	}
	return out.Sync()
}

func benchCamswarm(b *testing.B, from, to host.Host, data []byte, f filestore.File) func() {
	dir := b.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	var xs [2]*Exchange
	for i, h := range []host.Host{from, to} {
		x, err := NewExchange(h, DefaultExchangeConfig(), ExchangeOptions{})
		if err != nil {
			b.Fatal(err)
		}
		go x.Run(ctx)
		<-x.started
		f.Path = filepath.Join(dir, string(rune('a'+i)))
		if i == 0 {
			if err := os.WriteFile(f.Path, data, 0o600); err != nil {
				b.Fatal(err)
			}
		}
		if err := x.Add(f); err != nil {
			b.Fatal(err)
		}
		xs[i] = x
	}
	return func() {
		if err := xs[1].Fetch(ctx, f.Root, Origins{}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchBoxo(b *testing.B, from, to host.Host, data []byte, f filestore.File) func() {
	dir := b.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	var xs [2]*bitswap.Bitswap
	for i, h := range []host.Host{from, to} {
		bs := blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore()))
		if i == 0 {
			for k := range f.Blocks {
				blk, _ := blocks.NewBlockWithCid(blockOf(&f, data, k), filestore.LeafCID(f.Blocks[k]))
				bs.Put(ctx, blk)
			}
		}
		xs[i] = bitswap.New(ctx, bsnet.NewFromIpfsHost(h), nil, bs)
	}
	b.Cleanup(func() {
		xs[0].Close()
		xs[1].Close()
		cancel()
	})
	return func() {
		var cids []cid.Cid
		for _, d := range f.Blocks {
			cids = append(cids, filestore.LeafCID(d))
		}
		got, err := xs[1].NewSession(ctx).GetBlocks(ctx, cids)
		if err != nil {
			b.Fatal(err)
		}
		at := make(map[cid.Cid]int64, len(cids))
		for i, c := range cids {
			at[c] = int64(i * f.BlockSize)
		}
		w, err := os.Create(filepath.Join(dir, "image"))
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for blk := range got {
			if _, err := w.WriteAt(blk.RawData(), at[blk.Cid()]); err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != len(f.Blocks) {
			b.Fatalf("%d of %d blocks", n, len(f.Blocks))
		}
		if err := errors.Join(w.Sync(), w.Close()); err != nil {
			b.Fatal(err)
		}
	}
}
