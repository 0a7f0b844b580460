package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/registry"
	"camswarm/chainwatch/registry/bindings"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
)

// planFacts is what `rollout plan` prints.
type planFacts struct {
	Product  verify.Product `json:"product"`
	Sequence uint64         `json:"sequence"`
	Version  string         `json:"version"`
	Now      uint64         `json:"now"`     // seconds since 1970, as a camera reckons
	Cameras  int            `json:"cameras"` // in the fleet file
	Regions  []regionPlan   `json:"regions"` // by name
	Warnings []string       `json:"warnings"`
}

// regionPlan is when the cameras of one region become eligible. Times are seconds
// since 1970, 0 where nobody does.
type regionPlan struct {
	Region  verify.Region  `json:"region"`
	Policy  rolloutFacts   `json:"policy"`
	Cameras int            `json:"cameras"`
	Current int            `json:"current"` // run the release or a newer one
	Now     int            `json:"now"`     // may install it at once
	Later   int            `json:"later"`   // as time passes, while policies stay
	Never   map[string]int `json:"never"`   // by reason: unless policies change
	Detour  int            `json:"detour"`  // of now and later: install an older release on the way
	First   uint64         `json:"first"`
	P10     uint64         `json:"p10"` // when a tenth of now and later may install it
	P50     uint64         `json:"p50"`
	P90     uint64         `json:"p90"`
	Last    uint64         `json:"last"`

	words string // the policy for people
}

