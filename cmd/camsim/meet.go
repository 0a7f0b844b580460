package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim/light"
)

func newMeetCommand() *cobra.Command {
	var asJSON bool
	var cameras string
	cfg := light.Config{}
	cmd := &cobra.Command{
		Use:   "meet",
		Short: "Let fleets of light nodes find one another, without any release",
		Long: `Starts crowds of cameras and their seeds with everything that a device has of the
network (discovery, limits, the choice of neighbours) and nothing else, over fast
links, and prints what meeting costs and which mesh comes of it. Bytes are those on
the lines, headers included, for each camera: first while they start and for half of
--watch, then for the other half.`,
		Example: `  camsim meet --cameras 50,100,200,400,1000
  camsim meet --cameras 2000 --seeds 2 --room 256`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var sizes []int
			for s := range strings.SplitSeq(cameras, ",") {
				n, err := strconv.Atoi(s)
				if err != nil {
					return cli.Usagef("--cameras %q: write numbers with commas between them", cameras)
				}
				sizes = append(sizes, n)
			}
			// As in camsim run: a bubble hands its turn from goroutine to goroutine.
			if os.Getenv("GOMAXPROCS") == "" {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			}
			all := []light.Result{}
			w := cmd.OutOrStdout()
			if !asJSON {
				fmt.Fprintf(w, "%7s %5s | %21s %9s | %21s %9s | %-14s %6s %5s %5s %8s %7s\n", "", "", "meeting: KB a camera", "arrivals", "settled: KB a camera", "arrivals", "neighbours", "", "", "", "", "")
				fmt.Fprintf(w, "%7s %5s | %10s %10s %9s | %10s %10s %9s | %-14s %6s %5s %5s %8s %7s\n",
					"cameras", "seeds", "from seeds", "its own", "a camera", "from seeds", "its own", "a second", "p5 p50 p95", "alone", "few", "seeds", "seedless", "islands")
			}
			for _, n := range sizes {
				cfg.Cameras = n
				r, err := light.Run(cmd.Context(), cfg)
				if err != nil {
					return err
				}
				all = append(all, r)
				if !asJSON {
					fmt.Fprintf(w, "%7d %5d | %10.1f %10.1f %9.2f | %10.1f %10.1f %9.2f | %-14s %6d %5d %5d %8d %7d\n",
						r.Cameras, r.Seeds, r.Meeting.SeedSent/1e3, r.Meeting.CameraSent/1e3, r.Meeting.Arrivals,
						r.Settled.SeedSent/1e3, r.Settled.CameraSent/1e3, r.Settled.SeedArrival,
						fmt.Sprintf("%d %d %d", r.P5, r.P50, r.P95), r.Alone, r.Few, r.AtSeeds, r.Seedless, r.Islands)
				}
			}
			if asJSON {
				return cli.PrintJSON(cmd, all)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cameras, "cameras", "100", "numbers of cameras, with commas between them, each 1 to 10000")
	flags.IntVar(&cfg.Seeds, "seeds", 1, "seeds, which all cameras know")
	flags.IntVar(&cfg.Room, "room", 0, "connections of a seed (default: as a seed decides, 1024)")
	flags.DurationVar(&cfg.Arrive, "arrive", 20*time.Second, "time over which the cameras start")
	flags.DurationVar(&cfg.Watch, "watch", 80*time.Second, "time for which they are looked at from then on")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "of the random numbers")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
