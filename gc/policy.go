package gc

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"time"

	"camswarm/verify"
)

// Item is one release's directory on disk and what the node needs it for. The
// pair of Product and Sequence names it.
type Item struct {
	Product  verify.ProductID
	Sequence uint64
	Bytes    int64 // allocated on disk, see [Usage]; not the length of the files

	// Shared are those of its files that have names elsewhere too: releases with
	// the same image share its bytes, which return with the last of them. They are
	// part of Bytes.
	Shared []Share

	Partial bool // not all of the image has arrived
	Busy    bool // being fetched, checked or installed at this moment; it waits for the next collection

	Running   bool // the device runs it, confirmed or not
	Confirmed bool // of a Running item: it is known to run well, so nothing need be kept to fall back to
	Fallback  bool // what the device goes back to if the Running item does not come up
	Wanted    bool // the chain offers it and this node chose to hold it

	LastUse time.Time // when it was last served or installed; zero: never
}

// Share is a file with several names.
type Share struct {
	File  FileID
	Bytes int64 // allocated
	Here  int   // names within the item
	Names int   // names in all, those outside of every item included
}

// Policy bounds what is kept.
type Policy struct {
	// QuotaBytes bounds the allocated bytes of all items together, in which what
	// several of them share counts once. 0: no bound but the disk.
	QuotaBytes int64
	// ReserveBytes must stay free on the file system, so that metadata can be
	// written and collection itself can run; see [Reserve].
	ReserveBytes int64
	// RoomBytes must stay free beside that when a need is met. Nothing that is wanted is
	// given up for it: what fills a file system might be something else.
	RoomBytes int64
}

// Need is room to be made before a release is fetched. The zero Need asks for
// none: stale items go, and the quota and the reserve are kept.
type Need struct {
	Product  verify.ProductID
	Sequence uint64
	Bytes    int64 // yet to be allocated: of a fetch that resumes, only what is missing
}

// Reason says why a plan keeps or removes an item. The words are constant, for
// logs and status.
type Reason string

// The reasons for keeping, then those for removing.
const (
	KeepRunning  Reason = "running"       // the device runs it
	KeepFallback Reason = "fallback"      // the running release is not confirmed yet
	KeepBusy     Reason = "busy"          // in use at this moment
	KeepWanted   Reason = "wanted"        // offered by the chain and chosen
	RemoveStale  Reason = "stale"         // nothing needs it any more
	RemoveQuota  Reason = "over quota"    // wanted, but the quota does not allow it
	RemoveSpace  Reason = "disk full"     // wanted, but the reserve on the file system comes first
	RemoveRoom   Reason = "room for need" // wanted, but less than what is to be fetched
)

// Decision is the fate of one item.
type Decision struct {
	Item
	Remove bool
	Reason Reason
}

// Plan says of each item whether it stays, and what that leaves on disk.
type Plan struct {
	// Decisions holds every item: those that stay, by product and sequence,
	// then those that go, in the order in which they should.
	Decisions []Decision
	Need      Need
	Policy    Policy

	BytesBefore int64 // allocated by all items, what they share counted once
	BytesAfter  int64 // allocated by the items that stay
	FreeBefore  int64 // free on the file system, the reserve counted as free
	FreeAfter   int64 // the same, once the items that go are gone

	// Shortfall is how many bytes are missing, after everything that may go has
	// gone, before the need fits both the quota and the disk. 0: it fits.
	Shortfall int64
}

// ErrNoSpace is wrapped by the error of a plan whose need does not fit. It is
// no use to try again before the quota or the free space has grown.
var ErrNoSpace = errors.New("not enough space")

// ErrQuota is wrapped beside [ErrNoSpace] where the quota is what is short: how much
// of the file system is free says nothing then.
var ErrQuota = fmt.Errorf("%w under the quota", ErrNoSpace)

