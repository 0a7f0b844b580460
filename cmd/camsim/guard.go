package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"camswarm/announce/beacon"
	"camswarm/announce/guard"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
)

// A rehearsal is a fleet and a release that fails on a share of its cameras, as a model:
// who may install is decided by verify.Choose and what a guard does by guard.Decide, as
// they are; all else is a time. A camera that may install does so at a moment, evenly
// drawn, of the next wake; whether the release works there is known after confirm; the
// camera, if it tells, tells within half a minute more.
type rehearsal struct {
	cameras, canaries, seeds int
	fails, tells             float64 // shares of the cameras
	wake, confirm, every     time.Duration
	step                     time.Duration // between two steps of the timetable
	plan                     guard.Plan
	random                   uint64
}

// rehearsed is how a rollout went.
type rehearsed struct {
	How         string  `json:"how"`
	Reached     int     `json:"reached"` // cameras that installed the release
	Failed      int     `json:"failed"`  // of them
	Halted      bool    `json:"halted"`
	Hours       float64 `json:"hours"` // until it was halted, or until the last camera installed it
	guardTried  int
	lastInstall time.Duration
}

// The ways to go about a rollout.
const (
	unwatched = "by timetable, nobody watches"
	watched   = "by timetable, a guard halts"
	guarded   = "a guard widens and halts"
)

// timetable are the shares of a rollout in basis points, after the canaries.
var timetable = []uint16{1000, 5000, 10000}

// play plays one way.
func (r rehearsal) play(how string) rehearsed {
	rng := rand.New(rand.NewPCG(r.random, 1))
	out, start := rehearsed{How: how}, time.Unix(1_800_000_000, 0)
	type camera struct {
		device      verify.Device
		works       bool
		tells       bool
		wake, delay time.Duration
		due         time.Duration // when it installs; 0: it may not yet
	}
	all := make([]camera, r.cameras)
	for i := range all {
		c := &all[i]
		c.device = verify.Device{DID: fmt.Sprintf("camera %d of %d", i, r.random), Installed: 1}
		if i < r.canaries {
			c.device.Label = "early"
		}
		c.works, c.tells = rng.Float64() >= r.fails, rng.Float64() < r.tells
		c.wake = 1 + time.Duration(rng.Int64N(int64(r.wake)))
		c.delay = r.confirm + time.Duration(rng.Int64N(int64(30*time.Second)))
	}
	view := verify.View{Latest: 2, Candidates: []verify.Candidate{{Release: verify.Release{Sequence: 2, Envelope: [32]byte{byte(r.random)}}}}}
	policy := &view.Candidates[0].Rollout
	*policy = verify.Rollout{Mode: verify.RolloutCanary, Label: "early", Warm: true}
	installs, told := map[int][]int{}, map[int][]int{} // cameras, by the look before which it happens
	look := func(at time.Duration) int { return int((at + r.every - 1) / r.every) }
	admit := func(now time.Duration) {
		for i := range all {
			if c := &all[i]; c.due == 0 && verify.Choose(&view, c.device, uint64(start.Add(now).Unix())).Install {
				c.due = now + c.wake
				installs[look(c.due)] = append(installs[look(c.due)], i)
			}
		}
	}
	admit(0)
	since, next := time.Duration(0), 0
	seeds := make([]guard.Evidence, r.seeds)
	for i := range seeds {
		seeds[i] = guard.Evidence{Seed: fmt.Sprint("seed ", i+1), Count: beacon.ReleaseCount{States: map[beacon.State]int{}}}
	}
	for i, c := range all {
		if c.tells {
			seeds[i%r.seeds].Cameras++
		}
	}
	plan := r.plan
	plan.Seeds = r.seeds
	if how != guarded {
		plan.Steps = nil
	}
	last := len(timetable)*int(r.step/r.every) + 2*look(r.wake+r.confirm)
	if how == guarded {
		last *= 4 // it takes its time
	}
	for k := 1; k <= last; k++ {
		now := time.Duration(k) * r.every
		for _, i := range installs[k] {
			c := &all[i]
			out.Reached++
			out.lastInstall = c.due
			if !c.works {
				out.Failed++
			}
			if c.tells {
				seeds[i%r.seeds].Count.States[beacon.StateInstalled]++
				told[look(c.due+c.delay)] = append(told[look(c.due+c.delay)], i)
			}
		}
		for _, i := range told[k] {
			state := beacon.StateConfirmed
			if !all[i].works {
				state = beacon.StateRolledBack
			}
			seeds[i%r.seeds].Count.States[beacon.StateInstalled]--
			seeds[i%r.seeds].Count.States[state]++
		}
		if how != guarded && next < len(timetable) && now >= time.Duration(next+1)*r.step {
			*policy = guard.Wider(*policy, timetable[next], uint64(start.Add(now).Unix()))
			next++
			admit(now)
		}
		if how == unwatched {
			continue
		}
		s := guard.Situation{Now: start.Add(now), Since: start.Add(since), Head: start.Add(now), Offered: true, Policy: *policy}
		for _, e := range seeds {
			e.At = s.Now
			s.Seeds = append(s.Seeds, e)
		}
		switch d := guard.Decide(plan, s); d.Action {
		case guard.Halt: // cameras ask the chain before they install
			out.Halted, out.Hours, out.guardTried = true, now.Hours(), d.Tried
			return out
		case guard.Widen:
			*policy = guard.Wider(*policy, d.To, uint64(s.Now.Unix()))
			since = now
			admit(now)
		}
	}
	out.Hours = out.lastInstall.Hours()
	return out
}

