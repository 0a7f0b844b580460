package sim

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"camswarm/chainwatch"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

// A script is what the people of a scenario do on chain, and the bytes that
// travel.
type script struct {
	history  *history
	keys     verify.KeySet
	product  verify.Product
	releases []*localnet.Release
	images   [][]byte

	published []int   // by release: the state in which it is published, not rolled out
	steps     [][]int // by release and rollout step: the state
	halted    []int   // by rollout step of a bad release: the state if it is halted then
	stopped   int     // the state after the scenario's stop
}

// writeScript deploys the real contract on a development chain, has everybody
// sign and send what the scenario needs, and records what the contract answers
// after each transaction. start is the virtual time of the announcement of the
// first release; canaries are the DIDs of the cameras that go first.
func writeScript(ctx context.Context, s *Scenario, regions []verify.Region, canaries []verify.DID, start time.Time) (_ *script, err error) {
	a, err := localnet.Deploy(ctx, localnet.Config{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	endpoint, err := chainwatch.Dial(chainwatch.Endpoint{URL: a.Chain.URL()})
	if err != nil {
		return nil, err
	}
	if c, ok := endpoint.(interface{ CloseIdleConnections() }); ok {
		defer c.CloseIdleConnections()
	}
	out := &script{
		history: &history{registry: a.Registry.Ref(), product: a.Product.ID(), regions: regions},
		keys:    a.Keys, product: a.Product,
	}
	if err := out.history.record(ctx, endpoint); err != nil {
		return nil, err
	}
	rng := rand.NewChaCha8(seed32(s.Seed, "images"))
	for i := range s.Releases {
		image := make([]byte, s.ImageBytes)
		_, _ = rng.Read(image)
		r, err := a.BuildFrom(bytes.NewReader(image), uint32(s.BlockBytes), uint64(i+1), fmt.Sprintf("1.%d.0", i+1))
		if err != nil {
			return nil, err
		}
		out.images, out.releases = append(out.images, image), append(out.releases, r)
		if _, err := a.Registry.Publish(ctx, a.Manufacturer, r.Record); err != nil {
			return nil, err
		}
		if err := out.history.record(ctx, endpoint); err != nil {
			return nil, err
		}
		out.published = append(out.published, len(out.history.states)-1)
		var steps []int
		for _, policy := range s.policies(canaries, start.Add(time.Duration(i)*s.ReleaseEvery)) {
			if err := a.SetRollout(ctx, r.Record.Sequence, policy); err != nil {
				return nil, err
			}
			if err := out.history.record(ctx, endpoint); err != nil {
				return nil, err
			}
			steps = append(steps, len(out.history.states)-1)
			if s.Bad.Share > 0 && i == s.Releases-1 {
				if err := out.recordHalt(ctx, a, endpoint, r.Record.Sequence); err != nil {
					return nil, err
				}
			}
		}
		out.steps = append(out.steps, steps)
	}
	if s.Stop.Kind == "" {
		return out, nil
	}
	switch last := out.releases[len(out.releases)-1].Record.Sequence; s.Stop.Kind {
	case "pause":
		_, err = a.Registry.Pause(ctx, a.Guardian)
	case "halt":
		_, err = a.Registry.SetHalted(ctx, a.Operator, a.Product.ID(), last, true)
	case "revoke":
		_, err = a.Registry.Revoke(ctx, a.Manufacturer, a.Product.ID(), last)
	}
	if err != nil {
		return nil, err
	}
	out.stopped = len(out.history.states)
	return out, out.history.record(ctx, endpoint)
}

// last is the sequence of the last release, which is measured.
func (out *script) last() uint64 { return uint64(len(out.releases)) }

// recordHalt records what the contract answers if the operator halts the release now,
// and takes the halt back.
func (out *script) recordHalt(ctx context.Context, a *localnet.Authority, endpoint chainwatch.Caller, sequence uint64) error {
	if _, err := a.Registry.SetHalted(ctx, a.Operator, a.Product.ID(), sequence, true); err != nil {
		return err
	}
	if err := out.history.record(ctx, endpoint); err != nil {
		return err
	}
	out.halted = append(out.halted, len(out.history.states)-1)
	_, err := a.Registry.SetHalted(ctx, a.Operator, a.Product.ID(), sequence, false)
	return err
}

// policies are the operator's policies of one release that is announced at a
// virtual time, one for each step; without steps everybody may install at once.
func (s *Scenario) policies(canaries []verify.DID, announced time.Time) []verify.Rollout {
	steps := s.Rollout
	if len(steps) == 0 {
		steps = []Step{{Mode: "all"}}
	}
	var out []verify.Rollout
	for _, step := range steps {
		p := verify.Rollout{Warm: step.Warm}
		switch step.Mode {
		case "canary":
			p.Mode = verify.RolloutCanary
			for _, did := range canaries[:step.Canaries] {
				p.Canaries = append(p.Canaries, did.Hash())
			}
		case "percent":
			p.Mode = verify.RolloutPercent
			p.Start = uint64(announced.Add(step.At).Unix()) - 60
			p.StartBps = uint16(step.Percent * 100)
			p.EndBps = p.StartBps
		default:
			p.Mode = verify.RolloutAll
		}
		out = append(out, p)
	}
	return out
}

// decodeState decodes a recorded answer of the contract.
func decodeState(h *history, result string, region verify.Region) (verify.View, error) {
	data, err := hex.DecodeString(strings.TrimPrefix(result, "0x"))
	if err != nil {
		return verify.View{}, err
	}
	return chainwatch.DecodeView(data, h.registry, h.product, region)
}

// stateView decodes a recorded state for what an announcement says of it, which is
// the same in every region.
func (r *run) stateView(state int) (verify.View, error) {
	return r.stateViewFor(state, r.script.history.regions[0])
}

// stateViewFor decodes a recorded state as the cameras of a region see it.
func (r *run) stateViewFor(state int, region verify.Region) (verify.View, error) {
	h := r.script.history
	data := "0x" + fmt.Sprintf("%x", chainwatch.EncodeCheck(h.product, region))
	return decodeState(h, h.states[state][data], region)
}

func regionCodes(regions []string) []verify.Region {
	var out []verify.Region
	for _, r := range regions {
		out = append(out, verify.Region(strings.Clone(r)))
	}
	return out
}
