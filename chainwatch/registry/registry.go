package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"camswarm/chainwatch/registry/bindings"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// Registry is one deployed registry contract. Every method that takes a key
// sends one transaction from the key's account (secp256k1) and returns when it
// is in a block; the context bounds the waiting. What the contract refuses is
// a [*Refusal] and costs no gas.
type Registry struct {
	client *Client
	ref    verify.RegistryRef
	draft  *Call // what is written instead of sent; nil: transactions are sent
}

// Ref names the registry.
func (r *Registry) Ref() verify.RegistryRef { return r.ref }

// Address returns the registry's address.
func (r *Registry) Address() verify.Address { return r.ref.Address }

func (r *Registry) send(ctx context.Context, key *sign.Key, what string, data []byte) (Tx, error) {
	if r.draft != nil {
		if err := r.fill(ctx, data); err != nil {
			return Tx{}, fmt.Errorf("%s: %w", what, err)
		}
		return Tx{}, nil
	}
	tx, _, err := r.client.transact(ctx, key, &r.ref.Address, data)
	if err != nil {
		return tx, fmt.Errorf("%s: %w", what, err)
	}
	return tx, nil
}

func ask[T any](ctx context.Context, r *Registry, what string, data []byte, unpack func([]byte) (T, error)) (T, error) {
	out, err := r.client.call(ctx, r.ref.Address, data)
	if err == nil {
		var v T
		if v, err = unpack(out); err == nil {
			return v, nil
		}
	}
	var zero T
	return zero, fmt.Errorf("%s: %w", what, err)
}

// CreateManufacturer adds a manufacturer, known by its DID, with its
// code-signing keys. admin is the first account that may publish for it. Only
// for the registry's admin.
func (r *Registry) CreateManufacturer(ctx context.Context, key *sign.Key, did verify.DID, keys verify.KeySet, admin verify.Address) (Tx, error) {
	what := fmt.Sprintf("create manufacturer %s", did)
	threshold, list, err := packKeys(keys)
	if err != nil {
		return Tx{}, fmt.Errorf("%s: %w", what, err)
	}
	return r.send(ctx, key, what, contract.PackCreateManufacturer(did.Hash(), string(did), threshold, list, common.Address(admin)))
}

// CreateProduct adds a product of an existing manufacturer. operator is the
// first account that may steer its rollouts. Only for the registry's admin.
func (r *Registry) CreateProduct(ctx context.Context, key *sign.Key, product verify.Product, manufacturer verify.DID, operator verify.Address) (Tx, error) {
	what := fmt.Sprintf("create product %s", product)
	if err := product.Validate(); err != nil {
		return Tx{}, fmt.Errorf("%s: %w", what, err)
	}
	return r.send(ctx, key, what, contract.PackCreateProduct(product.ID(), product.String(), manufacturer.Hash(), common.Address(operator)))
}

// SetKeys replaces the keys of all of a manufacturer's products. Devices
// follow only with a rotation statement signed by the keys that they have
// pinned. Only for the manufacturer's admin.
func (r *Registry) SetKeys(ctx context.Context, key *sign.Key, manufacturer verify.DID, keys verify.KeySet) (Tx, error) {
	what := fmt.Sprintf("set the keys of %s", manufacturer)
	threshold, list, err := packKeys(keys)
	if err != nil {
		return Tx{}, fmt.Errorf("%s: %w", what, err)
	}
	return r.send(ctx, key, what, contract.PackSetKeys(manufacturer.Hash(), threshold, list))
}

func packKeys(keys verify.KeySet) (threshold uint8, list [][]byte, err error) {
	if err := keys.Validate(); err != nil {
		return 0, nil, err
	}
	for _, k := range keys.Keys {
		list = append(list, k.Bytes())
	}
	return uint8(keys.Threshold), list, nil
}

// Publish records a release; rel.Sequence must be the latest plus one.
// rel.Revoked and rel.PublishedAt are not looked at. Only for the admin of the
// product's manufacturer.
func (r *Registry) Publish(ctx context.Context, key *sign.Key, rel verify.Release) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("publish release %d", rel.Sequence),
		contract.PackPublish(rel.Product, rel.Sequence, rel.Version, rel.ImageSize, rel.ImageSHA256, rel.Envelope))
}

// Revoke withdraws a release for ever. Only for the admin of the product's
// manufacturer.
func (r *Registry) Revoke(ctx context.Context, key *sign.Key, product verify.ProductID, sequence uint64) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("revoke release %d", sequence), contract.PackRevoke(product, sequence))
}

