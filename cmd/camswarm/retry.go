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

func newRetryCommand() *cobra.Command {
	var socket, product string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "retry",
		Short: "Make a running camswarmd start over with releases that it gave up",
		Long: `A camera gives a release up after install.attempts failed installs, or when it
did not come up and was rolled back. Once the cause is mended, this starts over
with it, if the registry still offers it; so does a change of the configuration's
[install] section.`,
		Example: `  camswarm retry --socket cam1`,
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
				if err := c.Retry(ctx, id); err != nil {
					return err
				}
				return cli.PrintFacts(cmd, asJSON, map[string]bool{"retried": true}, func(w io.Writer) {
					fmt.Fprintln(w, "the node starts over; see 'camswarm status'")
				})
			})
		},
	}
	addSocket(cmd, &socket)
	cmd.Flags().StringVar(&product, "product", "", "only of this product, vendor/name (default: of all)")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
