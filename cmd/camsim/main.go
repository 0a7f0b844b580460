package main

import (
	"os"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/cmd/internal/version"
)

// The exit codes.
const (
	exitOK     = cli.ExitOK
	exitFailed = cli.ExitFailed // a run failed: cameras without the image, broken promises, or no run at all
	exitUsage  = cli.ExitUsage
)

// release is the version that a release build is given with -ldflags.
var release string

func main() { os.Exit(cli.Main(newRootCommand(newProgram()))) }

func newRootCommand(p *program) *cobra.Command {
	root := cli.Group("camsim", "Networks of real nodes in virtual time", `camsim runs whole networks of camswarm nodes in one process and in virtual time:
the real programs over simulated lines, beside S3, a CDN, stock bitswap and a
daily poll over the same lines.

Runs are statistically repeatable, not bit for bit: report medians over at least
three seeds (--seeds 3).`,
		newListCommand(), newShowCommand(), newRunCommand(p), newReportCommand(p), newCompareCommand(), newSweepCommand(p), newMergeCommand(p), newFlowCommand(p), newGuardCommand(), newMeetCommand(),
		cli.NewManCommand("camsim"))
	root.Version = version.Of("camsim", release)
	root.Example = `  camsim run --scenario flash-crowd --nodes 50
  camsim run --scenario flash-crowd --nodes 200 --seeds 3 --out results
  camsim sweep --scenario flash-crowd --grid nodes=20,50,100 --links fast --seeds 3 --out sweep`
	completion().Apply(root)
	return root
}
