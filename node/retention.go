package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"camswarm/gc"
	"camswarm/node/control"
	"camswarm/node/statedir"
	"camswarm/verify"
)

// releases is the collector's view of the node: the release directories with
// what each is needed for, as the catalogs and jobs say at this moment.
type releases struct{ n *Node }

var _ gc.Store = releases{}

const (
	releasesDir = "releases"
	reserveFile = "reserve"
)

func (n *Node) wireCollector(reg prometheus.Registerer) {
	n.reserve = gc.NewReserve(filepath.Join(n.cfg.StateDir, reserveFile), n.cfg.Storage.ReserveBytes)
	n.collector = gc.New(releases{n},
		gc.Policy{QuotaBytes: n.cfg.Storage.QuotaBytes, ReserveBytes: n.cfg.Storage.ReserveBytes},
		gc.Options{Reserve: n.reserve, Logger: n.log, Registerer: reg})
}

// sweep removes directories that no catalog record stands for: leftovers of an
// interrupted removal, or of a product that is no longer configured; and whatever
// stands where one of its own directories or the reserve belongs.
func (n *Node) sweep() error {
	err := errors.Join(statedir.Reclaim(n.log, filepath.Join(n.cfg.StateDir, reserveFile), false), statedir.Reclaim(n.log, filepath.Join(n.cfg.StateDir, releasesDir), true))
	for _, l := range n.lines {
		err = errors.Join(err, statedir.Reclaim(n.log, filepath.Dir(n.releaseDir(verify.Release{Product: l.verifier.Product.ID()})), true))
	}
	if err != nil {
		return err
	}
	return gc.Sweep(filepath.Join(n.cfg.StateDir, releasesDir), func(dir string) bool {
		for _, l := range n.lines {
			for _, rec := range l.catalog.All() {
				if rec.hasBytes() && dir == n.releaseDir(rec.Release) {
					return true
				}
			}
		}
		return false
	})
}

// List implements gc.Store.
func (r releases) List(context.Context) ([]gc.Item, error) {
	var items []gc.Item
	for _, l := range r.n.lines {
		running, fallback := l.catalog.Installed()
		for _, rec := range l.catalog.All() {
			if !rec.hasBytes() {
				continue
			}
			seq := rec.Release.Sequence
			bytes, err := gc.Usage(r.n.releaseDir(rec.Release))
			if err != nil {
				return nil, err
			}
			items = append(items, gc.Item{
				Product: rec.Release.Product, Sequence: seq, Bytes: bytes,
				Partial: rec.State < control.StateFetched, Busy: l.busy(seq), LastUse: rec.UpdatedAt,
				Running:   running != nil && seq == running.Release.Sequence,
				Confirmed: rec.State == control.StateConfirmed,
				Fallback:  fallback != nil && seq == fallback.Release.Sequence,
				Wanted:    l.keeps(seq),
			})
		}
	}
	return items, nil
}

// Remove implements gc.Store.
func (r releases) Remove(ctx context.Context, item gc.Item) error {
	l := r.n.line(item.Product)
	if l == nil {
		return fmt.Errorf("no such product: %s", item.Product)
	}
	release, running := l.tryClaim(item.Sequence)
	if running != nil {
		return nil // came into use since it was listed; the collector lists again
	}
	defer release()
	rec, ok := l.catalog.Get(item.Sequence)
	if !ok || !rec.hasBytes() {
		return nil
	}
	l.stopServing(item.Sequence)
	if err := gc.Remove(r.n.releaseDir(rec.Release)); err != nil {
		return err
	}
	// A failed release stays failed, so that it is not fetched and installed
	// all over again.
	if rec.State != control.StateFailed {
		if err := l.catalog.advance(ctx, rec.Release, control.StateRetired); err != nil {
			return err
		}
	} else if _, err := l.catalog.Update(ctx, rec.Release, func(r *Record) { r.Gone = true }); err != nil {
		return err
	}
	return l.catalog.forgetRetired(ctx, maxRetiredRecords)
}

// Free implements gc.Store.
func (r releases) Free() (int64, error) { return gc.Free(r.n.cfg.StateDir) }

// collect removes what nothing needs. A failure that lasts is told once.
func (l *line) collect(ctx context.Context) {
	_, err := l.node.collector.Collect(ctx, gc.Need{})
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		l.collectErr = ""
	} else if err.Error() != l.collectErr {
		l.collectErr = err.Error()
		l.log.Warn("collection failed; it will be tried again", "err", err)
	}
}

// makeRoom collects before a fetch, so that the quota and the disk hold the
// release: evict first, fetch then.
func (n *Node) makeRoom(ctx context.Context, rel verify.Release) error {
	held, err := gc.Usage(n.releaseDir(rel))
	if err != nil {
		return err
	}
	need := max(int64(rel.ImageSize)-held, 0)
	_, err = n.collector.Collect(ctx, gc.Need{Product: rel.Product, Sequence: rel.Sequence, Bytes: need})
	return err
}

// busy reports whether a job works on the release.
func (l *line) busy(seq uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.jobs[seq] != nil
}

// keeps reports whether the line holds on to a release's bytes: it is wanted,
// or the last decision named it without allowing the fetch to go on (halted,
// waiting), in which case what has arrived is not thrown away.
func (l *line) keeps(seq uint64) bool {
	view, ok := l.watcher.Current()
	if !ok {
		return true // nothing is thrown away before the chain has spoken
	}
	if _, offered := view.Candidate(seq); !offered {
		return false
	}
	l.mu.Lock()
	choice := l.choice
	l.mu.Unlock()
	return choice.Sequence == seq || slices.Contains(l.wanted(&view, choice), seq)
}

// releaseDir is where a release's envelope and image live.
func (n *Node) releaseDir(rel verify.Release) string {
	return filepath.Join(n.cfg.StateDir, releasesDir, rel.Product.String()[:16], strconv.FormatUint(rel.Sequence, 10))
}

func (n *Node) imagePath(rel verify.Release) string {
	return filepath.Join(n.releaseDir(rel), imageFile)
}
