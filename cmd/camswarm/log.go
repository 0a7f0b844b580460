package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
)

// releaseRow is one release in lists.
type releaseRow struct {
	Sequence    uint64 `json:"sequence"`
	Version     string `json:"version"`
	ImageBytes  uint64 `json:"imageBytes"`
	ImageSHA256 string `json:"imageSha256"`
	Envelope    string `json:"envelopeSha256"`
	Revoked     bool   `json:"revoked"`
	PublishedAt uint64 `json:"publishedAt"` // seconds since 1970
	Block       uint64 `json:"block,omitempty"`
	Transaction string `json:"transaction,omitempty"`
}

func rowOf(r verify.Release) releaseRow {
	return releaseRow{
		Sequence: r.Sequence, Version: r.Version, ImageBytes: r.ImageSize, ImageSHA256: hex.EncodeToString(r.ImageSHA256[:]),
		Envelope: hex.EncodeToString(r.Envelope[:]), Revoked: r.Revoked, PublishedAt: r.PublishedAt,
	}
}

// eventRow is one change on chain.
type eventRow struct {
	Block       uint64 `json:"block"`
	Time        uint64 `json:"time"` // seconds since 1970
	Name        string `json:"name"`
	Sequence    uint64 `json:"sequence,omitempty"`
	Text        string `json:"text"`
	Transaction string `json:"transaction"`

	Rollout *rolloutFacts `json:"rollout,omitempty"` // the policy that was set
}

// logFacts is what `log` prints.
type logFacts struct {
	Product  verify.Product `json:"product"`
	Releases []releaseRow   `json:"releases"` // oldest first
	Events   []eventRow     `json:"events"`   // oldest first
}

func (f logFacts) print(w io.Writer) {
	if len(f.Releases) == 0 {
		fmt.Fprintf(w, "%s has no release yet\n", f.Product)
	}
	newest := uint64(0)
	for _, r := range f.Releases {
		if !r.Revoked {
			newest = r.Sequence
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(f.Releases) > 0 {
		fmt.Fprintln(t, "RELEASE\tVERSION\tSTATUS\tBYTES\tPUBLISHED (UTC)\tBLOCK\tIMAGE SHA256")
	}
	for _, r := range f.Releases {
		status := "older"
		switch {
		case r.Revoked:
			status = "REVOKED"
		case r.Sequence == newest:
			status = "newest"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%d\t%s\t%d\t%s\n", r.Sequence, cli.Line(r.Version), status, r.ImageBytes, unixTime(r.PublishedAt), r.Block, r.ImageSHA256)
	}
	_ = t.Flush()
	if len(f.Events) == 0 {
		return
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "BLOCK\tTIME (UTC)\tWHAT\tTRANSACTION")
	for _, e := range f.Events {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\n", e.Block, unixTime(e.Time), cli.Line(e.Text), e.Transaction)
	}
	_ = t.Flush()
}

func newLogCommand() *cobra.Command {
	var reg registryFlags
	var product productFlag
	var since uint64
	var roles, asJSON bool
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Show a product's releases and everything that was decided about them",
		Long: `Lists the releases of a product and, below, every change on chain that bears on
it: publications, revocations, rollout policies, halts, keys, pauses. The
contract links each change to the one before, so nothing can be left out
unnoticed.

--roles adds who was given and who lost the roles that count for the product. For
that the registry's whole log is read since its deployment, or since --since: one
question for 2,000 blocks.`,
		Example: `  camswarm log --registry registry.json --product acme.example/cam-1
  camswarm log --registry registry.json --product acme.example/cam-1 --since 120000 --json
  camswarm log --registry registry.json --product acme.example/cam-1 --roles`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := product.of(&reg)
			if err != nil {
				return err
			}
			facts := logFacts{Product: p, Releases: []releaseRow{}, Events: []eventRow{}}
			err = reg.withRegistry(cmd, func(ctx context.Context, file *registryFile, r *registry.Registry) error {
				releases, err := r.Releases(ctx, p.ID(), 1)
				if err != nil {
					return err
				}
				events, err := r.History(ctx, p.ID(), since)
				if err != nil {
					return err
				}
				var known []registry.Role
				if roles {
					if events, known, err = withRoles(ctx, r, p, max(since, file.DeployBlock), events); err != nil {
						return err
					}
				}
				for _, rel := range releases {
					facts.Releases = append(facts.Releases, rowOf(rel))
				}
				for _, e := range events {
					row := eventRow{
						Block: e.Block, Time: e.Time, Name: e.Name, Sequence: e.Sequence, Text: e.Words(known...),
						Transaction: "0x" + hex.EncodeToString(e.Tx[:]),
					}
					if i := int(e.Sequence) - 1; e.Name == "Published" && i >= 0 && i < len(facts.Releases) {
						facts.Releases[i].Block, facts.Releases[i].Transaction = row.Block, row.Transaction
					}
					if region, policy, ok := e.Rollout(); ok {
						c := verify.Candidate{Release: verify.Release{Sequence: e.Sequence}, Rollout: policy}
						if i := int(e.Sequence) - 1; i >= 0 && i < len(facts.Releases) {
							c.Version = facts.Releases[i].Version
						}
						set := rolloutFactsOf(region, c)
						row.Rollout = &set
					}
					facts.Events = append(facts.Events, row)
				}
				return nil
			})
			if err != nil {
				return err
			}
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	reg.add(cmd)
	product.add(cmd)
	cmd.Flags().Uint64Var(&since, "since", 0, "leave out changes before this block")
	cmd.Flags().BoolVar(&roles, "roles", false, "show too who was given and who lost a role")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// withRoles adds what happened to the roles that count for a product, of which the
// registry keeps no chain of changes.
func withRoles(ctx context.Context, r *registry.Registry, p verify.Product, from uint64, events []registry.Event) ([]registry.Event, []registry.Role, error) {
	view, err := r.Check(ctx, p.ID(), "")
	if err != nil {
		return nil, nil, err
	}
	known := []registry.Role{registry.AdminRole(), registry.PauserRole(), registry.GuardianRole(), registry.OperatorRole(p), registry.ManufacturerRole(view.Manufacturer)}
	all, err := r.Tail(from).Poll(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range all {
		if id, ok := e.Role(); ok && slices.ContainsFunc(known, func(r registry.Role) bool { return r.ID() == id }) {
			events = append(events, e)
		}
	}
	slices.SortStableFunc(events, func(a, b registry.Event) int {
		return cmp.Or(cmp.Compare(a.Block, b.Block), cmp.Compare(a.Index, b.Index))
	})
	return events, known, nil
}
