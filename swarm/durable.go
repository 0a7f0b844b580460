package swarm

import "time"

// What a fetch has written survives a power cut once it is synced. That costs flash
// some 7 KiB of a file system's own (ext4, measured; docs/FOOTPRINT.md), whatever
// there was to sync, so it is done for syncBytes at the least, or when a good part of
// the fetch would be lost: a camera whose power lasts for seconds gets on, and a slow
// line does not wear the flash.
const (
	syncBytes = 128 << 10       // worth a sync after syncMost at the latest
	syncLeast = time.Second / 4 // between two syncs, and before the first
	syncMost  = time.Second
	syncShare = 4 // less than syncBytes is synced when it took this part of the fetch
)

// durable is how much of a fetch is on disk for good. Exchange.mu guards it.
type durable struct {
	bytes   int64         // held when the last sync that has ended was begun
	at      time.Duration // of the fetch: when the last sync was begun
	running bool
}

// next says when to sync, now being the time since the fetch began and held the bytes
// that have arrived; false: there is nothing to.
func (d *durable) next(now time.Duration, held int64) (wait time.Duration, ok bool) {
	if d.running || held <= d.bytes {
		return 0, false
	}
	pause := max(now/syncShare, syncLeast)
	if held-d.bytes >= syncBytes {
		pause = min(pause, syncMost)
	}
	return max(d.at+pause-now, 0), true
}

// keep syncs what a fetch has written if it is time for that, beside the fetch, and
// says when to look again. The caller holds mu.
func (x *Exchange) keep(f *fetch) (wait time.Duration, ok bool) {
	_, held, _ := x.store.Status(f.file)
	wait, ok = f.durable.next(f.now(), held)
	if !ok || wait > 0 {
		return wait, ok
	}
	f.durable.at, f.durable.running = f.now(), true
	x.goRun(func() {
		err := x.store.Sync(f.file)
		x.mu.Lock()
		defer x.mu.Unlock()
		f.durable.running = false
		if err != nil {
			f.fail(err)
			return
		}
		f.durable.bytes = held
		f.poke()
	})
	return 0, false
}
