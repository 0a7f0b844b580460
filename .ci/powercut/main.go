// Command powercut runs a real camera on a disk of its own and cuts its power again
// and again: the program is killed (SIGKILL), and of its disk only what the kernel had
// written back by then is left, so that all is lost that was not synced. After every
// cut the file system is mounted, and it is checked that
//
//   - the installed image is whole, and no older than what the camera has said that it
//     runs,
//   - the camera starts, with the metadata store that it had,
//   - a fetch goes on: releases arrive and are installed from one cut to the next.
//
// In every -full th round the disk is full but for a few bytes, from none to two
// images: then the camera may say that it cannot do its work, and how many bytes it
// lacks; it may even end. It loses nothing, and goes on in the next round.
//
// With -slots the disk also holds two slots, into which the camera writes the images
// itself (install.feed = "slot"); what is checked then is the slot that would be started.
//
// With -releases it cuts nothing and counts the bytes that an update writes to the
// disk instead, the slots included.
//
// It needs Linux, root, a loop device and ext4.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("powercut: ")
	b := &bench{images: map[uint64][32]byte{}}
	flag.StringVar(&b.program, "camswarmd", "", "the camera's program (required)")
	flag.IntVar(&b.rounds, "rounds", 100, "cuts")
	flag.DurationVar(&b.least, "least", 100*time.Millisecond, "the shortest time with power, from when the camera answers")
	flag.DurationVar(&b.most, "most", time.Second, "the longest; every fourth cut comes earlier, at any moment of the start")
	flag.IntVar(&b.size, "image", 1_000_000, "bytes of an image")
	flag.StringVar(&b.down, "down", "1MB/s", "the camera's download limit")
	flag.IntVar(&b.full, "full", 0, "every so many rounds the disk is full; 0: never (the program must be built with -tags leveldb, docs/ARCHITECTURE.md)")
	flag.IntVar(&b.releases, "releases", 0, "cut nothing: install so many releases, and exit 1 if more than 1.1 images and 512 KiB are written for one")
	flag.BoolVar(&b.slots, "slots", false, "the camera writes into two slots; else it keeps a file, and has an installer that copies it (with -releases: one that takes it as it is)")
	seed := flag.Uint64("seed", 1, "of the moments")
	flag.IntVar(&b.lag, "lag", 0, "exit 1 as soon as a release needs more cuts than this, and keep the camera's disk and log; 0: any number may")
	flag.Parse()
	if b.program == "" {
		log.Fatal("-camswarmd: build it with 'go build -o DIR/camswarmd ./cmd/camswarmd' and give its path")
	}
	b.rng = rand.New(rand.NewPCG(*seed, 0))
	err := b.run(context.Background())
	if errors.Is(err, errNoDisk) {
		fmt.Println("skipped:", err)
		return
	}
	if b.releases > 0 && err == nil {
		fmt.Printf("%d releases of %d bytes: %d bytes written for each, %.3f images\n", b.releases, b.size, b.wrote, float64(b.wrote)/float64(b.size))
		if b.wrote > int64(flashShare*float64(b.size))+flashConst {
			log.Fatal("an update writes more than 1.1 images and 512 KiB")
		}
		return
	}
	if b.full > 0 {
		fmt.Printf("%d times with a full disk; %d times the camera said how many bytes it lacks\n", b.fulls, b.told)
	}
	fmt.Printf("%d cuts, %d of them at the start; %d releases of %d bytes installed, %d cuts at the most for one; %.2f images sent for each\n",
		b.cuts, b.early, b.installed, b.size, b.worst, b.copies())
	if err != nil {
		log.Fatal(err)
	}
}

var errNoDisk = errors.New("this machine gives out no disk of its own (root, a loop device and ext4)")

type bench struct {
	program     string
	rounds      int
	least, most time.Duration
	size        int
	down        string
	releases    int
	full, lag   int
	slots       bool
	rng         *rand.Rand

	dir    string
	disk   *disk
	net    *localnet.Network
	images map[uint64][32]byte // by sequence

	cuts, early int
	said        uint64 // the newest release that the camera has said it runs
	published   uint64
	installed   int
	since       int // the cut after which the latest release was published
	worst       int // most cuts that a release has taken
	fulls, told int // rounds with a full disk, and those in which the camera said what it lacks
	sent        int64
	wrote       int64 // for each release
}

