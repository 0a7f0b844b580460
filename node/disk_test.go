package node_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipfs/go-datastore"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/chainwatch"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/node/metastore"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

// The tests of this file meddle with what a node keeps on disk. What is found
// there is input like any other.

// releasePath is a file of a release in a camera's state directory.
func (s *swarm) releasePath(m *localnet.Member, seq uint64, file string) string {
	return filepath.Join(m.Config.StateDir, "releases", s.Product.ID().String()[:16], strconv.FormatUint(seq, 10), file)
}

// warm publishes a release and waits until the camera holds it, verified, and may
// not install it yet.
func (s *swarm) warm(m *localnet.Member, r *localnet.Release) {
	s.t.Helper()
	s.release(r, verify.Rollout{Mode: verify.RolloutPaused, Warm: true})
	s.until("the camera holds the release, verified", func() bool {
		t := m.Node.Status().Products[0].Target
		return t != nil && t.Sequence == r.Record.Sequence && t.State == control.StateVerified
	})
}

// rogueImage is as long as the release's and holds other bytes.
func rogueImage(r *localnet.Release) []byte {
	return bytes.Repeat([]byte("rogue\x00fw"), int(r.Record.ImageSize)/8+1)[:r.Record.ImageSize]
}

// The image is replaced after it was verified, while the camera runs and waits
// for its turn, and again while it is off: neither is installed.
func TestThreatImgReplace_OnDisk(t *testing.T) {
	s := startSwarm(t, 1, nil)
	camera := s.Cameras[0]
	s.release(s.build(1, 300_000), toAll)
	s.untilAllRun(1)
	second := s.build(2, 300_000)
	s.warm(camera, second)
	s.must(os.WriteFile(s.releasePath(camera, 2, "image"), rogueImage(second), 0o600))
	s.rollout(2, toAll)
	s.untilAllRun(2)
	s.slotIs(camera, second)
	if s.metric(camera.Name, "camswarm_pipeline_refusals_total", "arbitrary_installation")+
		s.metric(camera.Name, "camswarm_pipeline_refusals_total", "img_replace") == 0 {
		t.Error("no metric names the attack")
	}

	third := s.build(3, 300_000)
	s.warm(camera, third)
	s.must(camera.Stop())
	s.must(os.WriteFile(s.releasePath(camera, 3, "image"), rogueImage(third), 0o600))
	s.must(s.SetRollout(s.ctx, 3, toAll))
	s.must(camera.Start(s.ctx))
	s.untilAllRun(3)
	s.slotIs(camera, third)
}

// Power was lost at a moment that left the record ahead of the bytes: parts of
// the image are missing, in the middle or at the end, or all of it. What is
// missing is fetched again, and only the whole is installed.
func TestThreatPartialBundleInstallation(t *testing.T) {
	for what, damage := range map[string]func(path string) error{
		"cut":     func(p string) error { return os.Truncate(p, 100_001) },
		"empty":   func(p string) error { return os.Truncate(p, 0) },
		"missing": os.Remove,
		"hole": func(p string) error {
			f, err := os.OpenFile(p, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt(make([]byte, 70_000), 64_000)
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := startSwarm(t, 1, nil)
			camera := s.Cameras[0]
			r := s.build(1, 300_000)
			s.warm(camera, r)
			s.must(camera.Stop())
			s.must(damage(s.releasePath(camera, 1, "image")))
			s.must(s.SetRollout(s.ctx, 1, toAll))
			s.must(camera.Start(s.ctx))
			s.untilAllRun(1)
			s.slotIs(camera, r)
		})
	}
}

