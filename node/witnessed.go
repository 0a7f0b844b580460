package node

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"

	"camswarm/chainwatch"
	"camswarm/node/control"
	"camswarm/verify"
)

// How witnesses take part in what a follower hears of the chain. Their word widens
// the view in force (chainwatch.Widen), so that a release is relayed and fetched
// before this device has asked the chain; the look that confirms it comes within
// install.confirm_spread, and only what the own quorum accepted is installed.

const (
	witnessRetry    = time.Minute     // between looks for what witnesses said and the own quorum did not
	witnessTick     = 5 * time.Second // between thoughts about witnesses that are ahead of the own quorum
	witnessPatience = 2 * time.Second // for which an announcement of this node's waits for its witnesses
)

// listener is what the gossip knows of a chain's witnesses.
type listener struct{ *chain }

// Judge implements announce.Witnesses.
func (l listener) Judge(raw []byte) error {
	return l.panel.Judge(context.Background(), raw, l.reference())
}

// Agree implements announce.Witnesses.
func (l listener) Agree(rev uint64) bool {
	said, _, _ := l.panel.Said(l.reference())
	return said != nil && said.Rev >= rev
}

// Statements implements announce.Witnesses.
func (l listener) Statements(region verify.Region) [][]byte { return l.panel.Statements(region) }

// reference is the time by which the age of statements is reckoned, in seconds since
// 1970: the device's clock unless the chain says better.
func (c *chain) reference() uint64 {
	now := time.Now()
	return verify.Now(uint64(max(now.Unix(), 0)), c.chainTime(now))
}

// chainTime is the chain's time as the own quorum confirmed it last, carried forward;
// 0: it never did.
func (c *chain) chainTime(now time.Time) uint64 {
	view, at, ok := c.current.Load().Accepted()
	if !ok {
		return 0
	}
	return chainTime(&view, at, now)
}

// widened is the view in force with what the witnesses add.
func (c *chain) widened() (verify.View, bool) {
	own, ok := c.current.Load().Current()
	if c.panel == nil {
		return own, ok
	}
	said, _, _ := c.panel.Said(c.reference())
	if said == nil {
		return own, ok
	}
	if c.product.Witnesses.Install && c.unanswered() {
		var base *verify.View
		if ok {
			base = &own
		}
		if v, better := chainwatch.Instead(base, said); better {
			return v, true
		}
		return own, ok
	}
	if !ok {
		return own, false
	}
	if v, wider := chainwatch.Widen(&own, said); wider {
		return v, true
	}
	return own, true
}

// unanswered reports whether the device's own endpoints give no quorum.
func (c *chain) unanswered() bool {
	s := c.current.Load().Status()
	return !s.Looked.IsZero() && s.Error != ""
}

// await waits until the view in force, widened, has a revision, for as long as it is
// worth waiting for witnesses.
func (c *chain) await(ctx context.Context, rev uint64, patience time.Duration) (verify.View, bool) {
	var found verify.View // the zero one: what they say is for the own quorum to say
	met := false
	c.listen(ctx, patience, func(said *verify.View) bool {
		view, ok := c.Current()
		if met = ok && view.Rev >= rev; met {
			found = view
		}
		return met || said != nil && said.Rev >= rev
	})
	return found, met
}

// witnessed waits a little until the witnesses agree on a revision.
func (c *chain) witnessed(ctx context.Context, rev uint64) {
	c.listen(ctx, witnessPatience, func(said *verify.View) bool { return said != nil && said.Rev >= rev })
}

