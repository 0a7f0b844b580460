package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

// build makes a release of random bytes.
func build(n *localnet.Network, dir string, size int, sequence uint64) (*localnet.Release, error) {
	path := filepath.Join(dir, "image")
	image := make([]byte, size)
	_, _ = rand.Read(image)
	if err := os.WriteFile(path, image, 0o600); err != nil {
		return nil, err
	}
	return n.Build(path, sequence, "1."+strconv.FormatUint(sequence, 10)+".0")
}

// installed waits until the process runs a release, and says so.
func (p *process) installed(ctx context.Context, sequence uint64) error {
	return p.until(ctx, fmt.Sprintf("it installs release %d", sequence), func(s *control.Status) bool {
		return slices.ContainsFunc(s.Products, func(p control.ProductStatus) bool {
			return p.Installed != nil && p.Installed.Confirmed && p.Installed.Sequence == sequence
		})
	})
}

// mark is what the process held after a release.
type mark struct {
	RSS     int64 `json:"rss"`
	Files   int   `json:"files"` // open
	Threads int   `json:"threads"`
	State   int64 `json:"stateBytes"` // in its state directory
}

// soakPause lies between two releases.
const soakPause = 5 * time.Second

// soak publishes one release after the other, each of which the process fetches,
// installs and serves, while one of its neighbours is stopped and comes back.
func (p *process) soak(ctx context.Context, n *localnet.Network, o options, dir string, f *figures) error {
	end := time.Now().Add(o.soak)
	for i := 0; time.Now().Before(end); i++ {
		sequence := uint64(i + 1)
		rel, err := build(n, dir, o.image, sequence)
		if err != nil {
			return err
		}
		leaves := n.Cameras[i%len(n.Cameras)]
		if err := leaves.Stop(); err != nil {
			return err
		}
		if err := errors.Join(n.Publish(ctx, rel, verify.Rollout{Mode: verify.RolloutAll}), n.Announce(ctx, rel)); err != nil {
			return err
		}
		if err := p.installed(ctx, sequence); err != nil {
			return err
		}
		if err := leaves.Start(ctx); err != nil {
			return err
		}
		if err := pause(ctx, soakPause); err != nil {
			return err
		}
		m, err := p.mark()
		if err != nil {
			return err
		}
		f.Soak = append(f.Soak, m)
	}
	return f.flat()
}

func (p *process) mark() (m mark, err error) {
	if m.RSS, err = p.memory("VmRSS"); err != nil {
		return m, err
	}
	woken, err := p.wakeUps()
	if err != nil {
		return m, err
	}
	m.Threads = len(woken)
	files, err := os.ReadDir(p.proc("fd"))
	if err != nil {
		return m, err
	}
	m.Files = len(files)
	err = filepath.WalkDir(filepath.Join(p.dir, "state"), func(_ string, d os.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, os.ErrNotExist) { // it goes meanwhile
				return nil
			}
			return err
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			m.State += info.Size()
		}
		return nil
	})
	return m, err
}

// flat compares the second quarter of the marks with the last: the median of each.
func (f *figures) flat() error {
	if len(f.Soak) < 8 {
		return fmt.Errorf("%d releases are too few to tell: give it more time", len(f.Soak))
	}
	early, late := f.quarters()
	for _, c := range []struct {
		what  string
		a, b  int64
		slack int64
	}{
		{"bytes of RSS", early.RSS, late.RSS, early.RSS / 10},
		{"open files", int64(early.Files), int64(late.Files), 6},
		{"threads", int64(early.Threads), int64(late.Threads), 3},
		{"bytes of state", early.State, late.State, early.State / 4},
	} {
		if c.b > c.a+c.slack {
			return fmt.Errorf("%d %s in the last quarter of %d releases, %d in the second", c.b, c.what, len(f.Soak), c.a)
		}
	}
	return nil
}

func (f *figures) quarters() (early, late mark) {
	q := len(f.Soak) / 4
	median := func(marks []mark) mark {
		pick := func(of func(mark) int64) int64 {
			var all []int64
			for _, m := range marks {
				all = append(all, of(m))
			}
			slices.Sort(all)
			return all[len(all)/2]
		}
		return mark{
			RSS: pick(func(m mark) int64 { return m.RSS }), State: pick(func(m mark) int64 { return m.State }),
			Files: int(pick(func(m mark) int64 { return int64(m.Files) })), Threads: int(pick(func(m mark) int64 { return int64(m.Threads) })),
		}
	}
	return median(f.Soak[q : 2*q]), median(f.Soak[len(f.Soak)-q:])
}

func (f *figures) printSoak() {
	early, late := f.quarters()
	fmt.Printf("%d releases; medians of the second and the last quarter of them:\n", len(f.Soak))
	for _, l := range []struct {
		what string
		a, b int64
	}{{"RSS, kB", early.RSS >> 10, late.RSS >> 10}, {"open files", int64(early.Files), int64(late.Files)}, {"threads", int64(early.Threads), int64(late.Threads)}, {"state, kB", early.State >> 10, late.State >> 10}} {
		fmt.Printf("%-12s %8d %8d\n", l.what, l.a, l.b)
	}
}
