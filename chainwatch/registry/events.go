package registry

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"camswarm/chainwatch/registry/bindings"
	"camswarm/verify"
)

// Event is one entry of the registry's log.
type Event struct {
	Name  string // the contract's name for it, such as Published or RoleGranted
	Block uint64
	Tx    [32]byte
	Index uint // of the entry in its block

	// Subject is what changed: a product's id, a manufacturer's (the SHA-256 of
	// its DID), zero for the registry as a whole and for events of roles.
	Subject  [32]byte
	Sequence uint64 // of the release concerned; 0: none

	// Rev and Time are set for changes that can alter an answer to a camera:
	// the number of such changes of the subject up to this one, and the
	// block's time in seconds since 1970. They are 0 for events of roles.
	Rev  uint64
	Time uint64

	// Detail holds what else the contract said: a pointer to the type of
	// package bindings with the event's name, such as
	// *bindings.FirmwareRegistryPublished.
	Detail any

	previous uint64 // block of the subject's change before this one
}

// String says in one line what happened.
func (e Event) String() string { return e.Words() }

// Rollout returns the policy that was set, if that is what happened.
func (e Event) Rollout() (region verify.Region, policy verify.Rollout, ok bool) {
	d, ok := e.Detail.(*bindings.FirmwareRegistryRolloutSet)
	if !ok {
		return "", policy, false
	}
	return verify.Region(common.TrimRightZeroes(d.Region[:])), rollout(d.Policy, false), true
}

// Role returns the id of the role that was granted, withdrawn, proposed or cancelled,
// if that is what happened.
func (e Event) Role() (id [32]byte, ok bool) {
	switch d := e.Detail.(type) {
	case *bindings.FirmwareRegistryRoleGranted:
		return d.Role, true
	case *bindings.FirmwareRegistryRoleRevoked:
		return d.Role, true
	case *bindings.FirmwareRegistryGrantProposed:
		return d.Role, true
	case *bindings.FirmwareRegistryGrantCancelled:
		return d.Role, true
	}
	return id, false
}

// Words is String with the names of some roles, which the log has by their ids alone.
func (e Event) Words(known ...Role) string {
	role := func(id [32]byte) string {
		if i := slices.IndexFunc(known, func(r Role) bool { return r.id == id }); i >= 0 {
			return "role of " + known[i].name
		}
		return fmt.Sprintf("role %#x", id)
	}
	switch d := e.Detail.(type) {
	case *bindings.FirmwareRegistryPublished:
		return fmt.Sprintf("release %d published: %s", d.Sequence, d.Version)
	case *bindings.FirmwareRegistryRevoked:
		return fmt.Sprintf("release %d revoked", d.Sequence)
	case *bindings.FirmwareRegistryMinSequenceRaised:
		return fmt.Sprintf("minimum sequence raised to %d", d.Sequence)
	case *bindings.FirmwareRegistryRolloutSet:
		return fmt.Sprintf("rollout of release %d in %s set to %s", d.Sequence, regionText(d.Region), rollout(d.Policy, false).Words())
	case *bindings.FirmwareRegistryHaltedSet:
		if d.Halted {
			return fmt.Sprintf("release %d halted", d.Sequence)
		}
		return fmt.Sprintf("halt of release %d lifted", d.Sequence)
	case *bindings.FirmwareRegistryBarrierSet:
		if d.Sequence == 0 {
			return "barrier lifted"
		}
		return fmt.Sprintf("barrier set to release %d", d.Sequence)
	case *bindings.FirmwareRegistryKeysSet:
		return fmt.Sprintf("keys replaced: %d of %d must sign", d.Threshold, len(d.Keys))
	case *bindings.FirmwareRegistryManufacturerCreated:
		return fmt.Sprintf("manufacturer %s created: %d of %d keys must sign", d.Did, d.Threshold, len(d.Keys))
	case *bindings.FirmwareRegistryProductCreated:
		return fmt.Sprintf("product %s created", d.Name)
	case *bindings.FirmwareRegistryProductContinued:
		return fmt.Sprintf("product %s continued after release %d of another registry", d.Name, d.Latest)
	case *bindings.FirmwareRegistryPaused:
		return fmt.Sprintf("registry paused by %s", verify.Address(d.Account))
	case *bindings.FirmwareRegistryUnpaused:
		return fmt.Sprintf("registry's pause lifted by %s", verify.Address(d.Account))
	case *bindings.FirmwareRegistryRoleGranted:
		return fmt.Sprintf("%s granted to %s", role(d.Role), verify.Address(d.Account))
	case *bindings.FirmwareRegistryRoleRevoked:
		return fmt.Sprintf("%s withdrawn from %s", role(d.Role), verify.Address(d.Account))
	case *bindings.FirmwareRegistryGrantProposed:
		return fmt.Sprintf("%s proposed for %s, from %s on", role(d.Role), verify.Address(d.Account), date(d.From.Uint64()))
	case *bindings.FirmwareRegistryGrantCancelled:
		return fmt.Sprintf("%s cancelled for %s by %s", role(d.Role), verify.Address(d.Account), verify.Address(d.By))
	case *bindings.FirmwareRegistryRemovalProposed:
		return fmt.Sprintf("removal of guardian %s proposed, from %s on", verify.Address(d.Guardian), date(d.From.Uint64()))
	case *bindings.FirmwareRegistryRemovalCancelled:
		return fmt.Sprintf("removal of guardian %s cancelled by %s", verify.Address(d.Guardian), verify.Address(d.By))
	case *bindings.FirmwareRegistryDefaultAdminTransferScheduled:
		return fmt.Sprintf("%s announced as new admin, from %s on", verify.Address(d.NewAdmin), date(d.AcceptSchedule.Uint64()))
	}
	return e.Name
}

