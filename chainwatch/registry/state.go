package registry

import (
	"context"
	"fmt"

	"camswarm/chainwatch/registry/bindings"
	"camswarm/verify"
)

// Release returns one release of a product, revoked or not. Whether there is one
// of that sequence is for the contract to say: its [*Refusal] names the latest.
func (r *Registry) Release(ctx context.Context, product verify.ProductID, sequence uint64) (verify.Release, error) {
	page, err := ask(ctx, r, fmt.Sprintf("release %d", sequence), contract.PackReleases(product, sequence, 1), contract.UnpackReleases)
	if err != nil {
		return verify.Release{}, err
	}
	if sequence == 0 || len(page) == 0 {
		view, err := r.Check(ctx, product, "")
		if err != nil {
			return verify.Release{}, err
		}
		return verify.Release{}, unknownRelease(sequence, view.Latest)
	}
	if page[0].Sequence != sequence {
		return verify.Release{}, fmt.Errorf("release %d: the endpoint answered release %d", sequence, page[0].Sequence)
	}
	return release(product, page[0]), nil
}

// unknownRelease is the contract's refusal of a sequence that it does not know.
func unknownRelease(sequence, latest uint64) *Refusal {
	e := &bindings.FirmwareRegistryUnknownRelease{Sequence: sequence, Latest: latest}
	return &Refusal{Name: "UnknownRelease", Reason: reason("UnknownRelease", e)}
}

// Now returns the time of the newest block in seconds since 1970, which is the
// contract's clock.
func (r *Registry) Now(ctx context.Context) (uint64, error) {
	_, now, err := r.client.Block(ctx)
	return now, err
}

// Paused reports whether the whole registry is paused.
func (r *Registry) Paused(ctx context.Context) (bool, error) {
	return ask(ctx, r, "pause", contract.PackPaused(), contract.UnpackPaused)
}

// Halted reports whether a release is halted in all regions. The view of a device
// tells it of the releases on offer; for others the product's history is read,
// which takes one small query for each block with a change.
func (r *Registry) Halted(ctx context.Context, product verify.ProductID, sequence uint64) (bool, error) {
	view, err := r.Check(ctx, product, "")
	if err != nil {
		return false, err
	}
	if sequence == 0 || sequence > view.Latest {
		return false, unknownRelease(sequence, view.Latest)
	}
	for _, c := range view.Candidates {
		if c.Sequence == sequence {
			return c.Rollout.Halted, nil
		}
	}
	history, err := r.History(ctx, product, 0)
	if err != nil {
		return false, err
	}
	halted := false
	for _, e := range history { // oldest first
		if d, ok := e.Detail.(*bindings.FirmwareRegistryHaltedSet); ok && d.Sequence == sequence {
			halted = d.Halted
		}
	}
	return halted, nil
}

// subject returns the account and the id that an error of the contract names.
func subject(e any) (account verify.Address, id [32]byte) {
	switch e := e.(type) {
	case *bindings.FirmwareRegistryAccessControlUnauthorizedAccount:
		return verify.Address(e.Account), e.NeededRole
	case *bindings.FirmwareRegistryRoleConflict:
		return verify.Address(e.Account), e.Role
	case *bindings.FirmwareRegistryUnknownRole:
		return account, e.Role
	case *bindings.FirmwareRegistryUnknownProduct:
		return account, e.Product
	case *bindings.FirmwareRegistryUnknownManufacturer:
		return account, e.Manufacturer
	case *bindings.FirmwareRegistryAlreadyExists:
		return account, e.Id
	}
	return account, id
}
