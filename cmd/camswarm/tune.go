package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
	"camswarm/swarm"
	"camswarm/swarm/units"
)

// controlTimeout bounds a question to a node on this machine.
const controlTimeout = time.Minute

func newLimitsCommand() *cobra.Command {
	var (
		socket   string
		up, down units.Rate
		mode     string
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use:   "limits",
		Short: "Change what a running camswarmd may send and receive",
		Long: `Changes rates and mode until the node stops; without a change it shows them.
A camera may, for example, leave the uplink alone while it streams video. The
flags are named as the keys of the configuration's [exchange] section are.`,
		Example: `  camswarm limits --socket cam1 --upload-limit 400kbit/s
  camswarm limits --socket cam1 --mode leech`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var change control.LimitsChange
			changed := cmd.Flags().Changed
			if changed("upload-limit") {
				change.UploadLimit = &up
			}
			if changed("download-limit") {
				change.DownloadLimit = &down
			}
			if changed("mode") {
				m := swarm.Mode(mode)
				change.Mode = &m
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), controlTimeout)
			defer cancel()
			return withNode(socket, func(c *control.Client) (err error) {
				var now control.Limits
				if change == (control.LimitsChange{}) {
					var s control.Status
					s, err = c.Status(ctx)
					now = s.Limits
				} else {
					now, err = c.SetLimits(ctx, change)
				}
				if err != nil {
					return err
				}
				return cli.PrintFacts(cmd, asJSON, now, func(w io.Writer) {
					fmt.Fprintf(w, "mode %s, upload limit %s, download limit %s\n", now.Mode, rate(now.UploadLimit), rate(now.DownloadLimit))
				})
			})
		},
	}
	addSocket(cmd, &socket)
	fl := cmd.Flags()
	fl.Var(&up, "upload-limit", "what to send at most, such as 64kB/s, 1.5MB/s, 16Mbit/s, or bytes per second; 0: no limit")
	fl.Var(&down, "download-limit", "what to receive at most, likewise")
	fl.StringVar(&mode, "mode", "", "share, lan-only (exchange blocks on the local network alone), leech (fetch, serve nobody) or off")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func rate(r units.Rate) string {
	if r == 0 {
		return "none"
	}
	return r.String()
}

func newGCCommand() *cobra.Command {
	var socket string
	var dryRun, asJSON bool
	cmd := &cobra.Command{
		Use:     "gc",
		Short:   "Make a running camswarmd forget what is stale, or tell what it would",
		Example: `  camswarm gc --socket cam1 --dry-run`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), controlTimeout)
			defer cancel()
			return withNode(socket, func(c *control.Client) error {
				report, err := c.GC(ctx, dryRun)
				if err != nil {
					return err
				}
				return cli.PrintFacts(cmd, asJSON, report, func(w io.Writer) {
					for _, r := range report.Releases {
						fate := "stays"
						if r.Remove {
							fate = "goes"
						}
						fmt.Fprintf(w, "release %d, %s on disk: %s (%s)\n", r.Sequence, byteCount(r.Bytes), fate, r.Reason)
					}
					fmt.Fprintf(w, "%s before, %s after\n", byteCount(report.BytesBefore), byteCount(report.BytesAfter))
				})
			})
		},
	}
	addSocket(cmd, &socket)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only tell")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
