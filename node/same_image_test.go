package node_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"camswarm/announce"
	"camswarm/gc"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

// The tests of this file publish bytes that a node holds already, under a new
// sequence or for a second product. Such a release is published, installed and
// collected like any other, and nothing is downloaded for it.

// held lists the sequences that a node has on disk.
func (c *citizen) held(t *testing.T) (out []uint64) {
	t.Helper()
	held, err := c.Releases()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range held {
		out = append(out, h.Sequence)
	}
	return out
}

// diskUse is what the releases of a node take.
func (c *citizen) diskUse(t *testing.T) int64 {
	t.Helper()
	used, err := gc.Usage(filepath.Join(c.cfg.StateDir, "releases"))
	if err != nil {
		t.Fatal(err)
	}
	return used
}

// sameFile reports whether two paths name one file.
func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(x, y)
}

// The image that runs is released again, as after a rotation of keys, while the
// camera is stopped and started at every stage.
func TestTheSameImageAgain(t *testing.T) {
	const size = 400_000
	image, dir := imageOf(t, 1, size), t.TempDir()
	var r []*localnet.Release
	// States: 1: release 1 to all; 2: release 2 warm; 3: release 2 to all.
	rec := newRecording(t, func(a *localnet.Authority, keep func()) {
		keep()
		for seq := uint64(1); seq <= 2; seq++ {
			path := filepath.Join(dir, string(rune('0'+seq)))
			must(t, os.WriteFile(path, image, 0o600))
			rel := named(t, a, path, seq, "")
			_, err := a.Registry.Publish(t.Context(), a.Manufacturer, rel.Record)
			must(t, err)
			if seq == 2 {
				must(t, a.SetRollout(t.Context(), seq, verify.Rollout{Mode: verify.RolloutPaused, Warm: true}))
				keep()
			}
			must(t, a.SetRollout(t.Context(), seq, toAllNow))
			keep()
			r = append(r, rel)
		}
	})
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		seed, camera := w.add(node.RoleSeed), w.add(node.RoleCamera)
		w.release(seed, r[0], 1)
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })
		received := camera.Traffic().Total.Received

		w.release(seed, r[1], 2)
		w.until("the camera holds release 2, verified", func() bool {
			tg := camera.Status().Products[0].Target
			return tg != nil && tg.Sequence == 2 && tg.State == control.StateVerified
		})
		w.until("the seed holds it too", func() bool { return slices.Equal(seed.held(t), []uint64{1, 2}) })
		for _, n := range []*citizen{seed, camera} {
			if !sameFile(t, w.imagePath(n, r[0]), w.imagePath(n, r[1])) {
				t.Errorf("%s stores the image twice", n.name)
			}
			if used := n.diskUse(t); used > size+64<<10 {
				t.Errorf("%s: the releases take %d bytes", n.name, used)
			}
			plan, err := n.Collect(w.ctx, true)
			if err != nil || plan.BytesBefore > size+64<<10 || len(plan.Removals()) != 0 {
				t.Errorf("%s: a dry collection says %+v, %v", n.name, plan, err)
			}
		}
		if now := camera.Traffic().Total.Received; now != received {
			t.Errorf("%d bytes were downloaded for an image that was here", now-received)
		}

		must(t, camera.stop())
		w.start(camera)
		w.until("after a restart both are there", func() bool { return slices.Equal(camera.held(t), []uint64{1, 2}) })
		w.set(3)
		w.announce(seed, r[1])
		w.until("release 2 runs", func() bool { return camera.runs() == 2 })
		w.slotHolds(camera, r[1])
		w.until("release 1 is collected", func() bool {
			return slices.Equal(camera.held(t), []uint64{2}) && slices.Equal(seed.held(t), []uint64{2})
		})
		if got := camera.Traffic().Total.Received; got != 0 {
			t.Errorf("%d bytes were downloaded after the restart", got)
		}
		for _, n := range []*citizen{seed, camera} {
			if used := n.diskUse(t); used < size || used > size+64<<10 {
				t.Errorf("%s: one image is left and takes %d bytes", n.name, used)
			}
			got, err := os.ReadFile(w.imagePath(n, r[1]))
			if err != nil || !bytes.Equal(got, image) {
				t.Errorf("%s: the image went with its first owner: %v", n.name, err)
			}
		}
		other := w.add(node.RoleCamera)
		w.until("a new camera gets it", func() bool { return other.runs() == 2 })
	})
}

