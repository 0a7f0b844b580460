package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/devchain"
	"camswarm/chainwatch/registry"
	"camswarm/chainwatch/registry/bindings"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// minDelay is the shortest delay of a registry where cameras of value depend on
// it: what its guardians have to notice a thief.
const minDelay = 24 * time.Hour

// isDevChain reports whether a chain is one of those that developers run on
// their own computers: ours, and the default of other tools.
func isDevChain(id uint64) bool { return id == devchain.DefaultChainID || id == 1337 }

func checkDelay(chainID uint64, delay time.Duration) error {
	if delay < minDelay && !isDevChain(chainID) {
		return fmt.Errorf("chain %d is no development chain: --admin-delay must be at least %v, or a stolen admin's key takes every role before anybody can stop it", chainID, minDelay)
	}
	return nil
}

// readTerms reads who may stop a registry, and refuses accounts that would lose
// their purpose together.
func readTerms(deployer *sign.Key, admin, pauser string, guardians []string, delay time.Duration) (registry.Terms, error) {
	terms := registry.Terms{Delay: delay}
	own, _ := deployer.Address()
	var err error
	if admin != "" {
		if own, err = readAddress(admin); err != nil {
			return terms, fmt.Errorf("--admin: %w", err)
		}
		terms.Admin = own
	}
	if terms.Pauser, err = readAddress(pauser); err != nil {
		return terms, fmt.Errorf("--pauser: %w", err)
	}
	if terms.Pauser == own {
		return terms, errors.New("--pauser is the admin's account: take another, so that no single key can both set up and stop; nothing was deployed")
	}
	for _, g := range guardians {
		a, err := readAddress(g)
		if err != nil {
			return terms, fmt.Errorf("--guardian: %w", err)
		}
		switch {
		case a == own:
			return terms, errors.New("--guardian is the admin's account: take another, which can stop a stolen admin's key; nothing was deployed")
		case a == terms.Pauser:
			return terms, errors.New("--guardian is the pauser's account: take another, which can stop a stolen pauser's key; nothing was deployed")
		case slices.Contains(terms.Guardians, a):
			return terms, fmt.Errorf("--guardian names %s twice", a)
		}
		terms.Guardians = append(terms.Guardians, a)
	}
	return terms, nil
}

// roleFlags say which role is meant, and of whom.
type roleFlags struct {
	manufacturer, product string
	pauser, guardian      bool
}

func (f *roleFlags) add(cmd *cobra.Command, guardian bool) {
	fl := cmd.Flags()
	fl.StringVar(&f.manufacturer, "manufacturer-of", "", "role: publish for this manufacturer (its DID or key file)")
	fl.StringVar(&f.product, "operator-of", "", "role: steer the rollouts of this product")
	fl.BoolVar(&f.pauser, "pauser", false, "role: pause the registry and lift the pause")
	roles := []string{"manufacturer-of", "operator-of", "pauser"}
	if guardian {
		fl.BoolVar(&f.guardian, "guardian", false, "role: only stop")
		roles = append(roles, "guardian")
	}
	cmd.MarkFlagsOneRequired(roles...)
	cmd.MarkFlagsMutuallyExclusive(roles...)
}

// of returns the role, and remembers whose it is for what the registry refuses.
func (f *roleFlags) of(reg *registryFlags) (registry.Role, error) {
	switch {
	case f.manufacturer != "":
		did, err := readDID(f.manufacturer)
		if err != nil {
			return registry.Role{}, fmt.Errorf("--manufacturer-of: %w", err)
		}
		reg.about.manufacturer = did
		return registry.ManufacturerRole(did), nil
	case f.product != "":
		p, err := verify.ParseProduct(f.product)
		if err != nil {
			return registry.Role{}, cli.Usagef("--operator-of: %w", err)
		}
		reg.about.product = p
		return registry.OperatorRole(p), nil
	case f.guardian:
		return registry.GuardianRole(), nil
	}
	return registry.PauserRole(), nil
}

// stepFlags choose the step of something that is proposed first.
type stepFlags struct{ execute, cancel bool }

func (f *stepFlags) add(cmd *cobra.Command, execute, cancel string) {
	cmd.Flags().BoolVar(&f.execute, "execute", false, execute)
	cmd.Flags().BoolVar(&f.cancel, "cancel", false, cancel)
	cmd.MarkFlagsMutuallyExclusive("execute", "cancel")
}

