// Torrent is one BitTorrent peer as a process, to compare the simulator's with: the
// client of anacrolix/torrent, or that of sim/torrent over TCP. It is given its
// neighbours, connects to them, begins at a moment that all are told, prints the
// seconds from there until it has the file, and serves until it is ended. See
// .ci/shaped, which runs a crowd of them on lines that the kernel shapes.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/anacrolix/torrent"
	"github.com/anacrolix/torrent/metainfo"
	"github.com/anacrolix/torrent/storage"

	ours "camswarm/sim/torrent"
)

var (
	client = flag.String("client", "anacrolix", "anacrolix, or a way of choking of sim/torrent: tit-for-tat, credit, everybody")
	listen = flag.String("listen", "", "address to listen on")
	peers  = flag.String("peers", "", "addresses to dial, with commas between them")
	file   = flag.String("file", "", "the file, which everybody has for its hashes")
	dir    = flag.String("dir", "", "where a peer that fetches writes")
	seed   = flag.Bool("seed", false, "has the file from the start")
	at     = flag.Int64("at", 0, "Unix time at which to begin")
	ahead  = flag.Int("requests", 64, "of sim/torrent: requests that wait at a neighbour")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	data, err := os.ReadFile(*file)
	if err != nil {
		log.Fatal(err)
	}
	info, err := ours.Describe(filepath.Base(*file), data, 0)
	if err != nil {
		log.Fatal(err)
	}
	run := own
	if *client == "anacrolix" {
		run = anacrolix
	}
	if err := run(info, data); err != nil {
		log.Fatal(err)
	}
	select {}
}

// begin waits for the moment at which everybody begins.
func begin() time.Time {
	start := time.Unix(*at, 0)
	time.Sleep(time.Until(start))
	return start
}

func took(start time.Time) { fmt.Printf("%.3f\n", time.Since(start).Seconds()) }

func anacrolix(info *ours.Info, data []byte) error {
	host, port, err := net.SplitHostPort(*listen)
	if err != nil {
		return err
	}
	cfg := torrent.NewDefaultClientConfig()
	cfg.ListenHost = func(string) string { return host }
	if _, err := fmt.Sscan(port, &cfg.ListenPort); err != nil {
		return err
	}
	cfg.DisableUTP, cfg.DisableIPv6, cfg.NoDHT, cfg.DisableTrackers, cfg.DisablePEX, cfg.NoDefaultPortForwarding = true, true, true, true, true, true
	cfg.Seed = true
	where := *dir
	if *seed {
		where = filepath.Dir(*file)
	}
	cfg.DefaultStorage = storage.NewFileOpts(storage.NewFileClientOpts{ClientBaseDir: where, PieceCompletion: storage.NewMapPieceCompletion()})
	c, err := torrent.NewClient(cfg)
	if err != nil {
		return err
	}
	t, err := c.AddTorrent(&metainfo.MetaInfo{InfoBytes: info.Bytes()})
	if err != nil {
		return err
	}
	if t.InfoHash() != metainfo.Hash(info.Hash()) {
		return fmt.Errorf("the info hash is %v", t.InfoHash())
	}
	if *seed {
		t.VerifyData()
	}
	t.DisallowDataDownload()
	t.DownloadAll()
	for _, a := range strings.Split(*peers, ",") {
		if tcp, err := net.ResolveTCPAddr("tcp", a); err == nil && a != "" {
			t.AddPeers([]torrent.PeerInfo{{Addr: tcp, Source: torrent.PeerSourceDirect, Trusted: true}})
		}
	}
	start := begin()
	if *seed {
		return nil
	}
	t.AllowDataDownload()
	<-t.Complete().On()
	took(start)
	return nil
}

// kept is a file that comes in pieces.
type kept struct {
	mu   sync.Mutex
	data []byte
}

func (k *kept) keep(off int, piece []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	copy(k.data[off:], piece)
	return nil
}

func (k *kept) ReadAt(p []byte, off int64) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return copy(p, k.data[off:]), nil
}

func own(info *ours.Info, data []byte) error {
	cfg := ours.DefaultConfig()
	cfg.Choking, cfg.Requests = ours.Choking(*client), *ahead
	k := &kept{data: make([]byte, len(data))}
	var have io.ReaderAt = k
	keep := k.keep
	if *seed {
		have, keep = bytes.NewReader(data), nil
	}
	c, err := ours.New(info, cfg, have, keep, rand.New(rand.NewPCG(uint64(os.Getpid()), 1)))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.Add(conn)
		}
	}()
	for _, a := range strings.Split(*peers, ",") {
		for a != "" {
			conn, err := net.Dial("tcp", a)
			if err == nil {
				c.Add(conn)
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	start := begin()
	if *seed {
		return nil
	}
	c.Begin()
	if err := c.Wait(context.Background()); err != nil {
		return err
	}
	if !bytes.Equal(k.data, data) {
		return fmt.Errorf("what came is not the file")
	}
	took(start)
	return nil
}
