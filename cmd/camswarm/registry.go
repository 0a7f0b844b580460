package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
	"camswarm/verify/sign"
)

func newRegistryCommand() *cobra.Command {
	return cli.Group("registry", "Deploy and administer the registry contract", `The registry contract records manufacturers, products, releases and rollout
policies. Its roles are separate accounts: the admin sets up manufacturers and
products, a manufacturer publishes, an operator steers rollouts, a pauser can
stop everything and lift the stop, and guardians can only stop: pause, cancel
what the admin proposed, withdraw a role whose key is in wrong hands. The
contract refuses accounts that combine them.

Roles are proposed and granted after the registry's delay; only giving up and
withdrawing work at once.`,
		newRegistryDeployCommand(), newRegistryManufacturerCommand(), newRegistryProductCommand(),
		newRegistrySetKeysCommand(), newRegistryMoveCommand(), newRegistryShowCommand(), newRegistryRolesCommand(), newRegistryCheckCommand(),
		newRegistryGrantCommand(), newRegistryWithdrawCommand(), newRegistryRenounceCommand(), newRegistryGuardianCommand(),
		newRegistryTransferAdminCommand(), newRegistryAcceptAdminCommand(), newRegistryDelayCommand(),
		newRegistryPauseCommand(true), newRegistryPauseCommand(false))
}