// accountFlag is --account.
func addAccount(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "account", "", "the account: a secp256k1 key file or an address")
	_ = cmd.MarkFlagRequired("account")
}

func newRegistryGrantCommand() *cobra.Command {
	var (
		tx      txCommand
		role    roleFlags
		step    stepFlags
		account string
	)
	cmd := &cobra.Command{
		Use:   "grant",
		Short: "Propose an account for a role, and grant it after the delay",
		Long: `Proposes to give an account a role. When the registry's delay has passed, the
admin or the account itself grants it with --execute, within 30 days. Until then
any guardian can cancel it; so a stolen admin's key takes nothing.

A registry of version 1 knows no delay and grants at once.`,
		Example: `  camswarm registry grant --registry registry.json --key admin.key --account operator2.key.pub --operator-of acme.example/cam-1
  camswarm registry grant --registry registry.json --key operator2.key --account operator2.key.pub --operator-of acme.example/cam-1 --execute
  camswarm registry grant --registry registry.json --key guardian.key --account 0x70997970c51812dc3a010c7d01b50e0d17dc79c8 --pauser --cancel`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			address, err := readAddress(account)
			if err != nil {
				return fmt.Errorf("--account: %w", err)
			}
			r, err := role.of(&tx.reg)
			if err != nil {
				return err
			}
			return grant(cmd, &tx, step, r, address)
		},
	}
	tx.add(cmd, "registry's admin")
	role.add(cmd, true)
	addAccount(cmd, &account)
	step.add(cmd, "grant what was proposed (the key of the admin or of the account)", "cancel the proposal (the key of a guardian, the admin or the account)")
	return cmd
}

// grant takes one step towards giving an account a role.
func grant(cmd *cobra.Command, tx *txCommand, step stepFlags, role registry.Role, account verify.Address) error {
	switch {
	case step.execute:
		return tx.apply(cmd, change{
			did:     has(account, role),
			already: ifHeld(account, role),
			send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
				return r.ExecuteGrant(ctx, key, role, account)
			},
		})
	case step.cancel:
		return tx.run(cmd, fmt.Sprintf("the proposal of the role of %s for %s is cancelled", role, account),
			func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
				return r.CancelGrant(ctx, key, role, account)
			}, nil)
	}
	did := fmt.Sprintf("account %s is proposed for the role of %s", account, role)
	var version uint64
	return tx.apply(cmd, change{
		words: func() string {
			if version == 1 {
				return has(account, role)
			}
			return did
		},
		already: func(ctx context.Context, r *registry.Registry) (words string, err error) {
			if version, err = r.Version(ctx); err != nil {
				return "", err
			}
			if words, err := ifHeld(account, role)(ctx, r); words != "" || err != nil || version == 1 {
				return words, err
			}
			stands, err := stands(ctx, r, func() (uint64, error) { return r.PendingGrant(ctx, role, account) })
			return already(did, stands, err)
		},
		send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
			if version == 1 {
				return r.Grant(ctx, key, role, account)
			}
			return r.ProposeGrant(ctx, key, role, account)
		},
		after: func(ctx context.Context, r *registry.Registry) error {
			if version == 1 {
				return nil
			}
			return noteFrom(cmd, "it can be granted", func() (uint64, error) { return r.PendingGrant(ctx, role, account) })
		},
	})
}

// has and hasNot say in words whether an account holds a role.
func has(account verify.Address, role registry.Role) string {
	return fmt.Sprintf("account %s has the role of %s", account, role)
}

func hasNot(account verify.Address, role registry.Role) string {
	return fmt.Sprintf("account %s does not have the role of %s", account, role)
}

// ifHeld and ifNotHeld ask for it before a change that would change nothing.
func ifHeld(account verify.Address, role registry.Role) func(context.Context, *registry.Registry) (string, error) {
	return func(ctx context.Context, r *registry.Registry) (string, error) {
		held, err := r.Holds(ctx, role, account)
		return already(has(account, role), held, err)
	}
}

func ifNotHeld(account verify.Address, role registry.Role) func(context.Context, *registry.Registry) (string, error) {
	return func(ctx context.Context, r *registry.Registry) (string, error) {
		held, err := r.Holds(ctx, role, account)
		return already(hasNot(account, role), !held, err)
	}
}

