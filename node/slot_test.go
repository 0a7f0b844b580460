package node_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

// slots is a device with two slots that the node writes into. What runs changes when a
// release is confirmed.
type slots struct {
	install.Slotter // the methods that follow are all there are
	a, b            string

	mu      sync.Mutex
	runs    string // a or b
	tried   string // what was installed last, "": nothing
	held    [32]byte
	names   func(free string) (string, error) // nil: the one that does not run
	confirm func(verify.Release) install.Outcome
	asked   int
}

const slotBytes = 400_000

func newSlots(t *testing.T) *slots {
	t.Helper()
	dir := t.TempDir()
	s := &slots{a: filepath.Join(dir, "a"), b: filepath.Join(dir, "b")}
	s.runs = s.a
	must(t, os.WriteFile(s.a, bytes.Repeat([]byte("factory "), slotBytes/8), 0o600))
	must(t, os.WriteFile(s.b, make([]byte, slotBytes), 0o600))
	s.held = s.sum(s.a)
	return s
}

func (s *slots) sum(path string) [32]byte {
	data, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return sha256.Sum256(data)
}

// intact fails the test if what runs, and must stay bootable, was written to.
func (s *slots) intact(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sum(s.runs) != s.held {
		t.Errorf("slot %s runs and was written to", filepath.Base(s.runs))
	}
}

func (s *slots) free() string {
	if s.runs == s.a {
		return s.b
	}
	return s.a
}

func (s *slots) Slot(context.Context, verify.Release) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.names != nil {
		return s.names(s.free())
	}
	return s.free(), nil
}

func (s *slots) Install(_ context.Context, img *verify.Image) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = s.free()
	if in, ok := img.Source().(install.InSlot); ok {
		if in.File.Name() != s.tried {
			return fmt.Errorf("the image is in %s", in.File.Name())
		}
		_, err := img.WriteTo(bytes.NewBuffer(nil))
		return err
	}
	f, err := os.OpenFile(s.tried, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = img.WriteTo(f)
	return errors.Join(err, f.Close())
}

func (s *slots) Confirm(_ context.Context, rel verify.Release) (install.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.confirm != nil {
		if out := s.confirm(rel); out != install.Confirmed {
			return out, nil
		}
	}
	if s.tried != "" {
		s.runs, s.tried = s.tried, ""
		s.held = s.sum(s.runs)
	}
	return install.Confirmed, nil
}

func (s *slots) Rollback(context.Context, verify.Release) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried, s.names = "", nil
	return nil
}

// holds fails the test unless a slot begins with the release's image.
func (s *slots) holds(t *testing.T, path string, r *localnet.Release) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil || sha256.Sum256(data[:r.Record.ImageSize]) != r.Record.ImageSHA256 || len(data) != slotBytes {
		t.Errorf("slot %s does not hold release %d: %v", filepath.Base(path), r.Record.Sequence, err)
	}
}

// slotted has a camera with two slots run its first release, from a seed.
func (w *world) slotted(dev *slots, first *localnet.Release) (seed, camera *citizen) {
	seed = w.add(node.RoleSeed)
	camera = w.add(node.RoleCamera, node.WithInstaller(dev))
	w.release(seed, first, 1)
	w.until("release 1 runs", func() bool { return camera.runs() == 1 })
	return seed, camera
}

// thin fails the test if a node keeps an image outside of the slots.
func (w *world) thin(c *citizen) {
	w.t.Helper()
	if used := c.diskUse(w.t); used > 64<<10 {
		w.t.Errorf("%s: the releases take %d bytes beside the slots", c.name, used)
	}
}

