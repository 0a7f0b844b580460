package swarm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	blocks "github.com/ipfs/go-block-format"

	"camswarm/swarm/filestore"
	"camswarm/swarm/origin"
	"camswarm/swarm/plan"
)

// Origin is a server outside of the swarm that has the bytes of a file: a bucket, a
// CDN, a web server. It needs no trust, as every block is hashed when it comes.
type Origin interface {
	// Read asks for n bytes from off on and hands them to take, in order and in
	// pieces of any length; take's error ends it and is returned. Errors that have a
	// method RetryAfter() time.Duration say when to ask again; origin.ErrWhole says
	// that only all of the file can be asked for. Called from several goroutines.
	Read(ctx context.Context, off, n int64, take func([]byte) error) error

	// String names the origin in logs, without secrets.
	String() string
}

// Origins are where a file can be had outside of the swarm, best first. One is
// asked at a time, the next when it fails.
type Origins struct {
	Sources []Origin
	Budget  plan.OriginConfig
}

// OriginTrouble is why an origin did not deliver when it was asked last.
type OriginTrouble struct {
	Origin string // its String
	Error  string
	Since  time.Time // when that began
}

// maxTroubles bounds the origins of which that is remembered.
const maxTroubles = 16

// OriginTroubles returns the origins that did not deliver when they were asked last,
// by name.
func (x *Exchange) OriginTroubles() []OriginTrouble {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.SortedFunc(maps.Values(x.troubles), func(a, b OriginTrouble) int { return strings.Compare(a.Origin, b.Origin) })
}

// trouble notes why an origin does not deliver. The caller holds mu.
func (x *Exchange) trouble(o Origin, err error) {
	name := o.String()
	t, known := x.troubles[name]
	if !known {
		if len(x.troubles) >= maxTroubles {
			return
		}
		t = OriginTrouble{Origin: name, Since: time.Now()}
	}
	t.Error = err.Error()
	x.troubles[name] = t
}

// originKey is the planner's key of whichever origin is in use.
const originKey plan.PeerKey = -2

// originFetch asks origins on behalf of a fetch. Exchange.mu guards it.
type originFetch struct {
	x       *Exchange
	f       *fetch
	ctx     context.Context
	cancel  context.CancelFunc
	left    []Origin             // those that have not lied; the first is in use
	whole   map[Origin]bool      // send whole files only
	waits   map[Origin]time.Time // when to ask again
	fails   int                  // in a row
	batch   []plan.Action        // what the planner has just asked for
	running map[*originRange]struct{}
	read    atomic.Int64 // bytes
	wg      sync.WaitGroup
}

// originRange is one request: blocks first to first+n-1 of the file.
type originRange struct {
	from     Origin
	first, n int
	whole    bool // the server knows no ranges
	cancel   context.CancelFunc
}

// Waits after an origin that failed, doubled with each in a row. See docs/ORIGIN.md.
const (
	originRetry    = time.Second
	originRetryMax = 10 * time.Minute
)

// useOrigins adds origins to a fetch that begins. The caller holds mu.
func (x *Exchange) useOrigins(ctx context.Context, f *fetch, o Origins) {
	if len(o.Sources) == 0 {
		return
	}
	f.origin = &originFetch{
		x: x, f: f, left: append([]Origin(nil), o.Sources...),
		whole: make(map[Origin]bool), waits: make(map[Origin]time.Time), running: make(map[*originRange]struct{}),
	}
	f.origin.ctx, f.origin.cancel = context.WithCancel(ctx)
	x.act(f, f.plan.Origin(f.now(), originKey, o.Budget, x.salt))
}

// leave ends all requests and waits for them.
func (o *originFetch) leave() {
	if o != nil {
		o.cancel()
		o.wg.Wait()
	}
}

// want takes an action of the planner. The caller holds mu.
func (o *originFetch) want(a plan.Action) {
	if !a.Cancel { // a range ends when nothing of it is wanted any more
		o.batch = append(o.batch, a)
	}
}

// wanted reports whether the planner waits for any of the blocks from to end-1.
func (o *originFetch) wanted(from, end int) bool {
	o.x.mu.Lock()
	defer o.x.mu.Unlock()
	for ; from < end; from++ {
		if o.f.plan.Asked(originKey, int(o.f.file.UnitOf[from])) {
			return true
		}
	}
	return false
}