// stands reports whether a proposal can still be executed, now or later. To make
// it again would only begin its delay anew.
func stands(ctx context.Context, r *registry.Registry, pending func() (uint64, error)) (bool, error) {
	from, err := pending()
	if err != nil || from == 0 {
		return false, err
	}
	now, err := r.Now(ctx)
	return now <= from+uint64(registry.GrantWindow/time.Second), err
}

// noteFrom tells from when on something that was proposed can be done.
func noteFrom(cmd *cobra.Command, what string, pending func() (uint64, error)) error {
	from, err := pending()
	if err != nil {
		return err
	}
	if from != 0 {
		cli.Note(cmd, "%s from %s UTC on, with --execute; until then any guardian can cancel it", what, unixTime(from))
	}
	return nil
}

func newRegistryWithdrawCommand() *cobra.Command {
	var (
		tx      txCommand
		role    roleFlags
		account string
	)
	cmd := &cobra.Command{
		Use:   "withdraw",
		Short: "Take a role from an account at once, for example after its key was stolen",
		Long: `Withdraws a role from an account. Only a guardian can, at once; a guardian itself
is removed with 'registry guardian remove'. In a registry of version 1 the admin
withdraws.`,
		Example: `  camswarm registry withdraw --registry registry.json --key guardian.key --account operator2.key.pub --operator-of acme.example/cam-1`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			address, err := readAddress(account)
			if err != nil {
				return fmt.Errorf("--account: %w", err)
			}
			r, err := role.of(&tx.reg)
			if err != nil {
				return err
			}
			return tx.apply(cmd, change{
				did:     hasNot(address, r),
				already: ifNotHeld(address, r),
				send: func(ctx context.Context, reg *registry.Registry, key *sign.Key) (registry.Tx, error) {
					return reg.Withdraw(ctx, key, r, address)
				},
			})
		},
	}
	tx.add(cmd, "guardian")
	role.add(cmd, false)
	addAccount(cmd, &account)
	return cmd
}

func newRegistryRenounceCommand() *cobra.Command {
	var (
		tx   txCommand
		role roleFlags
	)
	cmd := &cobra.Command{
		Use:     "renounce",
		Short:   "Give up a role of one's own account, at once",
		Example: `  camswarm registry renounce --registry registry.json --key operator.key --operator-of acme.example/cam-1`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := role.of(&tx.reg)
			if err != nil {
				return err
			}
			own, err := readAddress(cmp.Or(tx.sending.printTx, tx.keyPath))
			if err != nil {
				return err
			}
			return tx.apply(cmd, change{
				did:     hasNot(own, r),
				already: ifNotHeld(own, r),
				send: func(ctx context.Context, reg *registry.Registry, key *sign.Key) (registry.Tx, error) {
					return reg.Renounce(ctx, key, r)
				},
			})
		},
	}
	tx.add(cmd, "account that gives up the role")
	role.add(cmd, true)
	return cmd
}

func newRegistryGuardianCommand() *cobra.Command {
	return cli.Group("guardian", "Appoint and remove guardians", `Guardians can only stop: pause the registry, cancel what the admin proposed,
withdraw a role whose key is in wrong hands. They cannot lift a pause, grant,
publish or steer, and hold no other role.

A guardian whose key is stolen can hold everything up. The admin removes it: the
removal is proposed, and done after the delay. Other guardians can cancel it, the
one concerned cannot.`,
		newRegistryGuardianAddCommand(), newRegistryGuardianRemoveCommand())
}

func newRegistryGuardianAddCommand() *cobra.Command {
	var (
		tx      txCommand
		step    stepFlags
		account string
	)
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Propose a guardian, and appoint it after the delay",
		Example: `  camswarm registry guardian add --registry registry.json --key admin.key --account guardian2.key.pub
  camswarm registry guardian add --registry registry.json --key admin.key --account guardian2.key.pub --execute`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			address, err := readAddress(account)
			if err != nil {
				return fmt.Errorf("--account: %w", err)
			}
			return grant(cmd, &tx, step, registry.GuardianRole(), address)
		},
	}
	tx.add(cmd, "registry's admin")
	addAccount(cmd, &account)
	step.add(cmd, "appoint who was proposed", "cancel the proposal (also a guardian's key)")
	return cmd
}

