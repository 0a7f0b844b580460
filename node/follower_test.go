package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/sim/localnet"
	"camswarm/swarm/filestore"
	"camswarm/verify"
)

// The tests of this file run whole nodes in virtual time and get in a follower's
// way: with a disk that rots or stands still, and with an installer that is slow.

// imageOf writes an image of so many pseudo-random bytes.
func imageOf(t *testing.T, seed byte, size int) []byte {
	t.Helper()
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(data)
	return data
}

// recordReleases has the chain publish images to all, one after the other: state n
// of the recording offers the first n.
func recordReleases(t *testing.T, images ...[]byte) (rec *recording, releases []*localnet.Release) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs whole nodes; left out with -short")
	}
	dir := t.TempDir()
	rec = newRecording(t, func(a *localnet.Authority, keep func()) {
		keep()
		for i, image := range images {
			path := filepath.Join(dir, string(rune('1'+i)))
			if err := os.WriteFile(path, image, 0o600); err != nil {
				t.Fatal(err)
			}
			r := named(t, a, path, uint64(i+1), "")
			_, err := a.Registry.Publish(t.Context(), a.Manufacturer, r.Record)
			if err == nil {
				err = a.SetRollout(t.Context(), r.Record.Sequence, toAllNow)
			}
			if err != nil {
				t.Fatal(err)
			}
			releases = append(releases, r)
			keep()
		}
	})
	return rec, releases
}

// imagePath is where a node keeps the image of a release.
func (w *world) imagePath(c *citizen, r *localnet.Release) string {
	return filepath.Join(c.cfg.StateDir, "releases", r.Record.Product.String()[:16], string(rune('0'+r.Record.Sequence)), "image")
}

// One block of the running release rots, and the next release shares that block:
// the exchange meets the damage while it takes the file of the next release, and
// tells of it.
func TestRottenSharedBlockDoesNotStopTheFollower(t *testing.T) {
	one := imageOf(t, 7, 400_000)
	two := bytes.Clone(one)
	copy(two[380_000:], "the next release differs here")
	rec, r := recordReleases(t, one, two)
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		seed, camera := w.add(node.RoleSeed), w.add(node.RoleCamera)
		w.release(seed, r[0], 1)
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })

		file, err := os.OpenFile(w.imagePath(camera, r[0]), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.WriteAt([]byte("flash decays"), 64<<10)
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		w.release(seed, r[1], 2)
		w.until("release 2 runs", func() bool { return camera.runs() == 2 })
		w.slotHolds(camera, r[1])
	})
}

// Blocks of the image that a camera runs rot: the camera gets them again from its
// neighbours and serves the whole image as before.
func TestRottenBlocksOfTheRunningReleaseAreFetchedAgain(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 8, 400_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		seed, camera := w.add(node.RoleSeed), w.add(node.RoleCamera)
		w.release(seed, r[0], 1)
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })
		path := w.imagePath(camera, r[0])
		image, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copy(image[64<<10:], "flash decays")
		if err := os.WriteFile(path, image, 0o600); err != nil {
			t.Fatal(err)
		}
		// Another camera, which knows no other source, asks for every block.
		if err := seed.stop(); err != nil {
			t.Fatal(err)
		}
		other := w.add(node.RoleCamera)
		if err := other.stop(); err != nil {
			t.Fatal(err)
		}
		other.cfg.Network.Peers = append(other.cfg.Network.Peers, camera.cfg.Network.Listen[0]+"/p2p/"+camera.Host().ID().String())
		w.start(other)
		w.until("the other camera has all but the block", func() bool {
			p, ok := other.Progress(w.Product.ID(), 1)
			return ok && p.Blocks == p.BlocksTotal-1
		})
		w.start(seed)
		w.until("the image is whole again", func() bool {
			now, err := os.ReadFile(path)
			return err == nil && sha256.Sum256(now) == r[0].Record.ImageSHA256
		})
		w.until("the other camera runs it", func() bool { return other.runs() == 1 })
	})
}