// The kept manifest is exchanged between its approval and its use, for a genuine
// one of another release, for one that a stranger signed, and for rubbish. The
// catalog says that the release is verified.
func TestThreatMfstTOCTOU_OnDisk(t *testing.T) {
	s := startSwarm(t, 1, nil)
	camera := s.Cameras[0]
	first := s.build(1, 300_000)
	s.release(first, toAll)
	s.untilAllRun(1)
	for i, envelope := range []func(r *localnet.Release) []byte{
		func(*localnet.Release) []byte { return first.Envelope },
		func(r *localnet.Release) []byte {
			rogue, err := s.Build(s.image(99, int(r.Record.ImageSize)), r.Record.Sequence, "rogue", s.Manufacturer, s.Operator)
			s.must(err)
			return rogue.Envelope
		},
		func(*localnet.Release) []byte { return bytes.Repeat([]byte{0x82}, 1<<20) },
	} {
		r := s.build(uint64(i+2), 300_000)
		s.warm(camera, r)
		s.must(camera.Stop())
		s.must(os.WriteFile(s.releasePath(camera, r.Record.Sequence, "envelope.cbor"), envelope(r), 0o600))
		s.must(s.SetRollout(s.ctx, r.Record.Sequence, toAll))
		s.must(camera.Start(s.ctx))
		s.untilAllRun(r.Record.Sequence)
		s.slotIs(camera, r)
	}
}

// catalogRecord is what a catalog record says, as docs/FORMAT.md has it.
type catalogRecord struct {
	Release verify.Release `json:"release"`
	State   control.State  `json:"state"`
}

// editCatalog changes records in a stopped camera's own database, checksums and
// all, as somebody could who has its disk.
func (s *swarm) editCatalog(m *localnet.Member, edit func(put func(key string, rec any))) {
	s.t.Helper()
	store, err := metastore.Open(filepath.Join(m.Config.StateDir, "meta"), slog.New(slog.DiscardHandler))
	s.must(err)
	defer func() { s.must(store.Close()) }()
	catalog := store.Namespace("catalog-" + s.Product.ID().String())
	edit(func(key string, rec any) {
		data, ok := rec.([]byte)
		if !ok {
			data, err = json.Marshal(rec)
			s.must(err)
		}
		s.must(catalog.Put(s.ctx, datastore.NewKey(key), data))
	})
}

// The catalog claims that rogue bytes are verified, or that a release which no
// product can have is installed, so that every honest one would be a rollback.
func TestThreatArbitraryInstallation_CatalogLies(t *testing.T) {
	s := startSwarm(t, 1, nil)
	camera := s.Cameras[0]
	s.release(s.build(1, 300_000), toAll)
	s.untilAllRun(1)
	second := s.build(2, 300_000)
	s.must(s.Publish(s.ctx, second, verify.Rollout{Mode: verify.RolloutPaused}))
	s.must(camera.Stop())
	rogue, err := s.Build(s.image(66, 300_000), 2, "rogue", s.Manufacturer, s.Operator)
	s.must(err)
	s.must(os.MkdirAll(filepath.Dir(s.releasePath(camera, 2, "image")), 0o700))
	s.must(os.WriteFile(s.releasePath(camera, 2, "envelope.cbor"), rogue.Envelope, 0o600))
	image, err := os.ReadFile(rogue.Path)
	s.must(err)
	s.must(os.WriteFile(s.releasePath(camera, 2, "image"), image, 0o600))
	s.editCatalog(camera, func(put func(string, any)) {
		put("2", catalogRecord{Release: rogue.Record, State: control.StateVerified})
		for _, seq := range []uint64{1<<64 - 1, 1 << 40} {
			lie := second.Record
			lie.Sequence = seq
			put(strconv.FormatUint(seq, 10), catalogRecord{Release: lie, State: control.StateConfirmed})
		}
		put("3", []byte("{"))
		put("4", []byte(`{"release":{"Sequence":5},"state":"confirmed"}`))
	})
	s.must(s.SetRollout(s.ctx, 2, toAll))
	s.must(camera.Start(s.ctx))
	s.untilAllRun(2)
	s.slotIs(camera, second)
}