// Release 3 goes back to what release 1 had, while release 2 is warm everywhere.
func TestRevertToAnImageThatIsHeld(t *testing.T) {
	one, two, dir := imageOf(t, 1, 300_000), imageOf(t, 2, 300_000), t.TempDir()
	var r []*localnet.Release
	rec := newRecording(t, func(a *localnet.Authority, keep func()) {
		keep()
		for i, image := range [][]byte{one, two, one} {
			seq := uint64(i + 1)
			path := filepath.Join(dir, string(rune('0'+seq)))
			must(t, os.WriteFile(path, image, 0o600))
			rel := named(t, a, path, seq, "")
			_, err := a.Registry.Publish(t.Context(), a.Manufacturer, rel.Record)
			must(t, err)
			policy := toAllNow
			if seq == 2 {
				policy = verify.Rollout{Mode: verify.RolloutPaused, Warm: true}
			}
			must(t, a.SetRollout(t.Context(), seq, policy))
			r = append(r, rel)
			keep()
		}
	})
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		seed, camera := w.add(node.RoleSeed), w.add(node.RoleCamera)
		w.release(seed, r[0], 1)
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })
		w.release(seed, r[1], 2)
		w.until("release 2 is warm", func() bool {
			tg := camera.Status().Products[0].Target
			return tg != nil && tg.Sequence == 2 && tg.State == control.StateVerified
		})
		received := camera.Traffic().Total.Received
		w.release(seed, r[2], 3)
		w.until("release 3 runs", func() bool { return camera.runs() == 3 })
		w.slotHolds(camera, r[2])
		if now := camera.Traffic().Total.Received; now != received {
			t.Errorf("%d bytes were downloaded for an image that was here", now-received)
		}
		w.until("the others are collected", func() bool { return slices.Equal(camera.held(t), []uint64{3}) })
		if used := camera.diskUse(t); used < int64(len(one)) || used > int64(len(one))+64<<10 {
			t.Errorf("one image is left and takes %d bytes", used)
		}
	})
}

