package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
	"camswarm/verify/sign"
)

func newRolloutCommand() *cobra.Command {
	return cli.Group("rollout", "Decide which cameras may install a release, and when", `A rollout policy belongs to one release and one region; a region without its own
follows the default (no --region). Each camera evaluates it alone. Only the
product's operator can change it, and it can only hold back what the
manufacturer signed.`,
		newRolloutPlanCommand(), newRolloutSetCommand(), newRolloutShowCommand(),
		newRolloutHaltCommand(true), newRolloutHaltCommand(false), newRolloutBarrierCommand())
}

// rolloutFlags are the parts of a policy as an operator writes them.
type rolloutFlags struct {
	mode, start, from, to, notBefore, label string
	duration                                time.Duration
	warm                                    bool
	canaries                                []string
}

func (f *rolloutFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.mode, "mode", "", "paused, canary, percent or all")
	fl.StringArrayVar(&f.canaries, "canary", nil, "canary: DID of a camera that may install; may be repeated")
	fl.StringVar(&f.label, "label", "", "canary: cameras provisioned with this label may install")
	fl.StringVar(&f.start, "start", "", "percent: when the ramp starts: now, +1h, or a time (default now)")
	fl.DurationVar(&f.duration, "duration", 0, "percent: how long the ramp takes (default at once)")
	fl.StringVar(&f.from, "from", "0%", "percent: share of cameras at the start")
	fl.StringVar(&f.to, "to", "100%", "percent: share of cameras at the end")
	fl.StringVar(&f.notBefore, "not-before", "", "nobody installs before: now, +1h, or a time")
	fl.BoolVar(&f.warm, "warm", false, "cameras may fetch and serve before they may install")
}

// changed names a flag of a policy other than --mode that was given, "" for none.
func (f *rolloutFlags) changed(changed func(string) bool) string {
	for _, flag := range []string{"canary", "label", "start", "duration", "from", "to", "not-before", "warm"} {
		if changed(flag) {
			return flag
		}
	}
	return ""
}

// policy checks the flags against one another and the limits of the contract.
func (f *rolloutFlags) policy(changed func(string) bool, now time.Time) (p verify.Rollout, err error) {
	if p.Mode, err = verify.ParseRolloutMode(f.mode); err != nil {
		return p, cli.Choice("mode", f.mode, verify.RolloutModes())
	}
	for flag, mode := range map[string]verify.RolloutMode{
		"canary": verify.RolloutCanary, "label": verify.RolloutCanary, "start": verify.RolloutPercent,
		"duration": verify.RolloutPercent, "from": verify.RolloutPercent, "to": verify.RolloutPercent,
	} {
		if changed(flag) && p.Mode != mode {
			return p, cli.Usagef("--%s is for --mode %s", flag, mode)
		}
	}
	p.Warm = f.warm
	if p.NotBefore, err = parseTime("not-before", f.notBefore, now); err != nil {
		return p, err
	}
	switch p.Mode {
	case verify.RolloutCanary:
		if len(f.canaries) == 0 && f.label == "" {
			return p, cli.Usagef("--mode canary needs --canary or --label")
		}
		if len(f.canaries) > verify.MaxCanaries {
			return p, cli.Usagef("%d canaries are too many, at most %d are possible: use --label", len(f.canaries), verify.MaxCanaries)
		}
		if err := verify.CheckLabel(f.label); err != nil {
			return p, cli.Usagef("--label: %w", err)
		}
		p.Label = f.label
		for _, s := range f.canaries {
			did, err := verify.ParseDID(s)
			if err != nil {
				return p, cli.Usagef("--canary: %w", err)
			}
			p.Canaries = append(p.Canaries, did.Hash())
		}
	case verify.RolloutPercent:
		if p.StartBps, err = parsePercent("from", f.from); err != nil {
			return p, err
		}
		if p.EndBps, err = parsePercent("to", f.to); err != nil {
			return p, err
		}
		if p.StartBps > p.EndBps {
			return p, cli.Usagef("--from %s is more than --to %s: a ramp only grows", f.from, f.to)
		}
		seconds := f.duration / time.Second
		if f.duration < 0 || f.duration%time.Second != 0 || seconds > math.MaxUint32 {
			return p, cli.Usagef("--duration %s: write whole seconds, at most %d of them", f.duration, uint32(math.MaxUint32))
		}
		p.Duration = uint32(seconds)
		if f.start == "" {
			f.start = "now"
		}
		if p.Start, err = parseTime("start", f.start, now); err != nil {
			return p, err
		}
	}
	return p, nil
}