// damages are done to each file of the state directory in turn.
var damages = map[string]func(path string) error{
	"empty": func(p string) error { return os.WriteFile(p, nil, 0o600) },
	"noise": func(p string) error {
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		noise := make([]byte, info.Size())
		_, _ = rand.Read(noise)
		return os.WriteFile(p, noise, 0o600)
	},
	"cut":       func(p string) error { return os.Truncate(p, 7) },
	"huge":      func(p string) error { return os.Truncate(p, 1<<40) },
	"directory": func(p string) error { return errors.Join(os.Remove(p), os.MkdirAll(filepath.Join(p, "in/it"), 0o700)) },
	"dead link": func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/nowhere/at/all", p)) },
	"link to a file of others": func(p string) error {
		victim := filepath.Join(filepath.Dir(filepath.Dir(p)), "victim")
		return errors.Join(os.Remove(p), os.WriteFile(victim, []byte("precious"), 0o600), os.Symlink(victim, p))
	},
	"pipe": func(p string) error { return errors.Join(os.Remove(p), syscall.Mkfifo(p, 0o600)) },
}

// Every file of a camera's state directory is damaged in every way while the
// camera is off. It starts and updates all the same, or says which file is wrong
// and what to do where that must not be guessed (its identity, its lock); it
// never writes to a file that is not its own, and never installs anything else.
func TestThreatCrashAnywhere_DamagedStateDirectory(t *testing.T) {
	s := startSwarm(t, 1, func(member string, c *node.Config) {
		if member != "seed" {
			c.Storage.ReserveBytes = 64 << 10
		}
	})
	camera := s.Cameras[0]
	s.release(s.build(1, 150_000), toAll)
	s.untilAllRun(1)
	s.warm(camera, s.build(2, 150_000))
	s.must(camera.Stop())
	s.must(s.SetRollout(s.ctx, 2, verify.Rollout{Mode: verify.RolloutPaused}))
	third := s.build(3, 150_000)
	s.must(s.Publish(s.ctx, third, toAll))

	state, slot := camera.Config.StateDir, camera.Slot
	var files []string
	s.must(filepath.WalkDir(state, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(state, p)
			files = append(files, rel)
		}
		return err
	}))
	files = append(files, "meta", "meta/db", "releases", filepath.Join("releases", s.Product.ID().String()[:16]))
	refused, parent := map[string]bool{}, t
	whole := map[string]bool{"cut": true, "huge": true, "directory": true, "empty": true} // says nothing of a directory
	for i, file := range files {
		for what, damage := range damages {
			name := strings.ReplaceAll(strings.ReplaceAll(file, s.Product.ID().String()[:16], "PRODUCT"), "/", ",") + " " + what
			if info, err := os.Stat(filepath.Join(state, file)); err == nil && info.IsDir() && whole[what] {
				continue
			}
			t.Run(name, func(t *testing.T) {
				s.t = t
				defer func() { s.t = parent; _ = camera.Stop() }()
				dir := filepath.Join(t.TempDir(), "state")
				s.must(os.CopyFS(dir, os.DirFS(state)))
				if key := filepath.Join(dir, "identity.key"); file == "identity.key" {
					s.must(os.Chmod(key, 0o600))
				} else {
					s.must(os.Remove(key)) // seeds ration what fetches one release again and again
				}
				path := filepath.Join(dir, file)
				if info, err := os.Stat(path); err == nil && info.IsDir() {
					s.must(os.RemoveAll(path))
					s.must(os.WriteFile(path, []byte("x"), 0o600))
				}
				s.must(damage(path))
				camera.Config.StateDir, camera.Slot = dir, filepath.Join(slot, strconv.Itoa(i)+what)
				if err := camera.Start(s.ctx); err != nil {
					refused[file] = true
					if !strings.Contains(err.Error(), dir) || len(err.Error()) < len(dir)+60 {
						t.Errorf("%s: the error does not say where and what to do: %v", name, err)
					}
					if base := filepath.Base(file); base != "identity.key" && base != "lock" {
						t.Errorf("%s: a camera that nobody can reach stays off: %v", name, err)
					}
				} else {
					s.until(name+": release 3 runs", func() bool { return runs(camera) == 3 })
					s.slotIs(camera, third)
					s.must(camera.Stop())
				}
				if data, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(path)), "victim")); err == nil && string(data) != "precious" {
					t.Errorf("%s: a file of others was written to", name)
				}
				s.must(os.RemoveAll(dir))
			})
		}
	}
	if !refused["identity.key"] {
		t.Error("a damaged identity was taken or replaced")
	}
}