// Two products carry the same image on one seed. Each is handed over, served and
// collected for itself, and the image stays until the last of them goes.
func TestTwoProductsWithOneImage(t *testing.T) {
	const size = 300_000
	shared, next, dir := imageOf(t, 1, size), imageOf(t, 2, size), t.TempDir()
	publish := func(images ...[]byte) (func(a *localnet.Authority, keep func()), *[]*localnet.Release) {
		var out []*localnet.Release
		return func(a *localnet.Authority, keep func()) {
			keep()
			for i, image := range images {
				path := filepath.Join(dir, a.Product.Name+string(rune('1'+i)))
				must(t, os.WriteFile(path, image, 0o600))
				rel := named(t, a, path, uint64(i+1), "")
				_, err := a.Registry.Publish(t.Context(), a.Manufacturer, rel.Record)
				must(t, err)
				must(t, a.SetRollout(t.Context(), rel.Record.Sequence, toAllNow))
				out = append(out, rel)
				keep()
			}
		}, &out
	}
	doCam, cam := publish(shared, next)
	doDoor, door := publish(shared)
	recCam := newRecording(t, doCam)
	recDoor := newRecordingOf(t, verify.Product{Vendor: "acme.example", Name: "door-1"}, doDoor)

	recCam.inBubble(t, chainNow, chainNow, func(w *world) {
		const url = "https://rpc.door.example"
		w.also[url] = &replay{recording: recDoor, base: chainNow, from: time.Now()}
		seed := w.add(node.RoleSeed)
		must(t, seed.stop())
		seed.cfg.Products = append(seed.cfg.Products, w.also[url].product(node.RoleSeed, url))
		w.start(seed)
		camera, doorbell := w.add(node.RoleCamera), w.add(node.RoleCamera)
		must(t, doorbell.stop())
		doorbell.cfg.Products = []node.ProductConfig{w.also[url].product(node.RoleCamera, url)}
		w.start(doorbell)

		w.release(seed, (*cam)[0], 1)
		w.until("the camera runs it", func() bool { return camera.runs() == 1 })
		w.also[url].set(1)
		seed.Look()
		ctx, cancel := context.WithTimeout(w.ctx, time.Hour)
		defer cancel()
		rel := (*door)[0]
		if _, err := seed.Provide(ctx, rel.Envelope, failing{}); err != nil { // its bytes need not be read: they are here
			t.Fatal(err)
		}
		if !sameFile(t, w.imagePath(seed, (*cam)[0]), w.imagePath(seed, rel)) {
			t.Error("the seed stores the image twice")
		}
		seed.Look()
		time.Sleep(5 * time.Second)
		chain := seed.Status().Products[1].Chain
		must(t, seed.Announce(ctx, announce.Announcement{Product: rel.Record.Product, Sequence: 1, Rev: chain.Rev, Block: chain.Block, Envelope: rel.Envelope}))
		w.until("the doorbell runs it", func() bool { return doorbell.runs() == 1 })
		slot := install.FileInstaller{Dir: doorbell.slot}
		if got, err := os.ReadFile(slot.Path(rel.Record.Product)); err != nil || !bytes.Equal(got, shared) {
			t.Errorf("the doorbell's slot: %v", err)
		}

		must(t, seed.stop())
		w.start(seed)
		w.release(seed, (*cam)[1], 2)
		w.until("the camera runs release 2", func() bool { return camera.runs() == 2 })
		w.until("the seed has given up the camera's release 1", func() bool {
			held, err := seed.Releases()
			must(t, err)
			return len(held) == 2 && held[0].Sequence == 2 && held[1].Product == rel.Record.Product
		})
		if used := seed.diskUse(t); used < 2*size || used > 2*size+64<<10 {
			t.Errorf("two images are left and take %d bytes", used)
		}
		late := w.add(node.RoleCamera)
		must(t, late.stop())
		late.cfg.Products = doorbell.cfg.Products
		w.start(late)
		w.until("another doorbell gets it", func() bool { return late.runs() == 1 })
	})
}

// failing is an image that must not be read.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, os.ErrInvalid }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The operator's tool hands the same image over through the socket, under a new
// sequence: the node answers although it need not read it.
func TestTheSameImageThroughTheSocket(t *testing.T) {
	s := startSwarm(t, 0, nil)
	first := s.build(1, 5_000_000)
	s.must(s.Publish(s.ctx, first, toAll))
	second, err := s.Build(first.Path, 2, "2.0")
	s.must(err)
	_, err = s.Registry.Publish(s.ctx, s.Manufacturer, second.Record)
	s.must(err)
	socket := filepath.Join(t.TempDir(), control.SocketName)
	ctx, stop := context.WithCancel(s.ctx)
	served := make(chan error, 1)
	go func() { served <- control.NewServer(socket, s.Seed.Node, nil, slog.New(slog.DiscardHandler)).Run(ctx) }()
	defer func() { stop(); s.must(<-served) }()
	var client *control.Client
	s.until("the socket answers", func() bool { client, err = control.Dial(socket); return err == nil })
	defer client.Close()
	for range 2 {
		f, err := os.Open(second.Path)
		s.must(err)
		out, err := client.Provide(s.ctx, second.Envelope, f, int64(second.Record.ImageSize))
		s.must(errors.Join(err, f.Close()))
		if out.Sequence != 2 || out.State < control.StateFetched {
			t.Errorf("provided %+v", out)
		}
	}
}
