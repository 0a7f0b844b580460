package registry

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"camswarm/chainwatch/registry/bindings"
	"camswarm/verify"
)

// Refusal is a call that the contract refused; the state is unchanged.
type Refusal struct {
	Name   string // of the contract's error, such as SequenceNotNext; "" if it is not one of this contract
	Reason string // what is wrong and what to do

	// What the error names, if it does: an account, and the id of a role, product
	// or manufacturer. Who knows their names can word the reason better.
	Account verify.Address
	ID      [32]byte
}

func (e *Refusal) Error() string { return e.Reason }

// refusal turns an error with revert data into a *Refusal, and returns others
// as they are.
func refusal(err error) error {
	var withData rpc.DataError
	if !errors.As(err, &withData) {
		return err
	}
	text, _ := withData.ErrorData().(string)
	data, decodeErr := hexutil.Decode(text)
	if decodeErr != nil || len(data) < 4 {
		if strings.Contains(err.Error(), "revert") {
			return &Refusal{Reason: "the contract refused without a reason: check the registry's address: " + err.Error()}
		}
		return err
	}
	if reason, err := abi.UnpackRevert(data); err == nil {
		return &Refusal{Reason: "the contract refused: " + reason}
	}
	e, decodeErr := contract.UnpackError(data)
	if decodeErr != nil {
		return &Refusal{Reason: fmt.Sprintf("the contract refused with an unknown error %#x: is it a registry of this version?", data[:4])}
	}
	name := strings.TrimPrefix(reflect.TypeOf(e).Elem().Name(), "FirmwareRegistry")
	account, id := subject(e)
	return &Refusal{Name: name, Reason: reason(name, e), Account: account, ID: id}
}

// reason puts a contract's error in words.
func reason(name string, e any) string {
	switch e := e.(type) {
	case *bindings.FirmwareRegistryAccessControlUnauthorizedAccount:
		return fmt.Sprintf("account %s has not the role for it (%#x): use the key of an account that has, or let the admin propose it", verify.Address(e.Account), e.NeededRole)
	case *bindings.FirmwareRegistryAccessControlBadConfirmation:
		return "an account can only renounce its own roles"
	case *bindings.FirmwareRegistryAccessControlEnforcedDefaultAdminDelay:
		return fmt.Sprintf("the admin's role can be accepted only after %s", date(e.Schedule.Uint64()))
	case *bindings.FirmwareRegistryAccessControlEnforcedDefaultAdminRules:
		return "the admin's role is handed on only by an announced transfer that the new admin accepts"
	case *bindings.FirmwareRegistryAccessControlInvalidDefaultAdmin:
		return fmt.Sprintf("account %s is not the announced new admin", verify.Address(e.DefaultAdmin))
	case *bindings.FirmwareRegistryRoleConflict:
		if e.Role == GuardianRole().id {
			return fmt.Sprintf("account %s cannot be guardian beside another role, nor keep its own removal from happening: take another account", verify.Address(e.Account))
		}
		return fmt.Sprintf("account %s holds a role that excludes this one: manufacturer, operator and admin must be different accounts, and a guardian holds no other role", verify.Address(e.Account))
	case *bindings.FirmwareRegistryDelayed:
		return "roles are proposed first and granted after the registry's delay, and guardians are removed so: propose it"
	case *bindings.FirmwareRegistryNotProposed:
		return "it was not proposed, or was cancelled: propose it first"
	case *bindings.FirmwareRegistryOutsideWindow:
		return fmt.Sprintf("it can be done from %s to %s: wait, or propose it again", date(e.From.Uint64()), date(e.Until.Uint64()))
	case *bindings.FirmwareRegistryEarlierRegistry:
		return fmt.Sprintf("release %d was published in the registry from which the product came; here they begin with %d", e.Sequence, e.First)
	case *bindings.FirmwareRegistryUnknownRole:
		return "there is no such manufacturer or product yet: create it before you grant its role"
	case *bindings.FirmwareRegistryUnknownProduct:
		return fmt.Sprintf("the registry has no product %x: check the product and the registry, or let the admin create it", e.Product)
	case *bindings.FirmwareRegistryUnknownManufacturer:
		return fmt.Sprintf("the registry has no manufacturer %x: check its DID and the registry, or let the admin create it", e.Manufacturer)
	case *bindings.FirmwareRegistryUnknownRelease:
		if e.Latest == 0 {
			return fmt.Sprintf("there is no release %d: none was published yet", e.Sequence)
		}
		return fmt.Sprintf("there is no release %d: choose from 1 to %d", e.Sequence, e.Latest)
	case *bindings.FirmwareRegistryAlreadyExists:
		return "it is in the registry already"
	case *bindings.FirmwareRegistryIdMismatch:
		return fmt.Sprintf("the id %x is not the SHA-256 of the text, %x", e.Id, e.Expected)
	case *bindings.FirmwareRegistrySequenceNotNext:
		if e.Given < e.Expected {
			return fmt.Sprintf("sequence must be %d, not %d: release %d was published already", e.Expected, e.Given, e.Given)
		}
		return fmt.Sprintf("sequence must be %d, not %d: releases are numbered without gaps", e.Expected, e.Given)
	case *bindings.FirmwareRegistryReleaseRevoked:
		return fmt.Sprintf("release %d is revoked, and that is for ever: choose or publish another", e.Sequence)
	case *bindings.FirmwareRegistryMinSequenceNotRaised:
		return fmt.Sprintf("the minimum sequence is %d and can only be raised, not set to %d", e.Current, e.Given)
	case *bindings.FirmwareRegistryOutOfBounds:
		return fmt.Sprintf("%s: %v (or its length) must be from %v to %v", e.Field, e.Given, e.Min, e.Max)
	case *bindings.FirmwareRegistryZeroValue:
		return fmt.Sprintf("%s must not be zero", e.Field)
	case *bindings.FirmwareRegistryDuplicateKey:
		return fmt.Sprintf("key number %v is listed twice, as it is or as its negative, which the same secret signs for", e.Index.Uint64()+1)
	case *bindings.FirmwareRegistryEnforcedPause:
		return "the registry is paused: let the pauser lift the pause first"
	case *bindings.FirmwareRegistryExpectedPause:
		return "the registry is not paused"
	}
	return "the contract refused with " + name
}

func date(seconds uint64) string {
	return time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
}
