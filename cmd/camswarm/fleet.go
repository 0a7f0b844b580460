package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/spf13/cobra"

	"camswarm/announce/beacon"
	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
	"camswarm/verify"
)

// fleetTimeout bounds one question to a seed.
const fleetTimeout = 20 * time.Second

// addFrom gives a command the flag --from.
func addFrom(cmd *cobra.Command, to *[]string) {
	cmd.Flags().StringArrayVar(to, "from", nil, "a seed that counts: its control socket or directory, or http://HOST:PORT#PEER-ID; may be repeated")
	_ = cmd.MarkFlagRequired("from")
}

// overHTTP reports whether a seed is named by a URL, and not by its control socket.
func overHTTP(from string) bool {
	return strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://")
}

// checkFrom refuses what no seed can ever answer to: what waits for an answer would wait
// for ever.
func checkFrom(from []string) error {
	for _, f := range from {
		if !overHTTP(f) {
			if _, err := os.Stat(f); err != nil {
				return fmt.Errorf("--from %s: it is neither a control socket, nor a node's directory, nor http://HOST:PORT#PEER-ID: %w", f, err)
			}
			continue
		}
		if u, err := url.Parse(f); err != nil {
			return fmt.Errorf("--from %s: %w", f, err)
		} else if _, err := peer.Decode(u.Fragment); err != nil {
			return fmt.Errorf("--from %s: write the seed's peer id after a '#', as 'camswarm status' shows it: %w", f, err)
		}
	}
	return nil
}

// readFleet asks a seed what it counts. Over HTTP the statement must be signed by the
// peer id after the '#'.
func readFleet(ctx context.Context, from string) (f beacon.Fleet, err error) {
	ctx, cancel := context.WithTimeout(ctx, fleetTimeout)
	defer cancel()
	if !overHTTP(from) {
		err = withNode(from, func(c *control.Client) (err error) {
			f, err = c.Fleet(ctx)
			return err
		})
		return f, err
	}
	u, err := url.Parse(from)
	if err != nil {
		return f, err
	}
	who := u.Fragment
	if who == "" {
		return f, errors.New("write the seed's peer id after a '#', as 'camswarm status' shows it: the way there is not to be trusted")
	}
	u.Fragment = ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath("v1", "fleet").String(), nil)
	if err != nil {
		return f, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return f, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, beacon.MaxStatement+1))
	if err != nil {
		return f, err
	}
	if resp.StatusCode != http.StatusOK {
		return f, fmt.Errorf("it answers %s: does it count cameras (beacons.count), and is this its http.listen?", resp.Status)
	}
	if f, err = beacon.OpenStatement(data); err != nil {
		return f, err
	}
	if f.Seed != who {
		return beacon.Fleet{}, fmt.Errorf("it is seed %s that answers, not %s", f.Seed, who)
	}
	return f, nil
}

// fleetFacts is what `fleet` prints.
type fleetFacts struct {
	Seeds    []fleetSeed     `json:"seeds"`
	Products []beacon.Report `json:"products"` // summed up over the seeds
}

type fleetSeed struct {
	From  string `json:"from"`
	Seed  string `json:"seed,omitempty"` // its peer id
	Error string `json:"error,omitempty"`
}

// seedAnswer is what a seed says when it is asked.
type seedAnswer struct {
	fleet beacon.Fleet
	err   error
}

// askSeeds asks all seeds at once, so that the silent ones cost fleetTimeout together.
func askSeeds(ctx context.Context, from []string) []seedAnswer {
	answers := make([]seedAnswer, len(from))
	var asked sync.WaitGroup
	for i, s := range from {
		asked.Go(func() { answers[i].fleet, answers[i].err = readFleet(ctx, s) })
	}
	asked.Wait()
	return answers
}

// gatherFleet asks all seeds and adds up what they count.
func gatherFleet(ctx context.Context, from []string) (fleetFacts, error) {
	return addUp(from, askSeeds(ctx, from))
}

// addUp adds up what seeds count, by product. A seed that is named twice, or that
// reports a product twice, counts once.
func addUp(from []string, answers []seedAnswer) (fleetFacts, error) {
	facts := fleetFacts{Seeds: []fleetSeed{}, Products: []beacon.Report{}}
	reports := map[verify.ProductID][]beacon.Report{}
	for i, s := range from {
		a := answers[i]
		seed := fleetSeed{From: s, Seed: a.fleet.Seed}
		twice := slices.ContainsFunc(facts.Seeds, func(o fleetSeed) bool { return o.Seed != "" && o.Seed == seed.Seed })
		switch {
		case a.err != nil:
			seed.Error = a.err.Error()
		case twice:
			seed.Error = "the same seed as before; it counts once"
		default:
			told := map[verify.ProductID]bool{} // each product counts once
			for _, r := range a.fleet.Reports {
				if !told[r.Product] {
					told[r.Product] = true
					reports[r.Product] = append(reports[r.Product], r)
				}
			}
		}
		facts.Seeds = append(facts.Seeds, seed)
	}
	for _, same := range reports {
		sum, err := beacon.Merge(same...)
		if err != nil {
			return facts, err
		}
		facts.Products = append(facts.Products, sum)
	}
	slices.SortFunc(facts.Products, func(a, b beacon.Report) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), bytes.Compare(a.Product[:], b.Product[:]))
	})
	return facts, nil
}

