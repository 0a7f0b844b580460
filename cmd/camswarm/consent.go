package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
)

func newConsentCommand() *cobra.Command {
	return cli.Group("consent", "Answer for the owner whether a release may be installed", `With install.consent = "ask" a verified release waits for its owner. The answer
stands for that release alone, over restarts; another one takes its place. It
replaces neither the maintenance window nor the rollout.`,
		newConsentListCommand(),
		newConsentAnswerCommand("accept", "Let the release that waits be installed", control.AnswerNow),
		newConsentAnswerCommand("later", "Be asked again later about the release that waits", control.AnswerLater),
		newConsentAnswerCommand("refuse", "Keep the release that waits from being installed", control.AnswerNever),
	)
}

// consentFacts is where a release stands with its owner.
type consentFacts struct {
	Product  string    `json:"product"`
	Sequence uint64    `json:"sequence"`
	Version  string    `json:"version,omitempty"`
	State    string    `json:"state"` // wanted, now, later or never
	Until    time.Time `json:"until,omitzero"`
}

func (f consentFacts) print(w io.Writer) {
	fmt.Fprintf(w, "%s release %d", f.Product, f.Sequence)
	if f.Version != "" {
		fmt.Fprintf(w, " (%s)", cli.Line(f.Version))
	}
	fmt.Fprintf(w, ": %s", f.State)
	if !f.Until.IsZero() {
		fmt.Fprintf(w, " than %s", f.Until.Local().Format(time.DateTime))
	}
	fmt.Fprintln(w)
}

// asked lists the releases of a node that concern their owner.
func asked(s control.Status) []consentFacts {
	list := []consentFacts{}
	for _, p := range s.Products {
		if t := p.Target; t != nil && t.Consent != nil {
			list = append(list, consentFacts{p.Name, t.Sequence, t.Version, t.Consent.State, t.Consent.Until})
		}
	}
	return list
}

func newConsentListCommand() *cobra.Command {
	var socket string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show the releases that the owner is, or was, asked about",
		Example: `  camswarm consent list --socket cam1`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), controlTimeout)
			defer cancel()
			return withNode(socket, func(c *control.Client) error {
				s, err := c.Status(ctx)
				if err != nil {
					return err
				}
				list := asked(s)
				return cli.PrintFacts(cmd, asJSON, list, func(w io.Writer) {
					if len(list) == 0 {
						fmt.Fprintln(w, "no release waits for its owner")
					}
					for _, f := range list {
						f.print(w)
					}
				})
			})
		},
	}
	addSocket(cmd, &socket)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func newConsentAnswerCommand(name, short string, answer control.Answer) *cobra.Command {
	var (
		socket string
		after  time.Duration
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     name + " [VENDOR/NAME]",
		Short:   short,
		Example: `  camswarm consent ` + name + ` --socket cam1`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if answer == control.AnswerLater && (after < control.MinLaterSeconds*time.Second || after > control.MaxLaterSeconds*time.Second) {
				return cli.Usagef("--for %v: write %v to %v", after, control.MinLaterSeconds*time.Second, control.MaxLaterSeconds*time.Second)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), controlTimeout)
			defer cancel()
			return withNode(socket, func(c *control.Client) error {
				s, err := c.Status(ctx)
				if err != nil {
					return err
				}
				p, err := target(s, strings.Join(args, ""))
				if err != nil {
					return err
				}
				ask := control.Consent{Product: p.ID, Sequence: p.Target.Sequence, Answer: answer}
				if answer == control.AnswerLater {
					ask.Seconds = int64(after / time.Second)
				}
				now, err := c.Consent(ctx, ask)
				if err != nil {
					return err
				}
				facts := consentFacts{p.Name, p.Target.Sequence, p.Target.Version, now.State, now.Until}
				return cli.PrintFacts(cmd, asJSON, facts, facts.print)
			})
		},
	}
	addSocket(cmd, &socket)
	if answer == control.AnswerLater {
		cmd.Flags().DurationVar(&after, "for", 24*time.Hour, "when to ask again, from a minute to 720h")
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// target is the product, by name where a node follows several, whose release its owner
// is asked about.
func target(s control.Status, name string) (control.ProductStatus, error) {
	var found []control.ProductStatus
	known := name == ""
	for _, p := range s.Products {
		if name == "" || p.Name == name {
			known = true
			if p.Target != nil && p.Target.Consent != nil {
				found = append(found, p)
			}
		}
	}
	switch {
	case !known:
		return control.ProductStatus{}, fmt.Errorf("the node does not follow %s", cli.Line(name))
	case len(found) == 0:
		return control.ProductStatus{}, errors.New(`no release waits for its owner (install.consent = "ask" makes one wait once it is verified)`)
	case len(found) > 1:
		return control.ProductStatus{}, cli.Usagef("several releases wait; name the product, vendor/name")
	}
	return found[0], nil
}
