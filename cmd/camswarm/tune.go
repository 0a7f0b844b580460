package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
	"camswarm/swarm"
	"camswarm/swarm/units"
)

// exchangeModes are the choices of --mode and --quiet-mode.
var exchangeModes = []swarm.Mode{swarm.ModeShare, swarm.ModeLAN, swarm.ModeLeech, swarm.ModeOff}

// controlTimeout bounds a question to a node on this machine.
const controlTimeout = time.Minute

func newLimitsCommand() *cobra.Command {
	var (
		socket    string
		up, down  units.Rate
		mode      string
		metered   bool
		quiet     string
		quietMode string
		keep      bool
		reset     bool
		asJSON    bool
	)
	cmd := &cobra.Command{
		Use:   "limits",
		Short: "Change what a running camswarmd may send and receive",
		Long: `Changes rates, mode, quiet hours and whether the line is metered until the node
stops, or with --keep until the configuration says something else; without a
change it shows them. The flags are named as the keys of the configuration's
[exchange] and [polite] sections are.`,
		Example: `  camswarm limits --socket cam1 --upload-limit 400kbit/s
  camswarm limits --socket cam1 --mode leech
  camswarm limits --socket cam1 --quiet-hours 07:00-23:00 --keep
  camswarm limits --socket cam1 --metered=false`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, m := range []struct{ flag, mode string }{{"mode", mode}, {"quiet-mode", quietMode}} {
				if cmd.Flags().Changed(m.flag) && swarm.Mode(m.mode).Validate() != nil {
					return cli.Choice(m.flag, m.mode, exchangeModes)
				}
			}
			for flag, limit := range map[string]units.Rate{"upload-limit": up, "download-limit": down} {
				if err := swarm.CheckLimit("--"+flag, limit); err != nil {
					return cli.Usage(err)
				}
			}
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
			if changed("metered") {
				change.Metered = &metered
			}
			if changed("quiet-hours") {
				change.QuietHours = &quiet
			}
			if changed("quiet-mode") {
				m := swarm.Mode(quietMode)
				change.QuietMode = &m
			}
			change.Keep, change.Reset = keep, reset
			ctx, cancel := context.WithTimeout(cmd.Context(), controlTimeout)
			defer cancel()
			return withNode(socket, func(c *control.Client) (err error) {
				var now control.Limits
				if change != (control.LimitsChange{}) {
					if now, err = c.SetLimits(ctx, change); err != nil {
						return err
					}
				}
				s, err := c.Status(ctx)
				if err != nil {
					return err
				}
				if change == (control.LimitsChange{}) {
					now = s.Limits
				}
				facts := struct {
					control.Limits
					Now control.PoliteStatus `json:"now"` // what they and all else come to
				}{now, s.Polite}
				return cli.PrintFacts(cmd, asJSON, facts, func(w io.Writer) {
					fmt.Fprintf(w, "mode %s, upload limit %s, download limit %s\n", now.Mode, rate(now.UploadLimit), rate(now.DownloadLimit))
					if now.Metered {
						fmt.Fprintln(w, "the line is metered")
					}
					if now.QuietHours != "" {
						fmt.Fprintf(w, "quiet hours %s: mode %s\n", cli.Line(now.QuietHours), now.QuietMode)
					}
					if held := heldBack(s); held != "" {
						fmt.Fprintf(w, "now it %s\n", held)
					}
				})
			})
		},
	}
	addSocket(cmd, &socket)
	fl := cmd.Flags()
	fl.Var(&up, "upload-limit", "what to send at most, such as 64kB/s, 1.5MB/s, 16Mbit/s, or bytes per second; 0: no limit")
	fl.Var(&down, "download-limit", "what to receive at most, likewise")
	for _, name := range []string{"upload-limit", "download-limit"} {
		fl.Lookup(name).DefValue = "" // without the flag nothing changes
	}
	fl.StringVar(&mode, "mode", "", "share, lan-only (exchange blocks on the local network alone), leech (fetch, serve nobody) or off")
	fl.BoolVar(&metered, "metered", false, "the line costs by the byte: polite.metered_mode holds at most; --metered=false ends that")
	fl.StringVar(&quiet, "quiet-hours", "", "daily span of local time such as 07:00-23:00; \"\" ends them")
	fl.StringVar(&quietMode, "quiet-mode", "", "the mode in quiet hours at most, as --mode")
	fl.BoolVar(&keep, "keep", false, "keep what is set over restarts, until these settings change in the configuration")
	fl.BoolVar(&reset, "reset", false, "go back to the configuration first, and forget what was kept")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// heldBack says what a node sends and fetches, and why it is less than all it could;
// "": nothing holds it back.
func heldBack(s control.Status) string {
	if len(s.Polite.Reasons) == 0 {
		return ""
	}
	why := slices.Clone(s.Polite.Reasons)
	for i, r := range why {
		switch r {
		case "mode":
			why[i] = "mode " + string(s.Limits.Mode)
		case "limit":
			why[i] = "the rate limits"
		case "metered":
			why[i] = "a metered line"
		case "quiet_hours":
			why[i] = "quiet hours " + s.Limits.QuietHours
		case "busy":
			var holders []string
			for _, l := range s.Polite.Busy {
				holders = append(holders, cmp.Or(l.Holder, "a program"))
			}
			why[i] = fmt.Sprintf("busy (%s)", strings.Join(holders, ", "))
		}
	}
	return cli.Line(fmt.Sprintf("%s, because of %s", does(s.Polite), strings.Join(why, ", ")))
}

// does says whom a node serves and fetches from, and how fast.
func does(p control.PoliteStatus) string {
	text := fmt.Sprintf("serves %s, fetches from %s", p.Serves, p.Fetches)
	for _, r := range []struct {
		way  string
		rate units.Rate
	}{{"up", p.UploadLimit}, {"down", p.DownloadLimit}} {
		if r.rate > 0 {
			text += fmt.Sprintf(", %s at most %s", r.way, r.rate)
		}
	}
	return text
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