// SetMinSequence raises the anti-rollback floor of a product, for ever. Only
// for the admin of the product's manufacturer.
func (r *Registry) SetMinSequence(ctx context.Context, key *sign.Key, product verify.ProductID, sequence uint64) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("set the minimum sequence to %d", sequence), contract.PackSetMinSequence(product, sequence))
}

// SetRollout sets the policy of a release in one region; region "" is for all
// regions without a policy of their own for the release. Only for the
// product's operator.
func (r *Registry) SetRollout(ctx context.Context, key *sign.Key, product verify.ProductID, sequence uint64, region verify.Region, policy verify.Rollout) (Tx, error) {
	what := fmt.Sprintf("set the rollout of release %d", sequence)
	if _, err := verify.ParseRegion(string(region)); err != nil {
		return Tx{}, fmt.Errorf("%s: %w", what, err)
	}
	if policy.Halted {
		return Tx{}, fmt.Errorf("%s: %w", what, errors.New("a policy cannot halt: use SetHalted"))
	}
	return r.send(ctx, key, what, contract.PackSetRollout(product, sequence, region.Bytes32(), bindings.FirmwareRegistryPolicy{
		Mode:      uint8(policy.Mode),
		Warm:      policy.Warm,
		NotBefore: policy.NotBefore,
		Start:     policy.Start,
		Duration:  policy.Duration,
		StartBps:  policy.StartBps,
		EndBps:    policy.EndBps,
		Label:     policy.Label,
		Canaries:  policy.Canaries,
	}))
}

// SetHalted halts a release in all regions, or lifts the halt. Only for the
// product's operator.
func (r *Registry) SetHalted(ctx context.Context, key *sign.Key, product verify.ProductID, sequence uint64, halted bool) (Tx, error) {
	what := fmt.Sprintf("halt release %d", sequence)
	if !halted {
		what = fmt.Sprintf("lift the halt of release %d", sequence)
	}
	return r.send(ctx, key, what, contract.PackSetHalted(product, sequence, halted))
}

// SetBarrier names the release that every device below it must install first;
// 0 lifts the barrier. Only for the product's operator.
func (r *Registry) SetBarrier(ctx context.Context, key *sign.Key, product verify.ProductID, sequence uint64) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("set the barrier to %d", sequence), contract.PackSetBarrier(product, sequence))
}

// Pause stops the whole registry: nothing can be published and no device
// installs. Only for pausers and guardians.
func (r *Registry) Pause(ctx context.Context, key *sign.Key) (Tx, error) {
	return r.send(ctx, key, "pause the registry", contract.PackPause())
}

// Unpause lifts the pause. Only for the pauser.
func (r *Registry) Unpause(ctx context.Context, key *sign.Key) (Tx, error) {
	return r.send(ctx, key, "lift the registry's pause", contract.PackUnpause())
}

// Check asks what a device of a product in a region would ask. The answer is
// one endpoint's word.
func (r *Registry) Check(ctx context.Context, product verify.ProductID, region verify.Region) (verify.View, error) {
	return ask(ctx, r, "check", contract.PackCheck(product, region.Bytes32()), func(b []byte) (verify.View, error) {
		return DecodeView(b, r.ref, product, region)
	})
}

// Releases returns all releases of a product from a sequence on, oldest first,
// revoked ones included. Those of a product that was continued from another
// registry begin after its latest there.
func (r *Registry) Releases(ctx context.Context, product verify.ProductID, from uint64) ([]verify.Release, error) {
	var all []verify.Release
	for from = max(from, 1); ; from += pageSize {
		page, err := ask(ctx, r, "releases", contract.PackReleases(product, from, pageSize), contract.UnpackReleases)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 && len(page) > 0 {
			from = max(from, page[0].Sequence)
		}
		for i, info := range page {
			if info.Sequence != from+uint64(i) {
				return nil, fmt.Errorf("releases: the endpoint answered release %d where %d was due", info.Sequence, from+uint64(i))
			}
			all = append(all, release(product, info))
		}
		if len(page) < pageSize {
			return all, nil
		}
	}
}

// ProductInfo is what the registry records of a product itself.
type ProductInfo struct {
	Product      verify.Product
	Manufacturer [32]byte // SHA-256 of the manufacturer's DID
}