func newRolloutPlanCommand() *cobra.Command {
	var (
		reg        registryFlags
		product    productFlag
		region     regionFlag
		policy     rolloutFlags
		sequence   uint64
		fleet, out string
		asJSON     bool
	)
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show when each camera of a fleet would be eligible, before anything is sent",
		Long: `Works out, with the function that cameras use themselves, who may install a
release and when: as the policies are now, or, with --mode and the flags of
'rollout set', as if that policy were set in --region. Nothing is sent.

The fleet file is CSV; its first line names the columns:

  did,region,label,installed
  did:key:z6Mk…,eu-west,early,1
  did:io:0x1f…,us-east,,1

did is the camera's DID ('camswarm status' shows it), region and label are as in its
configuration, installed is the sequence that it runs; what is empty is the
default region, no label, the factory image. Other columns are left alone.

What only a release's manifest says is not looked at: hardware revisions, and
precursors other than the barrier. A camera that is off, or has its own
maintenance window, comes later.`,
		Example: `  camswarm rollout plan --registry registry.json --product acme.example/cam-1 --sequence 2 --fleet fleet.csv
  camswarm rollout plan --registry registry.json --product acme.example/cam-1 --sequence 2 --fleet fleet.csv \
      --mode percent --from 1% --to 100% --duration 72h --start +12h --region eu-west --out plan.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := product.of(&reg)
			if err != nil {
				return err
			}
			where, err := region.parse()
			if err != nil {
				return err
			}
			var proposed *verify.Rollout
			if policy.mode != "" {
				r, err := policy.policy(cmd.Flags().Changed, time.Now())
				if err != nil {
					return err
				}
				proposed = &r
			} else if flag := policy.changed(cmd.Flags().Changed); flag != "" {
				return cli.Usagef("--%s is part of a policy: name its --mode too", flag)
			}
			if out != "" {
				if _, err := os.Lstat(out); err == nil {
					return fmt.Errorf("%s exists already and is never overwritten", out)
				}
			}
			cameras, err := readFleetFile(fleet)
			if err != nil {
				return err
			}
			var views map[verify.Region]*verify.View
			var warnings []string
			err = reg.withRegistry(cmd, func(ctx context.Context, _ *registryFile, r *registry.Registry) error {
				if views, err = viewsOf(ctx, r, p, cameras); err != nil {
					return err
				}
				if warnings, err = inTheWay(ctx, r, p, sequence); err != nil || proposed == nil {
					return err
				}
				own, err := ownPolicies(ctx, r, p.ID(), sequence)
				if err != nil {
					return err
				}
				more, err := propose(views, own, sequence, where, *proposed)
				warnings = append(warnings, more...)
				return err
			})
			if err != nil {
				return err
			}
			facts, rows, err := plan(p, sequence, cameras, views, time.Now())
			if err != nil {
				return err
			}
			facts.Warnings = append(append([]string{}, warnings...), facts.Warnings...)
			if out != "" {
				if err := writePlan(out, rows); err != nil {
					return err
				}
			}
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	reg.add(cmd)
	product.add(cmd)
	addSequence(cmd, &sequence, "release")
	region.add(cmd, "region of the policy that --mode proposes (default all regions without their own policy)")
	policy.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&fleet, "fleet", "", "fleet file, CSV")
	fl.StringVar(&out, "out", "", "write one row for each camera to this new CSV file")
	_ = cmd.MarkFlagRequired("fleet")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// viewsOf asks for the view of the default region and of each region of a fleet.
func viewsOf(ctx context.Context, r *registry.Registry, p verify.Product, cameras []camera) (map[verify.Region]*verify.View, error) {
	views := map[verify.Region]*verify.View{"": nil}
	for _, c := range cameras {
		views[c.region] = nil
	}
	for region := range views {
		v, err := r.Check(ctx, p.ID(), region)
		if err != nil {
			return nil, err
		}
		views[region] = &v
	}
	return views, nil
}

// ownPolicies returns the regions that have a policy of their own for a release. A
// view does not tell: it shows the default's where a region has none.
func ownPolicies(ctx context.Context, r *registry.Registry, product verify.ProductID, sequence uint64) (map[verify.Region]bool, error) {
	history, err := r.History(ctx, product, 0)
	if err != nil {
		return nil, err
	}
	own := map[verify.Region]bool{}
	for _, e := range history {
		if set, ok := e.Detail.(*bindings.FirmwareRegistryRolloutSet); ok && set.Sequence == sequence {
			region, err := verify.RegionFromBytes32(set.Region)
			if err != nil {
				continue // no camera can be in it
			}
			own[region] = true
		}
	}
	return own, nil
}

// propose puts a policy into the views as if it were set in a region.
func propose(views map[verify.Region]*verify.View, own map[verify.Region]bool, sequence uint64, where verify.Region, policy verify.Rollout) (warnings []string, err error) {
	release, ok := views[""].Candidate(sequence)
	if !ok {
		return nil, fmt.Errorf("release %d is not on offer: publish it first; 'camswarm rollout show' lists what is", sequence)
	}
	if _, there := views[where]; !there {
		warnings = append(warnings, fmt.Sprintf("no camera of the fleet file is in region %s", where))
	}
	for _, region := range slices.Sorted(maps.Keys(views)) {
		if where == "" && region != "" && own[region] {
			warnings = append(warnings, fmt.Sprintf("region %s has its own policy, which the default does not change", region))
			continue
		}
		if where != "" && region != where {
			continue
		}
		v := views[region]
		i := slices.IndexFunc(v.Candidates, func(c verify.Candidate) bool { return c.Sequence == sequence })
		if i < 0 {
			v.Candidates = append(v.Candidates, release)
			i = len(v.Candidates) - 1
		}
		policy.Halted = v.Candidates[i].Rollout.Halted
		v.Candidates[i].Rollout = policy
	}
	return warnings, nil
}

// plannedCamera is one camera's row of a plan.
type plannedCamera struct {
	camera
	at     uint64 // 0: not, see reason
	reason string
	via    []uint64 // older releases that it installs on the way
}

func plan(p verify.Product, sequence uint64, cameras []camera, views map[verify.Region]*verify.View, clock time.Time) (planFacts, []plannedCamera, error) {
	now := verify.Now(uint64(clock.Unix()), views[""].Time)
	facts := planFacts{Product: p, Sequence: sequence, Now: now, Cameras: len(cameras)}
	regions := map[verify.Region]*regionPlan{}
	times := map[verify.Region][]uint64{}
	rows := make([]plannedCamera, 0, len(cameras))
	beyond := 0
	for _, c := range cameras {
		r := regions[c.region]
		if r == nil {
			r = &regionPlan{Region: c.region, Never: map[string]int{}, words: "not on offer"}
			if offered, ok := views[c.region].Candidate(sequence); ok {
				facts.Version = offered.Version
				r.Policy, r.words = rolloutFactsOf(c.region, offered), describe(offered.Rollout)
			}
			regions[c.region] = r
		}
		r.Cameras++
		if c.Installed > views[""].Latest {
			beyond++
		}
		row := plannedCamera{camera: c}
		steps, last := verify.Foresee(views[c.region], c.Device, now)
		i := slices.IndexFunc(steps, func(s verify.Step) bool { return s.Sequence >= sequence })
		switch {
		case c.Installed >= sequence:
			r.Current++
			row.reason = verify.ReasonCurrent
		case i >= 0 && steps[i].Sequence == sequence:
			row.at, row.reason = steps[i].At, verify.ReasonEligible
			for _, s := range steps[:i] {
				row.via = append(row.via, s.Sequence)
			}
			if i > 0 {
				r.Detour++
			}
			if row.at == now {
				r.Now++
			} else {
				r.Later++
			}
			times[c.region] = append(times[c.region], row.at)
		default:
			if row.reason = last.Reason; i >= 0 {
				row.reason = fmt.Sprintf("installs release %d instead", steps[i].Sequence)
			}
			r.Never[row.reason]++
		}
		rows = append(rows, row)
	}
	if beyond > 0 {
		facts.Warnings = append(facts.Warnings, fmt.Sprintf("%s of the fleet file say that they run a release newer than %d, the newest that there is", count(beyond, "camera", "cameras"), views[""].Latest))
	}
	for region, r := range regions {
		if at := times[region]; len(at) > 0 {
			slices.Sort(at)
			share := func(percent int) uint64 { return at[(len(at)*percent+99)/100-1] }
			r.First, r.P10, r.P50, r.P90, r.Last = at[0], share(10), share(50), share(90), at[len(at)-1]
		}
	}
	if facts.Version == "" {
		return facts, nil, fmt.Errorf("release %d is on offer in no region of the fleet: 'camswarm rollout show' lists what is", sequence)
	}
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		facts.Regions = append(facts.Regions, *regions[region])
	}
	return facts, rows, nil
}

func (f planFacts) print(w io.Writer) {
	fmt.Fprintf(w, "release %d (%s) of %s, %d cameras, times in UTC, now %s\n", f.Sequence, cli.Line(f.Version), f.Product, f.Cameras, unixTime(f.Now))
	for _, warning := range f.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	for _, r := range f.Regions {
		fmt.Fprintf(w, "%s: %s\n", regionName(r.Region), r.words)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nREGION\tCAMERAS\tHAVE IT\tNOW\tLATER\tNEVER\tFIRST\t10 %\t50 %\t90 %\tLAST")
	for _, r := range f.Regions {
		never := 0
		for _, n := range r.Never {
			never += n
		}
		name := string(r.Region)
		if name == "" {
			name = "(default)"
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d", name, r.Cameras, r.Current, r.Now, r.Later, never)
		for _, at := range []uint64{r.First, r.P10, r.P50, r.P90, r.Last} {
			fmt.Fprintf(t, "\t%s", moment(at, f.Now))
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush()
	for _, r := range f.Regions {
		for _, reason := range slices.Sorted(maps.Keys(r.Never)) {
			fmt.Fprintf(w, "%s: %d never: %s\n", regionName(r.Region), r.Never[reason], reason)
		}
		if r.Detour > 0 {
			fmt.Fprintf(w, "%s: %d install an older release on the way\n", regionName(r.Region), r.Detour)
		}
	}
}

// moment is a time of a plan for people.
func moment(at, now uint64) string {
	switch at {
	case 0:
		return "-"
	case now:
		return "now"
	}
	return strings.ReplaceAll(unixTime(at), " ", "T") + "Z"
}

// writePlan writes the cameras of a plan in the order of the fleet file.
func writePlan(path string, rows []plannedCamera) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	w := csv.NewWriter(f)
	_ = w.Write([]string{"did", "region", "eligible_at", "reason", "via"})
	for _, r := range rows {
		at, via := "", make([]string, len(r.via))
		if r.at > 0 {
			at = time.Unix(int64(r.at), 0).UTC().Format(time.RFC3339)
		}
		for i, s := range r.via {
			via[i] = strconv.FormatUint(s, 10)
		}
		_ = w.Write([]string{r.DID, string(r.region), at, r.reason, strings.Join(via, " ")})
	}
	w.Flush()
	return w.Error()
}