// listen waits until what the witnesses say is enough, nil being nothing, for as long
// as they are trusted.
func (c *chain) listen(ctx context.Context, patience time.Duration, enough func(said *verify.View) bool) {
	if c.panel == nil {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		said, _, changed := c.panel.Said(c.reference())
		if enough(said) || !c.panel.Trusted() {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// see asks for a view of at least a revision: the witnesses first, then the own
// quorum.
func (c *chain) see(ctx context.Context, rev uint64, own func(context.Context, *chainwatch.Watcher) (verify.View, error)) (verify.View, error) {
	if view, ok := c.await(ctx, rev, c.product.Witnesses.Wait); ok {
		return view, nil
	}
	return c.ask(ctx, own)
}

// reasonWitnessed is why a release that only the witnesses know is not installed.
const reasonWitnessed = "known from witnesses; this device asks the chain before it installs"

func (f *follower) witnessesStatus() *control.WitnessesStatus {
	c := f.watcher
	if c.panel == nil {
		return nil
	}
	p := c.panel.Status()
	s := &control.WitnessesStatus{
		Threshold: p.Threshold, Rev: p.Rev, BlockTime: blockTime(p.Time), Agree: p.Voters, Install: c.product.Witnesses.Install,
		Conflict: p.Conflict, Until: p.Until, List: []control.WitnessStatus{},
	}
	if at := c.confirmAt.Load(); at != nil {
		s.ConfirmAt = *at
	}
	for _, w := range p.Witnesses {
		s.List = append(s.List, control.WitnessStatus{Key: w.Key, Rev: w.Rev, BlockTime: blockTime(w.Time), SetAside: w.SetAside})
	}
	if f.signer != nil {
		s.Signs = "ok"
		if trouble := f.signer.trouble.Load(); trouble != nil {
			s.Signs = *trouble
		}
	}
	return s
}

func (f *follower) witnessAlarms() (out []control.Alarm) {
	s := f.witnessesStatus()
	if s == nil {
		return nil
	}
	product := f.rules.verifier.Product
	for _, w := range s.List {
		if w.SetAside {
			out = append(out, control.Alarm{Name: chainwatch.AttackWitnessEquivocation, Message: fmt.Sprintf(
				"%s: witness %s said two things of one revision and counts for nothing any more; both statements are kept. Name another in its place under product.witnesses.keys", product, w.Key)})
		}
	}
	if s.Conflict != "" {
		out = append(out, control.Alarm{Name: chainwatch.AttackWitnessContradicted, Message: fmt.Sprintf(
			"%s: %s; the own quorum counts, and the witnesses for nothing until %s", product, s.Conflict, s.Until.UTC().Format(time.RFC3339))})
	}
	if s.Signs != "" && s.Signs != "ok" {
		out = append(out, control.Alarm{Name: "witness_silent", Message: fmt.Sprintf("%s: this witness signs nothing: %s", product, s.Signs)})
	}
	return out
}

// spreadConfirm returns when this device may ask the chain for an install, where a
// fleet's devices would do so at one moment: when a maintenance window opens, say. It
// is zero if it may now: the own quorum spoke a moment ago, or the moment has come.
func (f *follower) spreadConfirm(seq uint64) time.Time {
	c, now := f.watcher, time.Now()
	if c.panel == nil || c.spread == 0 || c.product.Witnesses.Install && c.unanswered() {
		return time.Time{}
	}
	if _, at, ok := c.current.Load().Accepted(); ok && now.Sub(at) < confirmAge {
		return time.Time{}
	}
	if p := f.patience.Load(); p != nil && p.seq == seq && now.Before(p.at.Add(c.spread+confirmAge)) {
		if now.Before(p.at) {
			return p.at
		}
		return time.Time{}
	}
	p := &patience{seq, now.Add(c.moment(seq))}
	f.patience.Store(p)
	return p.at
}

// patience is a device's moment to ask the chain for an install.
type patience struct {
	seq uint64
	at  time.Time
}

// heed acts on what the witnesses say until ctx ends: the follower hears of it, and
// the own quorum is asked, at this device's moment of the spread or, if they say what
// is not theirs to say, at once; and again until it has caught up or contradicts.
func (c *chain) heed(ctx context.Context) error {
	var heard uint64   // revision that they agreed on when the follower was told last; 0: none
	var planned uint64 // revision that the next look is for; 0: none
	var due time.Time  // of it
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		w := c.current.Load()
		c.panel.Follow(w.registry)
		own, accepted, ok := w.Accepted()
		if ok {
			c.panel.Compare(&own, accepted)
		}
		said, since, changed := c.panel.Said(c.reference())
		rev := uint64(0)
		if said != nil {
			rev = said.Rev
		}
		if rev != heard {
			heard = rev
			c.news()
		}
		now, wait := time.Now(), idle
		switch {
		case said == nil || !ok || own.Rev >= said.Rev:
			planned, due = 0, time.Time{}
		case planned != said.Rev:
			planned, due = said.Rev, since.Add(c.moment(said.Rev))
			if _, wider := chainwatch.Widen(&own, said); !wider {
				due = now
			}
		}
		if planned != 0 {
			if !due.After(now) {
				w.Look()
				due = now.Add(witnessRetry)
			}
			wait = min(witnessTick, due.Sub(now))
		}
		shown := due // readers keep the pointer
		c.confirmAt.Store(&shown)
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-timer.C:
		}
	}
}

// moment is this device's part of the spread, the same whenever it is asked: another
// for each revision, so that the same homes are not always first.
func (c *chain) moment(rev uint64) time.Duration {
	h := sha256.New()
	h.Write([]byte("camswarm/confirm/v1"))
	h.Write([]byte(c.salt))
	h.Write(binary.BigEndian.AppendUint64(nil, rev))
	part, _ := bits.Mul64(binary.BigEndian.Uint64(h.Sum(nil)), uint64(c.spread))
	return time.Duration(part)
}
