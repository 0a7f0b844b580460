package registry

import (
	"fmt"

	"camswarm/chainwatch/registry/bindings"
	"camswarm/verify"
)

// DecodeView decodes the return data of check(product, region) with
// go-ethereum's decoder: the second opinion on the camera's own. ref, product
// and region are what was asked; an answer for another chain is refused.
func DecodeView(data []byte, ref verify.RegistryRef, product verify.ProductID, region verify.Region) (verify.View, error) {
	v, err := contract.UnpackCheck(data)
	if err != nil {
		return verify.View{}, err
	}
	if !v.ChainId.IsUint64() || v.ChainId.Uint64() != ref.ChainID {
		return verify.View{}, fmt.Errorf("%w: the answer is of chain %v, not %d", ErrWrongChain, v.ChainId, ref.ChainID)
	}
	did, err := verify.ParseDID(v.Manufacturer)
	if err != nil {
		return verify.View{}, fmt.Errorf("manufacturer: %w", err)
	}
	keys := verify.KeySet{Threshold: int(v.Threshold)}
	for _, b := range v.Keys {
		k, err := verify.PublicKeyFromBytes(b)
		if err != nil {
			return verify.View{}, fmt.Errorf("manufacturer's keys: %w", err)
		}
		keys.Keys = append(keys.Keys, k)
	}
	if err := keys.Validate(); err != nil {
		return verify.View{}, fmt.Errorf("manufacturer's keys: %w", err)
	}
	view := verify.View{
		Registry:     ref,
		Product:      product,
		Region:       region,
		Rev:          v.Rev,
		RevBlock:     v.RevBlock,
		Digest:       v.Digest,
		Block:        v.BlockNumber,
		Time:         v.BlockTime,
		Paused:       v.Paused,
		Latest:       v.Latest,
		MinSequence:  v.MinSequence,
		Barrier:      v.Barrier,
		Keys:         keys,
		Manufacturer: did,
	}
	for _, c := range v.Candidates {
		view.Candidates = append(view.Candidates, verify.Candidate{
			Release: release(product, c.Release),
			Rollout: rollout(c.Policy, c.Halted),
		})
	}
	return view, nil
}

func rollout(p bindings.FirmwareRegistryPolicy, halted bool) verify.Rollout {
	return verify.Rollout{
		Mode: verify.RolloutMode(p.Mode), Halted: halted, NotBefore: p.NotBefore, Start: p.Start, Duration: p.Duration,
		StartBps: p.StartBps, EndBps: p.EndBps, Warm: p.Warm, Canaries: p.Canaries, Label: p.Label,
	}
}

func release(product verify.ProductID, info bindings.FirmwareRegistryReleaseInfo) verify.Release {
	return verify.Release{
		Product:     product,
		Sequence:    info.Sequence,
		Version:     info.Version,
		ImageSize:   info.ImageSize,
		ImageSHA256: info.ImageSha256,
		Envelope:    info.Envelope,
		Revoked:     info.Revoked,
		PublishedAt: info.PublishedAt,
	}
}