func newFleetCommand() *cobra.Command {
	var (
		from   []string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "Show how releases fare on the cameras that tell",
		Long: `Adds up what seeds count: how many cameras run which release, fetch it, failed or
rolled back, by region and label. Cameras are in it whose configuration says
beacons.tell = true. A region and label of cameras in too few networks are not
named, "*" stands for them; "unknown" for releases that the chain does not have.
The columns: fail, back (rolled back) and due (overdue) are what went wrong; run
is how many run it; fetch, held, inst (installed) and good (confirmed) how far
they are.`,
		Example: `  camswarm fleet --from seed
  camswarm fleet --from seed-eu --from http://10.0.0.7:9464#12D3KooW… --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			facts, err := gatherFleet(cmd.Context(), from)
			if err != nil {
				return err
			}
			answered := 0
			for _, s := range facts.Seeds {
				if s.Error != "" {
					cli.Note(cmd, "%s: %s", s.From, s.Error)
				} else {
					answered++
				}
			}
			if answered == 0 {
				return errors.New("no seed answers")
			}
			return cli.PrintFacts(cmd, asJSON, facts, func(w io.Writer) { printFleet(w, facts, answered) })
		},
	}
	addFrom(cmd, &from)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func printFleet(w io.Writer, facts fleetFacts, answered int) {
	if len(facts.Products) == 0 {
		fmt.Fprintln(w, "no product is counted")
	}
	for i, r := range facts.Products {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %s %d of %d seeds (%s)\n", cli.Line(r.Name), count(r.Cameras, "camera tells", "cameras tell"), answered, len(facts.Seeds), r.At.UTC().Format(time.RFC3339))
		if r.TurnedAway > 0 {
			fmt.Fprintf(w, "%d beacons found no room (beacons.per_network): more cameras tell than are counted, or somebody makes some up\n", r.TurnedAway)
		}
		if r.Folded > 0 {
			fmt.Fprintf(w, "%s put together for want of room: somebody makes cameras up\n", count(r.Folded, "small row was", "small rows were"))
		}
		printReleases(w, r)
	}
}

// printReleases is a table of what became of each release, by region and label.
func printReleases(w io.Writer, r beacon.Report) {
	if len(r.Rows) == 0 {
		return
	}
	r = r.Known()
	type group struct{ region, label string }
	rows := map[group][]beacon.Row{}
	var groups []group // in the order of rows
	for _, row := range r.Rows {
		g := group{row.Region, row.Label}
		if rows[g] == nil {
			groups = append(groups, g)
		}
		rows[g] = append(rows[g], row)
	}
	parts := map[uint64][]func(){} // lines of groups, by release
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "release\tregion\tlabel\tfail\tback\tdue\trun\tfetch\theld\tinst\tgood\t")
	line := func(c beacon.ReleaseCount, region, label string) {
		release := fmt.Sprint(c.Release)
		switch c.Release {
		case 0:
			release = "factory"
		case beacon.Unknown:
			release = "unknown" // to the chain
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", release, cli.Line(region), cli.Line(label),
			c.States[beacon.StateFailed], c.States[beacon.StateRolledBack], c.Overdue, c.Running,
			c.States[beacon.StateFetching], c.States[beacon.StateHeld], c.States[beacon.StateInstalled], c.States[beacon.StateConfirmed])
	}
	for _, g := range groups {
		for _, part := range (beacon.Report{Rows: rows[g]}).Releases(nil) {
			parts[part.Release] = append(parts[part.Release], func() { line(part, cmp.Or(g.region, "-"), cmp.Or(g.label, "-")) })
		}
	}
	for _, c := range r.Releases(nil) {
		if len(groups) != 1 {
			line(c, "all", "all")
		}
		for _, part := range parts[c.Release] {
			part()
		}
	}
	_ = t.Flush()
	if slices.ContainsFunc(groups, func(g group) bool { return g.label == beacon.Others }) {
		fmt.Fprintf(w, "  *: regions and labels of fewer than %s, not named (beacons.min_group)\n", count(r.MinGroup, "network", "networks"))
	}
}
