package chainwatch

import (
	"context"
	"encoding/hex"
	"fmt"

	"camswarm/verify"
)

// Reply is what one endpoint answered to the question of an [Ask].
type Reply[T any] struct {
	Status   EndpointStatus // StateOK, or StateFailing and why
	Operator string         // the group it votes in
	Value    T              // meaningless unless the state is StateOK
}

// Contradicts marks a reply as one that the quorum does not confirm.
func (r *Reply[T]) Contradicts(format string, args ...any) {
	err := verify.Soft("rpc_single_liar", "%s: %w", r.Status.URL, fmt.Errorf(format, args...))
	r.Status.State, r.Status.Attack, r.Status.LastError = StateContradict, err.Attack, err.Error()
}

// Ask puts one question to every endpoint of cfg at once and returns their
// replies in the order of the configuration; to weigh them is for the caller. ask
// asks one endpoint through call, which makes one eth_call to the configured
// registry and returns its answer, which is never empty. An error of ask that is
// no [*verify.Error] says that the endpoint answered rubbish (rpc_malformed).
//
// It is for tools that ask once; a device keeps a [Watcher]. dial nil: [Dial].
func Ask[T any](ctx context.Context, cfg Config, dial func(Endpoint) (Caller, error), ask func(call func(data []byte) ([]byte, error)) (T, error)) ([]Reply[T], error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	registry, err := cfg.registry()
	if err != nil {
		return nil, err
	}
	if dial == nil {
		dial = Dial
	}
	endpoints := make([]*endpoint, len(cfg.Endpoints))
	for i, e := range cfg.Endpoints {
		if endpoints[i], err = newEndpoint(i, e, dial); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	replies := make([]Reply[T], len(endpoints))
	done := make(chan struct{})
	for i, e := range endpoints {
		go func() {
			defer func() { done <- struct{}{} }()
			defer e.hangUp()
			value, err := ask(func(data []byte) ([]byte, error) {
				return e.call(ctx, registry, "0x"+hex.EncodeToString(data), cfg.Finality)
			})
			switch {
			case err == nil:
				e.rated(StateOK, nil)
			case verify.AttackName(err) == "":
				e.rated(StateFailing, e.refuse("rpc_malformed", "registry %s: %w", registry, err))
			default:
				e.rated(StateFailing, err)
			}
			replies[i] = Reply[T]{e.snapshot(), e.operator, value}
		}()
	}
	for range endpoints {
		<-done
	}
	return replies, nil
}
