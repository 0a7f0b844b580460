package registry

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// Terms are what a registry is deployed with.
type Terms struct {
	// Delay, in whole seconds up to 30 days, passes between the proposal of a
	// role, the admin's own included, and its grant: the time in which a guardian
	// can stop what a stolen admin's key began.
	Delay time.Duration
	// Admin creates manufacturers and products and proposes who holds the other
	// roles; zero: the account of the deploying key. It may be a multisig contract.
	Admin verify.Address
	// Pauser may stop the whole registry and lift the stop.
	Pauser verify.Address
	// Guardians, 1 to 8, may only stop: pause, cancel proposals, withdraw roles.
	// Two can protect one another: none can keep its own removal from happening.
	Guardians []verify.Address
}

// Deploy deploys a new registry from the key's account. The admin and the guardians can hold no role beside their own.
func (c *Client) Deploy(ctx context.Context, key *sign.Key, terms Terms) (*Registry, Tx, error) {
	admin, err := account(key)
	if err != nil {
		return nil, Tx{}, err
	}
	if terms.Admin != (verify.Address{}) {
		admin = terms.Admin
	}
	if terms.Delay < 0 || terms.Delay%time.Second != 0 {
		return nil, Tx{}, fmt.Errorf("admin delay %v must be whole seconds", terms.Delay)
	}
	guardians := make([]common.Address, len(terms.Guardians))
	for i, g := range terms.Guardians {
		guardians[i] = common.Address(g)
	}
	data := append(common.FromHex(code), contract.PackConstructor(big.NewInt(int64(terms.Delay/time.Second)),
		common.Address(admin), common.Address(terms.Pauser), guardians)...)
	tx, rec, err := c.transact(ctx, key, nil, data)
	if err != nil {
		return nil, tx, fmt.Errorf("deploy the registry: %w", err)
	}
	if rec.Contract == nil {
		return nil, tx, errors.New("deploy the registry: the receipt names no contract address")
	}
	r, err := c.Open(ctx, verify.Address(*rec.Contract))
	return r, tx, err
}

// ContinueProduct is [Registry.CreateProduct] for a product that comes from
// another registry, where its releases up to latest were published: the next one
// here has the number after it. Only for the registry's admin.
func (r *Registry) ContinueProduct(ctx context.Context, key *sign.Key, product verify.Product, manufacturer verify.DID, operator verify.Address, latest uint64) (Tx, error) {
	what := fmt.Sprintf("continue product %s", product)
	if err := product.Validate(); err != nil {
		return Tx{}, fmt.Errorf("%s: %w", what, err)
	}
	return r.send(ctx, key, what, contract.PackContinueProduct(product.ID(), product.String(), manufacturer.Hash(), common.Address(operator), latest))
}

// Version returns the version of the deployed contract: 1, which grants and
// withdraws roles at once, or 2.
func (r *Registry) Version(ctx context.Context) (uint64, error) {
	v, err := ask(ctx, r, "contract version", contract.PackVERSION(), contract.UnpackVERSION)
	if refused := (*Refusal)(nil); errors.As(err, &refused) && refused.Name == "" {
		return 1, nil // it has no such function
	}
	if err != nil {
		return 0, err
	}
	return v.Uint64(), nil
}

// GuardianRole is the role of those who may only stop.
func GuardianRole() Role {
	return Role{crypto.Keccak256Hash([]byte("GUARDIAN_ROLE")), "guardian"}
}

// ProposeGrant proposes to give an account a role, which [Registry.ExecuteGrant]
// does after the registry's delay. Only for the registry's admin. No account can
// be manufacturer and operator of one product; the admin and the guardians can
// hold no other role.
func (r *Registry) ProposeGrant(ctx context.Context, key *sign.Key, role Role, account verify.Address) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("propose for %s the role of %s", account, role), contract.PackProposeGrant(role.id, common.Address(account)))
}

// ExecuteGrant gives an account the role that was proposed for it. Only for the
// registry's admin and the account itself, from the end of the delay for 30 days.
func (r *Registry) ExecuteGrant(ctx context.Context, key *sign.Key, role Role, account verify.Address) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("grant %s the role of %s", account, role), contract.PackExecuteGrant(role.id, common.Address(account)))
}

// CancelGrant cancels the proposal of a role. Only for guardians, the registry's
// admin and the account itself.
func (r *Registry) CancelGrant(ctx context.Context, key *sign.Key, role Role, account verify.Address) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("cancel for %s the role of %s", account, role), contract.PackCancelGrant(role.id, common.Address(account)))
}