// A slot that cannot take the image, or is not there, costs a copy and not the update,
// and people are told.
func TestSlotThatCannotTakeTheImage(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dev *slots){
		"small": func(t *testing.T, dev *slots) { must(t, os.WriteFile(dev.b, make([]byte, 100_000), 0o600)) },
		"a link that leads nowhere": func(t *testing.T, dev *slots) {
			link := filepath.Join(filepath.Dir(dev.b), "by-partlabel")
			must(t, os.Symlink("nowhere", link))
			dev.names = func(string) (string, error) { return link, nil }
		},
		"missing": func(_ *testing.T, dev *slots) {
			dev.names = func(free string) (string, error) { return free + "c", nil }
		},
		"a character device": func(_ *testing.T, dev *slots) {
			dev.names = func(string) (string, error) { return os.DevNull, nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec, r := recordReleases(t, imageOf(t, 1, 300_000))
			rec.inBubble(t, chainNow, chainNow, func(w *world) {
				dev := newSlots(t)
				spoil(t, dev)
				seed := w.add(node.RoleSeed)
				camera := w.add(node.RoleCamera, node.WithInstaller(dev))
				w.release(seed, r[0], 1)
				w.until("release 1 runs", func() bool { time.Sleep(time.Minute); return camera.runs() == 1 })
				if dev.asked > 3 {
					t.Errorf("the installer was asked %d times: %+v", dev.asked, camera.Status().Products[0].Target)
				}
				if !slices.ContainsFunc(camera.Status().Alarms, func(a control.Alarm) bool { return a.Name == "slot_unusable" }) {
					t.Errorf("no alarm says so: %+v", camera.Status().Alarms)
				}
			})
		})
	}
}

// A slot may be named by a link, as udev makes them of a partition's label: the image
// goes where it leads.
func TestSlotByALink(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 1, 300_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		dev := newSlots(t)
		link := filepath.Join(filepath.Dir(dev.b), "by-partlabel")
		must(t, os.Symlink(dev.b, link))
		dev.names = func(string) (string, error) { return link, nil }
		seed := w.add(node.RoleSeed)
		camera := w.add(node.RoleCamera, node.WithInstaller(dev))
		w.release(seed, r[0], 1)
		w.until("release 1 runs", func() bool { time.Sleep(time.Minute); return camera.runs() == 1 })
		dev.holds(t, dev.b, r[0])
		if held := camera.Status().Products[0].Held; len(held) != 1 || held[0].Slot != dev.b || len(camera.Status().Alarms) != 0 {
			t.Errorf("it holds %+v, alarms %+v", held, camera.Status().Alarms)
		}
	})
}

// On a device with two slots an image is stored once, in the slot that it is started
// from: it is fetched into that, served from there, and what the other slot has in
// common with it is not fetched.
func TestTheSlotIsTheCache(t *testing.T) {
	one, two := imageOf(t, 1, 300_000), imageOf(t, 2, 300_000)
	copy(two[:5<<15], one)
	rec, r := recordReleases(t, one, two, imageOf(t, 3, 350_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		dev := newSlots(t)
		seed, camera := w.slotted(dev, r[0])
		dev.holds(t, dev.b, r[0])
		if held := camera.Status().Products[0].Held; len(held) != 1 || held[0].Slot != dev.b {
			t.Errorf("the status tells of %+v, not of slot %s", held, dev.b)
		}
		w.thin(camera)
		before := camera.Traffic().Total.Useful
		w.release(seed, r[1], 2)
		w.until("release 2 runs", func() bool { return camera.runs() == 2 })
		dev.holds(t, dev.a, r[1])
		if got := camera.Traffic().Total.Useful - before; got > 300_000-4<<15 {
			t.Errorf("%d bytes came of which the other slot has half", got)
		}
		w.until("release 1 is collected", func() bool { return slices.Equal(camera.held(t), []uint64{2}) })
		w.thin(camera)

		// It serves from there, over a restart too.
		must(t, camera.stop())
		w.start(camera)
		w.alter = func(name string, c *node.Config) {
			c.Network.Peers = []string{camera.cfg.Network.Listen[0] + "/p2p/" + camera.Host().ID().String()}
		}
		must(t, seed.stop())
		late := w.add(node.RoleCamera)
		w.until("another camera has it from the slot", func() bool { return late.runs() == 2 })
		w.slotHolds(late, r[1])
		dev.holds(t, dev.a, r[1])

		w.start(seed)
		w.release(seed, r[2], 3)
		w.until("release 3 runs", func() bool { return camera.runs() == 3 })
		dev.holds(t, dev.b, r[2])
		dev.intact(t)
		w.thin(camera)
	})
}

