package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"camswarm/cmd/internal/cli"
	"camswarm/gc"
	"camswarm/node/install"
	"camswarm/sim/localnet"
	"camswarm/sim/report/format"
	"camswarm/verify"
)

// demoReport is what `demo --json` prints.
type demoReport struct {
	OK        bool            `json:"ok"`
	Cameras   int             `json:"cameras"`
	Releases  []releaseReport `json:"releases"`
	Collected collectedReport `json:"collected"`
	Notes     []string        `json:"notes,omitempty"`   // what looks odd, and is not
	Attacks   []attackReport  `json:"attacks,omitempty"` // with --hostile
}

type releaseReport struct {
	Sequence    uint64    `json:"sequence"`
	Version     string    `json:"version"`
	ImageBytes  uint64    `json:"imageBytes"`
	ImageSHA256 string    `json:"imageSha256"`
	Installed   int       `json:"installed"` // cameras whose slot holds exactly this image
	Seconds     quantiles `json:"announceToInstalledSeconds"`
	SeedBytes   int64     `json:"seedBytes"`      // block bytes that cameras received from the seed
	PeerBytes   int64     `json:"peerBytes"`      // block bytes that cameras received from cameras
	Duplicates  float64   `json:"duplicateRatio"` // received but not needed, over needed

	Rollout []stepReport `json:"rollout,omitempty"` // with --rollout
}

// stepReport is one step of a rollout.
type stepReport struct {
	Name     string `json:"name"`
	Eligible int    `json:"eligible"` // cameras that may install
}

type collectedReport struct {
	Releases    int   `json:"releases"`    // releases whose bytes are gone from every camera
	BytesBefore int64 `json:"bytesBefore"` // allocated disk of the camera that uses most, both releases held
	BytesAfter  int64 `json:"bytesAfter"`  // the same at the end
}

type quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	Max float64 `json:"max"`
}

// quantilesOf uses the nearest-rank definition.
func quantilesOf(values []float64) quantiles {
	if len(values) == 0 {
		return quantiles{}
	}
	slices.Sort(values)
	at := func(q float64) float64 {
		return values[min(max(int(q*float64(len(values))+0.999999)-1, 0), len(values)-1)]
	}
	return quantiles{P50: at(0.5), P95: at(0.95), Max: values[len(values)-1]}
}

// received is what the cameras have received so far, by kind of sender.
type received struct{ seed, peers, useful, duplicate int64 }

func (d *demo) traffic() received {
	var r received
	seed := d.net.Seed.Node.Host().ID()
	for _, c := range d.net.Cameras {
		for id, s := range c.Node.Traffic().Peers {
			if id == seed {
				r.seed += s.Received
			} else {
				r.peers += s.Received
			}
			r.useful += s.Useful
			r.duplicate += s.Duplicate
		}
	}
	return r
}

// measure reads back what a release did, from the cameras' slots and counters.
func (d *demo) measure(rel *localnet.Release, announced time.Time, before received) *releaseReport {
	after := d.traffic()
	r := &releaseReport{
		Sequence: rel.Record.Sequence, Version: rel.Record.Version, ImageBytes: rel.Record.ImageSize,
		ImageSHA256: hex.EncodeToString(rel.Record.ImageSHA256[:]),
		SeedBytes:   after.seed - before.seed, PeerBytes: after.peers - before.peers,
	}
	if useful := after.useful - before.useful; useful > 0 {
		r.Duplicates = float64(after.duplicate-before.duplicate) / float64(useful)
	}
	var seconds []float64
	d.mu.Lock()
	for _, seqs := range d.confirmed {
		if at, ok := seqs[rel.Record.Sequence]; ok {
			seconds = append(seconds, at.Sub(announced).Seconds())
		}
	}
	d.mu.Unlock()
	r.Seconds = quantilesOf(seconds)
	for _, c := range d.net.Cameras {
		slot := install.FileInstaller{Dir: c.Slot}
		if sum, err := imageDigest(slot.Path(d.net.Product.ID())); err == nil && sum == rel.Record.ImageSHA256 {
			r.Installed++
		}
	}
	return r
}

// collected waits until release 1 is gone from every camera and measures what
// is left. The state directory holds the image cache, metadata, identity and
// reserve; the slot stands for the device's flash and is not counted.
func (d *demo) collected(ctx context.Context, report *demoReport) error {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	for {
		left, err := d.stale()
		if err != nil {
			return err
		}
		if len(left) == 0 {
			break
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("release 1 is still on disk: %s", left[0])
		}
	}
	var err error
	if report.Collected.BytesAfter, err = d.largestState(); err != nil {
		return err
	}
	d.mu.Lock()
	report.Collected.BytesBefore = d.peakBytes
	d.mu.Unlock()
	report.Collected.Releases = 1
	d.view.say("release 1 is gone from every camera: at most %s of disk each, %s while both were held", byteCount(report.Collected.BytesAfter),
		byteCount(report.Collected.BytesBefore))
	return nil
}

