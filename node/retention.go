package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"camswarm/gc"
	"camswarm/node/install"
	"camswarm/node/statedir"
	"camswarm/verify"
)

const reserveFile = "reserve"

// A keeper looks after the disk: it collects what nothing needs, and measures
// what is used, so that those who report need not touch a disk that may be slow or
// hang.
type keeper struct {
	n         *Node
	reserve   *gc.Reserve
	collector *gc.Collector
	stale     signal // there may be something to collect
	look      signal // somebody wants newer measurements
	measured  atomic.Pointer[usage]
	hook      *install.ExecInstaller // nil: the device installs otherwise
	growth    int64                  // bytes that are left free for a seed's metadata store, see metastore.Store.Growth
}

// usage is what was measured of the disk.
type usage struct {
	at       time.Time
	releases map[string]int64 // allocated bytes by directory
	used     int64            // by all of them
	free     int64            // on the file system
	reserve  int64            // held
	full     bool             // the reserve could not be held
	hook     error            // what keeps the install hook from being started
}

// measureEvery bounds how often the disk is measured because somebody reports.
const measureEvery = time.Second

func newKeeper(n *Node) *keeper {
	k := &keeper{n: n, stale: newSignal(), look: newSignal()}
	k.reserve = gc.NewReserve(filepath.Join(n.cfg.StateDir, reserveFile), int64(n.cfg.Storage.ReserveBytes))
	if n.cfg.Role == RoleSeed { // a camera's disk may have no more than its images
		k.growth = n.store.Growth()
	}
	k.collector = gc.New(releases{n},
		gc.Policy{QuotaBytes: int64(n.cfg.Storage.QuotaBytes), ReserveBytes: int64(n.cfg.Storage.ReserveBytes), RoomBytes: k.growth},
		gc.Options{Reserve: k.reserve, Logger: n.log, Registerer: n.registry})
	return k
}

// run collects, at first to hold the reserve, and measures, until ctx ends. A
// failure that lasts is told once.
func (k *keeper) run(ctx context.Context) error {
	k.stale.set()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.look:
		case <-k.stale:
			_, err := k.collector.Collect(ctx, gc.Need{})
			switch {
			case ctx.Err() != nil:
				return nil
			case err == nil:
				told = ""
			case err.Error() != told:
				told = err.Error()
				k.n.log.Warn("collection failed; it will be tried again", "err", err)
			}
			k.measure(true)
			continue
		}
		k.measure(false)
	}
}

// measure looks at the disk.
func (k *keeper) measure(collected bool) {
	u := &usage{at: time.Now(), releases: map[string]int64{}}
	for _, f := range k.n.followers {
		for _, rec := range f.published.Load().records {
			if rec.hasBytes() {
				u.releases[f.dir(rec.Release)], _ = gc.Usage(f.dir(rec.Release))
			}
		}
	}
	u.used, _ = gc.Usage(filepath.Join(k.n.cfg.StateDir, releasesDir))
	u.free, _ = gc.Free(k.n.cfg.StateDir)
	if k.hook != nil {
		u.hook = k.hook.Check()
	}
	u.reserve, _ = k.reserve.Held()
	if u.full = u.reserve < int64(k.n.cfg.Storage.ReserveBytes); !collected && u.full {
		before := k.measured.Load()
		u.full = before != nil && before.full
	}
	k.measured.Store(u)
}

// usage returns what was measured last, and has it measured anew if that was a
// while ago.
func (k *keeper) usage() *usage {
	u := k.measured.Load()
	if time.Since(u.at) > measureEvery {
		k.look.set()
	}
	return u
}

// sweep removes directories that no catalog record stands for: leftovers of an
// interrupted removal, or of a product that is no longer configured; and whatever
// stands where one of its own directories or the reserve belongs.
func (k *keeper) sweep() error {
	dir := k.n.cfg.StateDir
	err := errors.Join(statedir.Reclaim(k.n.log, filepath.Join(dir, reserveFile), false), statedir.Reclaim(k.n.log, filepath.Join(dir, releasesDir), true))
	for _, f := range k.n.followers {
		err = errors.Join(err, statedir.Reclaim(k.n.log, filepath.Dir(f.dir(verify.Release{Product: f.product()})), true))
	}
	if err != nil {
		return err
	}
	held := map[string]bool{}
	for _, f := range k.n.followers {
		for _, rec := range f.published.Load().records {
			if rec.hasBytes() {
				held[f.dir(rec.Release)] = true
			}
		}
	}
	return gc.Sweep(filepath.Join(dir, releasesDir), func(dir string) bool { return held[dir] })
}

// releases is the collector's view of the node: the release directories with
// what each is needed for, as the followers published it.
type releases struct{ n *Node }

var _ gc.Store = releases{}

// List implements gc.Store.
func (r releases) List(context.Context) ([]gc.Item, error) {
	var items []gc.Item
	for _, f := range r.n.followers {
		s := f.published.Load()
		for _, rec := range s.records {
			if !rec.hasBytes() {
				continue
			}
			seq := rec.Release.Sequence
			bytes, shared, err := gc.Measure(f.dir(rec.Release))
			if err != nil {
				return nil, err
			}
			items = append(items, gc.Item{
				Product: rec.Release.Product, Sequence: seq, Bytes: bytes, Shared: shared,
				Partial: rec.partial(), Busy: s.busy[seq], LastUse: rec.UpdatedAt,
				Running: seq == s.running.Release.Sequence, Confirmed: rec.confirmed(),
				Fallback: seq == s.fallback.Release.Sequence, Wanted: s.keeps[seq],
			})
		}
	}
	return items, nil
}

// Remove implements gc.Store. The follower has the last word: it may need the
// release since it was listed.
func (r releases) Remove(ctx context.Context, item gc.Item) error {
	f := r.n.follower(item.Product)
	if f == nil {
		return fmt.Errorf("no such product: %s", item.Product)
	}
	if !f.running() {
		return errNotRunning
	}
	_, err := f.await(ctx, &request{stage: stageRemove, sequence: item.Sequence})
	return err
}

// Free implements gc.Store.
func (r releases) Free() (int64, error) { return gc.Free(r.n.cfg.StateDir) }