func newGuardCommand() *cobra.Command {
	r := rehearsal{fails: 0.3, tells: 0.5, plan: guard.Plan{Bound: 0.05, Confidence: 0.99, Steps: timetable, Settled: 0.5, MaxAge: 5 * time.Minute, Seeds: 1}}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "guard",
		Short: "How many cameras a bad release reaches, with and without a guard",
		Long: `Plays the rollout of the scenario canary (canaries, 10 %, 50 %, all) over a fleet as a
model, with a release that fails on a share of the cameras: by a timetable that
nobody watches, by one that 'camswarm guard' watches, and by the guard's own plan.
What the cameras and the guard decide is decided by the code that they run; docs/FLEET.md.`,
		Example: `  camsim guard --cameras 100000 --fails 30%`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.cameras < 1 || r.cameras > 1_000_000 || r.canaries < 0 || r.canaries > r.cameras || r.seeds < 1 || r.every < time.Second || r.wake <= 0 || r.confirm < 0 || r.step < r.every {
				return cli.Usagef("--cameras is from 1 to 1000000, --canaries at most that, times are positive and --step is at least --every")
			}
			if err := r.plan.Validate(); err != nil {
				return cli.Usage(err)
			}
			var out []rehearsed
			for _, how := range []string{unwatched, watched, guarded} {
				out = append(out, r.play(how))
			}
			return cli.PrintFacts(cmd, asJSON, out, func(w io.Writer) {
				fmt.Fprintf(w, "%d cameras, %d of them canaries, %.0f %% tell; the release fails on %.1f %%\n", r.cameras, r.canaries, 100*r.tells, 100*r.fails)
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "HOW\tINSTALLED IT\tFAILED\tEND")
				for _, o := range out {
					end := fmt.Sprintf("the last install after %.1f h", o.Hours)
					if o.Halted {
						end = fmt.Sprintf("halted after %.1f h, on the word of %d cameras", o.Hours, o.guardTried)
					}
					fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", o.How, o.Reached, o.Failed, end)
				}
				_ = t.Flush()
			})
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&r.cameras, "cameras", 100_000, "cameras, up to a million")
	fl.IntVar(&r.canaries, "canaries", 500, "canaries among them")
	fl.IntVar(&r.seeds, "seeds", 3, "seeds that count")
	fl.Var((*guard.Share)(&r.fails), "fails", "share of the cameras on which the release fails")
	fl.Var((*guard.Share)(&r.tells), "tells", "share of the cameras that tell (beacons.tell)")
	fl.DurationVar(&r.wake, "wake", 12*time.Hour, "time within which a camera that may install does: its maintenance window, or when it is switched on")
	fl.DurationVar(&r.confirm, "confirm", 5*time.Minute, "time from an install until it is known whether it works")
	fl.DurationVar(&r.every, "every", time.Minute, "how often the guard looks")
	fl.DurationVar(&r.step, "step", 24*time.Hour, "time between two steps of the timetable")
	fl.Var((*guard.Share)(&r.plan.Bound), "bound", "rate of failures that is too much")
	fl.Var((*guard.Share)(&r.plan.Confidence), "confidence", "how sure to be")
	fl.IntVar(&r.plan.MinSample, "min-sample", 20, "cameras that must have tried it")
	fl.DurationVar(&r.plan.Hold, "hold", 6*time.Hour, "least time between two steps of the guard's plan")
	fl.Uint64Var(&r.random, "seed", 1, "random seed")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