func newRegistryGuardianRemoveCommand() *cobra.Command {
	var (
		tx      txCommand
		step    stepFlags
		account string
	)
	cmd := &cobra.Command{
		Use:   "remove",
		Short: "Propose to remove a guardian, and remove it after the delay",
		Example: `  camswarm registry guardian remove --registry registry.json --key admin.key --account guardian.key.pub
  camswarm registry guardian remove --registry registry.json --key guardian2.key --account guardian.key.pub --cancel`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			address, err := readAddress(account)
			if err != nil {
				return fmt.Errorf("--account: %w", err)
			}
			did, send := fmt.Sprintf("the removal of guardian %s is proposed", address), (*registry.Registry).ProposeRemoval
			asked := func(ctx context.Context, r *registry.Registry) (string, error) {
				if words, err := ifNotHeld(address, registry.GuardianRole())(ctx, r); words != "" || err != nil {
					return words, err
				}
				stands, err := stands(ctx, r, func() (uint64, error) { return r.PendingRemoval(ctx, address) })
				return already(did, stands, err)
			}
			switch {
			case step.execute:
				did, send = hasNot(address, registry.GuardianRole()), (*registry.Registry).ExecuteRemoval
				asked = ifNotHeld(address, registry.GuardianRole())
			case step.cancel:
				did, send = fmt.Sprintf("the removal of guardian %s is cancelled", address), (*registry.Registry).CancelRemoval
				asked = nil
			}
			return tx.apply(cmd, change{
				did:     did,
				already: asked,
				send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
					return send(r, ctx, key, address)
				},
				after: func(ctx context.Context, r *registry.Registry) error {
					return noteFrom(cmd, "it can be done", func() (uint64, error) { return r.PendingRemoval(ctx, address) })
				},
			})
		},
	}
	tx.add(cmd, "registry's admin")
	addAccount(cmd, &account)
	step.add(cmd, "remove the guardian as proposed", "cancel the removal (also the key of another guardian)")
	return cmd
}

func newRegistryTransferAdminCommand() *cobra.Command {
	var (
		tx     txCommand
		to     string
		cancel bool
	)
	cmd := &cobra.Command{
		Use:   "transfer-admin",
		Short: "Announce a new admin, who accepts after the delay",
		Long: `Announces the account that shall be the registry's admin. It becomes that with
'registry accept-admin' when the delay has passed. The admin and every guardian
can cancel the announcement until then.`,
		Example: `  camswarm registry transfer-admin --registry registry.json --key admin.key --to admin2.key.pub
  camswarm registry transfer-admin --registry registry.json --key guardian.key --cancel`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cancel {
				return tx.run(cmd, "the announced new admin is cancelled", func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
					if _, after, err := r.PendingAdmin(ctx); err != nil || after == 0 {
						return registry.Tx{}, cmp.Or(err, errors.New("no new admin is announced"))
					}
					return r.CancelAdminTransfer(ctx, key)
				}, nil)
			}
			address, err := readAddress(to)
			if err != nil {
				return fmt.Errorf("--to: %w", err)
			}
			did := fmt.Sprintf("account %s is announced as new admin", address)
			return tx.apply(cmd, change{
				did: did,
				already: func(ctx context.Context, r *registry.Registry) (string, error) {
					if words, err := isAdmin(ctx, r, address); words != "" || err != nil {
						return words, err
					}
					announced, after, err := r.PendingAdmin(ctx)
					return already(did, after != 0 && announced == address, err)
				},
				send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
					return r.BeginAdminTransfer(ctx, key, address)
				},
				after: func(ctx context.Context, r *registry.Registry) error {
					_, after, err := r.PendingAdmin(ctx)
					if err == nil && after != 0 {
						cli.Note(cmd, "it can accept after %s UTC, with 'camswarm registry accept-admin'", unixTime(after))
					}
					return err
				},
			})
		},
	}
	tx.add(cmd, "registry's admin")
	cmd.Flags().StringVar(&to, "to", "", "the new admin, an account without another role: a secp256k1 key file or an address")
	cmd.Flags().BoolVar(&cancel, "cancel", false, "cancel the announcement (also a guardian's key)")
	cmd.MarkFlagsOneRequired("to", "cancel")
	cmd.MarkFlagsMutuallyExclusive("to", "cancel")
	return cmd
}

