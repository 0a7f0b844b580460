package main

import (
	"context"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/sim/report/format"
	"camswarm/verify"
)

// Thresholds of `registry check`.
const (
	// endpointTimeout is how long one endpoint may take for all its answers.
	endpointTimeout = 20 * time.Second
	// staleHead is the age of a newest block above which a chain seems to stand
	// still: IoTeX makes one every 2.5 s.
	staleHead = 2 * time.Minute
	// farBehind is how many blocks an endpoint may be behind another.
	farBehind = 24
	// fewReleases is how many releases an account should be able to pay for.
	fewReleases = 20
)

func newRegistryCheckCommand() *cobra.Command {
	var (
		reg     registryFlags
		product string
		account string
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Look at endpoints, contract, roles and money before anything is spent",
		Long: `Asks every endpoint of the registry file for its chain, newest block and contract,
and, for an account, what it may do, whether it can pay, and whether transactions
of it are stuck. Nothing is sent; no secret key is needed. The exit code is 1 if
something is bad.`,
		Example: `  camswarm registry check --registry registry.json
  camswarm registry check --registry registry.json --account operator.key.pub --product acme.example/cam-1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := reg.load()
			if err != nil {
				return err
			}
			c := registryCheck{file: file}
			if product != "" {
				p, err := verify.ParseProduct(product)
				if err != nil {
					return cli.Usagef("--product: %w", err)
				}
				c.product = &p
			}
			if account != "" {
				a, err := readAddress(account)
				if err != nil {
					return cli.Usagef("--account: %w", err)
				}
				c.account = &a
			}
			c.run(cmd.Context(), time.Now())
			return printFindings(cmd, asJSON, c.findings)
		},
	}
	reg.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&product, "product", "", "product, written vendor/name: who may publish it and roll it out")
	fl.StringVar(&account, "account", "", "account that is to send transactions: a key file or an address")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// registryCheck gathers findings about a registry.
type registryCheck struct {
	file     *registryFile
	product  *verify.Product
	account  *verify.Address
	findings []finding
}

func (c *registryCheck) add(topic, level, format string, args ...any) {
	c.findings = append(c.findings, finding{topic, level, fmt.Sprintf(format, args...)})
}

func (c *registryCheck) run(ctx context.Context, now time.Time) {
	heads := map[string]uint64{}
	var newest uint64
	asked := false // the first endpoint that works is asked about the rest
	for _, url := range c.file.RPC {
		one, cancel := context.WithTimeout(ctx, endpointTimeout)
		client, err := registry.Dial(one, url, c.file.ChainID)
		if err != nil {
			c.add("endpoint", levelBad, "%v", err)
			cancel()
			continue
		}
		if r, head := c.endpoint(one, client, url, now); r != nil {
			heads[url], newest = head, max(newest, head)
			if !asked {
				asked = true
				c.contract(one, client, r)
			}
		}
		client.Close()
		cancel()
	}
	for _, url := range c.file.RPC {
		if head, ok := heads[url]; ok && newest-head > farBehind {
			c.add("endpoint", levelWarn, "%s is %d blocks behind another: cameras that ask it hear of a change later", registry.Redacted(url), newest-head)
		}
	}
	if n := len(c.file.RPC); n < 3 {
		c.add("quorum", levelWarn, "the registry file has %s: cameras want three of independent operators", count(n, "endpoint", "endpoints"))
	}
}

// endpoint looks at one endpoint and returns the registry there and the newest block;
// nil if it is of no use.
func (c *registryCheck) endpoint(ctx context.Context, client *registry.Client, url string, now time.Time) (r *registry.Registry, head uint64) {
	url = registry.Redacted(url)
	head, seconds, err := client.Block(ctx)
	if err != nil {
		c.add("endpoint", levelBad, "%s: %v", url, err)
		return nil, 0
	}
	if r, err = client.Open(ctx, c.file.Address); err != nil {
		c.add("endpoint", levelBad, "%s: %v", url, err)
		return nil, 0
	}
	switch age := now.Sub(time.Unix(int64(seconds), 0)).Truncate(time.Second); {
	case head < c.file.DeployBlock:
		c.add("endpoint", levelBad, "%s is at block %d, before the registry's deployment in block %d: it is another chain, or still syncs", url, head, c.file.DeployBlock)
		return nil, 0
	case age > staleHead:
		c.add("endpoint", levelWarn, "%s: the newest block %d is %v old: the chain or the endpoint stands still, or this machine's clock is wrong", url, head, age)
	case age < -staleHead:
		c.add("endpoint", levelWarn, "%s: the newest block %d is from %v ahead: this machine's clock is wrong, or the chain's", url, head, -age)
	default:
		c.add("endpoint", levelOK, "%s: chain %d, block %d", url, client.ChainID(), head)
	}
	return r, head
}

// contract looks at the registry itself, and at the account.
func (c *registryCheck) contract(ctx context.Context, client *registry.Client, r *registry.Registry) {
	version, err := r.Version(ctx)
	if err != nil {
		c.add("registry", levelBad, "%v", err)
		return
	}
	switch paused, err := r.Paused(ctx); {
	case err != nil:
		c.add("registry", levelBad, "%v", err)
	case paused:
		c.add("registry", levelWarn, "%s is PAUSED: nothing is published or installed before 'camswarm registry unpause'", c.file.ref())
	default:
		c.add("registry", levelOK, "%s, version %d", c.file.ref(), version)
	}
	roles := []registry.Role{registry.PauserRole(), registry.GuardianRole()}
	if c.product != nil {
		view, err := r.Check(ctx, c.product.ID(), "")
		if err != nil {
			c.add("product", levelBad, "%s: %v", c.product, err)
		} else {
			roles = append(roles, registry.OperatorRole(*c.product), registry.ManufacturerRole(view.Manufacturer))
			c.add("product", levelOK, "%s of %s, newest release %d, floor %d", c.product, view.Manufacturer, view.Latest, view.MinSequence)
		}
	}
	if c.account != nil {
		c.role(ctx, r, roles)
		c.funds(ctx, client)
	}
}

// role says what the account may do.
func (c *registryCheck) role(ctx context.Context, r *registry.Registry, roles []registry.Role) {
	var held []string
	admin, _, err := r.Admin(ctx)
	if err == nil && admin == *c.account {
		held = append(held, "admin")
	}
	for _, role := range roles {
		if err != nil {
			break
		}
		var has bool
		if has, err = r.Holds(ctx, role, *c.account); has {
			held = append(held, role.String())
		}
	}
	switch {
	case err != nil:
		c.add("account", levelBad, "%v", err)
	case len(held) > 0:
		c.add("account", levelOK, "%s is %s", c.account, strings.Join(held, ", "))
	case c.product == nil:
		c.add("account", levelWarn, "%s is neither admin nor pauser nor guardian; with --product it is seen whether it is manufacturer or operator", c.account)
	default:
		c.add("account", levelBad, "%s has no role for %s: the registry will refuse what it sends ('camswarm registry roles' shows who has)", c.account, c.product)
	}
}

// funds says how far the account's money goes.
func (c *registryCheck) funds(ctx context.Context, client *registry.Client) {
	f, err := client.Funds(ctx, *c.account)
	if err != nil {
		c.add("account", levelBad, "%v", err)
		return
	}
	cost := new(big.Int).Mul(f.Price, big.NewInt(registry.GasOfRelease))
	enough := "any number of"
	level := levelOK
	if cost.Sign() > 0 {
		n := new(big.Int).Div(f.Balance, cost)
		enough = n.String()
		switch {
		case n.Sign() == 0:
			level = levelBad
		case n.Cmp(big.NewInt(fewReleases)) < 0:
			level = levelWarn
		}
	}
	c.add("account", level, "%s has %s: enough for %s releases with a rollout each, at %s for a million gas", c.account, coins(f.Balance), enough,
		coins(new(big.Int).Mul(f.Price, big.NewInt(1_000_000))))
	if f.Waiting > 0 {
		c.add("account", levelWarn, "%s of %s in no block yet: another program sends for it, or they are stuck; what is sent now waits behind them", transactions(f.Waiting), c.account)
	}
}

func transactions(n uint64) string {
	if n == 1 {
		return "1 transaction is"
	}
	return fmt.Sprintf("%d transactions are", n)
}

// coins writes an amount of 1e-18 units in the chain's coin, to the billionth.
func coins(units *big.Int) string {
	whole := new(big.Float).Quo(new(big.Float).SetInt(units), big.NewFloat(1e18))
	return strings.TrimSuffix(strings.TrimRight(whole.Text('f', 9), "0"), ".") + " coins"
}

// printFindings prints a list of findings; it is an error that some are bad.
func printFindings(cmd *cobra.Command, asJSON bool, findings []finding) error {
	if err := cli.PrintFacts(cmd, asJSON, findings, func(w io.Writer) {
		for _, f := range findings {
			head := fmt.Sprintf("%-4s  %-8s  ", f.Level, f.Topic)
			fmt.Fprintln(w, head+format.Wrap(f.Message, cli.DefaultWidth-len(head), strings.Repeat(" ", len(head))))
		}
	}); err != nil {
		return err
	}
	bad := 0
	for _, f := range findings {
		if f.Level == levelBad {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d findings are bad", bad, len(findings))
	}
	return nil
}
