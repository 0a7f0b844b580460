package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/announce/beacon"
	"camswarm/announce/guard"
	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// exitHalted is how a guard ends that has halted a release.
const exitHalted = 3

// watch is a guard at work.
type watch struct {
	cmd      *cobra.Command
	reg      registryFlags
	product  verify.Product
	sequence uint64
	from     []string
	seeds    seedFlag
	plan     guard.Plan
	key      *sign.Key // nil: a dry run
	asJSON   bool

	policy verify.Rollout // seen last,
	since  time.Time      // and since when
	said   string
	step   *step // sent, and what it took the place of is not known yet
	heard  bool  // a seed that counts the product has answered
}

// guardLine is what the guard prints when something changes.
type guardLine struct {
	Time     time.Time `json:"time"`
	Sequence uint64    `json:"sequence"`
	Policy   string    `json:"policy"`
	guard.Decision
	DryRun      bool   `json:"dryRun,omitempty"`
	Transaction string `json:"transaction,omitempty"`
	Trouble     string `json:"trouble,omitempty"` // what kept the guard from looking or acting; it tries again
}

func newGuardCommand() *cobra.Command {
	var (
		w                                 watch
		product                           productFlag
		keyPath                           string
		steps, bound, confidence, settled string
		every                             time.Duration
		dryRun, once, untilDone           bool
	)
	cmd := &cobra.Command{
		Use:   "guard",
		Short: "Watch a rollout: halt it when cameras fail, widen it by plan when they do not",
		Long: `Looks, again and again, at what seeds count of the cameras that tell (see
'camswarm fleet') and at the chain. It halts the release in all regions when the
rate of failures is certainly above --bound, of all cameras or of one seed's; it
widens the default policy by --steps when everything says that the rate is
certainly below: enough cameras, enough of those that may install, fresh reports
of all seeds, --hold. It never resumes, narrows or begins a rollout, and leaves
regions with policies of their own alone, but for the halt. With --dry-run it
says what it would do. Ends with 3 after it has halted. docs/FLEET.md`,
		Example: `  camswarm guard --registry registry.json --product acme.example/cam-1 --sequence 2 --key operator.key \
      --from seed-eu --from seed-us --bound 5% --steps 10%,50%,100% --hold 6h --seed seed-eu
  camswarm guard --registry registry.json --product acme.example/cam-1 --sequence 2 --dry-run --from seed --once --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if w.product, err = product.of(&w.reg); err != nil {
				return err
			}
			w.cmd = cmd
			if err := w.parse(steps, bound, confidence, settled); err != nil {
				return err
			}
			if err := checkFrom(w.from); err != nil {
				return cli.Usage(err)
			}
			switch {
			case every < time.Second:
				return cli.Usagef("--every %v: at least a second", every)
			case dryRun && keyPath != "":
				return cli.Usagef("--dry-run needs no --key")
			case !dryRun && keyPath == "":
				return cli.Usagef("--key or --dry-run is needed")
			case !dryRun:
				if w.key, err = loadChainKey(cmd, keyPath); err != nil {
					return err
				}
			}
			for {
				action, err := w.look(cmd.Context())
				switch {
				case cmd.Context().Err() != nil:
					return nil
				case err != nil && (once || errors.Is(err, errOverwrote)):
					return err
				case w.step != nil: // no end before it is known
				case action == guard.Done && (once || untilDone) && !w.heard:
					return errors.New("none of the seeds of --from counts the product: nobody watches the rollout")
				case action == guard.Halt && w.key != nil && err == nil:
					return &cli.ExitError{Code: exitHalted}
				case once, untilDone && action == guard.Done:
					return nil
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(every):
				}
			}
		},
	}
	fl := cmd.Flags()
	w.reg.add(cmd)
	product.add(cmd)
	addSequence(cmd, &w.sequence, "release")
	fl.StringVar(&keyPath, "key", "", "secret key file of the operator (secp256k1)")
	addPassphrase(cmd)
	addFrom(cmd, &w.from)
	w.seeds.add(cmd)
	fl.StringVar(&steps, "steps", "10%,50%,100%", "shares of cameras, growing; \"\" only ever halts")
	fl.StringVar(&bound, "bound", "5%", "rate of failures that is too much")
	fl.StringVar(&confidence, "confidence", "99%", "how sure to be, before halting as before widening")
	fl.IntVar(&w.plan.MinSample, "min-sample", 20, "cameras of which it must be known whether the release works there")
	fl.StringVar(&settled, "settled", "50%", "share of the cameras that may install of which it must be known before the next step")
	fl.DurationVar(&w.plan.Hold, "hold", time.Hour, "least time between two steps")
	fl.DurationVar(&w.plan.MaxAge, "max-age", 5*time.Minute, "age of a seed's report and of the chain's head beyond which nothing is widened")
	fl.IntVar(&w.plan.Seeds, "need", 0, "seeds that must have answered before the next step (default all)")
	fl.DurationVar(&w.plan.Counting, "counting", beacon.RenewEvery, "how long each of them must have counted: who restarted has forgotten, and cameras tell again in that time")
	fl.DurationVar(&every, "every", 30*time.Second, "how often to look")
	fl.BoolVar(&dryRun, "dry-run", false, "only say what would be done")
	fl.BoolVar(&once, "once", false, "look once")
	fl.BoolVar(&untilDone, "until-done", false, "end when every step is taken")
	cli.AddJSON(cmd, &w.asJSON)
	return cmd
}

// parse completes the plan by its flags.
func (w *watch) parse(steps, bound, confidence, settled string) (err error) {
	w.plan.Steps = nil
	for s := range strings.SplitSeq(steps, ",") {
		if s == "" && steps == "" {
			break
		}
		step, err := parsePercent("steps", strings.TrimSpace(s))
		if err != nil {
			return err
		}
		w.plan.Steps = append(w.plan.Steps, step)
	}
	for _, f := range []struct {
		flag, text string
		to         *float64
	}{{"bound", bound, &w.plan.Bound}, {"confidence", confidence, &w.plan.Confidence}, {"settled", settled, &w.plan.Settled}} {
		if *f.to, err = guard.ParseShare(f.text); err != nil {
			return cli.Usagef("--%s %w", f.flag, err)
		}
	}
	slices.Sort(w.from)
	w.from = slices.Compact(w.from)
	if w.plan.Seeds == 0 {
		w.plan.Seeds = len(w.from)
	}
	if err := w.plan.Validate(); err != nil {
		return cli.Usage(err)
	}
	return nil
}

// look looks once and acts. What goes wrong is said, returned, and tried again with
// the next look.
func (w *watch) look(ctx context.Context) (guard.Action, error) {
	line := guardLine{Time: time.Now().UTC().Truncate(time.Second), Sequence: w.sequence, DryRun: w.key == nil}
	seeds := w.ask(ctx) // before the chain, whose answer is to be of this moment and has a time limit of its own
	err := w.reg.withClient(w.cmd, func(ctx context.Context, _ *registryFile, client *registry.Client, reg *registry.Registry) error {
		s, seen, err := w.situation(ctx, reg)
		if err != nil {
			return err
		}
		s.Seeds = seeds
		line.Policy = describe(s.Policy)
		line.Decision = guard.Decide(w.plan, s)
		tx, err := w.act(ctx, client, reg, s, seen, line.Decision)
		if tx.Hash != ([32]byte{}) {
			line.Transaction = tx.String()
		}
		return err
	})
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		line.Trouble = err.Error()
	}
	return line.Action, joinSaid(err, w.say(line))
}

// joinSaid prefers what went wrong with the work to what went wrong with telling.
func joinSaid(err, said error) error {
	if err != nil {
		return err
	}
	return said
}

// say prints a line, unless it says what the one before said.
func (w *watch) say(l guardLine) error {
	text := string(l.Action) + ": " + l.Reason
	if l.Action == guard.Widen {
		text = fmt.Sprintf("widen to %s: %s", guard.Share(float64(l.To)/verify.MaxBps), l.Reason)
	}
	if l.Trouble != "" {
		text = strings.TrimPrefix(text+"; ", ": ; ") + "trouble: " + l.Trouble
	}
	if text == w.said && l.Transaction == "" {
		return nil
	}
	w.said = text
	if w.asJSON {
		data, err := json.Marshal(l)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w.cmd.OutOrStdout(), string(data))
		return err
	}
	done := ""
	if l.Transaction != "" {
		done = " (transaction " + l.Transaction + ")"
	} else if l.DryRun && (l.Action == guard.Halt || l.Action == guard.Widen) {
		done = " (dry run: nothing was sent)"
	}
	_, err := fmt.Fprintln(w.cmd.OutOrStdout(), l.text(text+done))
	return err
}

// text is the line for people. Where nothing could be seen, nothing is counted.
func (l guardLine) text(what string) string {
	head := fmt.Sprintf("%s release %d", l.Time.Format(time.RFC3339), l.Sequence)
	if l.Action == "" {
		return head + ": " + what
	}
	return fmt.Sprintf("%s, %s: %s; %s %s, %d tried, %d failed", head, l.Policy, what,
		count(l.Cameras, "camera tells", "cameras tell"), count(l.Seeds, "seed", "seeds"), l.Tried, l.Failed)
}

// situation asks the chain; view is what it says of the product.
func (w *watch) situation(ctx context.Context, reg *registry.Registry) (s guard.Situation, view verify.View, err error) {
	if view, err = reg.Check(ctx, w.product.ID(), ""); err != nil {
		return s, view, err
	}
	s.Head, s.Paused = time.Unix(int64(min(view.Time, 1<<40)), 0), view.Paused
	for _, c := range view.Candidates {
		if c.Sequence == w.sequence {
			s.Offered, s.Policy = !c.Revoked, c.Rollout
		}
	}
	if s.Policy.Halted, err = reg.Halted(ctx, w.product.ID(), w.sequence); err != nil {
		return s, view, err
	}
	s.Now = time.Now()
	if w.since.IsZero() || !samePolicy(w.policy, s.Policy) {
		w.policy, w.since = s.Policy, s.Now
	}
	s.Since = w.since
	if s.Policy.Mode == verify.RolloutPercent && s.Policy.Duration == 0 { // so that a guard may be restarted
		s.Since = time.Unix(int64(min(s.Policy.Start, 1<<40)), 0)
	}
	return s, view, nil
}

// ask asks the seeds.
func (w *watch) ask(ctx context.Context) (out []guard.Evidence) {
	known := map[string]bool{}
	for i, a := range askSeeds(ctx, w.from) {
		e := guard.Evidence{Seed: w.from[i]}
		if a.err != nil {
			cli.Note(w.cmd, "%s: %v", e.Seed, a.err)
		} else if known[a.fleet.Seed] {
			cli.Note(w.cmd, "%s is a seed that is named before; it counts once", e.Seed)
		} else {
			known[a.fleet.Seed] = true
			if e = guard.EvidenceOf(e.Seed, a.fleet, w.product.ID(), w.sequence); e.At.IsZero() {
				cli.Note(w.cmd, "%s does not count %s", e.Seed, w.product)
			} else {
				w.heard = true
			}
		}
		out = append(out, e)
	}
	return out
}

// act does what was decided. A halt takes the place of what the account has in no block
// yet; widening waits for it, and is left if anybody changed the product since it was seen.
// Nothing but a halt comes before it is known what the last step took the place of.
func (w *watch) act(ctx context.Context, client *registry.Client, reg *registry.Registry, s guard.Situation, seen verify.View, d guard.Decision) (tx registry.Tx, err error) {
	if w.key == nil {
		return tx, nil
	}
	if w.step != nil && d.Action != guard.Halt {
		if err := w.giveBack(ctx, client, reg); err != nil {
			return tx, err
		}
	}
	if d.Action != guard.Halt && d.Action != guard.Widen {
		return tx, nil
	}
	account, _ := w.key.Address() // loadChainKey loads no other key
	unsettled, err := client.Unsettled(ctx, account)
	if err != nil {
		return tx, err
	}
	switch d.Action {
	case guard.Halt:
		if unsettled > 0 {
			if err := client.ReplaceFirst(ctx, account); err != nil {
				return tx, err
			}
		}
		if tx, err = reg.SetHalted(ctx, w.key, w.product.ID(), w.sequence, true); err == nil {
			w.step = nil // whatever it took the place of
		}
	case guard.Widen:
		if unsettled > 0 {
			return tx, fmt.Errorf("%w: %d of account %s; nothing was sent", registry.ErrUnsettled, unsettled, account)
		}
		var now verify.View
		if now, err = reg.Check(ctx, w.product.ID(), ""); err != nil {
			return tx, err
		}
		if now.Rev != seen.Rev || now.Paused {
			return tx, fmt.Errorf("product %s went from revision %d to %d, or was paused, meanwhile; nothing was sent", w.product, seen.Rev, now.Rev)
		}
		start := min(uint64(s.Now.Unix()), uint64(s.Head.Unix())) // by the clock that cameras go by too
		tx, err = reg.SetRollout(ctx, w.key, w.product.ID(), w.sequence, "", guard.Wider(s.Policy, d.To, start))
		if failed := err != nil && tx.Block > 0; tx.Hash != ([32]byte{}) && !failed {
			w.step = &step{tx, seen, s.Policy}
		}
		if err == nil {
			if err := w.giveBack(ctx, client, reg); err != nil {
				return tx, err
			}
		}
	}
	if err != nil {
		return tx, sentThough(err, tx)
	}
	if hint := w.seeds.hint(w.cmd, w.product.ID()); hint != nil {
		if err := hint(ctx, reg); err != nil { // they poll
			cli.Note(w.cmd, "%v", err)
		}
	}
	return tx, nil
}

// step is a widening of the guard's.
type step struct {
	tx      registry.Tx
	seen    verify.View    // on which it was decided,
	present verify.Rollout // and the policy then
}

// errOverwrote is wrapped by the error about a policy of somebody else that a step of the
// guard took the place of. It ends the guard: two have different plans.
var errOverwrote = errors.New("somebody else set a policy while the guard's step was under way")

// giveBack puts the policy back in force that the last step took the place of, if it is
// another than the one that the step was decided on: the contract takes no revision that
// a change is tied to. A change after the step has taken its place by itself. When the
// chain does not tell, the step remains to be looked at: a guard that ended for want of an
// answer would leave a rollout that it has just widened to nobody.
func (w *watch) giveBack(ctx context.Context, client *registry.Client, reg *registry.Registry) error {
	theirs, policy, err := w.overwritten(ctx, client, reg)
	if err != nil {
		return fmt.Errorf("transaction %s: the chain does not tell whether the step took the place of somebody's policy: %w; nothing is widened before it does", w.step.tx, err)
	}
	if theirs == nil {
		w.step = nil
		return nil
	}
	back, err := reg.SetRollout(ctx, w.key, w.product.ID(), w.sequence, "", policy)
	if err != nil && back.Hash == ([32]byte{}) {
		return fmt.Errorf("%s, by transaction %#x, is to be put back in force: %w", describe(policy), theirs.Tx, err)
	}
	w.step = nil
	if err != nil {
		return fmt.Errorf("%w: %s, by transaction %#x, and it may not be back in force: %w: set it again", errOverwrote, describe(policy), theirs.Tx, sentThough(err, back))
	}
	return fmt.Errorf("%w: %s, by transaction %#x. It is back in force by transaction %s, and the guard ends: agree on one plan", errOverwrote, describe(policy), theirs.Tx, back)
}

// overwritten returns the change, and its policy, that the last step took the place of;
// nil if there is none.
func (w *watch) overwritten(ctx context.Context, client *registry.Client, reg *registry.Registry) (theirs *registry.Event, policy verify.Rollout, err error) {
	account, _ := w.key.Address()
	unsettled, err := client.Unsettled(ctx, account) // before the log, in which a step may come to be meanwhile
	if err != nil {
		return nil, policy, err
	}
	now, err := reg.Check(ctx, w.product.ID(), "")
	if err != nil {
		return nil, policy, err
	}
	mined := w.step.tx.Block > 0
	if mined && now.Rev == w.step.seen.Rev+1 {
		return nil, policy, nil
	}
	events, err := reg.History(ctx, w.product.ID(), w.step.seen.RevBlock)
	if err != nil {
		return nil, policy, err
	}
	own := slices.IndexFunc(events, func(e registry.Event) bool { return e.Tx == w.step.tx.Hash })
	switch {
	case own < 0 && !mined && unsettled == 0: // it came to nothing
		return nil, policy, nil
	case own < 0:
		return nil, policy, errors.New("its log lacks the step")
	}
	same := func(e registry.Event) bool {
		region, _, ok := e.Rollout()
		return ok && region == "" && e.Sequence == w.sequence && e.Subject == w.product.ID()
	}
	before := slices.DeleteFunc(slices.Clone(events[:own]), func(e registry.Event) bool { return !same(e) })
	if len(before) == 0 || slices.ContainsFunc(events[own+1:], same) {
		return nil, policy, nil
	}
	last := before[len(before)-1]
	if _, policy, _ = last.Rollout(); samePolicy(policy, w.step.present) {
		return nil, policy, nil
	}
	return &last, policy, nil
}