func regionText(b [32]byte) string {
	if b == ([32]byte{}) {
		return "the default region"
	}
	return string(common.TrimRightZeroes(b[:]))
}

// History returns what bears on a product since a block (0: ever), oldest
// first: the changes to the product, to its manufacturer and to the registry
// as a whole. Each change names the block of the one before, so the history is
// read backwards with one small query for each block that has a change, and a
// gap is an error: an endpoint cannot leave anything out unnoticed.
func (r *Registry) History(ctx context.Context, product verify.ProductID, since uint64) ([]Event, error) {
	info, err := r.Product(ctx, product)
	if err != nil {
		return nil, err
	}
	var history []Event
	blocks := make(map[uint64][]Event)
	for _, subject := range [][32]byte{product, info.Manufacturer, {}} {
		track, err := ask(ctx, r, "history", contract.PackTrackOf(subject), contract.UnpackTrackOf)
		if err != nil {
			return nil, err
		}
		rev := track.Rev
		for block := track.RevBlock; rev > 0 && block >= max(since, minBlock); {
			events, ok := blocks[block]
			if !ok {
				if events, err = r.events(ctx, block, block); err != nil {
					return nil, err
				}
				blocks[block] = events
			}
			var before uint64
			found := false
			for _, e := range slices.Backward(events) {
				if e.Subject != subject || e.Rev != rev {
					continue // another subject, or newer than the track's end as read
				}
				found = true
				history = append(history, e)
				rev--
				before = e.previous
			}
			if !found || (before >= block && rev > 0) {
				return nil, fmt.Errorf("history: the endpoint shows no change %d in block %d: it may still be indexing: try again or ask another", rev, block)
			}
			block = before
		}
	}
	slices.SortFunc(history, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Block, b.Block), cmp.Compare(a.Index, b.Index))
	})
	return history, nil
}

// Tail follows the registry's whole log, events of roles included.
type Tail struct {
	registry *Registry
	next     uint64
	seen     map[position]uint64 // block of each event in the blocks that are read again
}

type position struct {
	tx    [32]byte
	index uint
}

// Tail returns a Tail that starts at a block, the deployment's or a later one.
func (r *Registry) Tail(from uint64) *Tail {
	return &Tail{registry: r, next: max(from, minBlock), seen: make(map[position]uint64)}
}

// Poll returns the events since the last Poll, oldest first. It looks again at
// the blocks just below the head, because an endpoint whose log index lags
// leaves out their events without a word; an event is returned once. With an
// error come the events found before it, and the next Poll goes on from there.
// A Tail is for one goroutine at a time.
func (t *Tail) Poll(ctx context.Context) ([]Event, error) {
	head, _, err := t.registry.client.Block(ctx)
	if err != nil {
		return nil, err
	}
	again := uint64(minBlock) // lowest block to look at again next time
	if head >= logOverlap {
		again = head + 1 - logOverlap
	}
	var fresh []Event
	for from := t.next; from <= head; {
		to := min(from+maxLogRange-1, head)
		events, err := t.registry.events(ctx, from, to)
		if err != nil {
			return fresh, err
		}
		for _, e := range events {
			at := position{e.Tx, e.Index}
			if _, ok := t.seen[at]; !ok {
				t.seen[at] = e.Block
				fresh = append(fresh, e)
			}
		}
		from = to + 1
		t.next = max(t.next, min(from, again))
	}
	for at, block := range t.seen {
		if block < t.next {
			delete(t.seen, at)
		}
	}
	return fresh, nil
}

// entry holds what is needed of a log entry.
type entry struct {
	Topics []common.Hash  `json:"topics"`
	Data   hexutil.Bytes  `json:"data"`
	Block  hexutil.Uint64 `json:"blockNumber"`
	Tx     common.Hash    `json:"transactionHash"`
	Index  hexutil.Uint   `json:"logIndex"`
}

