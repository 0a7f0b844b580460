package node

import (
	"context"
	"errors"
	"fmt"

	"camswarm/node/control"
	"camswarm/verify"
)

// Retry starts over with the releases of a product that were given up, as if
// they had never been tried; the zero ProductID stands for every product.
func (n *Node) Retry(product verify.ProductID) error {
	if product != (verify.ProductID{}) && n.line(product) == nil {
		return fmt.Errorf("%w: %s; see its [[product]] sections", control.ErrUnknownProduct, product)
	}
	var errs []error
	for _, l := range n.lines {
		if id := l.verifier.Product.ID(); product == (verify.ProductID{}) || product == id {
			errs = append(errs, l.startOver(context.Background()))
		}
	}
	return errors.Join(errs...)
}

// startOver forgets the failures of every release that failed.
func (l *line) startOver(ctx context.Context) error {
	for _, rec := range l.catalog.All() {
		if rec.State != control.StateFailed {
			continue
		}
		seq := rec.Release.Sequence
		_, err := l.catalog.Update(ctx, rec.Release, func(r *Record) {
			r.Attempts, r.LastError = 0, ""
			if r.Gone {
				r.State, r.Gone = control.StateKnown, false
			}
		})
		if err != nil {
			return err
		}
		l.mu.Lock()
		delete(l.retries, seq)
		l.mu.Unlock()
		l.log.Info("a release that was given up is tried again", "sequence", seq)
	}
	l.poke()
	return nil
}
