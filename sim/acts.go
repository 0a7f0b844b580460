package sim

import (
	"context"
	"fmt"
	"sync"
	"time"

	"camswarm/announce"
	"camswarm/sim/report"
	"camswarm/verify"
)

// rollout takes the operator's later steps, each told by a hint.
func (r *run) rollout(ctx context.Context, i int) {
	for k, state := range r.script.steps[i] {
		if k > 0 {
			if sleep(ctx, r.s.Rollout[k].At-time.Since(r.start)) != nil {
				return
			}
			view, err := r.stateView(state)
			if err != nil {
				r.violate(recorded, "", err.Error())
				return
			}
			if !r.step(k, state) {
				return
			}
			seed := r.seedMembers()[0]
			if err := seed.node.Announce(ctx, announce.Announcement{Product: r.script.product.ID(), Sequence: r.target, Rev: view.Rev, Block: view.RevBlock}); err != nil && ctx.Err() == nil {
				r.violate(announces, seed.actor.name, err.Error())
			}
		}
		if len(r.s.Rollout) > 0 {
			r.stage(k, state)
		}
	}
}

// stage opens the record of a rollout step: who may install from now on.
func (r *run) stage(k, state int) {
	step := r.s.Rollout[k]
	name := step.Mode
	switch step.Mode {
	case "canary":
		name = fmt.Sprintf("canary, %d cameras", step.Canaries)
	case "percent":
		name = fmt.Sprintf("%g %%", step.Percent)
	}
	eligible := 0
	for _, m := range r.cameraMembers() {
		view, err := r.stateViewFor(state, verify.Region(m.actor.region))
		if err != nil {
			continue
		}
		if verify.Choose(&view, verify.Device{DID: string(m.actor.did)}, uint64(time.Now().Unix())).Install {
			eligible++
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stages = append(r.stages, report.Stage{Name: name, AtSeconds: time.Since(r.start).Seconds(), Eligible: eligible})
}

// stopLimit is how long a run waits for cameras that have not heard of a stop: less
// than they would need to find it by themselves.
const stopLimit = time.Minute

// stop has the chain make the block with the scenario's stop, and waits until every
// camera that runs acts on it.
func (r *run) stop(ctx context.Context) error {
	if r.s.Stop.Kind == "" {
		return nil
	}
	if err := sleep(ctx, r.s.Stop.Idle); err != nil {
		return err
	}
	view, err := r.stateView(r.script.stopped)
	if err != nil {
		return err
	}
	r.enter("stop: " + r.s.Stop.Kind)
	block := time.Now()
	var there []*member
	for _, m := range r.cameraMembers() {
		if m.expectStop(view.Rev, block) {
			there = append(there, m)
		}
	}
	r.chain.set(r.script.stopped)
	stage := report.Stage{Name: "stop: " + r.s.Stop.Kind, AtSeconds: block.Sub(r.start).Seconds(), Eligible: len(there)}
	var took []float64
	for {
		took = took[:0]
		for _, m := range there {
			if d := m.stopAfter(); d != never {
				took = append(took, d.Seconds())
			}
		}
		if len(took) == len(there) || time.Since(block) > stopLimit {
			break
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	stage.Completion, stage.Unfinished = report.QuantilesOf(took), len(there)-len(took)
	for _, m := range there {
		if m.stopAfter() == never {
			r.violate(stopReaches, m.actor.name, fmt.Sprintf("it has not heard of the %s after %v", r.s.Stop.Kind, stopLimit))
		}
	}
	r.stopStage = &stage
	return nil
}

// schedule starts what happens to the network during the last release.
func (r *run) schedule(ctx context.Context, acts *sync.WaitGroup) {
	for _, m := range r.members {
		if m.actor.late > 0 {
			acts.Go(func() {
				if sleep(ctx, m.actor.late) == nil {
					if err := m.begin(context.WithoutCancel(ctx)); err != nil {
						r.violate(startsAgain, m.actor.name, err.Error())
					}
				}
			})
		}
		if m.actor.leaves >= 0 {
			acts.Go(func() { m.comeAndGo(ctx) })
		}
	}
	if n := r.s.Late.Share; n > 0 {
		r.fault("late", 0, int(n*float64(r.s.Nodes)+0.5), fmt.Sprintf("start during %v", r.s.Late.Over))
	}
	if n := r.s.Churn.Leave; n > 0 {
		note := "for good"
		if r.s.Churn.Back > 0 {
			note = fmt.Sprintf("each for %v", r.s.Churn.Back)
		}
		r.fault("leave", r.s.Churn.From, int(n*float64(r.s.Nodes)+0.5), fmt.Sprintf("%s, during %v", note, r.s.Churn.Over))
	}
	if n := r.s.Seeds.Lost; n > 0 {
		acts.Go(func() {
			if sleep(ctx, r.s.Seeds.LostAt) != nil {
				return
			}
			r.fault("seeds lost", r.s.Seeds.LostAt, n, "for good")
			first, end := len(r.cast.seeds)-n, len(r.cast.seeds)
			r.net.Cut(func(a, _ int) bool { return first <= a && a < end })
		})
	}
	if p := r.s.Partition; p.Share > 0 {
		acts.Go(func() {
			if sleep(ctx, p.From) != nil {
				return
			}
			r.fault("partition", p.From, int(p.Share*float64(r.s.Nodes)+0.5), fmt.Sprintf("cut off from the seeds and the rest for %v", p.For))
			r.net.Cut(func(a, b int) bool { return r.cast.actors[a].cut != r.cast.actors[b].cut })
			_ = sleep(ctx, p.For)
			r.net.Cut(nil)
			r.fault("heal", p.From+p.For, 0, "")
		})
	}
}

func (r *run) fault(kind string, at time.Duration, nodes int, note string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, report.Fault{Kind: kind, AtSeconds: at.Seconds(), Nodes: nodes, Note: note})
}