// A release with the image that runs is copied from slot to slot.
func TestTheSameImageInTheOtherSlot(t *testing.T) {
	image := imageOf(t, 1, 300_000)
	rec, r := recordReleases(t, image, image)
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		dev := newSlots(t)
		seed, camera := w.slotted(dev, r[0])
		before := camera.Traffic().Total.Received
		w.release(seed, r[1], 2)
		w.until("release 2 runs", func() bool { return camera.runs() == 2 })
		dev.holds(t, dev.a, r[1])
		dev.holds(t, dev.b, r[0])
		if now := camera.Traffic().Total.Received; now != before {
			t.Errorf("%d bytes were downloaded for an image that was here", now-before)
		}
		w.thin(camera)
	})
}

// While a release waits for its confirmation, the other slot is the way back: nothing
// is written to it, however much a newer release is wanted. After its time the release
// makes way, and the newer one gets its slot.
func TestThreatCrashAnywhere_SlotOfTheFallback(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 1, 300_000), imageOf(t, 2, 300_000), imageOf(t, 3, 300_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		dev := newSlots(t)
		dev.confirm = func(rel verify.Release) install.Outcome {
			if rel.Sequence == 2 {
				dev.names = func(string) (string, error) { return dev.b, nil } // the device runs the other one
				return install.Pending
			}
			return install.Confirmed
		}
		seed, camera := w.slotted(dev, r[0])
		w.release(seed, r[1], 2)
		w.until("release 2 waits for its confirmation", func() bool {
			i := camera.Status().Products[0].Installed
			return i != nil && i.Sequence == 2 && !i.Confirmed
		})
		w.release(seed, r[2], 3)
		for range 50 { // minutes, of the hour that it has
			time.Sleep(time.Minute)
			dev.intact(t)
		}
		dev.holds(t, dev.b, r[0])
		w.until("release 3 runs", func() bool { time.Sleep(10 * time.Second); return camera.runs() == 3 })
		dev.holds(t, dev.a, r[2])
		dev.holds(t, dev.b, r[0])
		w.thin(camera)
	})
}

// A release that does not come up leaves the slot of the one before as it was.
func TestRollBackFromASlot(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 1, 300_000), imageOf(t, 2, 300_000), imageOf(t, 3, 300_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		dev := newSlots(t)
		dev.confirm = func(rel verify.Release) install.Outcome {
			if rel.Sequence == 2 {
				return install.Failed
			}
			return install.Confirmed
		}
		seed, camera := w.slotted(dev, r[0])
		w.release(seed, r[1], 2)
		w.until("release 2 was rolled back", func() bool {
			tg := camera.Status().Products[0].Target
			return tg != nil && tg.Sequence == 2 && tg.State == control.StateFailed
		})
		dev.intact(t)
		dev.holds(t, dev.b, r[0])
		w.release(seed, r[2], 3)
		w.until("release 3 runs", func() bool { return camera.runs() == 3 })
		dev.holds(t, dev.a, r[2])
		dev.holds(t, dev.b, r[0])
	})
}