func (b *bench) copies() float64 {
	return float64(b.sent) / float64(b.size) / float64(max(b.installed, 1))
}

func (b *bench) run(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "powercut-"); err != nil {
		return err
	}
	defer func() {
		if err == nil || errors.Is(err, errNoDisk) {
			err = errors.Join(err, os.RemoveAll(b.dir))
		} else {
			log.Printf("what is left is in %s", b.dir)
		}
	}()
	if b.disk, err = newDisk(b.dir, 24+10*b.size>>20); err != nil {
		return fmt.Errorf("%w: %w", errNoDisk, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.disk.save(filepath.Join(b.dir, "disk.ext4")))
		}
		err = errors.Join(err, b.disk.close())
	}()
	if err := b.disk.mount(); err != nil {
		return fmt.Errorf("%w: %w", errNoDisk, err)
	}
	if b.slots {
		if err := b.makeSlots(); err != nil {
			return err
		}
	}
	if err := b.disk.unmount(); err != nil {
		return err
	}
	seedLog, err := os.Create(filepath.Join(b.dir, "seed.log"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, seedLog.Close()) }()
	logger := slog.New(slog.NewTextHandler(seedLog, nil))
	if b.net, err = localnet.Start(ctx, localnet.Config{Dir: b.dir, Logger: logger}); err != nil {
		return err
	}
	defer func() {
		b.sent = b.net.Seed.Node.Status().Traffic.SentBytes
		err = errors.Join(err, b.net.Close())
	}()
	if err := b.configure(); err != nil {
		return err
	}
	if b.releases > 0 {
		b.wrote, err = b.wear(ctx, b.releases)
		return err
	}
	for b.cuts < b.rounds {
		if b.said == b.published {
			if err := b.publish(ctx); err != nil {
				return err
			}
		}
		if err := b.round(ctx); err != nil {
			return fmt.Errorf("after cut %d: %w", b.cuts, err)
		}
		b.cuts++
		if b.lag > 0 && b.cuts-b.since > b.lag {
			return fmt.Errorf("release %d has taken more than %d cuts", b.published, b.lag)
		}
	}
	return nil
}

// publish brings out the next release.
func (b *bench) publish(ctx context.Context) error {
	image := make([]byte, b.size)
	for i := range image {
		image[i] = byte(b.rng.Uint32())
	}
	path := filepath.Join(b.dir, "next.bin")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		return err
	}
	next := b.published + 1
	rel, err := b.net.Build(path, next, fmt.Sprintf("1.%d.0", next))
	if err == nil {
		err = b.net.Publish(ctx, rel, verify.Rollout{Mode: verify.RolloutAll})
	}
	if err != nil {
		return err
	}
	b.published, b.since, b.images[next] = next, b.cuts, sha256.Sum256(image)
	return nil
}

// round is one time with power.
func (b *bench) round(ctx context.Context) (err error) {
	if err := b.disk.mount(); err != nil {
		return fmt.Errorf("the file system cannot be mounted: %w", err)
	}
	if err := errors.Join(b.check(), b.disk.fill(-1)); err != nil {
		return err
	}
	full := b.full > 0 && b.cuts%b.full == b.full-1
	if full {
		if err := b.disk.fill(b.rng.Int64N(2 * int64(b.size))); err != nil {
			return err
		}
	}
	logs, err := os.Create(filepath.Join(b.dir, "log"))
	if err != nil {
		return err
	}
	defer func() { _ = logs.Close() }()
	cmd := exec.CommandContext(ctx, b.program, "--config", filepath.Join(b.dir, "camswarmd.toml"))
	cmd.Stdout, cmd.Stderr = logs, logs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err = b.live(ctx, ended)
	_ = cmd.Process.Kill()
	<-ended
	text, readErr := os.ReadFile(logs.Name())
	lacks := wantsBytes.Match(text)
	if full {
		b.fulls++
		if lacks {
			b.told++
		}
		if errors.Is(err, errEnded) && lacks {
			err = nil
		}
	}
	if strings.Contains(string(text), "set aside") {
		err = errors.Join(err, errors.New("the metadata store was made anew"))
	}
	return errors.Join(err, readErr, b.disk.cut())
}