// stale lists what is left of releases other than 2 on the cameras.
func (d *demo) stale() ([]string, error) {
	var left []string
	for _, c := range d.net.Cameras {
		err := filepath.WalkDir(filepath.Join(c.Config.StateDir, "releases"), func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && filepath.Base(filepath.Dir(path)) != "2" {
				left = append(left, path)
			}
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		slot := install.FileInstaller{Dir: c.Slot}
		images, err := filepath.Glob(filepath.Join(filepath.Dir(slot.Path(d.net.Product.ID())), "[0-9]*.img"))
		if err != nil {
			return nil, err
		}
		for _, image := range images {
			if filepath.Base(image) != "2.img" {
				left = append(left, image)
			}
		}
	}
	return left, nil
}

// peak measures a camera's state directory while the installer is asked to
// confirm release 2: release 1 is still held as its fallback.
func (d *demo) peak(m *localnet.Member, rel verify.Release) error {
	if rel.Sequence != 2 {
		return nil
	}
	used, err := gc.Usage(m.Config.StateDir)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.peakBytes = max(d.peakBytes, used)
	return err
}

func (d *demo) largestState() (int64, error) {
	var most int64
	for _, c := range d.net.Cameras {
		used, err := gc.Usage(c.Config.StateDir)
		if err != nil {
			return 0, err
		}
		most = max(most, used)
	}
	return most, nil
}

// notes explains what looks odd in the report, and is not.
func (d *demo) notes(r *demoReport) (notes []string) {
	var seed, peers int64
	for _, x := range r.Releases {
		seed, peers = seed+x.SeedBytes, peers+x.PeerBytes
		for _, s := range x.Rollout {
			if s.Name == demoHalf && 2*s.Eligible != r.Cameras {
				notes = append(notes, fmt.Sprintf("a rollout to %s made %d of %d cameras eligible: each decides for itself, by a hash of its DID and the release, so that few cameras are rarely halved; and the canary stays in", s.Name, s.Eligible, r.Cameras))
			}
		}
	}
	switch {
	case r.Cameras == 1:
		notes = append(notes, "one camera has nobody to share with: try --cameras 8")
	case peers < seed && d.unlimited:
		notes = append(notes, "the seed sent more than the cameras: with --unlimited it is as fast as they are together, and they have little to share")
	case peers < seed:
		notes = append(notes, fmt.Sprintf("the seed sent more than the cameras: its uplink of %d Mbit/s fills %d downlinks of %d, so that few cameras have little to share; with --cameras 8 they send most of it",
			int(demoSeedUp*8/1e6), int(demoSeedUp/demoCameraDown), int(demoCameraDown*8/1e6)))
	}
	return notes
}

func (r *demoReport) print(w io.Writer) {
	const row = "%-9s %9s %10s %6s %6s %6s %9s %9s %6s\n"
	fmt.Fprintf(w, "\n"+row, "release", "image", "installed", "p50 s", "p95 s", "max s", "from seed", "from cams", "dup")
	seconds := func(s float64) string { return fmt.Sprintf("%.2f", s) }
	for _, x := range r.Releases {
		fmt.Fprintf(w, row, fmt.Sprintf("%d %s", x.Sequence, x.Version), byteCount(int64(x.ImageBytes)), fmt.Sprintf("%d of %d", x.Installed, r.Cameras),
			seconds(x.Seconds.P50), seconds(x.Seconds.P95), seconds(x.Seconds.Max), byteCount(x.SeedBytes), byteCount(x.PeerBytes), fmt.Sprintf("%.1f%%", 100*x.Duplicates))
	}
	paragraph := func(what string, args ...any) {
		fmt.Fprintf(w, "\n%s\n", format.Wrap(fmt.Sprintf(what, args...), cli.DefaultWidth-1, ""))
	}
	paragraph("Every camera runs release 2 with the right SHA-256; release 1 is gone, disk per camera at most %s (%s while both were held).",
		byteCount(r.Collected.BytesAfter), byteCount(r.Collected.BytesBefore))
	for _, n := range r.Notes {
		paragraph("Note: %s.", n)
	}
	printAttacks(w, r.Attacks)
}