// flush asks for what the planner wanted, adjacent blocks in one request. The caller
// holds mu.
func (o *originFetch) flush() {
	batch := o.batch
	o.batch = nil
	if len(batch) == 0 || len(o.left) == 0 {
		return
	}
	from := o.left[0]
	if o.whole[from] {
		o.start(&originRange{from: from, n: len(o.f.file.Blocks), whole: true})
		return
	}
	var r *originRange
	for _, a := range batch {
		i := int(o.f.file.First[a.Unit])
		if r != nil && a.Joined && i == r.first+r.n {
			r.n++
			continue
		}
		if r != nil {
			o.start(r)
		}
		r = &originRange{from: from, first: i, n: 1}
	}
	o.start(r)
}

// start begins a request. The caller holds mu.
func (o *originFetch) start(r *originRange) {
	ctx, cancel := context.WithCancel(o.ctx)
	r.cancel = cancel
	o.wg.Add(1)
	if !o.x.goRun(func() {
		defer o.wg.Done()
		err := o.run(ctx, r)
		cancel()
		o.ended(r, err)
	}) {
		cancel()
		o.wg.Done()
		return
	}
	o.running[r] = struct{}{}
}

var (
	errWrongBlock = errors.New("wrong bytes")
	errNotStored  = errors.New("not stored") // the fetch knows why
	errEnough     = errors.New("the rest came from elsewhere")
)

// run reads a range and stores its blocks.
func (o *originFetch) run(ctx context.Context, r *originRange) error {
	file := o.f.file
	off, n := int64(r.first)*int64(file.BlockSize), int64(0)
	for i := range r.n {
		n += int64(file.BlockLen(r.first + i))
	}
	at, buf := r.first, make([]byte, 0, file.BlockSize)
	var t toll
	err := r.from.Read(ctx, off, n, func(b []byte) error {
		got := len(b)
		o.read.Add(int64(got))
		for len(b) > 0 && at < r.first+r.n {
			k := min(file.BlockLen(at)-len(buf), len(b))
			buf = append(buf, b[:k]...)
			b = b[k:]
			if len(buf) < file.BlockLen(at) {
				continue
			}
			if err := o.block(at, buf, r.whole); err != nil {
				return err
			}
			at, buf = at+1, buf[:0]
			if at < r.first+r.n && !o.wanted(at, r.first+r.n) {
				return errEnough
			}
		}
		if r.whole {
			return t.pay(ctx, o, got)
		}
		return ctx.Err()
	})
	if err == nil && at < r.first+r.n {
		return fmt.Errorf("swarm: the origin sent %d blocks of %d", at-r.first, r.n)
	}
	return err
}

// block takes block i of the file from an origin.
// A whole file's say nothing of whether it will come to its end.
func (o *originFetch) block(i int, data []byte, whole bool) error {
	x, f := o.x, o.f
	d, n := f.file.Blocks[i], int64(len(data))
	if sha256.Sum256(data) != d {
		x.books.origin(PeerStats{Received: n, Wrong: n})
		x.m.bytes.WithLabelValues("wrong").Add(float64(n))
		return fmt.Errorf("%w for block %d", errWrongBlock, i)
	}
	done, err := x.store.Write(d, data)
	stats := PeerStats{Received: n, Duplicate: n}
	if len(done) > 0 {
		stats.Useful, stats.Duplicate = n, 0
	}
	x.mu.Lock()
	u := int(f.file.UnitOf[i])
	switch {
	case err != nil:
		f.fail(err)
		err = errNotStored
	case x.store.HasUnit(f.file, u):
		f.plan.Progress(f.now(), originKey, o.read.Load())
		if len(done) > 0 {
			f.sample(n)
		}
		if !whole {
			o.fails = 0
		}
		x.act(f, f.plan.Received(f.now(), originKey, u))
	}
	x.arrived(done)
	x.mu.Unlock()
	x.books.origin(stats)
	if stats.Useful == 0 {
		x.m.bytes.WithLabelValues("duplicate").Add(float64(n))
		return err
	}
	x.m.bytes.WithLabelValues("useful").Add(float64(n))
	if b, err := blocks.NewBlockWithCid(data, filestore.LeafCID(d)); err == nil {
		x.notify(b)
	}
	return err
}