// stalled is an exchange on a disk that stands still for a while whenever a file is
// added.
type stalled struct {
	node.Exchange
	disk *standstill
}

func (s stalled) Add(f filestore.File) error {
	s.disk.wait()
	return s.Exchange.Add(f)
}

// stalledStore is metadata on that disk.
type stalledStore struct {
	datastore.Batching
	disk *standstill
}

func (s stalledStore) Put(ctx context.Context, k datastore.Key, v []byte) error {
	s.disk.wait()
	return s.Batching.Put(ctx, k, v)
}

// standstill is a disk that can be made to stand still.
type standstill struct {
	mu      sync.Mutex
	stands  time.Duration
	waiting int
}

func (s *standstill) set(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stands = d
}

func (s *standstill) wait() {
	s.mu.Lock()
	d := s.stands
	s.waiting++
	s.mu.Unlock()
	time.Sleep(d)
	s.mu.Lock()
	s.waiting--
	s.mu.Unlock()
}

func (s *standstill) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting > 0
}

// The disk stands still for ten seconds whenever something is written, while a
// release comes. Whoever asks the node is answered at once all the while.
func TestNobodyWaitsForADiskThatStandsStill(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 1, 300_000), imageOf(t, 2, 300_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		disk := &standstill{}
		seed := w.add(node.RoleSeed)
		camera := w.add(node.RoleCamera,
			node.WithExchange(func(x node.Exchange) node.Exchange { return stalled{x, disk} }),
			node.WithDatastore(stalledStore{dssync.MutexWrap(datastore.NewMapDatastore()), disk}))
		w.release(seed, r[0], 1)
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })

		disk.set(10 * time.Second)
		w.release(seed, r[1], 2)
		asked := 0
		for camera.runs() != 2 {
			if disk.busy() {
				asked++
				began := time.Now()
				status := camera.Status()
				if runs := status.Products[0].Installed; runs == nil || runs.Sequence < 1 {
					t.Fatalf("release 1 is forgotten: %+v", status.Products[0])
				}
				camera.Progress(w.Product.ID(), 1)
				if a := node.Latest(camera.Node); a == nil {
					t.Error("nothing is answered to a peer that asks for the latest announcement")
				}
				if took := time.Since(began); took >= time.Second {
					t.Fatalf("the answers took %v", took)
				}
			}
			if time.Sleep(100 * time.Millisecond); asked > 10_000 {
				t.Fatalf("release 2 never runs: %+v", camera.Status().Products[0])
			}
		}
		if asked < 100 {
			t.Errorf("the disk stood still for %d looks only", asked)
		}
		w.slotHolds(camera, r[1])
	})
}

// flash is a device with one slot, written slowly. It stands for an integrator's
// installer, the one part of a camera that is not ours.
type flash struct {
	t     *testing.T
	block time.Duration // to write a block

	mu        sync.Mutex
	slot      bytes.Buffer
	writing   uint64 // sequence; 0: none
	confirmed []uint64
	started   []uint64
}

func (f *flash) begin(seq uint64, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writing != 0 {
		f.t.Errorf("%s %d while release %d is being written", what, seq, f.writing)
	}
	f.writing = seq
}

func (f *flash) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writing = 0
}

// Write implements io.Writer for the slot.
func (f *flash) Write(p []byte) (int, error) {
	time.Sleep(f.block)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.slot.Write(p)
}

func (f *flash) Install(ctx context.Context, img *verify.Image) error {
	f.begin(img.Release().Sequence, "install")
	defer f.end()
	f.mu.Lock()
	f.slot.Reset()
	f.started = append(f.started, img.Release().Sequence)
	f.mu.Unlock()
	_, err := img.WriteTo(struct{ io.Writer }{writerUntil{ctx, f}})
	return err
}

type writerUntil struct {
	ctx context.Context
	w   io.Writer
}

func (w writerUntil) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	return n, errors.Join(err, w.ctx.Err())
}

