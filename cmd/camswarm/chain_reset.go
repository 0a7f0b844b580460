package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
	"camswarm/verify"
)

func newChainCommand() *cobra.Command {
	return cli.Group("chain", "What a running camswarmd holds true of the chain", "", newChainResetCommand())
}

func newChainResetCommand() *cobra.Command {
	var socket, product string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Make a running camswarmd believe the next quorum of its chain endpoints",
		Long: `A camera does not go back behind what its chain endpoints told it once. When they
lied (or the development chain was made anew), it refuses what they say now as
"rollback", "rpc_fork" or "indefinite_freeze", and believes them by itself after
they have said so for four hours, or a day if one of them contradicts. This is for
those who own the device and do not want to wait. Nothing older than what runs is
installed, and nothing that the manufacturer has not signed.`,
		Example: `  camswarm chain reset --socket cam1`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var id verify.ProductID
			if product != "" {
				p, err := verify.ParseProduct(product)
				if err != nil {
					return cli.Usage(err)
				}
				id = p.ID()
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), controlTimeout)
			defer cancel()
			return withNode(socket, func(c *control.Client) error {
				if err := c.ResetChain(ctx, id); err != nil {
					return err
				}
				return cli.PrintFacts(cmd, asJSON, map[string]bool{"reset": true}, func(w io.Writer) {
					fmt.Fprintln(w, "the node believes the next quorum; see 'camswarm doctor'")
				})
			})
		},
	}
	addSocket(cmd, &socket)
	cmd.Flags().StringVar(&product, "product", "", "only for this product, vendor/name (default: for all)")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