// events reads the registry's events in a range of blocks, both ends included,
// in order.
func (r *Registry) events(ctx context.Context, from, to uint64) ([]Event, error) {
	var entries []entry
	err := r.client.rpc.CallContext(ctx, &entries, "eth_getLogs", map[string]any{
		"address":   r.ref.Address.String(),
		"fromBlock": hexutil.Uint64(from),
		"toBlock":   hexutil.Uint64(to),
	})
	if err != nil {
		return nil, fmt.Errorf("events of blocks %d to %d: %w", from, to, err)
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Block, b.Block), cmp.Compare(a.Index, b.Index))
	})
	var events []Event
	for i, l := range entries {
		if uint64(l.Block) < from || uint64(l.Block) > to || len(l.Topics) == 0 {
			return nil, fmt.Errorf("events of blocks %d to %d: the endpoint answered what was not asked for", from, to)
		}
		if i > 0 && l.Block == entries[i-1].Block && l.Index == entries[i-1].Index {
			continue // the same entry twice
		}
		unpack, ok := unpackers[l.Topics[0]]
		if !ok {
			continue // not of this contract's version
		}
		detail, err := unpack(&types.Log{Topics: l.Topics, Data: l.Data})
		if err != nil {
			return nil, fmt.Errorf("event %d of block %d: %w", l.Index, l.Block, err)
		}
		if c, ok := detail.(*bindings.FirmwareRegistryChanged); ok {
			// It follows the event of the change and completes it.
			if n := len(events); n > 0 && events[n-1].Tx == l.Tx {
				e := &events[n-1]
				e.Subject, e.Rev, e.Time, e.previous = c.Subject, c.Rev, c.Time, c.PreviousBlock
			}
			continue
		}
		e := Event{Block: uint64(l.Block), Tx: l.Tx, Index: uint(l.Index), Detail: detail}
		if named, ok := detail.(interface{ ContractEventName() string }); ok {
			e.Name = named.ContractEventName()
		}
		switch d := detail.(type) {
		case *bindings.FirmwareRegistryPublished:
			e.Sequence = d.Sequence
		case *bindings.FirmwareRegistryRevoked:
			e.Sequence = d.Sequence
		case *bindings.FirmwareRegistryMinSequenceRaised:
			e.Sequence = d.Sequence
		case *bindings.FirmwareRegistryRolloutSet:
			e.Sequence = d.Sequence
		case *bindings.FirmwareRegistryHaltedSet:
			e.Sequence = d.Sequence
		case *bindings.FirmwareRegistryBarrierSet:
			e.Sequence = d.Sequence
		}
		events = append(events, e)
	}
	return events, nil
}

// unpackers decodes each event of the contract by its first topic.
var unpackers = func() map[common.Hash]func(*types.Log) (any, error) {
	byName := contract.GetABI().Events
	byTopic := make(map[common.Hash]func(*types.Log) (any, error))
	for name, unpack := range map[string]func(*types.Log) (any, error){
		"Changed":                          unpacker(contract.UnpackChangedEvent),
		"ManufacturerCreated":              unpacker(contract.UnpackManufacturerCreatedEvent),
		"ProductCreated":                   unpacker(contract.UnpackProductCreatedEvent),
		"ProductContinued":                 unpacker(contract.UnpackProductContinuedEvent),
		"GrantProposed":                    unpacker(contract.UnpackGrantProposedEvent),
		"GrantCancelled":                   unpacker(contract.UnpackGrantCancelledEvent),
		"RemovalProposed":                  unpacker(contract.UnpackRemovalProposedEvent),
		"RemovalCancelled":                 unpacker(contract.UnpackRemovalCancelledEvent),
		"KeysSet":                          unpacker(contract.UnpackKeysSetEvent),
		"Published":                        unpacker(contract.UnpackPublishedEvent),
		"Revoked":                          unpacker(contract.UnpackRevokedEvent),
		"MinSequenceRaised":                unpacker(contract.UnpackMinSequenceRaisedEvent),
		"RolloutSet":                       unpacker(contract.UnpackRolloutSetEvent),
		"HaltedSet":                        unpacker(contract.UnpackHaltedSetEvent),
		"BarrierSet":                       unpacker(contract.UnpackBarrierSetEvent),
		"Paused":                           unpacker(contract.UnpackPausedEvent),
		"Unpaused":                         unpacker(contract.UnpackUnpausedEvent),
		"RoleGranted":                      unpacker(contract.UnpackRoleGrantedEvent),
		"RoleRevoked":                      unpacker(contract.UnpackRoleRevokedEvent),
		"RoleAdminChanged":                 unpacker(contract.UnpackRoleAdminChangedEvent),
		"DefaultAdminTransferScheduled":    unpacker(contract.UnpackDefaultAdminTransferScheduledEvent),
		"DefaultAdminTransferCanceled":     unpacker(contract.UnpackDefaultAdminTransferCanceledEvent),
		"DefaultAdminDelayChangeScheduled": unpacker(contract.UnpackDefaultAdminDelayChangeScheduledEvent),
		"DefaultAdminDelayChangeCanceled":  unpacker(contract.UnpackDefaultAdminDelayChangeCanceledEvent),
	} {
		byTopic[byName[name].ID] = unpack
	}
	return byTopic
}()

func unpacker[T any](unpack func(*types.Log) (*T, error)) func(*types.Log) (any, error) {
	return func(l *types.Log) (any, error) { return unpack(l) }
}