func (f *flash) Confirm(_ context.Context, rel verify.Release) (install.Outcome, error) {
	f.begin(rel.Sequence, "confirm")
	defer f.end()
	time.Sleep(f.block)
	f.mu.Lock()
	defer f.mu.Unlock()
	if sha256.Sum256(f.slot.Bytes()) != rel.ImageSHA256 {
		f.t.Errorf("release %d is to be confirmed, and the slot holds something else", rel.Sequence)
		return install.Failed, nil
	}
	f.confirmed = append(f.confirmed, rel.Sequence)
	return install.Confirmed, nil
}

func (f *flash) Rollback(context.Context, verify.Release) error { return nil }

func (f *flash) busyWith() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writing
}

// A slot is written slowly, and the next release comes meanwhile: one thing at a
// time happens to the slot, the next waits and says so. Then the camera is stopped
// in the middle of an install and starts again with another release on offer.
func TestThreatPartialBundleInstallation_SlowInstaller(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 1, 300_000), imageOf(t, 2, 300_000), imageOf(t, 3, 300_000), imageOf(t, 4, 300_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		slot := &flash{t: t, block: 10 * time.Second}
		seed := w.add(node.RoleSeed)
		camera := w.add(node.RoleCamera, node.WithInstaller(slot))
		w.release(seed, r[0], 1)
		w.until("release 1 is being written", func() bool { return slot.busyWith() == 1 })
		w.release(seed, r[1], 2)
		w.until("release 2 is here and says why it waits", func() bool {
			tg := camera.Status().Products[0].Target
			return tg != nil && tg.Sequence == 2 && tg.State == control.StateVerified && tg.Reason == "another install runs"
		})
		if slot.busyWith() != 1 {
			t.Fatal("release 1 is not being written any more")
		}
		w.until("release 2 is being written, after release 1 was confirmed", func() bool { return camera.runs() == 1 && slot.busyWith() == 2 })

		if err := camera.stop(); err != nil {
			t.Fatal(err)
		}
		w.hand(seed, r[2], 3)
		w.start(camera)
		w.until("release 3 is being written", func() bool { return slot.busyWith() == 3 })
		w.release(seed, r[3], 4)
		w.until("release 4 runs", func() bool { return camera.runs() == 4 })
		if want := []uint64{1, 3, 4}; !equal(slot.confirmed, want) {
			t.Errorf("confirmed %v, want %v", slot.confirmed, want)
		}
		if want := []uint64{1, 2, 3, 4}; !equal(slot.started, want) {
			t.Errorf("installs began of %v, want %v", slot.started, want)
		}
	})
}

func equal(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// A release comes up and its hook never says that it is well. For an hour that keeps
// the next one away, whatever the clock says and however often the node starts; then
// the device goes back and takes the next one, though not while installs are
// inhibited.
func TestReleaseThatIsNeverConfirmedMakesWay(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 1, 200_000), imageOf(t, 2, 200_000), imageOf(t, 3, 200_000))
	rec.inBubble(t, badClocks["2000"], chainNow, func(w *world) {
		seed, camera := w.add(node.RoleSeed), w.add(node.RoleCamera)
		restart := func() {
			must(t, camera.stop())
			w.start(camera)
		}
		camera.opts = append(camera.opts, node.WithInstaller(&install.FileInstaller{Dir: camera.slot, Check: func(_ context.Context, rel verify.Release) (install.Outcome, error) {
			if rel.Sequence == 2 {
				return install.Pending, nil
			}
			return install.Confirmed, nil
		}}))
		camera.cfg.Install.InhibitFile = filepath.Join(w.dir, "recording")
		restart()
		w.release(seed, r[0], 1)
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })
		w.release(seed, r[1], 2)
		installed := func() *control.InstalledStatus { return camera.Status().Products[0].Installed }
		w.until("release 2 is installed", func() bool { return installed().Sequence == 2 })
		w.release(seed, r[2], 3)
		w.until("the camera holds release 3", func() bool {
			tg := camera.Status().Products[0].Target
			return tg != nil && tg.Sequence == 3 && tg.State == control.StateVerified
		})
		for range 2 {
			time.Sleep(25 * time.Minute)
			if got := installed(); got.Sequence != 2 {
				t.Fatalf("release %d is installed before release 2 has had its time", got.Sequence)
			}
			restart()
		}
		must(t, os.WriteFile(camera.cfg.Install.InhibitFile, nil, 0o600))
		time.Sleep(15 * time.Minute)
		w.slotHolds(camera, r[1])
		must(t, os.Remove(camera.cfg.Install.InhibitFile))
		w.until("release 3 runs", func() bool { return camera.runs() == 3 })
		w.slotHolds(camera, r[2])
	})
}