// PendingGrant returns from when on a proposed role can be granted, in seconds
// since 1970; 0: it is not proposed.
func (r *Registry) PendingGrant(ctx context.Context, role Role, account verify.Address) (uint64, error) {
	return seconds(ask(ctx, r, "proposed role", contract.PackPendingGrant(role.id, common.Address(account)), contract.UnpackPendingGrant))
}

// ProposeRemoval proposes to remove a guardian, which [Registry.ExecuteRemoval]
// does after the registry's delay. Only for the registry's admin.
func (r *Registry) ProposeRemoval(ctx context.Context, key *sign.Key, guardian verify.Address) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("propose to remove guardian %s", guardian), contract.PackProposeRemoval(common.Address(guardian)))
}

// ExecuteRemoval removes a guardian whose removal was proposed. Only for the
// registry's admin, from the end of the delay for 30 days.
func (r *Registry) ExecuteRemoval(ctx context.Context, key *sign.Key, guardian verify.Address) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("remove guardian %s", guardian), contract.PackExecuteRemoval(common.Address(guardian)))
}

// CancelRemoval cancels the removal of a guardian. Only for the registry's admin
// and for guardians other than the one concerned.
func (r *Registry) CancelRemoval(ctx context.Context, key *sign.Key, guardian verify.Address) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("cancel the removal of guardian %s", guardian), contract.PackCancelRemoval(common.Address(guardian)))
}

// PendingRemoval returns from when on a guardian can be removed, in seconds since
// 1970; 0: its removal is not proposed.
func (r *Registry) PendingRemoval(ctx context.Context, guardian verify.Address) (uint64, error) {
	return seconds(ask(ctx, r, "proposed removal", contract.PackPendingRemoval(common.Address(guardian)), contract.UnpackPendingRemoval))
}

// Renounce gives up a role of the key's own account, at once.
func (r *Registry) Renounce(ctx context.Context, key *sign.Key, role Role) (Tx, error) {
	own, err := r.account(key)
	if err != nil {
		return Tx{}, err
	}
	return r.send(ctx, key, fmt.Sprintf("renounce the role of %s", role), contract.PackRenounceRole(role.id, common.Address(own)))
}

// Admin returns the registry's admin and the registry's delay.
func (r *Registry) Admin(ctx context.Context) (admin verify.Address, delay time.Duration, err error) {
	a, err := ask(ctx, r, "admin", contract.PackDefaultAdmin(), contract.UnpackDefaultAdmin)
	if err != nil {
		return admin, 0, err
	}
	s, err := seconds(ask(ctx, r, "delay", contract.PackDefaultAdminDelay(), contract.UnpackDefaultAdminDelay))
	return verify.Address(a), time.Duration(s) * time.Second, err
}

// PendingAdmin returns the account that was announced as new admin, and after
// which second since 1970 it can accept; 0: none was announced.
func (r *Registry) PendingAdmin(ctx context.Context) (to verify.Address, after uint64, err error) {
	p, err := ask(ctx, r, "new admin", contract.PackPendingDefaultAdmin(), contract.UnpackPendingDefaultAdmin)
	if err != nil || p.Schedule.Sign() == 0 {
		return to, 0, err
	}
	return verify.Address(p.NewAdmin), p.Schedule.Uint64(), nil
}

// ChangeDelay announces another delay, in whole seconds up to 30 days. A shorter
// one is in force when the difference has passed, a longer one after itself, at
// most five days. Only for the registry's admin.
func (r *Registry) ChangeDelay(ctx context.Context, key *sign.Key, delay time.Duration) (Tx, error) {
	if delay < 0 || delay%time.Second != 0 {
		return Tx{}, fmt.Errorf("change the delay: %v must be whole seconds", delay)
	}
	return r.send(ctx, key, fmt.Sprintf("change the delay to %v", delay), contract.PackChangeDefaultAdminDelay(big.NewInt(int64(delay/time.Second))))
}

// CancelDelay cancels the announced change of the delay. Only for the registry's
// admin and guardians.
func (r *Registry) CancelDelay(ctx context.Context, key *sign.Key) (Tx, error) {
	return r.send(ctx, key, "cancel the change of the delay", contract.PackRollbackDefaultAdminDelay())
}

// seconds reads a uint48 that the contract answered.
func seconds(n *big.Int, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	return n.Uint64(), nil
}
