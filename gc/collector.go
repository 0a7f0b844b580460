package gc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Store is what a [Collector] needs of the releases on disk.
type Store interface {
	// List returns every release that has bytes on disk, with its flags as they
	// are at this moment.
	List(ctx context.Context) ([]Item, error)
	// Remove stops serving the item and frees its bytes, see [Remove]. It may be
	// called again for an item that is already partly or wholly gone, and refuses
	// with [ErrInUse] what came into use since it was listed.
	Remove(ctx context.Context, item Item) error
	// Free returns the bytes that may still be allocated on the file system,
	// see [Free]; the collector adds what the reserve holds.
	Free() (int64, error)
}

// ErrProtected is returned when a plan would remove a running or fallback item.
var ErrProtected = errors.New("refused to remove a running or fallback release")

// ErrInUse is returned by a [Store] that was asked to remove an item which came
// into use since it was listed. It stays, and that is no failure.
var ErrInUse = errors.New("the release is in use")

// Options are what a program injects into a [Collector]. Every field may be
// left zero.
type Options struct {
	Reserve    *Reserve // given up when a removal fails on a full disk, then held again
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// A Collector makes plans for a store and carries them out. It is safe for
// concurrent use; collections run one after another, and who waits for another's
// end gives up with its context. A store's methods must not collect.
type Collector struct {
	store   Store
	policy  Policy
	reserve *Reserve
	log     *slog.Logger

	removed   *prometheus.CounterVec // by reason
	freed     prometheus.Counter
	protected prometheus.Counter
	used      prometheus.Gauge

	turn chan struct{} // has room for the one collection at a time
}

// New wires a collector. It touches neither the store nor the disk.
func New(store Store, policy Policy, o Options) *Collector {
	c := &Collector{
		store: store, policy: policy, reserve: o.Reserve, log: o.Logger, turn: make(chan struct{}, 1),
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "camswarm_gc_removed_total", Help: "Releases removed from disk, by reason."}, []string{"reason"}),
		freed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "camswarm_gc_freed_bytes_total", Help: "Allocated bytes of removed releases."}),
		protected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "camswarm_gc_protected_total", Help: "Refused removals of a running or fallback release."}),
		used: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "camswarm_gc_used_bytes", Help: "Allocated bytes of all releases after the latest collection."}),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(c.removed, c.freed, c.protected, c.used)
	}
	return c
}

// Plan returns what Collect would do now, and does nothing.
func (c *Collector) Plan(ctx context.Context, need Need) (Plan, error) {
	items, err := c.store.List(ctx)
	if err != nil {
		return Plan{}, fmt.Errorf("list the releases on disk: %w", err)
	}
	free, err := c.store.Free()
	if err != nil {
		return Plan{}, fmt.Errorf("measure the free space: %w", err)
	}
	held, err := c.reserve.Held()
	if err != nil {
		return Plan{}, fmt.Errorf("measure the reserve: %w", err)
	}
	return Decide(items, c.policy, need, add(max(free, 0), held)), nil
}

// rounds bounds how often a collection plans anew because items changed while
// it worked.
const rounds = 3

// Collect removes what may go and returns the plan it followed. Its error wraps
// [ErrNoSpace] when need does not fit even then; what was stale is gone all the
// same. A plan is never trusted to have worked: room for need is measured again
// after the removals.
func (c *Collector) Collect(ctx context.Context, need Need) (Plan, error) {
	if err := c.begin(ctx); err != nil {
		return Plan{}, err
	}
	defer c.end()
	return c.collect(ctx, need)
}

// begin waits for the turn to collect.
func (c *Collector) begin(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Collector) end() { <-c.turn }

// Relieve is to be called when a write failed because the disk is full (see
// [IsFull]): it gives up the reserve, so that metadata can be written again,
// and collects. The reserve is held again once there is room for it.
func (c *Collector) Relieve(ctx context.Context) (Plan, error) {
	if err := c.begin(ctx); err != nil {
		return Plan{}, err
	}
	defer c.end()
	if err := c.giveUp(); err != nil {
		return Plan{}, err
	}
	return c.collect(ctx, Need{})
}

func (c *Collector) collect(ctx context.Context, need Need) (Plan, error) {
	first, err := c.Plan(ctx, need)
	if err != nil {
		return Plan{}, err
	}
	last := first
	for range rounds {
		if len(last.Removals()) == 0 {
			break
		}
		if err := c.execute(ctx, last); err != nil {
			return first, errors.Join(err, last.Err())
		}
		if last, err = c.Plan(ctx, need); err != nil {
			return first, err
		}
	}
	c.used.Set(float64(last.BytesBefore))
	if err := c.reserve.Hold(); err != nil && !errors.Is(err, ErrNoSpace) {
		c.log.Warn("cannot hold the disk reserve", "err", err)
	}
	return first, last.Err()
}

// Execute carries out a plan, made by [Decide] or by anyone else. Just before
// an item goes, the store is asked for it again: a running or fallback item is
// refused with [ErrProtected], and one that has become busy or wanted since the
// plan was made stays. One item's error does not keep the others.
func (c *Collector) Execute(ctx context.Context, plan Plan) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer c.end()
	return c.execute(ctx, plan)
}

func (c *Collector) execute(ctx context.Context, plan Plan) error {
	var errs []error
	for _, d := range plan.Removals() {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		if err := c.remove(ctx, d); err != nil {
			c.log.Error("cannot remove a release", "product", d.Product.String(), "sequence", d.Sequence, "err", err)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (c *Collector) remove(ctx context.Context, d Decision) error {
	items, err := c.store.List(ctx)
	if err != nil {
		return fmt.Errorf("list the releases on disk: %w", err)
	}
	i := slices.IndexFunc(items, func(o Item) bool { return o.Product == d.Product && o.Sequence == d.Sequence })
	if i < 0 {
		return nil
	}
	item := items[i]
	switch {
	case protected(item, items):
		c.protected.Inc()
		return fmt.Errorf("%w: sequence %d of product %s", ErrProtected, item.Sequence, item.Product)
	case item.Busy, item.Wanted && !d.Wanted:
		return c.stays(d)
	}
	err = c.store.Remove(ctx, item)
	if IsFull(err) {
		// Renaming or recording needed a block. Give up the reserve for it.
		if gerr := c.giveUp(); gerr != nil {
			return errors.Join(err, gerr)
		}
		err = c.store.Remove(ctx, item)
	}
	if errors.Is(err, ErrInUse) {
		return c.stays(d)
	}
	if err != nil {
		return fmt.Errorf("remove sequence %d of product %s: %w", item.Sequence, item.Product, err)
	}
	c.removed.WithLabelValues(string(d.Reason)).Inc()
	_, freed := newAccount(items).drop(item)
	c.freed.Add(float64(freed))
	c.log.Info("removed a release", "product", item.Product.String(), "sequence", item.Sequence, "bytes", freed, "reason", string(d.Reason))
	return nil
}

func (c *Collector) stays(d Decision) error {
	c.log.Info("a release came into use before it was removed; it stays", "product", d.Product.String(), "sequence", d.Sequence)
	return nil
}

func (c *Collector) giveUp() error {
	held, err := c.reserve.Held()
	if err == nil && held > 0 {
		c.log.Warn("the disk is full: the reserve is given up", "bytes", held)
	}
	return errors.Join(err, c.reserve.Release())
}