// What was allowed yesterday is not installed today on memory alone: with the quorum
// silent at the last moment nothing begins, however long that takes.
func TestThreatUpdUnapproved_SilentQuorum(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 1, 200_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		seed, camera := w.add(node.RoleSeed), w.add(node.RoleCamera)
		must(t, camera.stop())
		camera.cfg.Install.InhibitFile = filepath.Join(w.dir, "recording")
		must(t, os.WriteFile(camera.cfg.Install.InhibitFile, nil, 0o600))
		w.start(camera)
		w.release(seed, r[0], 1)
		w.until("the camera holds release 1", func() bool {
			tg := camera.Status().Products[0].Target
			return tg != nil && tg.State == control.StateVerified
		})
		w.kill()
		time.Sleep(10 * time.Minute) // what was confirmed is no longer fresh
		must(t, os.Remove(camera.cfg.Install.InhibitFile))
		time.Sleep(3 * time.Hour)
		if i := camera.Status().Products[0].Installed; i != nil {
			t.Fatalf("release %d was installed though nobody confirmed it", i.Sequence)
		}
		w.revive()
		time.Sleep(15 * time.Minute) // it asks at least every 64 times install.retry_after
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })
		w.slotHolds(camera, r[0])
	})
}

// Storage decays while nodes are off: of the image that a camera runs, of one that it
// holds for later, and of the one that a seed serves. None of them is said to be
// whole until it is again, from the swarm or from whoever hands it over.
func TestImagesDamagedWhileOff(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 1, 400_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		seed, camera := w.add(node.RoleSeed), w.add(node.RoleCamera)
		w.release(seed, r[0], 1)
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })
		image, err := os.ReadFile(r[0].Path)
		must(t, err)
		whole := func(n *citizen) bool {
			now, err := os.ReadFile(w.imagePath(n, r[0]))
			return err == nil && bytes.Equal(now, image)
		}
		decay := func(n *citizen) {
			must(t, n.stop())
			path := w.imagePath(n, r[0])
			must(t, os.Truncate(path, 300_000))
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			must(t, err)
			_, err = f.WriteAt([]byte("flash decays"), 64<<10)
			must(t, errors.Join(err, f.Close()))
			w.start(n)
		}
		decay(camera)
		w.until("the camera mends what it runs", func() bool { return whole(camera) })
		if camera.runs() != 1 {
			t.Error("the camera forgot what it runs")
		}

		must(t, camera.stop())
		decay(seed)
		if whole(seed) {
			t.Fatal("the seed's image is whole: the test proves nothing")
		}
		ctx, cancel := context.WithTimeout(w.ctx, time.Hour)
		defer cancel()
		if _, err := seed.Provide(ctx, r[0].Envelope, bytes.NewReader(image)); err != nil {
			t.Fatal(err)
		}
		if !whole(seed) {
			t.Error("the seed calls an image provided that is not whole")
		}

		decay(seed)
		w.until("the seed knows that it lacks something", func() bool {
			held, err := seed.Releases()
			return err == nil && len(held) == 1 && held[0].State == control.StateFetching
		})
		w.start(camera)
		w.until("the seed has it from the camera", func() bool { return whole(seed) })
	})
}
