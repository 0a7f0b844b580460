// Command kubo has stock kubo nodes and ours exchange a release, in every way that
// docs/IPFS.md tells, and prints each with the time that it took:
//
//	go run ./.ci/kubo -ipfs PROGRAM
//
// PROGRAM is kubo's ipfs, as '.ci/run kubo' builds it from its unchanged module. A real
// chain, a seed with a gateway, cameras; all on loopback.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"

	"camswarm/node"
	"camswarm/sim/localnet"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("kubo: ")
	program := flag.String("ipfs", "", "kubo's `program`")
	size := flag.Int("image", 6_200_000, "bytes of the image")
	timeout := flag.Duration("timeout", 5*time.Minute, "for everything")
	flag.Parse()
	if *program == "" {
		log.Fatal("name kubo's program: -ipfs")
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	if err := run(ctx, *program, *size); err != nil {
		log.Fatal(err)
	}
}

// scene is what the steps work with.
type scene struct {
	ctx       context.Context
	dir       string
	net       *localnet.Network
	release   *localnet.Release
	image     []byte
	directory string // CID of the release's
	name      string // IPNS
	gateway   string // URL of the seed's
	seed      string // multiaddr
	ipfs      string // kubo's program
	kubos     []*kubo
	cameras   int
}

func run(ctx context.Context, program string, size int) (err error) {
	s := &scene{ctx: ctx, ipfs: program, image: make([]byte, size)}
	if s.dir, err = os.MkdirTemp("", "kubo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	s.net, err = localnet.Start(ctx, localnet.Config{Dir: filepath.Join(s.dir, "net"), Configure: func(_ string, c *node.Config) {
		c.Network.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
		c.Gateway.Listen = "127.0.0.1:0"
	}})
	if s.net != nil {
		defer func() { err = errors.Join(err, s.net.Close()) }()
	}
	if err != nil {
		return err
	}
	defer func() {
		for _, k := range s.kubos {
			err = errors.Join(err, k.stop())
		}
	}()
	if err := s.publish(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	for _, step := range []struct {
		what string
		do   func(*scene) error
	}{
		{"kubo gets the release from the seed by bitswap", (*scene).byBitswap},
		{"kubo resolves and gets the IPNS name by delegated routing", (*scene).byName},
		{"kubo imports the archive of the seed's gateway, offline", (*scene).byArchive},
		{"kubo takes the signed record of the seed's gateway", (*scene).byRecord},
		{"a camera gets the release from kubo by bitswap", (*scene).cameraByBitswap},
		{"a camera gets the image from kubo's gateway, flat", func(s *scene) error { return s.cameraFromGateway("{root}") }},
		{"a camera gets the image from kubo's gateway, by blocks", func(s *scene) error { return s.cameraFromGateway("{block}?format=raw") }},
	} {
		began := time.Now()
		if err := step.do(s); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		fmt.Printf("%-62s%6.1f s\n", step.what, time.Since(began).Seconds())
	}
	return nil
}

// publish makes a release with an IPNS name, has the seed hold it, and leaves the
// record there.
func (s *scene) publish() error {
	_, _ = rand.Read(s.image)
	path := filepath.Join(s.dir, "image.bin")
	key, pub, err := crypto.GenerateEd25519Key(rand.Reader)
	if err == nil {
		s.name, err = p2p.IPNSName(pub)
	}
	if err == nil {
		err = os.WriteFile(path, s.image, 0o600)
	}
	if err != nil {
		return err
	}
	info, err := verify.DescribeImage(bytes.NewReader(s.image), 0)
	if err != nil {
		return err
	}
	s.release, err = localnet.Sign(&verify.Manifest{
		Product: s.net.Product, Sequence: 1, Version: "1.0", Image: info, Component: "firmware", Registry: s.net.Registry.Ref(), IPNSName: s.name,
	}, path, s.net.Signers[:s.net.Keys.Threshold]...)
	if err != nil {
		return err
	}
	s.directory = verify.Directory(info, s.release.Envelope, verify.FileRef{}).CID.String()
	if err := s.net.Publish(s.ctx, s.release, verify.Rollout{Mode: verify.RolloutAll}); err != nil {
		return err
	}
	rec, err := node.NewIPNSRecord(s.release.Manifest, s.release.Envelope, verify.FileRef{}, time.Now(), 7*24*time.Hour, time.Minute)
	if err != nil {
		return err
	}
	record, err := rec.Sign(key)
	if err != nil {
		return err
	}
	if _, err := s.net.Seed.Node.PublishIPNS(s.ctx, s.name, record); err != nil {
		return err
	}
	addrs, err := s.net.Seed.Addrs()
	if err != nil {
		return err
	}
	s.seed, s.gateway = addrs[0], "http://"+s.net.Seed.Node.GatewayAddr().String()
	return nil
}

// same compares a file with the image.
func (s *scene) same(path string) error {
	got, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, s.image) {
		return fmt.Errorf("%s holds %d other bytes than the image", path, len(got))
	}
	return nil
}

func (s *scene) byBitswap() error {
	k, err := s.start("bitswap", "")
	if err != nil {
		return err
	}
	if _, err := k.do(nil, "swarm", "connect", s.seed); err != nil {
		return err
	}
	envelope, err := k.do(nil, "block", "get", s.release.Record.EnvelopeCID().String())
	if err != nil {
		return err
	}
	if !bytes.Equal(envelope, s.release.Envelope) {
		return errors.New("the envelope differs")
	}
	out := filepath.Join(s.dir, "by-bitswap")
	if _, err := k.do(nil, "get", "-o", out, s.directory); err != nil {
		return err
	}
	return s.same(filepath.Join(out, verify.DirectoryImage))
}

