package chainwatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"camswarm/verify"

	"github.com/fxamacker/cbor/v2"
)

// panelWire is what a panel keeps, a CBOR array in deterministic encoding:
//
//	[1, rev: uint, time: uint, evidence: [* [bstr, bstr]]]
//
// rev and time are the newest that a quorum of witnesses agreed on, 0 on a device
// that does not act by it; each pair of statements proves that a witness said two
// things of one revision.
type panelWire struct {
	_        struct{} `cbor:",toarray"`
	Version  uint64
	Rev      uint64
	Time     uint64
	Evidence [][2][]byte
}

func encodePanel(floor panelFloor, evidence [][2][]byte) []byte {
	if evidence == nil {
		evidence = [][2][]byte{}
	}
	return must(checkpointEnc.Marshal(panelWire{Version: 1, Rev: floor.rev, Time: floor.time, Evidence: evidence}))
}

// decodePanel decodes strictly: only what encodePanel returns is accepted.
func decodePanel(b []byte) (floor panelFloor, evidence [][2][]byte, err error) {
	var w panelWire
	if len(b) > maxPanel {
		return floor, nil, fmt.Errorf("%d bytes, over the limit of %d", len(b), maxPanel)
	}
	if err := panelDec.Unmarshal(b, &w); err != nil {
		return floor, nil, err
	}
	floor = panelFloor{w.Rev, w.Time}
	if w.Version != 1 || w.Rev > maxCount || len(w.Evidence) > verify.MaxWitnesses || !bytes.Equal(encodePanel(floor, w.Evidence), b) {
		return panelFloor{}, nil, errors.New("another version, out of its limits, or not in deterministic encoding")
	}
	return floor, w.Evidence, nil
}

var panelDec = must(cbor.DecOptions{
	IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
	MaxNestedLevels: 4, MaxArrayElements: verify.MaxWitnesses, MaxMapPairs: 16,
}.DecMode())

// load reads what was kept. Evidence proves itself; what does not is dropped.
func (p *Panel) load(ctx context.Context) error {
	if p.store == nil {
		return nil
	}
	b, err := p.store.Load(ctx)
	if err != nil || len(b) == 0 {
		return err
	}
	floor, evidence, err := decodePanel(b)
	if err != nil {
		p.log.Warn("what was kept of the witnesses cannot be read and is forgotten", "err", err)
		return nil
	}
	if p.cfg.Install {
		p.floor = floor
	}
	for _, pair := range evidence {
		key, err := provesEquivocation(pair)
		if err != nil {
			p.log.Warn("kept evidence against a witness proves nothing", "err", err)
			continue
		}
		for _, m := range p.members {
			if m.key == key {
				m.evidence = pair
				p.metrics.setAside.Inc()
			}
		}
	}
	return nil
}

// provesEquivocation returns the witness that two encoded statements convict.
func provesEquivocation(pair [2][]byte) (verify.PublicKey, error) {
	a, err := verify.DecodeWitnessStatement(pair[0])
	if err != nil {
		return verify.PublicKey{}, err
	}
	b, err := verify.DecodeWitnessStatement(pair[1])
	if err != nil {
		return verify.PublicKey{}, err
	}
	if !a.Contradicts(b) || !a.Verify() || !b.Verify() {
		return verify.PublicKey{}, errEvidence
	}
	return a.Witness(), nil
}

// save keeps floor and evidence. The caller holds the lock.
func (p *Panel) save(ctx context.Context) error {
	if p.store == nil {
		return nil
	}
	var evidence [][2][]byte
	for _, m := range p.members {
		if m.setAside() {
			evidence = append(evidence, m.evidence)
		}
	}
	return p.store.Save(ctx, encodePanel(p.floor, evidence))
}
