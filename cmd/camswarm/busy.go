package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
)

func newBusyCommand() *cobra.Command {
	var (
		socket, holder string
		lasts          time.Duration
		inhibit, end   bool
		asJSON         bool
	)
	cmd := &cobra.Command{
		Use:   "busy",
		Short: "Have a running camswarmd leave the line to live video for a while",
		Long: `Until the time is over nothing is sent to other cameras, and what is fetched
comes at polite.busy_download. It holds when the command returns. Ask again
before the end to keep the line; --end gives it back.`,
		Example: `  camswarm busy --socket cam1 --for 30s
  camswarm busy --socket cam1 --end`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if lasts < time.Second || lasts > control.MaxLeaseSeconds*time.Second {
				return cli.Usagef("--for %v: write 1s to %v", lasts, control.MaxLeaseSeconds*time.Second)
			}
			if end && (inhibit || cmd.Flags().Changed("for")) {
				return cli.Usagef("--end goes with neither --for nor --inhibit")
			}
			lease := control.Busy{Seconds: int((lasts + time.Second - 1) / time.Second), Holder: holder, Inhibit: inhibit}
			if end {
				lease.Seconds = 0
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), controlTimeout)
			defer cancel()
			return withNode(socket, func(c *control.Client) error {
				now, err := c.Busy(ctx, lease)
				if err != nil {
					return err
				}
				return cli.PrintFacts(cmd, asJSON, now, func(w io.Writer) {
					fmt.Fprintln(w, does(now))
					for _, l := range now.Busy {
						line := fmt.Sprintf("busy       %s for %v", cli.Line(l.Holder), time.Duration(l.Seconds)*time.Second)
						if l.Inhibit {
							line += ", no install starts meanwhile"
						}
						if end {
							line += fmt.Sprintf("; it still holds the line (--holder %s)", cli.Line(l.Holder))
						}
						fmt.Fprintln(w, line)
					}
				})
			})
		},
	}
	addSocket(cmd, &socket)
	fl := cmd.Flags()
	fl.DurationVar(&lasts, "for", 30*time.Second, "how long, from 1s to 10m")
	fl.StringVar(&holder, "holder", "camswarm", "whose line it is: each holder has a lease of its own, at most 32 letters")
	fl.BoolVar(&inhibit, "inhibit", false, "let no install start meanwhile either")
	fl.BoolVar(&end, "end", false, "give the line back now")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
