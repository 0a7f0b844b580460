package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"camswarm/announce/beacon"
	"camswarm/announce/guard"
	"camswarm/chainwatch"
	"camswarm/sim/report"
)

// haltedBy is why and when a guard halted a bad release.
type haltedBy struct {
	guard.Decision
	after time.Duration // the announcement
}

// step takes a step of the rollout. It is false if the release was halted.
func (r *run) step(k, state int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.halted != nil {
		return false
	}
	r.stepNow = k
	r.chain.set(state)
	return true
}

// watch is the guard of a bad release: it asks seeds and chain as 'camswarm guard' does,
// decides as it does, and halts. It never widens: the timetable is the scenario's.
func (r *run) watch(ctx context.Context) {
	b := r.s.Bad
	if b.Share == 0 || b.Guard == 0 {
		return
	}
	plan := guard.Plan{Bound: 0.05, Confidence: 0.99, MinSample: b.Sample, MaxAge: 5 * time.Minute, Seeds: len(r.cast.seeds)}
	for sleep(ctx, b.Guard) == nil {
		s, err := r.situation()
		if err != nil {
			r.violate(recorded, "", err.Error())
			return
		}
		if d := guard.Decide(plan, s); d.Action == guard.Halt {
			r.halt(d)
			return
		}
	}
}

// situation is what seeds, asked for their signed statements, and the chain say now.
func (r *run) situation() (s guard.Situation, err error) {
	h := r.script.history
	result, _, ok := r.chain.answer(fmt.Sprintf("0x%x", chainwatch.EncodeCheck(h.product, h.regions[0])))
	if !ok {
		return s, fmt.Errorf("%s", recorded)
	}
	view, err := decodeState(h, result, h.regions[0])
	if err != nil {
		return s, err
	}
	s.Now, s.Head, s.Paused = time.Now(), time.Unix(int64(view.Time), 0), view.Paused
	for _, c := range view.Candidates {
		if c.Sequence == r.target {
			s.Offered, s.Policy = !c.Revoked, c.Rollout
		}
	}
	for _, m := range r.seedMembers() {
		statement, err := m.node.Fleet()
		if err != nil {
			return s, err
		}
		data, err := json.Marshal(statement)
		if err != nil {
			return s, err
		}
		f, err := beacon.OpenStatement(data)
		if err != nil {
			return s, err
		}
		s.Seeds = append(s.Seeds, guard.EvidenceOf(m.actor.name, f, r.script.product.ID(), r.target))
	}
	return s, nil
}

// halt has the chain make the block with the operator's halt. Nobody announces it: seeds
// see it on the chain and tell.
func (r *run) halt(d guard.Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.halted = &haltedBy{d, time.Since(r.start)}
	r.chain.set(r.script.halted[r.stepNow])
	close(r.haltedNow)
}

// reportBad says how many cameras a bad release reached: those to whose installer it was
// handed.
func (r *run) reportBad(out *report.Report) {
	if r.s.Bad.Share == 0 {
		return
	}
	reached, down := 0, 0
	for _, m := range r.cameraMembers() {
		if m.reached {
			reached++
			if m.actor.fails {
				down++
			}
		}
	}
	end := "nobody halted it"
	if h := r.halted; h != nil {
		end = fmt.Sprintf("the guard halted it after %.0f s: %s", h.after.Seconds(), h.Reason)
	}
	out.Faults = append(out.Faults, report.Fault{Kind: "bad release", Nodes: reached,
		Note: fmt.Sprintf("It reached %d of %d cameras and did not come up on %d; %s", reached, len(r.cast.cameras), down, end)})
}