// wantsBytes is how the camera says what it lacks.
var wantsBytes = regexp.MustCompile(`needs? -?[0-9]+ (more )?bytes|[0-9]+ (more )?bytes are (needed|missing)|free [0-9]+ bytes`)

var errEnded = errors.New("the camera ended")

// live waits until the power is to be cut. A camera must not end by itself, and must
// go on from where it was.
func (b *bench) live(ctx context.Context, ended chan error) error {
	if b.rng.IntN(4) == 0 { // while it starts
		b.early++
		return b.wait(time.Duration(b.rng.Int64N(int64(time.Second))), ended)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		s, err := b.status(ctx)
		if err == nil {
			b.hear(s)
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the camera does not answer within a minute: %w", err)
		}
		if err := b.wait(10*time.Millisecond, ended); err != nil {
			return err
		}
	}
	until := time.Now().Add(b.least + time.Duration(b.rng.Int64N(int64(b.most-b.least)+1)))
	for time.Now().Before(until) {
		if err := b.wait(min(50*time.Millisecond, time.Until(until)), ended); err != nil {
			return err
		}
		if s, err := b.status(ctx); err == nil {
			b.hear(s)
		}
	}
	return nil
}

// wait lets the camera run.
func (b *bench) wait(d time.Duration, ended chan error) error {
	select {
	case err := <-ended:
		ended <- err
		text, _ := os.ReadFile(filepath.Join(b.dir, "log"))
		return fmt.Errorf("%w: %w\n%s", errEnded, err, text)
	case <-time.After(d):
		return nil
	}
}

// hear takes note of what the camera says it runs: from then on it must.
func (b *bench) hear(s control.Status) {
	for _, p := range s.Products {
		if p.Installed != nil && p.Installed.Sequence > b.said {
			b.installed += int(p.Installed.Sequence - b.said)
			b.worst = max(b.worst, b.cuts-b.since)
			b.said = p.Installed.Sequence
		}
	}
}

// check looks at the slot, before the camera does: it boots from there.
func (b *bench) check() error {
	if b.slots {
		return b.checkSlot()
	}
	links, err := filepath.Glob(filepath.Join(b.stateDir(), "slot", "*", "firmware.img"))
	if err != nil {
		return err
	}
	if len(links) == 0 && b.said == 0 {
		return nil
	}
	if len(links) != 1 {
		return fmt.Errorf("%d images are installed; release %d should be", len(links), b.said)
	}
	name, err := os.Readlink(links[0])
	if err != nil {
		return err
	}
	seq, err := strconv.ParseUint(strings.TrimSuffix(name, ".img"), 10, 64)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(links[0])
	switch {
	case err != nil:
		return fmt.Errorf("the installed image: %w", err)
	case sha256.Sum256(data) != b.images[seq]:
		return fmt.Errorf("the installed image is damaged: %d bytes that are not release %d", len(data), seq)
	case seq < b.said:
		return fmt.Errorf("release %d is installed, and the camera has said that it runs %d", seq, b.said)
	}
	return nil
}

func (b *bench) stateDir() string { return filepath.Join(b.disk.dir, "state") }

func (b *bench) status(ctx context.Context) (control.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return localnet.Status(ctx, b.stateDir())
}

// configure writes the camera's configuration, which is not on its disk.
func (b *bench) configure() error {
	settings := []string{
		`network.listen = ["/ip4/127.0.0.1/tcp/0"]`,
		`network.mdns = false`,
		fmt.Sprintf(`exchange.download_limit = %q`, b.down),
		`install.retry_after = "1s"`,
		`storage.reserve_bytes = "256KB"`,
	}
	switch {
	case b.slots:
		settings = append(settings, fmt.Sprintf(`install.command = [%q, %q]`, b.hookPath(), b.disk.dir), `install.feed = "slot"`)
	case b.releases > 0:
		settings = append(settings, `install.command = "true"`, `install.feed = "file"`)
	}
	_, err := b.net.Provision(b.dir, localnet.Process{StateDir: b.stateDir(), MinGap: 200 * time.Millisecond, Settings: settings})
	return err
}
