package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim"
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
				fmt.Fprintf(cmd.OutOrStdout(), "%-*s  %s\n", width, e.Name, e.Doc)
			}
			return nil
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func newShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show SCENARIO",
		Short:   "Print a built-in scenario's file, to be copied and changed",
		Example: `  camsim show flash-crowd > mine.toml && camsim run --scenario mine.toml`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, s := range sim.Scenarios() {
				if s.Name == args[0] {
					_, err := fmt.Fprint(cmd.OutOrStdout(), s.TOML)
					return err
				}
			}
			if _, err := sim.Load(args[0]); err != nil {
				return cli.Usage(err)
			}
			return cli.Usagef("%s is a file of yours; show prints built-in scenarios", args[0])
		},
	}
}