func (s *scene) byName() error {
	k, err := s.start("name", s.gateway+"/routing/v1")
	if err != nil {
		return err
	}
	path, err := k.do(nil, "name", "resolve", "/ipns/"+s.name)
	if err != nil {
		return err
	}
	if got := string(bytes.TrimSpace(path)); got != "/ipfs/"+s.directory {
		return fmt.Errorf("the name leads to %s, the release is /ipfs/%s", got, s.directory)
	}
	out := filepath.Join(s.dir, "by-name")
	if _, err := k.do(nil, "get", "-o", out, "/ipns/"+s.name); err != nil {
		return err
	}
	return s.same(filepath.Join(out, verify.DirectoryImage))
}

// fetch gets a URL of the seed's gateway.
func (s *scene) fetch(path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, s.gateway+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

func (s *scene) byArchive() error {
	data, err := s.fetch("/ipfs/" + s.directory + "?format=car")
	if err != nil {
		return err
	}
	k, err := s.repo("archive", "")
	if err != nil {
		return err
	}
	if _, err := k.do(bytes.NewReader(data), "dag", "import", "--offline"); err != nil {
		return err
	}
	out := filepath.Join(s.dir, "by-archive")
	if _, err := k.do(nil, "get", "--offline", "-o", out, s.directory); err != nil {
		return err
	}
	// What kubo exports of the same DAG is what the gateway gave, byte by byte.
	again, err := k.do(nil, "dag", "export", "--offline", s.directory)
	if err == nil && !bytes.Equal(again, data) {
		err = fmt.Errorf("kubo's own archive has %d bytes, the gateway's %d, and they differ", len(again), len(data))
	}
	return errors.Join(err, s.same(filepath.Join(out, verify.DirectoryImage)))
}

func (s *scene) byRecord() error {
	record, err := s.fetch("/ipns/" + s.name + "?format=ipns-record")
	if err != nil {
		return err
	}
	k, err := s.repo("record", "")
	if err != nil {
		return err
	}
	out, err := k.do(bytes.NewReader(record), "name", "inspect", "--verify", s.name, "--enc=json")
	if err != nil {
		return err
	}
	var told struct {
		Entry      struct{ Value string }
		Validation struct{ Valid bool }
	}
	if err := json.Unmarshal(out, &told); err != nil || !told.Validation.Valid || told.Entry.Value != "/ipfs/"+s.directory {
		return fmt.Errorf("kubo says of the record: %s (%w)", out, err)
	}
	return nil
}

func (s *scene) cameraByBitswap() error {
	peer, err := s.kubos[0].addr()
	if err != nil {
		return err
	}
	return s.camera(peer, nil, func(c *node.Node) error {
		if t := c.Status().Traffic; t.FromPeers < int64(len(s.image)) {
			return fmt.Errorf("%d bytes came from kubo, the image has %d", t.FromPeers, len(s.image))
		}
		return nil
	})
}

// cameraFromGateway has a camera take the image from the gateway of one kubo, which it
// knows as an origin, and the envelope from another, its only peer, which has no more.
func (s *scene) cameraFromGateway(template string) error {
	peer := s.kubos[len(s.kubos)-1]
	if peer.what != "envelope" {
		var err error
		if peer, err = s.start("envelope", ""); err != nil {
			return err
		}
		if _, err := peer.do(bytes.NewReader(s.release.Envelope), "block", "put", "--cid-codec=raw", "--mhtype=sha2-256"); err != nil {
			return err
		}
	}
	addr, err := peer.addr()
	if err != nil {
		return err
	}
	url, err := s.kubos[0].gateway()
	if err != nil {
		return err
	}
	return s.camera(addr, []string{url + "/ipfs/" + template}, func(c *node.Node) error {
		if t := c.Status().Traffic; t.FromOrigins < int64(len(s.image)) {
			return fmt.Errorf("%d bytes came from kubo's gateway, the image has %d", t.FromOrigins, len(s.image))
		}
		return nil
	})
}

// camera runs a camera with one peer and with origins until it runs the release.
func (s *scene) camera(peer string, origins []string, check func(*node.Node) error) error {
	s.cameras++
	file, err := s.net.Provision(filepath.Join(s.dir, fmt.Sprintf("camera-%d", s.cameras)), localnet.Process{Peers: []string{peer}})
	if err != nil {
		return err
	}
	cfg, err := node.LoadConfig(file)
	if err != nil {
		return err
	}
	cfg.Network.MDNS, cfg.IPNS.Check = false, false
	cfg.Network.Listen = nil
	if cfg.Origin.Policy = node.OriginNever; origins != nil {
		cfg.Origin.Policy, cfg.Origin.URLs = node.OriginFastest, origins
	}
	c, err := node.New(cfg, node.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	for {
		p := c.Status().Products[0]
		if i := p.Installed; i != nil && i.Sequence == 1 {
			err = check(c)
			break
		}
		select {
		case <-s.ctx.Done():
			err = fmt.Errorf("it never ran the release: %+v: %w", p.Target, s.ctx.Err())
		case <-time.After(20 * time.Millisecond):
			continue
		}
		break
	}
	cancel()
	return errors.Join(err, <-done)
}
