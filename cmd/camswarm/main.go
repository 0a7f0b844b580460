package main

import (
	"os"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/cmd/internal/version"
)

// The exit codes. Those of `check` are part of its interface for scripts.
const (
	exitOK         = cli.ExitOK
	exitFailed     = cli.ExitFailed
	exitUsage      = cli.ExitUsage
	exitNotCurrent = 3 // check: a genuine release, not the newest
	exitRevoked    = 4 // check: a release that was revoked
	exitUnknown    = 5 // check: not a release of the product
)

// release is the version that a release build is given with -ldflags.
var release string

func main() { os.Exit(cli.Main(newRootCommand())) }

func newRootCommand() *cobra.Command {
	root := cli.Group("camswarm", "Firmware releases for swarms of cameras", `camswarm is the tool of those who make, roll out and own firmware.

Start with 'camswarm demo', which runs a chain, a seed and a swarm of cameras
on this machine and sends two releases through them.`,
		newDemoCommand(),
		newKeysCommand(),
		newDevchainCommand(),
		newRegistryCommand(),
		newProvisionCommand(),
		newMembersCommand(),
		newReleaseCommand(),
		newIPNSCommand(),
		newRolloutCommand(),
		newFleetCommand(),
		newGuardCommand(),
		newLogCommand(),
		newCheckCommand(),
		newDIDCommand(),
		newStatusCommand(),
		newPeersCommand(),
		newTopCommand(),
		newLimitsCommand(),
		newBusyCommand(),
		newConsentCommand(),
		newEventsCommand(),
		newGCCommand(),
		newRetryCommand(),
		newChainCommand(),
		newDoctorCommand(),
		cli.NewManCommand("camswarm"),
	)
	root.Version = version.Of("camswarm", release)
	root.Example = `  camswarm demo
  camswarm keys new --out signer1.key
  camswarm status --socket cam1/state/control.sock`
	completion().Apply(root)
	rulesLast(root)
	return root
}