// Product returns a product's name and manufacturer.
func (r *Registry) Product(ctx context.Context, product verify.ProductID) (ProductInfo, error) {
	return ask(ctx, r, "product", contract.PackProductOf(product), func(b []byte) (ProductInfo, error) {
		out, err := contract.UnpackProductOf(b)
		if err != nil {
			return ProductInfo{}, err
		}
		p, err := verify.ParseProduct(out.Name)
		return ProductInfo{Product: p, Manufacturer: out.Manufacturer}, err
	})
}

// KeysChanged reports whether the manufacturer's signing keys were ever replaced
// since it was added, see [Registry.SetKeys].
func (r *Registry) KeysChanged(ctx context.Context, manufacturer verify.DID) (bool, error) {
	// A manufacturer's track counts its creation and each replacement.
	track, err := ask(ctx, r, "manufacturer", contract.PackTrackOf(manufacturer.Hash()), contract.UnpackTrackOf)
	return track.Rev > 1, err
}

// Role is a right that accounts hold in a registry.
type Role struct {
	id   [32]byte
	name string
}

// String says whose role it is.
func (r Role) String() string { return r.name }

// ID returns the role's id, as events of roles name it.
func (r Role) ID() [32]byte { return r.id }

// ManufacturerRole is the role of those who publish and revoke a
// manufacturer's releases.
func ManufacturerRole(manufacturer verify.DID) Role {
	return Role{roleID("MANUFACTURER_ROLE", manufacturer.Hash()), "manufacturer " + string(manufacturer)}
}

// OperatorRole is the role of those who steer a product's rollouts.
func OperatorRole(product verify.Product) Role {
	return Role{roleID("OPERATOR_ROLE", product.ID()), "operator of " + product.String()}
}

// PauserRole is the role of those who may stop the whole registry.
func PauserRole() Role {
	return Role{crypto.Keccak256Hash([]byte("PAUSER_ROLE")), "pauser"}
}

// AdminRole is the role of the registry's one admin. It cannot be granted or
// taken, only handed on: see [Registry.BeginAdminTransfer].
func AdminRole() Role { return Role{[32]byte{}, "admin"} }

// roleID is keccak256(abi.encode(kind, id)).
func roleID(kind string, id [32]byte) [32]byte {
	text, _ := abi.NewType("string", "", nil)
	word, _ := abi.NewType("bytes32", "", nil)
	packed, err := abi.Arguments{{Type: text}, {Type: word}}.Pack(kind, id)
	if err != nil {
		panic(err) // the types are fixed
	}
	return crypto.Keccak256Hash(packed)
}

// Grant gives an account a role at once, in a registry of version 1 only; see
// [Registry.ProposeGrant]. Only for the registry's admin.
func (r *Registry) Grant(ctx context.Context, key *sign.Key, role Role, account verify.Address) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("grant %s the role of %s", account, role), contract.PackGrantRole(role.id, common.Address(account)))
}

// Withdraw takes the role of a manufacturer, operator or pauser from an account,
// at once. Only for guardians; in a registry of version 1 for its admin.
func (r *Registry) Withdraw(ctx context.Context, key *sign.Key, role Role, account verify.Address) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("withdraw from %s the role of %s", account, role), contract.PackRevokeRole(role.id, common.Address(account)))
}

// Holds reports whether an account holds a role.
func (r *Registry) Holds(ctx context.Context, role Role, account verify.Address) (bool, error) {
	return ask(ctx, r, "role of "+role.String(), contract.PackHasRole(role.id, common.Address(account)), contract.UnpackHasRole)
}

// BeginAdminTransfer announces a new admin, who can accept after the registry's
// delay. Only for the registry's admin.
func (r *Registry) BeginAdminTransfer(ctx context.Context, key *sign.Key, to verify.Address) (Tx, error) {
	return r.send(ctx, key, fmt.Sprintf("announce %s as new admin", to), contract.PackBeginDefaultAdminTransfer(common.Address(to)))
}

// CancelAdminTransfer withdraws the announcement. Only for the registry's admin
// and guardians.
func (r *Registry) CancelAdminTransfer(ctx context.Context, key *sign.Key) (Tx, error) {
	return r.send(ctx, key, "cancel the new admin", contract.PackCancelDefaultAdminTransfer())
}

// AcceptAdminTransfer makes the announced account the admin. Only for that
// account, after the delay.
func (r *Registry) AcceptAdminTransfer(ctx context.Context, key *sign.Key) (Tx, error) {
	return r.send(ctx, key, "become admin", contract.PackAcceptDefaultAdminTransfer())
}