func newRegistryAcceptAdminCommand() *cobra.Command {
	var tx txCommand
	cmd := &cobra.Command{
		Use:     "accept-admin",
		Short:   "Become the registry's admin, as announced",
		Example: `  camswarm registry accept-admin --registry registry.json --key admin2.key`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			own, err := readAddress(cmp.Or(tx.sending.printTx, tx.keyPath))
			if err != nil {
				return err
			}
			return tx.apply(cmd, change{
				did:     fmt.Sprintf("account %s is the registry's admin", own),
				already: func(ctx context.Context, r *registry.Registry) (string, error) { return isAdmin(ctx, r, own) },
				send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
					return r.AcceptAdminTransfer(ctx, key)
				},
			})
		},
	}
	tx.add(cmd, "announced new admin")
	return cmd
}

// isAdmin says in words that an account is the registry's admin, if it is.
func isAdmin(ctx context.Context, r *registry.Registry, account verify.Address) (string, error) {
	admin, _, err := r.Admin(ctx)
	return already(fmt.Sprintf("account %s is the registry's admin", account), admin == account, err)
}

func newRegistryDelayCommand() *cobra.Command {
	var (
		tx     txCommand
		to     time.Duration
		cancel bool
	)
	cmd := &cobra.Command{
		Use:   "delay",
		Short: "Change the delay between proposals and grants",
		Long: `Announces another delay, at most 30 days. A shorter one is in force when the
difference has passed, a longer one after itself, at most five days. The admin and
every guardian can cancel the announcement.`,
		Example: `  camswarm registry delay --registry registry.json --key admin.key --to 168h
  camswarm registry delay --registry registry.json --key guardian.key --cancel`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cancel {
				return tx.run(cmd, "the announced delay is cancelled", func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
					return r.CancelDelay(ctx, key)
				}, nil)
			}
			return tx.run(cmd, fmt.Sprintf("a delay of %v is announced", to), func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
				if err := checkDelay(r.Ref().ChainID, to); err != nil {
					return registry.Tx{}, err
				}
				return r.ChangeDelay(ctx, key, to)
			}, nil)
		},
	}
	tx.add(cmd, "registry's admin")
	cmd.Flags().DurationVar(&to, "to", 0, "the new delay, such as 168h")
	cmd.Flags().BoolVar(&cancel, "cancel", false, "cancel the announcement (also a guardian's key)")
	cmd.MarkFlagsOneRequired("to", "cancel")
	cmd.MarkFlagsMutuallyExclusive("to", "cancel")
	return cmd
}

// rolesFacts is what `registry roles` prints.
type rolesFacts struct {
	Registry     verify.RegistryRef `json:"registry"`
	Version      uint64             `json:"version"` // of the contract
	Admin        verify.Address     `json:"admin"`
	DelaySeconds uint64             `json:"delaySeconds"`
	NewAdmin     *verify.Address    `json:"newAdmin,omitempty"`
	NewAdminFrom uint64             `json:"newAdminFrom,omitempty"` // seconds since 1970
	Holders      []roleFacts        `json:"holders"`
	Pending      []roleFacts        `json:"pending"`
}

type roleFacts struct {
	Role    string         `json:"role"`
	Account verify.Address `json:"account"`
	From    uint64         `json:"from,omitempty"`    // pending: when it can be executed, seconds since 1970
	Removal bool           `json:"removal,omitempty"` // pending: of a guardian
}

func (f rolesFacts) print(w io.Writer) {
	fmt.Fprintf(w, "registry      %s, version %d\n", f.Registry, f.Version)
	fmt.Fprintf(w, "admin         %s\n", f.Admin)
	fmt.Fprintf(w, "delay         %v\n", time.Duration(f.DelaySeconds)*time.Second)
	if f.NewAdmin != nil {
		fmt.Fprintf(w, "new admin     %s can accept after %s UTC\n", *f.NewAdmin, unixTime(f.NewAdminFrom))
	}
	for _, h := range f.Holders {
		fmt.Fprintf(w, "%s  %s\n", h.Account, h.Role)
	}
	if len(f.Pending) > 0 {
		fmt.Fprintln(w, "proposed; a guardian can cancel it:")
	}
	for _, p := range f.Pending {
		what := "becomes " + p.Role
		if p.Removal {
			what = "is removed as guardian"
		}
		fmt.Fprintf(w, "%s  %s, from %s UTC on\n", p.Account, what, unixTime(p.From))
	}
}