// TestCameraChild is not a test: it is the camera that TestThreatCrashAnywhere
// kills.
func TestCameraChild(t *testing.T) {
	path := os.Getenv("CAMSWARM_CHILD_CONFIG")
	if path == "" {
		t.Skip("started by TestThreatCrashAnywhere")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cfg node.Config
	if err := json.Unmarshal(data, &cfg); err != nil {
		t.Fatal(err)
	}
	n, err := node.New(cfg, node.WithoutControl(), node.WithRegistry(prometheus.NewRegistry()),
		node.WithObserver(func(e node.Event) { fmt.Printf("event %d %d\n", e.Sequence, e.State) }))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("started")
	if s := n.Status(); len(s.Alarms) > 0 {
		fmt.Printf("alarm %+v\n", s.Alarms)
	}
	t.Fatal(n.Run(context.Background()))
}

// A camera's process is killed at each step of an update, the moment that the
// step is acknowledged, and at moments between. It always starts again, with what
// it had acknowledged, and ends with the release installed.
func TestThreatCrashAnywhere(t *testing.T) {
	s := startSwarm(t, 0, nil)
	cfg := node.DefaultConfig(node.RoleCamera)
	cfg.StateDir = filepath.Join(t.TempDir(), "state")
	cfg.Install.SlotDir, cfg.Install.RetryAfter = filepath.Join(t.TempDir(), "slot"), 100*time.Millisecond
	cfg.Network.Listen, cfg.Network.MDNS = []string{"/ip4/127.0.0.1/tcp/0"}, false
	cfg.Storage.ReserveBytes = 64 << 10
	addrs, err := s.Seed.Addrs()
	s.must(err)
	cfg.Network.Peers = addrs
	p := s.Seed.Config.Products[0]
	p.Chain.Poll, p.Chain.PollJitter = time.Second, 0
	cfg.Products = []node.ProductConfig{p}
	data, err := json.Marshal(cfg)
	s.must(err)
	path := filepath.Join(t.TempDir(), "config.json")
	s.must(os.WriteFile(path, data, 0o600))

	// life runs the camera until a line of its output satisfies until, then for a
	// while more, and kills it.
	life := func(what string, more time.Duration, until func(line string) bool) {
		t.Helper()
		cmd := exec.CommandContext(s.ctx, os.Args[0], "-test.run=^TestCameraChild$", "-test.v")
		cmd.Env = append(os.Environ(), "CAMSWARM_CHILD_CONFIG="+path)
		out, err := cmd.StdoutPipe()
		s.must(err)
		s.must(cmd.Start())
		var log strings.Builder
		found := false
		for lines := bufio.NewScanner(out); !found && lines.Scan(); {
			line := lines.Text()
			fmt.Fprintln(&log, line)
			found = until(line)
		}
		time.Sleep(more)
		_ = cmd.Process.Kill()
		_, _ = io.Copy(&log, out)
		_ = cmd.Wait()
		if !found || strings.Contains(log.String(), "alarm") {
			t.Fatalf("%s: %s", what, log.String())
		}
	}
	event := func(seq uint64, state control.State) func(string) bool {
		return func(line string) bool { return line == fmt.Sprintf("event %d %d", seq, state) }
	}
	started := func(line string) bool { return line == "started" }

	for seq := uint64(1); seq <= 2; seq++ {
		r := s.build(seq, 1_000_000)
		s.must(s.Publish(s.ctx, r, toAll))
		for _, state := range []control.State{control.StateFetching, control.StateFetched, control.StateVerified, control.StateInstalled, control.StateConfirmed} {
			for i := range 3 {
				life(fmt.Sprintf("release %d, before %s", seq, state), time.Duration(17*i)*time.Millisecond, started)
			}
			if kept(t, cfg, s.Product.ID(), seq) < state {
				life(fmt.Sprintf("release %d, at %s", seq, state), 0, event(seq, state))
			}
			if got := kept(t, cfg, s.Product.ID(), seq); got < state {
				t.Errorf("release %d: %s was acknowledged and is %s after the kill", seq, state, got)
			}
		}
		slot := install.FileInstaller{Dir: cfg.Install.SlotDir}
		f, err := os.Open(slot.Path(s.Product.ID()))
		s.must(err)
		info, err := verify.DescribeImage(f, 0)
		s.must(errors.Join(err, f.Close()))
		if info.SHA256 != r.Record.ImageSHA256 {
			t.Errorf("the slot does not hold release %d", seq)
		}
	}
	if _, err := os.Stat(filepath.Join(cfg.StateDir, "meta.damaged")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a kill damaged the metadata store")
	}
}

// kept is the state of a release in the catalog of a node that is not running.
func kept(t *testing.T, cfg node.Config, product verify.ProductID, seq uint64) control.State {
	t.Helper()
	store, err := metastore.Open(filepath.Join(cfg.StateDir, "meta"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("the store does not open: %v", err)
	}
	defer func() { _ = store.Close() }()
	data, err := store.Namespace("catalog-"+product.String()).Get(t.Context(), datastore.NewKey(strconv.FormatUint(seq, 10)))
	if errors.Is(err, datastore.ErrNotFound) {
		return 0
	}
	var r catalogRecord
	if err := errors.Join(err, json.Unmarshal(data, &r)); err != nil {
		t.Fatal(err)
	}
	return r.State
}

// The checkpoint, the high-water mark against stale chain answers, was set by
// somebody who has the disk: to a revision that no registry reaches, so that
// every honest answer would be a rollback, or to a block or a time far ahead. The
// next release still comes.
func TestThreatFastForward_Checkpoint(t *testing.T) {
	s := startSwarm(t, 1, nil)
	camera := s.Cameras[0]
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)
	seq := uint64(1)
	for what, lie := range map[string]func(c *chainwatch.Checkpoint){
		"revision": func(c *chainwatch.Checkpoint) { c.Rev = 1<<64 - 1 },
		"block":    func(c *chainwatch.Checkpoint) { c.Block = 1<<64 - 1 },
		"time":     func(c *chainwatch.Checkpoint) { c.Time = 1<<64 - 1 },
		"2099":     func(c *chainwatch.Checkpoint) { c.Time = 4_070_908_800 },
	} {
		s.must(camera.Stop())
		store, err := metastore.Open(filepath.Join(camera.Config.StateDir, "meta"), slog.New(slog.DiscardHandler))
		s.must(err)
		key := datastore.NewKey(s.Product.ID().String())
		data, err := store.Namespace("chain").Get(s.ctx, key)
		s.must(err)
		c, err := chainwatch.DecodeCheckpoint(data)
		s.must(err)
		lie(&c)
		s.must(store.Namespace("chain").Put(s.ctx, key, c.Encode()))
		s.must(store.Close())
		s.must(camera.Start(s.ctx))
		seq++
		r := s.build(seq, 200_000)
		s.release(r, toAll)
		s.until("after a lie about the "+what+" a release comes", func() bool { return runs(camera) == seq })
		s.slotIs(camera, r)
	}
}
