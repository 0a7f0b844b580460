package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim"
	"camswarm/sim/report/format"
)

func newListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the built-in scenarios",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			type entry struct {
				Name string `json:"name"`
				Doc  string `json:"doc"`
			}
			entries := []entry{}
			width := 0
			for _, s := range sim.Scenarios() {
				entries = append(entries, entry{s.Name, s.Doc})
				width = max(width, len(s.Name))
			}
			if asJSON {
				return cli.PrintJSON(cmd, entries)
			}
			for _, e := range entries {
				fmt.Fprintf(cmd.OutOrStdout(), "%-*s  %s\n", width, e.Name, format.Wrap(e.Doc, cli.DefaultWidth-width-2, strings.Repeat(" ", width+2)))
			}
			return nil
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func newShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show SCENARIO",
		Short: "Print a scenario with all its keys, to be copied and changed",
		Long: `Prints a built-in scenario, or a file of yours, as a file with every key that there
is: those that the scenario changes are set, all others stand at their defaults in
comments, each with its unit.`,
		Example: `  camsim show flash-crowd > mine.toml && camsim run --scenario mine.toml`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := sim.Load(args[0])
			if err != nil {
				return cli.Usage(err)
			}
			for _, info := range sim.Scenarios() {
				if info.Name == args[0] {
					fmt.Fprint(cmd.OutOrStdout(), info.Comment())
				}
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), s.Complete())
			return err
		},
	}
}