func newRolloutSetCommand() *cobra.Command {
	var (
		tx     productTx
		region regionFlag
		policy rolloutFlags
	)
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Set the policy of a release in a region",
		Long: `Replaces the policy of one release in one region (or, without --region, of all
regions that have none of their own). A release without any policy is paused.`,
		Example: `  camswarm rollout set --registry registry.json --product acme.example/cam-1 --sequence 2 --key operator.key \
      --mode canary --label early --warm --seed seed
  camswarm rollout set --registry registry.json --product acme.example/cam-1 --sequence 2 --key operator.key \
      --mode percent --from 1% --to 100% --duration 72h --region eu-west
  camswarm rollout set --registry registry.json --product acme.example/cam-1 --sequence 2 --key operator.key --mode all`,
	}
	tx.command(cmd, "operator", "release", func(p verify.Product) (change, error) {
		where, err := region.parse()
		if err != nil {
			return change{}, err
		}
		rollout, err := policy.policy(cmd.Flags().Changed, time.Now())
		if err != nil {
			return change{}, err
		}
		did := fmt.Sprintf("release %d of %s in %s: %s", tx.sequence, p, regionName(where), describe(rollout))
		return change{
			did: did,
			already: func(ctx context.Context, r *registry.Registry) (string, error) {
				has, err := hasPolicy(ctx, r, p.ID(), tx.sequence, where, rollout)
				return already(did, has, err)
			},
			send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
				return r.SetRollout(ctx, key, p.ID(), tx.sequence, where, rollout)
			},
			warn: func(ctx context.Context, r *registry.Registry) ([]string, error) {
				return inTheWay(ctx, r, p, tx.sequence)
			},
		}, nil
	})
	region.add(cmd, "region code (default all regions without their own policy)")
	policy.add(cmd)
	_ = cmd.MarkFlagRequired("mode")
	return cmd
}

// hasPolicy reports whether a release certainly has a policy in a region. The
// view shows the default's where a region has none of its own: then only a policy
// that is not the default's is the region's.
func hasPolicy(ctx context.Context, r *registry.Registry, product verify.ProductID, sequence uint64, region verify.Region, want verify.Rollout) (bool, error) {
	has := func(region verify.Region) (bool, error) {
		view, err := r.Check(ctx, product, region)
		return slices.ContainsFunc(view.Candidates, func(c verify.Candidate) bool {
			return c.Sequence == sequence && samePolicy(c.Rollout, want)
		}), err
	}
	if there, err := has(region); !there || err != nil || region == "" {
		return there, err
	}
	byDefault, err := has("")
	return !byDefault, err
}

// samePolicy compares two policies; a halt is no part of one.
func samePolicy(a, b verify.Rollout) bool {
	same := slices.Equal(a.Canaries, b.Canaries)
	a.Canaries, b.Canaries, a.Halted, b.Halted = nil, nil, false, false
	return same && reflect.DeepEqual(a, b)
}

// inTheWay says why cameras do not install a release whatever its policy.
func inTheWay(ctx context.Context, r *registry.Registry, p verify.Product, sequence uint64) (warnings []string, err error) {
	view, err := r.Check(ctx, p.ID(), "")
	if err != nil {
		return nil, err
	}
	halted, err := r.Halted(ctx, p.ID(), sequence)
	if err != nil {
		return nil, err
	}
	if halted {
		warnings = append(warnings, fmt.Sprintf("release %d is HALTED: no camera installs it before 'camswarm rollout resume'", sequence))
	}
	if view.Paused {
		warnings = append(warnings, "the registry is PAUSED: no camera installs anything before 'camswarm registry unpause'")
	}
	if sequence < view.MinSequence {
		warnings = append(warnings, fmt.Sprintf("nothing below release %d is installed: the manufacturer has raised the floor", view.MinSequence))
	}
	return warnings, nil
}

func regionName(r verify.Region) string {
	if r == "" {
		return "the default region"
	}
	return "region " + string(r)
}

// describe puts a policy in words, and whether the release is halted.
func describe(r verify.Rollout) string {
	s := r.Words()
	if r.Halted {
		s += ", HALTED"
	}
	return s
}

// rolloutFacts is one row of `rollout show`.
type rolloutFacts struct {
	Sequence  uint64             `json:"sequence"`
	Version   string             `json:"version"`
	Region    verify.Region      `json:"region"`
	Mode      verify.RolloutMode `json:"mode"`
	Halted    bool               `json:"halted"`
	Warm      bool               `json:"warm"`
	NotBefore uint64             `json:"notBefore"`
	Start     uint64             `json:"start"`
	Duration  uint32             `json:"durationSeconds"`
	StartBps  uint16             `json:"startBps"`
	EndBps    uint16             `json:"endBps"`
	Label     string             `json:"label"`
	Canaries  []string           `json:"canaries"` // SHA-256 of the DIDs, hexadecimal
}