// Err returns nil when the plan's need fits, else an [ErrNoSpace] that names
// the bytes needed and missing and says what to do.
func (p *Plan) Err() error {
	if p.Shortfall == 0 {
		return nil
	}
	over, full := shortfalls(p.Policy, p.BytesAfter, p.FreeAfter, p.Need.Bytes)
	kind, advice := ErrNoSpace, fmt.Sprintf("free %d bytes on the file system of the state directory (%d are free, %d are kept in reserve)",
		full, p.FreeAfter, p.Policy.kept(p.Need.Bytes))
	if over >= full {
		kind, advice = ErrQuota, fmt.Sprintf("raise storage.quota_bytes from %d to at least %d", p.Policy.QuotaBytes, add(p.Policy.QuotaBytes, over))
	}
	return fmt.Errorf("%w: %d bytes are needed and %d are missing; %s", kind, p.Need.Bytes, p.Shortfall, advice)
}

// Removals returns the decisions that remove, in order.
func (p *Plan) Removals() []Decision {
	var out []Decision
	for _, d := range p.Decisions {
		if d.Remove {
			out = append(out, d)
		}
	}
	return out
}

// Decide plans what to keep. free is what the file system has left, the reserve
// counted as free. It is pure, and the order of items does not matter.
//
// Latest-only: what runs stays, what the device would fall back to stays until
// the running release of its product is confirmed, what is busy or wanted
// stays, everything else goes. Then wanted items are given up, the most
// superseded of their product first, until the quota and the reserve are kept,
// and after that until the need fits, but for a need only items that more
// newer releases of their own product supersede than the needed one. That order
// is strict, so two releases never evict one another in turns. If giving up all
// of those would still not make the need fit, none of them is.
//
// A running or fallback item is never removed, whatever else its flags or the
// policy say.
func Decide(items []Item, p Policy, need Need, free int64) Plan {
	p.QuotaBytes, p.ReserveBytes, p.RoomBytes = max(p.QuotaBytes, 0), max(p.ReserveBytes, 0), max(p.RoomBytes, 0)
	need.Bytes, free = max(need.Bytes, 0), max(free, 0)
	plan := Plan{Need: need, Policy: p, FreeBefore: free, FreeAfter: free}
	disk := newAccount(items)
	plan.BytesBefore = disk.used

	kept := make([]Decision, 0, len(items))
	var evictable, gone []Decision
	for _, item := range items {
		item.Bytes = max(item.Bytes, 0)
		d := Decision{Item: item}
		switch {
		case item.Running:
			d.Reason = KeepRunning
		case protected(item, items):
			d.Reason = KeepFallback
		case item.Busy:
			d.Reason = KeepBusy
		case item.Wanted:
			d.Reason = KeepWanted
			evictable = append(evictable, d)
			continue
		default:
			d.Remove, d.Reason = true, RemoveStale
			gone = append(gone, d)
			continue
		}
		kept = append(kept, d)
	}
	slices.SortFunc(gone, byName)
	plan.BytesAfter = plan.BytesBefore
	for _, d := range gone {
		plan.drop(disk, d.Item)
	}

	// By how many newer releases of its product, among those that are not stale,
	// a release is superseded.
	needed := slices.Concat(kept, evictable)
	rank := func(product verify.ProductID, sequence uint64) (n int) {
		for _, d := range needed {
			if d.Product == product && d.Sequence > sequence {
				n++
			}
		}
		return n
	}
	slices.SortFunc(evictable, func(a, b Decision) int {
		return cmp.Or(
			cmp.Compare(rank(b.Product, b.Sequence), rank(a.Product, a.Sequence)),
			preferTrue(a.Partial, b.Partial),
			a.LastUse.Compare(b.LastUse),
			byName(a, b),
		)
	})
	evict := func(n int, why func() Reason) {
		for _, d := range evictable[:n] {
			d.Remove, d.Reason = true, why()
			plan.drop(disk, d.Item)
			gone = append(gone, d)
		}
		evictable = evictable[n:]
	}

	// What must be kept in any case: the quota and the reserve.
	for len(evictable) > 0 {
		over, full := shortfalls(p, plan.BytesAfter, plan.FreeAfter, 0)
		if over == 0 && full == 0 {
			break
		}
		evict(1, func() Reason {
			if over > 0 {
				return RemoveQuota
			}
			return RemoveSpace
		})
	}

	// Room for what is needed, from what is worth less, and only if it suffices.
	if need.Bytes > 0 {
		own, trial, tried := rank(need.Product, need.Sequence), plan, disk.clone()
		for n := 0; ; n++ {
			if over, full := shortfalls(p, trial.BytesAfter, trial.FreeAfter, need.Bytes); over == 0 && full == 0 {
				evict(n, func() Reason { return RemoveRoom })
				break
			}
			if n == len(evictable) || rank(evictable[n].Product, evictable[n].Sequence) <= own {
				break
			}
			trial.drop(tried, evictable[n].Item)
		}
	}
	over, full := shortfalls(p, plan.BytesAfter, plan.FreeAfter, need.Bytes)
	plan.Shortfall = max(over, full)

	kept = append(kept, evictable...)
	slices.SortFunc(kept, byName)
	plan.Decisions = append(kept, gone...)
	return plan
}

