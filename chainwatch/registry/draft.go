package registry

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"camswarm/chainwatch/registry/bindings"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// Call is a transaction that nobody has signed: what a multisig contract, a hardware
// wallet or another program sends. It carries no coins.
type Call struct {
	From, To verify.Address
	Data     []byte
	Gas      uint64 // estimate of what To uses; a multisig adds its own
	Function string // of the contract with its types, such as setBarrier(bytes32,uint64)
}

// Draft returns the registry as an account sees it that signs elsewhere, and where
// its next call goes: a method that would send asks the endpoint whether it would
// succeed from that account, a [*Refusal] if not, fills in the call, and sends
// nothing. Its key is not looked at and its Tx is zero.
func (r *Registry) Draft(from verify.Address) (*Registry, *Call) {
	call := &Call{From: from, To: r.ref.Address}
	return &Registry{client: r.client, ref: r.ref, draft: call}, call
}

// fill makes the call of data, after a look at what would become of it.
func (r *Registry) fill(ctx context.Context, data []byte) error {
	var gas hexutil.Uint64
	msg := message{From: r.draft.From.String(), To: r.ref.Address.String(), Data: data}
	if err := r.client.rpc.CallContext(ctx, &gas, "eth_estimateGas", msg); err != nil {
		return refusal(err)
	}
	abi, err := bindings.FirmwareRegistryMetaData.ParseABI()
	if err != nil {
		return err
	}
	method, err := abi.MethodById(data)
	if err != nil {
		return fmt.Errorf("call data: %w", err)
	}
	r.draft.Data, r.draft.Gas, r.draft.Function = data, uint64(gas), method.Sig
	return nil
}

// account returns the account that a call is made from.
func (r *Registry) account(key *sign.Key) (verify.Address, error) {
	if r.draft != nil {
		return r.draft.From, nil
	}
	return account(key)
}
