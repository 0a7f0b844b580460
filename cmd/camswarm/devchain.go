package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/devchain"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
)

func newDevchainCommand() *cobra.Command {
	var cfg devchain.Config
	var fund []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "devchain",
		Short: "Run a development chain in memory until interrupted",
		Long: `Runs a chain with the rules and the pace of the real one in this process, for
trials and tests, and prints its JSON-RPC URL when it is ready. It forgets
everything when it ends, and whoever reaches its port can use it.

With --iotex it answers like the gateways of IoTeX where these differ from other
servers (block tags, event logs, older state, limits), so that what works here
works there.`,
		Example: `  camswarm devchain --fund admin.key.pub --fund manufacturer.key.pub --fund operator.key.pub
  camswarm devchain --iotex --chain-id 4690 --fund admin.key.pub
  camswarm devchain --listen 127.0.0.1:8545 --chain-id 31337 --block-time 2s --fund 0x70997970c51812dc3a010c7d01b50e0d17dc79c8`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, s := range fund {
				a, err := readAddress(s)
				if err != nil {
					return fmt.Errorf("--fund: %w", err)
				}
				cfg.Fund = append(cfg.Fund, a)
			}
			if cfg.BlockTime <= 0 {
				return cli.Usagef("--block-time must be positive")
			}
			chain, err := devchain.Start(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer func() { _ = chain.Close() }()
			facts := struct {
				URL     string           `json:"url"`
				ChainID uint64           `json:"chainId"`
				Funded  []verify.Address `json:"funded"`
			}{chain.URL(), cfg.ChainID, append([]verify.Address{}, cfg.Fund...)}
			if asJSON {
				err = cli.PrintJSON(cmd, facts)
			} else {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "development chain %d is ready at %s\n", facts.ChainID, facts.URL)
			}
			if err != nil {
				return err
			}
			<-cmd.Context().Done()
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&cfg.Listen, "listen", "127.0.0.1:8545", "address to serve JSON-RPC on, IP:port")
	fl.Uint64Var(&cfg.ChainID, "chain-id", devchain.DefaultChainID, "EIP-155 chain id")
	fl.DurationVar(&cfg.BlockTime, "block-time", 2*time.Second, "time between blocks without transactions")
	fl.BoolVar(&cfg.IoTeX, "iotex", false, "answer as IoTeX's gateways do, quirks included")
	fl.StringArrayVar(&fund, "fund", nil, "account that owns a million coins: a secp256k1 key file, or an address; may be repeated")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
