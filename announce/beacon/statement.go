package beacon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Fleet is what a seed gives out: a report of each product that it follows.
type Fleet struct {
	Seed    string   `json:"seed"` // its peer id
	Reports []Report `json:"reports"`
}

// Statement is a fleet signed by its seed, so that it may pass through other hands.
type Statement struct {
	Fleet     Fleet  `json:"fleet"`
	Signature []byte `json:"signature"` // by the seed's identity, over the context and the fleet's compact JSON
}

const (
	fleetContext = "camswarm/fleet/1\x00"

	// MaxStatement bounds an encoded statement in bytes.
	MaxStatement = 8 << 20
)

// ErrStatement is wrapped by every error about a statement that does not hold.
var ErrStatement = errors.New("beacon: not a seed's statement")

// Sign makes a statement of a fleet, with the identity of its seed. Its reports are folded
// so that it has at most maxRows rows.
func (f Fleet) Sign(key crypto.PrivKey) (Statement, error) {
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return Statement{}, err
	}
	f.Seed, f.Reports = id.String(), slices.Clone(f.Reports)
	for i := range f.Reports {
		f.Reports[i].fit(max(maxRows/len(f.Reports), 16))
	}
	data, err := json.Marshal(f)
	if err != nil {
		return Statement{}, err
	}
	sig, err := key.Sign(append([]byte(fleetContext), data...))
	return Statement{f, sig}, err
}

// OpenStatement decodes a statement in JSON and checks that the seed that it names has
// signed it. Whether that seed is one to be believed is the caller's to know. The error
// wraps ErrStatement.
func OpenStatement(data []byte) (Fleet, error) {
	bad := func(err error) (Fleet, error) { return Fleet{}, fmt.Errorf("%w: %w", ErrStatement, err) }
	if len(data) > MaxStatement {
		return bad(fmt.Errorf("longer than %d bytes", MaxStatement))
	}
	var raw struct {
		Fleet     json.RawMessage `json:"fleet"`
		Signature []byte          `json:"signature"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return bad(err)
	}
	var f Fleet
	if err := json.Unmarshal(raw.Fleet, &f); err != nil {
		return bad(err)
	}
	id, err := peer.Decode(f.Seed)
	if err != nil {
		return bad(err)
	}
	key, err := id.ExtractPublicKey()
	if err != nil {
		return bad(err)
	}
	payload := bytes.NewBufferString(fleetContext)
	if err := json.Compact(payload, raw.Fleet); err != nil {
		return bad(err)
	}
	if ok, err := key.Verify(payload.Bytes(), raw.Signature); err != nil || !ok {
		return bad(errors.New("its signature is not that of the seed that it names"))
	}
	for _, r := range f.Reports {
		sum := 0
		for _, row := range r.Rows {
			if row.Cameras < 0 || row.Overdue < 0 || row.Overdue > row.Cameras || row.State >= stateWithdrawn || row.Cameras > maxCount-sum {
				return bad(errors.New("its counts are none"))
			}
			sum += row.Cameras
		}
		if sum != r.Cameras {
			return bad(errors.New("its counts do not add up"))
		}
	}
	return f, nil
}