// ended looks at how a request ended.
func (o *originFetch) ended(r *originRange, err error) {
	x := o.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, wanted := o.running[r]; !wanted {
		return // given up, see giveUp
	}
	delete(o.running, r)
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err == nil {
		delete(x.troubles, r.from.String())
	}
	if err == nil || errors.Is(err, errNotStored) || o.ctx.Err() != nil || len(o.left) == 0 || o.left[0] != r.from {
		return // nothing to say, or of one that is not asked any more
	}
	var later interface{ RetryAfter() time.Duration }
	wait := min(originRetry<<min(o.fails, 16), originRetryMax)
	switch {
	case errors.Is(err, origin.ErrWhole) && !o.whole[r.from]:
		o.whole[r.from] = true
		wait = 0
	case errors.Is(err, errWrongBlock):
		x.m.hostile.WithLabelValues("poisoned_origin").Inc()
		x.log.Warn("an origin sends wrong bytes: it is not asked for this release again", "origin", r.from.String(), "err", err)
		x.trouble(r.from, err)
		o.next(nil)
		return
	default:
		if errors.As(err, &later) {
			wait = min(max(wait, later.RetryAfter()), originRetryMax)
		}
		o.fails++
		x.trouble(r.from, err)
		x.log.Info("an origin does not deliver", "origin", r.from.String(), "err", err, "again_in", wait)
	}
	o.waits[r.from] = time.Now().Add(wait + time.Duration(x.rng.Int64N(int64(wait/4)+1)))
	o.next(r.from)
}

// next leaves the origin in use for the one that may be asked soonest, one that can
// send parts rather than one that cannot; again is tried after the others, nil if
// it never is. The caller holds mu.
func (o *originFetch) next(again Origin) {
	o.giveUp()
	o.left = o.left[1:]
	if again != nil {
		o.left = append(o.left, again)
	}
	x, f := o.x, o.f
	if len(o.left) == 0 {
		x.act(f, f.plan.Wrong(f.now(), originKey))
		return
	}
	slices.SortStableFunc(o.left, func(a, b Origin) int {
		if o.whole[a] != o.whole[b] && o.waits[a].IsZero() == o.waits[b].IsZero() {
			if o.whole[b] {
				return -1
			}
			return 1
		}
		return o.waits[a].Compare(o.waits[b])
	})
	wait := max(time.Until(o.waits[o.left[0]]), 0)
	x.act(f, f.plan.OriginFailed(f.now(), originKey, wait, o.whole[o.left[0]]))
}

// giveUp ends all requests; how they end says nothing. The caller holds mu.
func (o *originFetch) giveUp() {
	for r := range o.running {
		r.cancel()
	}
	clear(o.running)
}

// pause ends what is under way while the planner is paused. The caller holds mu.
func (o *originFetch) pause() {
	if len(o.left) > 0 {
		o.giveUp()
		o.x.act(o.f, o.f.plan.OriginFailed(o.f.now(), originKey, 0, o.whole[o.left[0]]))
	}
}

// toll keeps a request to the download limit of its fetch. The planner paces what it
// asks for, but not a file that comes all at once.
type toll struct {
	debt float64 // bytes
	at   time.Time
}

// pay waits until n bytes more may come.
func (t *toll) pay(ctx context.Context, o *originFetch, n int) error {
	if t.at.IsZero() {
		t.at = time.Now()
	}
	t.debt += float64(n)
	for {
		o.x.mu.Lock()
		rate := float64(o.f.rate)
		o.x.mu.Unlock()
		now := time.Now()
		t.debt, t.at = max(t.debt-rate*now.Sub(t.at).Seconds(), 0), now
		if rate == 0 {
			t.debt = 0
		}
		if t.debt == 0 {
			return ctx.Err()
		}
		// The limit may change meanwhile.
		timer := time.NewTimer(min(time.Duration(t.debt/rate*float64(time.Second))+1, time.Second))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}