// Somebody writes to the slot that runs, as a root file system that is mounted for
// writing does: what changed is served no more, is noticed, and is never mended, since
// it is not the node's to write.
func TestThreatImgReplace_SlotThatRuns(t *testing.T) {
	for _, when := range []string{"while the node runs", "while it is off"} {
		t.Run(when, func(t *testing.T) {
			rec, r := recordReleases(t, imageOf(t, 1, 300_000), imageOf(t, 2, 300_000))
			rec.inBubble(t, chainNow, chainNow, func(w *world) {
				dev := newSlots(t)
				seed := w.add(node.RoleSeed)
				camera := w.add(node.RoleCamera, node.WithInstaller(dev))
				w.release(seed, r[0], 1)
				w.until("release 1 runs", func() bool { return camera.runs() == 1 })
				off := when == "while it is off"
				if off {
					must(t, camera.stop())
				}
				f, err := os.OpenFile(dev.b, os.O_WRONLY, 0)
				must(t, err)
				_, err = f.WriteAt([]byte("mounted for writing"), 100_000)
				must(t, errors.Join(err, f.Close()))
				changed := dev.sum(dev.b)
				if off {
					w.start(camera)
				} else { // somebody wants the block: it comes from elsewhere
					_, err := camera.Block(w.ctx, verify.RawCID(r[0].Manifest.Image.Blocks[100_000>>15]))
					must(t, err)
				}
				time.Sleep(time.Hour)
				if dev.sum(dev.b) != changed {
					t.Error("the slot that runs was written to")
				}
				if camera.runs() != 1 {
					t.Error("the camera has forgotten what it runs")
				}
				if p, ok := camera.Progress(w.Product.ID(), 1); !ok || p.Blocks != p.BlocksTotal-1 {
					t.Errorf("of the changed slot %d blocks of %d are served", p.Blocks, p.BlocksTotal)
				}
				w.release(seed, r[1], 2)
				w.until("release 2 runs", func() bool { return camera.runs() == 2 })
				dev.holds(t, dev.a, r[1])
			})
		})
	}
}

// After a restart the device names another slot, such as when it was started from the
// one that a fetch had begun to fill: that one is left alone, and a file takes its
// place.
func TestThreatCrashAnywhere_SlotIsAnothersNow(t *testing.T) {
	for name, names := range map[string]func(string) (string, error){
		"none":    func(string) (string, error) { return "", nil },
		"gone":    func(string) (string, error) { return "/nonexistent/slot", nil },
		"refused": func(string) (string, error) { return "", install.ErrTryLater },
	} {
		t.Run(name, func(t *testing.T) {
			rec, r := recordReleases(t, imageOf(t, 1, 300_000))
			rec.inBubble(t, chainNow, chainNow, func(w *world) {
				dev := newSlots(t)
				at := func(d time.Duration) string { return time.Now().UTC().Add(d).Format("15:04") }
				w.alter = func(_ string, c *node.Config) {
					c.Install.Window, c.TimeZone = at(20*time.Minute)+"-"+at(12*time.Hour), "UTC"
				}
				seed := w.add(node.RoleSeed)
				camera := w.add(node.RoleCamera, node.WithInstaller(dev))
				w.release(seed, r[0], 1)
				state := func() control.State {
					if tg := camera.Status().Products[0].Target; tg != nil {
						return tg.State
					}
					return 0
				}
				w.until("release 1 is in its slot", func() bool { return state() == control.StateVerified })
				dev.holds(t, dev.b, r[0])
				must(t, camera.stop())
				junk := bytes.Repeat([]byte("another's "), slotBytes/10)
				must(t, os.WriteFile(dev.b, junk, 0o600))
				dev.names = names
				w.start(camera)
				time.Sleep(10 * time.Minute)
				if got, err := os.ReadFile(dev.b); err != nil || !bytes.Equal(got, junk) {
					t.Fatalf("a slot that is not named any more was written to: %v", err)
				}
				if name != "refused" {
					w.until("the image is in a file", func() bool { return state() == control.StateVerified })
					if used := camera.diskUse(t); used < 300_000 {
						t.Errorf("%d bytes are on disk", used)
					}
				}
				dev.mu.Lock()
				dev.names = nil
				dev.mu.Unlock()
				w.until("release 1 runs", func() bool { time.Sleep(5 * time.Minute); return camera.runs() == 1 })
				dev.holds(t, dev.b, r[0])
			})
		})
	}
}