func rolloutFactsOf(region verify.Region, c verify.Candidate) rolloutFacts {
	r := c.Rollout
	f := rolloutFacts{
		Sequence: c.Sequence, Version: c.Version, Region: region, Mode: r.Mode, Halted: r.Halted, Warm: r.Warm,
		NotBefore: r.NotBefore, Start: r.Start, Duration: r.Duration, StartBps: r.StartBps, EndBps: r.EndBps,
		Label: r.Label, Canaries: []string{},
	}
	for _, h := range r.Canaries {
		f.Canaries = append(f.Canaries, hex.EncodeToString(h[:]))
	}
	return f
}

func newRolloutShowCommand() *cobra.Command {
	var (
		reg     registryFlags
		product productFlag
		regions []string
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the policies that cameras of a region see",
		Long: `Shows the policies of the releases on offer: the newest that are not revoked,
and the barrier. Name regions to see theirs; without one it shows the default.`,
		Example: `  camswarm rollout show --registry registry.json --product acme.example/cam-1 --region eu-west --region us-east`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := product.of(&reg)
			if err != nil {
				return err
			}
			if len(regions) == 0 {
				regions = []string{""}
			}
			type facts struct {
				Product  verify.Product `json:"product"`
				Paused   bool           `json:"paused"` // the whole registry
				Barrier  uint64         `json:"barrier"`
				Rollouts []rolloutFacts `json:"rollouts"`
			}
			out := facts{Product: p, Rollouts: []rolloutFacts{}}
			var lines []string
			err = reg.withRegistry(cmd, func(ctx context.Context, _ *registryFile, r *registry.Registry) error {
				for _, s := range regions {
					region, err := verify.ParseRegion(s)
					if err != nil {
						return cli.Usagef("--region: %w", err)
					}
					view, err := r.Check(ctx, p.ID(), region)
					if err != nil {
						return err
					}
					out.Paused, out.Barrier = view.Paused, view.Barrier
					for _, c := range view.Candidates {
						out.Rollouts = append(out.Rollouts, rolloutFactsOf(region, c))
						lines = append(lines, fmt.Sprintf("release %d (%s) in %s: %s", c.Sequence, cli.Line(c.Version), regionName(region), describe(c.Rollout)))
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			return cli.PrintFacts(cmd, asJSON, out, func(w io.Writer) {
				if out.Paused {
					fmt.Fprintln(w, "the registry is PAUSED: nothing is installed whatever the policies say")
				}
				if out.Barrier > 0 {
					fmt.Fprintf(w, "every camera below release %d must install it first\n", out.Barrier)
				}
				if len(lines) == 0 {
					fmt.Fprintln(w, "no release is on offer")
				}
				for _, l := range lines {
					fmt.Fprintln(w, l)
				}
			})
		},
	}
	reg.add(cmd)
	product.add(cmd)
	cmd.Flags().StringArrayVar(&regions, "region", nil, "region code; may be repeated")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func newRolloutHaltCommand(halt bool) *cobra.Command {
	var tx productTx
	use, short, state := "halt", "Stop a release in all regions at once, whatever its policies say", "is halted"
	if !halt {
		use, short, state = "resume", "Lift the halt: the policies apply again", "follows its policies"
	}
	return tx.command(&cobra.Command{
		Use:     use,
		Short:   short,
		Example: fmt.Sprintf(`  camswarm rollout %s --registry registry.json --product acme.example/cam-1 --sequence 2 --key operator.key --seed seed`, use),
	}, "operator", "release", func(p verify.Product) (change, error) {
		did := fmt.Sprintf("release %d of %s %s", tx.sequence, p, state)
		return change{
			did: did,
			already: func(ctx context.Context, r *registry.Registry) (string, error) {
				halted, err := r.Halted(ctx, p.ID(), tx.sequence)
				return already(did, halted == halt, err)
			},
			send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
				return r.SetHalted(ctx, key, p.ID(), tx.sequence, halt)
			},
		}, nil
	})
}

func newRolloutBarrierCommand() *cobra.Command {
	var tx productTx
	return tx.command(&cobra.Command{
		Use:   "barrier",
		Short: "Name a release that every older camera must install first",
		Example: `  camswarm rollout barrier --registry registry.json --product acme.example/cam-1 --sequence 2 --key operator.key
  camswarm rollout barrier --registry registry.json --product acme.example/cam-1 --sequence 0 --key operator.key`,
	}, "operator", "release, 0 lifts the barrier", func(p verify.Product) (change, error) {
		did := fmt.Sprintf("cameras of %s below release %d must install it first", p, tx.sequence)
		if tx.sequence == 0 {
			did = fmt.Sprintf("%s has no barrier", p)
		}
		return change{
			did: did,
			already: func(ctx context.Context, r *registry.Registry) (string, error) {
				view, err := r.Check(ctx, p.ID(), "")
				return already(did, view.Barrier == tx.sequence, err)
			},
			send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
				return r.SetBarrier(ctx, key, p.ID(), tx.sequence)
			},
		}, nil
	})
}
