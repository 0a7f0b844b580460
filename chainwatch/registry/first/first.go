package first

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"camswarm/chainwatch/registry"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// artefact is what the contract's source was compiled to then, in the format of
// solc --combined-json.
//
//go:embed FirmwareRegistry.json
var artefact []byte

// Deploy deploys a registry of version 1. The key's account becomes its admin;
// delay, in whole seconds, is that of the transfer of the admin's role alone.
func Deploy(ctx context.Context, c *registry.Client, key *sign.Key, delay time.Duration, pauser verify.Address) (*registry.Registry, error) {
	var file struct {
		Contracts map[string]struct{ Bin string }
	}
	if err := json.Unmarshal(artefact, &file); err != nil {
		return nil, fmt.Errorf("registry of version 1: %w", err)
	}
	admin, ok := key.Address()
	if !ok {
		return nil, fmt.Errorf("registry of version 1: a key of %v signs no transactions", key.Algorithm())
	}
	number, _ := abi.NewType("uint48", "", nil)
	address, _ := abi.NewType("address", "", nil)
	args, err := abi.Arguments{{Type: number}, {Type: address}, {Type: address}}.
		Pack(big.NewInt(int64(delay/time.Second)), common.Address(admin), common.Address(pauser))
	if err != nil {
		return nil, fmt.Errorf("registry of version 1: %w", err)
	}
	data := append(common.FromHex(file.Contracts["FirmwareRegistry.sol:FirmwareRegistry"].Bin), args...)
	_, at, err := c.Send(ctx, key, nil, data)
	if err != nil {
		return nil, fmt.Errorf("registry of version 1: %w", err)
	}
	return c.Open(ctx, at)
}
