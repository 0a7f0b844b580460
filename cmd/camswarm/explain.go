package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"camswarm/chainwatch/registry"
	"camswarm/verify"
)

// about is what a command is about, in the words of whoever gave it. The registry
// knows products, manufacturers and roles by 32-byte ids alone.
type about struct {
	registry     verify.RegistryRef
	product      verify.Product // zero: none
	manufacturer verify.DID     // "": that of the product, if there is one
}

// explained is a refusal in other words.
type explained struct {
	error
	text string
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.error }

// explain words a refusal of the registry with the names of what was refused, and
// says which command helps. Other errors stay as they are.
func (a about) explain(ctx context.Context, r *registry.Registry, err error) error {
	var refused *registry.Refusal
	if !errors.As(err, &refused) {
		return err
	}
	reason := a.reason(ctx, r, refused)
	if reason == "" {
		return err
	}
	return &explained{err, strings.Replace(err.Error(), refused.Reason, reason, 1)}
}

// reason words a refusal with our names; "" where they add nothing.
func (a about) reason(ctx context.Context, r *registry.Registry, refused *registry.Refusal) string {
	isProduct := a.product != (verify.Product{}) && a.product.ID() == refused.ID
	isManufacturer := a.manufacturer != "" && a.manufacturer.Hash() == refused.ID
	switch refused.Name {
	case "AccessControlUnauthorizedAccount":
		role, flag := a.role(ctx, r, refused.ID)
		if role == "" {
			return ""
		}
		reason := fmt.Sprintf("account %s has not the role of %s: name with --key the key of an account that has", refused.Account, role)
		if flag != "" {
			reason += fmt.Sprintf(", or let the registry's admin give it the role ('camswarm registry grant --account %s %s')", refused.Account, flag)
		}
		return reason
	case "RoleConflict":
		if role, _ := a.role(ctx, r, refused.ID); role != "" {
			return fmt.Sprintf("account %s cannot have the role of %s: %s", refused.Account, role, refused.Reason)
		}
	case "UnknownProduct":
		if isProduct {
			return fmt.Sprintf("registry %s has no product %s: check --product and --registry, or let the registry's admin add it with 'camswarm registry product'", a.registry, a.product)
		}
	case "UnknownManufacturer":
		if isManufacturer {
			return fmt.Sprintf("registry %s has no manufacturer %s: check the DID and --registry, or let the registry's admin add it with 'camswarm registry manufacturer'", a.registry, a.manufacturer)
		}
	case "AlreadyExists":
		switch {
		case isProduct:
			return fmt.Sprintf("registry %s has product %s already: 'camswarm registry show --product %s' shows it", a.registry, a.product, a.product)
		case isManufacturer:
			return fmt.Sprintf("registry %s has manufacturer %s already: other signing keys are listed with 'camswarm registry set-keys'", a.registry, a.manufacturer)
		}
	}
	return ""
}

// role names the role with an id, "" if it is none of ours, and the flag of
// 'registry grant' for it, "" for the admin's. It asks the chain who makes the
// product only if nothing else fits.
func (a about) role(ctx context.Context, r *registry.Registry, id [32]byte) (name, flag string) {
	switch id {
	case registry.AdminRole().ID():
		return "the registry's admin", ""
	case registry.PauserRole().ID():
		return registry.PauserRole().String(), "--pauser"
	case registry.GuardianRole().ID():
		return registry.GuardianRole().String(), "--guardian"
	}
	if role := registry.OperatorRole(a.product); a.product != (verify.Product{}) && id == role.ID() {
		return role.String(), "--operator-of " + a.product.String()
	}
	did := a.manufacturer
	if did == "" && a.product != (verify.Product{}) && r != nil {
		if view, err := r.Check(ctx, a.product.ID(), ""); err == nil {
			did = view.Manufacturer
		}
	}
	if role := registry.ManufacturerRole(did); did != "" && id == role.ID() {
		name = role.String()
		if a.product != (verify.Product{}) {
			name += ", who makes " + a.product.String()
		}
		return name, "--manufacturer-of " + string(did)
	}
	return "", ""
}