func newRegistryRolesCommand() *cobra.Command {
	var reg registryFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "roles",
		Short: "Show who holds which role, and what is proposed",
		Long: `Reads the registry's log since its deployment and shows every account with a role,
and every proposal that is not executed yet: what a guardian looks at each day.`,
		Example: `  camswarm registry roles --registry registry.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var facts rolesFacts
			err := reg.withRegistry(cmd, func(ctx context.Context, file *registryFile, r *registry.Registry) (err error) {
				facts, err = readRoles(ctx, file, r)
				return err
			})
			if err != nil {
				return err
			}
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	reg.add(cmd)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func readRoles(ctx context.Context, file *registryFile, r *registry.Registry) (rolesFacts, error) {
	facts := rolesFacts{Registry: r.Ref(), Holders: []roleFacts{}, Pending: []roleFacts{}}
	admin, delay, err := r.Admin(ctx)
	if err != nil {
		return facts, err
	}
	facts.Admin, facts.DelaySeconds = admin, uint64(delay/time.Second)
	if facts.Version, err = r.Version(ctx); err != nil {
		return facts, err
	}
	to, after, err := r.PendingAdmin(ctx)
	if err != nil {
		return facts, err
	}
	if after != 0 {
		facts.NewAdmin, facts.NewAdminFrom = &to, after
	}
	events, err := r.Tail(file.DeployBlock).Poll(ctx)
	if err != nil {
		return facts, err
	}
	type holding struct {
		role    [32]byte
		account verify.Address
	}
	names := map[[32]byte]registry.Role{}
	for _, role := range []registry.Role{registry.PauserRole(), registry.GuardianRole()} {
		names[role.ID()] = role
	}
	named := func(product string) {
		if p, err := verify.ParseProduct(product); err == nil { // else no tool of ours could have made it
			role := registry.OperatorRole(p)
			names[role.ID()] = role
		}
	}
	var seen, proposed []holding
	var removals []verify.Address
	for _, e := range events {
		switch d := e.Detail.(type) {
		case *bindings.FirmwareRegistryManufacturerCreated:
			role := registry.ManufacturerRole(verify.DID(d.Did))
			names[role.ID()] = role
		case *bindings.FirmwareRegistryProductCreated:
			named(d.Name)
		case *bindings.FirmwareRegistryProductContinued:
			named(d.Name)
		case *bindings.FirmwareRegistryRoleGranted:
			seen = append(seen, holding{d.Role, verify.Address(d.Account)})
		case *bindings.FirmwareRegistryGrantProposed:
			proposed = append(proposed, holding{d.Role, verify.Address(d.Account)})
		case *bindings.FirmwareRegistryRemovalProposed:
			removals = append(removals, verify.Address(d.Guardian))
		}
	}
	once := func(list []holding) []holding {
		slices.SortFunc(list, func(a, b holding) int {
			return cmp.Or(cmp.Compare(names[a.role].String(), names[b.role].String()), cmp.Compare(a.account.String(), b.account.String()))
		})
		return slices.Compact(list)
	}
	for _, h := range once(seen) {
		role, ok := names[h.role]
		if !ok {
			continue // the admin's, which has a line of its own
		}
		held, err := r.Holds(ctx, role, h.account)
		if err != nil {
			return facts, err
		}
		if held {
			facts.Holders = append(facts.Holders, roleFacts{Role: role.String(), Account: h.account})
		}
	}
	for _, h := range once(proposed) {
		from, err := r.PendingGrant(ctx, names[h.role], h.account)
		if err != nil {
			return facts, err
		}
		if from != 0 {
			facts.Pending = append(facts.Pending, roleFacts{Role: names[h.role].String(), Account: h.account, From: from})
		}
	}
	slices.SortFunc(removals, func(a, b verify.Address) int { return cmp.Compare(a.String(), b.String()) })
	for _, g := range slices.Compact(removals) {
		from, err := r.PendingRemoval(ctx, g)
		if err != nil {
			return facts, err
		}
		if from != 0 {
			facts.Pending = append(facts.Pending, roleFacts{Role: registry.GuardianRole().String(), Account: g, From: from, Removal: true})
		}
	}
	return facts, nil
}