func newRegistryDeployCommand() *cobra.Command {
	var (
		rpc          []string
		keyPath, out string
		admin        string
		pauser       string
		guardians    []string
		send         sending
		chainID      uint64
		delay        time.Duration
		asJSON       bool
	)
	cmd := &cobra.Command{
		Use:   "deploy",
		Short: "Deploy a new registry contract and write the registry file",
		Long: `Deploys the contract and writes the registry file that every other command
takes with --registry: chain id, address, endpoints, block of the deployment.

Name several --rpc endpoints of independent operators for cameras that must not
depend on one of them; 'provision' copies them all.

The admin's key alone cannot take another role: whatever it proposes waits for
--admin-delay, and each guardian can cancel it. So the guardians' keys are other
people's than the admin's, and two can protect one another. Where a chain is no
development chain the delay is at least a day.

With --admin another account is the admin, for example a multisig contract; the key
then only pays. Its transactions come from --print-tx of the other commands.`,
		Example: `  camswarm registry deploy --rpc http://127.0.0.1:8545 --key admin.key --pauser operator.key.pub --guardian guardian.key.pub --out registry.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := loadChainKey(cmd, keyPath)
			if err != nil {
				return err
			}
			terms, err := readTerms(key, admin, pauser, guardians, delay)
			if err != nil {
				return err
			}
			if err := checkURLs(rpc); err != nil {
				return cli.Usagef("--rpc: %w", err)
			}
			if _, err := os.Lstat(out); err == nil {
				return fmt.Errorf("%s exists already and is never overwritten; nothing was deployed", out)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), send.wait)
			defer cancel()
			if chainID == 0 {
				if chainID, err = chainIDOf(ctx, rpc[0]); err != nil {
					return err
				}
			}
			if err := checkDelay(chainID, delay); err != nil {
				return err
			}
			file := registryFile{ChainID: chainID, RPC: rpc}
			client, err := file.dial(ctx)
			if err != nil {
				return err
			}
			defer client.Close()
			account, _ := key.Address()
			if err := send.ready(ctx, cmd, client, account); err != nil {
				return err
			}
			reg, tx, err := client.Deploy(ctx, key, terms)
			if err != nil {
				return sentThough(err, tx)
			}
			file.Address, file.DeployBlock = reg.Address(), tx.Block
			if err := file.save(out); err != nil {
				return fmt.Errorf("the registry is deployed at %s in block %d, but its file was not written: %w", file.Address, file.DeployBlock, err)
			}
			return cli.PrintFacts(cmd, asJSON, file, func(w io.Writer) {
				fmt.Fprintf(w, "registry %s deployed in block %d, written to %s\n", file.ref(), file.DeployBlock, out)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&rpc, "rpc", nil, "JSON-RPC URL; may be repeated, all are written to the registry file")
	fl.StringVar(&keyPath, "key", "", "secret key file of the account that deploys and pays (secp256k1)")
	addPassphrase(cmd)
	send.add(cmd)
	fl.StringVar(&admin, "admin", "", "account of the admin: a key file or an address (default that of --key)")
	fl.StringVar(&out, "out", "registry.json", "registry file to write")
	fl.StringVar(&pauser, "pauser", "", "account that may pause the registry and lift the pause, not the admin's: a key file or an address")
	fl.StringArrayVar(&guardians, "guardian", nil, "account that may only stop, with no other role: a key file or an address; repeat it for a second")
	fl.Uint64Var(&chainID, "chain-id", 0, "EIP-155 chain id that the endpoint must serve (default whatever it serves)")
	fl.DurationVar(&delay, "admin-delay", 72*time.Hour, "time between the proposal of a role, the admin's own included, and its grant; at most 720h")
	cli.AddJSON(cmd, &asJSON)
	for _, name := range []string{"rpc", "key", "pauser", "guardian"} {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

// readDID reads a DID, or the did:key of a key file.
func readDID(s string) (verify.DID, error) {
	if strings.HasPrefix(s, "did:") {
		return verify.ParseDID(s)
	}
	pub, err := readPublicKey(s)
	if err != nil {
		return "", err
	}
	return verify.DIDKey(pub), nil
}

func newRegistryManufacturerCommand() *cobra.Command {
	var (
		tx        txCommand
		did       string
		admin     string
		threshold int
		signers   []string
	)
	cmd := &cobra.Command{
		Use:   "manufacturer",
		Short: "Add a manufacturer with its code-signing keys",
		Long: `Records a manufacturer: its DID, the account that publishes for it, and the
keys of which a threshold must sign every release. Cameras carry the same keys
from their provisioning; the chain alone can never replace them.`,
		Example: `  camswarm registry manufacturer --registry registry.json --key admin.key \
      --admin manufacturer.key.pub --threshold 2 \
      --signer signer1.key.pub --signer signer2.key.pub --signer signer3.key.pub`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			account, err := readAddress(admin)
			if err != nil {
				return fmt.Errorf("--admin: %w", err)
			}
			if did == "" {
				did = admin
			}
			id, err := readDID(did)
			if err != nil {
				return fmt.Errorf("--did: %w; an account's address is no DID", err)
			}
			keys, err := readKeySet(threshold, signers)
			if err != nil {
				return err
			}
			tx.reg.about.manufacturer = id
			return tx.run(cmd, fmt.Sprintf("manufacturer %s added: account %s publishes, %d of %d keys sign", id, account, threshold, len(signers)),
				func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
					return r.CreateManufacturer(ctx, key, id, keys, account)
				}, nil)
		},
	}
	tx.add(cmd, "registry's admin")
	fl := cmd.Flags()
	fl.StringVar(&admin, "admin", "", "account that publishes for the manufacturer: a secp256k1 key file or an address")
	fl.StringVar(&did, "did", "", "the manufacturer's DID (default the did:key of --admin)")
	addKeySet(cmd, &threshold, &signers)
	_ = cmd.MarkFlagRequired("admin")
	return cmd
}

// addKeySet adds --threshold and --signer.
func addKeySet(cmd *cobra.Command, threshold *int, signers *[]string) {
	cmd.Flags().IntVar(threshold, "threshold", 0, "how many of the keys must sign a release")
	cmd.Flags().StringArrayVar(signers, "signer", nil, "public key file of a code signer; repeat it for each")
	_ = cmd.MarkFlagRequired("threshold")
	_ = cmd.MarkFlagRequired("signer")
}

func readKeySet(threshold int, signers []string) (verify.KeySet, error) {
	keys, err := readPublicKeys(signers)
	if err != nil {
		return verify.KeySet{}, err
	}
	set := verify.KeySet{Threshold: threshold, Keys: keys}
	return set, set.Validate()
}

func newRegistryProductCommand() *cobra.Command {
	var (
		tx                     txCommand
		product                productFlag
		manufacturer, operator string
		latest                 uint64
	)
	cmd := &cobra.Command{
		Use:   "product",
		Short: "Add a product of a manufacturer",
		Long: `Records a product. With --continue-after N it comes from another registry, in
which its releases up to N were published: the next one here is N+1, so that
cameras, which never go back, follow a move of the registry.`,
		Example: `  camswarm registry product --registry registry.json --key admin.key \
      --product acme.example/cam-1 --manufacturer manufacturer.key.pub --operator operator.key.pub`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := product.of(&tx.reg)
			if err != nil {
				return err
			}
			did, err := readDID(manufacturer)
			if err != nil {
				return fmt.Errorf("--manufacturer: %w", err)
			}
			account, err := readAddress(operator)
			if err != nil {
				return fmt.Errorf("--operator: %w", err)
			}
			tx.reg.about.manufacturer = did
			return tx.run(cmd, fmt.Sprintf("product %s of %s added: account %s steers rollouts", p, did, account),
				func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
					if latest > 0 {
						return r.ContinueProduct(ctx, key, p, did, account, latest)
					}
					return r.CreateProduct(ctx, key, p, did, account)
				}, nil)
		},
	}
	tx.add(cmd, "registry's admin")
	product.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&manufacturer, "manufacturer", "", "the manufacturer: its DID, or the key file of its account")
	fl.StringVar(&operator, "operator", "", "account that steers rollouts: a secp256k1 key file or an address")
	fl.Uint64Var(&latest, "continue-after", 0, "newest release that was published in the registry from which the product comes (default it is new)")
	_ = cmd.MarkFlagRequired("manufacturer")
	_ = cmd.MarkFlagRequired("operator")
	return cmd
}

// registryFacts is what `registry show` prints.
type registryFacts struct {
	Registry    verify.RegistryRef `json:"registry"`
	RPC         []string           `json:"rpc"`
	DeployBlock uint64             `json:"deployBlock"`
	Block       uint64             `json:"block"`     // newest
	BlockTime   uint64             `json:"blockTime"` // seconds since 1970
	Product     *productFacts      `json:"product,omitempty"`
}

type productFacts struct {
	Name         verify.Product   `json:"name"`
	ID           verify.ProductID `json:"id"`
	Manufacturer verify.DID       `json:"manufacturer"`
	Keys         verify.KeySet    `json:"keys"`
	Paused       bool             `json:"paused"` // the whole registry
	Latest       uint64           `json:"latest"`
	MinSequence  uint64           `json:"minSequence"`
	Barrier      uint64           `json:"barrier"`
	Rev          uint64           `json:"rev"`
	RevBlock     uint64           `json:"revBlock"`
}

func (f registryFacts) print(w io.Writer) {
	fmt.Fprintf(w, "registry      %s\n", f.Registry)
	fmt.Fprintf(w, "endpoints     %s\n", strings.Join(f.RPC, ", "))
	fmt.Fprintf(w, "deployed in   block %d\n", f.DeployBlock)
	fmt.Fprintf(w, "newest block  %d, %s UTC\n", f.Block, unixTime(f.BlockTime))
	p := f.Product
	if p == nil {
		return
	}
	fmt.Fprintf(w, "product       %s (%s)\n", p.Name, p.ID)
	fmt.Fprintf(w, "manufacturer  %s\n", p.Manufacturer)
	fmt.Fprintf(w, "signers       %d of %d:\n", p.Keys.Threshold, len(p.Keys.Keys))
	for _, k := range p.Keys.Keys {
		fmt.Fprintf(w, "              %s (%s)\n", k, k.Algorithm())
	}
	fmt.Fprintf(w, "releases      %d", p.Latest)
	if p.MinSequence > 0 {
		fmt.Fprintf(w, ", nothing below %d", p.MinSequence)
	}
	if p.Barrier > 0 {
		fmt.Fprintf(w, ", all must pass through %d", p.Barrier)
	}
	fmt.Fprintf(w, "\nrevision      %d (block %d)\n", p.Rev, p.RevBlock)
	if p.Paused {
		fmt.Fprintln(w, "the registry is PAUSED: nothing is published or installed")
	}
}

func newRegistryShowCommand() *cobra.Command {
	var reg registryFlags
	var product productFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show a registry, and a product's keys and state in it",
		Example: `  camswarm registry show --registry registry.json --product acme.example/cam-1`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var facts registryFacts
			err := reg.withClient(cmd, func(ctx context.Context, file *registryFile, client *registry.Client, r *registry.Registry) (err error) {
				facts = registryFacts{Registry: file.ref(), RPC: redacted(file.RPC), DeployBlock: file.DeployBlock}
				if facts.Block, facts.BlockTime, err = client.Block(ctx); err != nil || product.text == "" {
					return err
				}
				p, err := product.of(&reg)
				if err != nil {
					return err
				}
				view, err := r.Check(ctx, p.ID(), "")
				if err != nil {
					return err
				}
				facts.Product = &productFacts{
					Name: p, ID: p.ID(), Manufacturer: view.Manufacturer, Keys: view.Keys, Paused: view.Paused,
					Latest: view.Latest, MinSequence: view.MinSequence, Barrier: view.Barrier, Rev: view.Rev, RevBlock: view.RevBlock,
				}
				return nil
			})
			if err != nil {
				return err
			}
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	reg.add(cmd)
	cmd.Flags().StringVar(&product.text, "product", "", "also show this product, written vendor/name")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func newRegistryPauseCommand(pause bool) *cobra.Command {
	var tx txCommand
	use, short, did := "pause", "Stop the whole registry: nothing is published, no camera installs", "the registry is paused"
	if !pause {
		use, short, did = "unpause", "Lift the pause", "the registry is not paused"
	}
	cmd := &cobra.Command{
		Use:     use,
		Short:   short,
		Example: fmt.Sprintf(`  camswarm registry %s --registry registry.json --key operator.key`, use),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return tx.apply(cmd, change{
				did: did,
				already: func(ctx context.Context, r *registry.Registry) (string, error) {
					paused, err := r.Paused(ctx)
					return already(did, paused == pause, err)
				},
				send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
					if pause {
						return r.Pause(ctx, key)
					}
					return r.Unpause(ctx, key)
				},
			})
		},
	}
	who := "pauser"
	if pause {
		who = "pauser or a guardian"
	}
	tx.add(cmd, who)
	return cmd
}