// protected reports whether item must not be removed whatever anything else
// says: it runs, or it is what the device falls back to and no confirmed
// running release of its product is among items.
func protected(item Item, items []Item) bool {
	if item.Running {
		return true
	}
	return item.Fallback && !slices.ContainsFunc(items, func(o Item) bool {
		return o.Product == item.Product && o.Running && o.Confirmed
	})
}

// shortfalls returns by how many bytes the quota is exceeded, and by how many
// the free space falls below the reserve, once need more are allocated.
func shortfalls(p Policy, used, free, need int64) (over, full int64) {
	if p.QuotaBytes > 0 {
		over = max(add(used, need)-p.QuotaBytes, 0)
	}
	return over, max(add(p.kept(need), need)-free, 0)
}

// kept is what must stay free: for a need the room too.
func (p Policy) kept(need int64) int64 {
	if need > 0 {
		return add(p.ReserveBytes, p.RoomBytes)
	}
	return p.ReserveBytes
}

func (p *Plan) drop(disk *account, item Item) {
	used, freed := disk.drop(item)
	p.BytesAfter = max(p.BytesAfter-used, 0)
	p.FreeAfter = add(p.FreeAfter, freed)
}

// account knows what items take on disk together and what goes with each: a file
// that several of them name counts once, and its bytes return with its last name.
type account struct {
	used  int64
	items map[FileID]int // that name the file
	names map[FileID]int // that the file has
}

func newAccount(items []Item) *account {
	a := &account{items: map[FileID]int{}, names: map[FileID]int{}}
	for _, item := range items {
		a.used = add(a.used, item.own())
		for _, s := range item.Shared {
			if a.items[s.File] == 0 {
				a.used = add(a.used, max(s.Bytes, 0))
			}
			a.items[s.File]++
			a.names[s.File] = max(a.names[s.File], s.Names)
		}
	}
	return a
}

func (a *account) clone() *account {
	return &account{used: a.used, items: maps.Clone(a.items), names: maps.Clone(a.names)}
}

// drop takes an item away and returns by how much less the items take then, and
// how much the file system gets back.
func (a *account) drop(item Item) (used, freed int64) {
	used, freed = item.own(), item.own()
	for _, s := range item.Shared {
		if a.items[s.File]--; a.items[s.File] == 0 {
			used = add(used, max(s.Bytes, 0))
		}
		if a.names[s.File] -= s.Here; a.names[s.File] <= 0 {
			freed = add(freed, max(s.Bytes, 0))
		}
	}
	return used, freed
}

// own is what the item takes without what it shares.
func (i Item) own() int64 {
	own := max(i.Bytes, 0)
	for _, s := range i.Shared {
		own -= min(max(s.Bytes, 0), own)
	}
	return own
}

// add returns a+b of two counts, or the largest int64 when that overflows.
func add(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// mul returns a·b of two counts likewise.
func mul(a, b uint64) int64 {
	if high, low := bits.Mul64(a, b); high == 0 && low <= math.MaxInt64 {
		return int64(low)
	}
	return math.MaxInt64
}

func byName(a, b Decision) int {
	return cmp.Or(slices.Compare(a.Product[:], b.Product[:]), cmp.Compare(a.Sequence, b.Sequence))
}

func preferTrue(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}
