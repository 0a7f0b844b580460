package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"camswarm/node/metastore"
	"camswarm/verify"
)

// What is kept of rotations and moves proves itself from the provisioned keys when it is
// loaded: a hostile disk can at most lose it, and the next release signed with the
// new keys brings it again.

// restoreTrust adopts the rotations and moves that a former run kept and returns
// the keys that they lead to.
func restoreTrust(ctx context.Context, v *verify.Verifier, trust metastore.Value, log *slog.Logger) (verify.KeySet, error) {
	data, err := trust.Load(ctx)
	if err != nil || data == nil {
		return verify.KeySet{}, err
	}
	history, err := verify.DecodeHistory(data)
	if err == nil {
		err = v.AdoptHistory(history)
	}
	if err != nil {
		log.Warn("the kept key rotations and moves are unusable; the next release brings them again", "attack", verify.AttackName(err), "err", err)
		return verify.KeySet{}, nil
	}
	return v.Keys(), nil
}

// keepHistory keeps what was adopted. A history without the moves that are known
// loses none of them: it is that of a release from before a registry was left to
// which the manufacturer came back.
func keepHistory(ctx context.Context, trust metastore.Value, v *verify.Verifier, h verify.History) error {
	if moves := v.Moves(); len(h.Moves) < len(moves) {
		h.Moves = moves
	}
	data, err := h.Encode()
	if err != nil {
		return err
	}
	return trust.Save(ctx, data)
}

// adopt makes the key set that signed an approved release the one in force, for
// good and before anything else is done for the release: the quorum's view names
// the key set that its rotations lead to.
func (f *follower) adopt(ctx context.Context, t task) result {
	history := t.approved.History() // its moves say in which registry each rotation was made
	if err := f.rules.verifier.AdoptHistory(history); err != nil {
		return result{err: err}
	}
	if err := keepHistory(ctx, f.trust, f.rules.verifier, history); err != nil {
		return result{err: fmt.Errorf("keep the key rotations: %w", err)}
	}
	last := history.Rotations[len(history.Rotations)-1]
	f.log.Warn("the manufacturer's keys were rotated: those before are retired", "epoch", last.Epoch, "threshold", last.To.Threshold,
		"keys", len(last.To.Keys), "reason", last.Reason)
	return result{kept: t.approved.Keys()}
}

// keysDisagree says what to do about a registry that lists other keys than this
// device trusts; "" when they agree.
func (f *follower) keysDisagree(view *verify.View) string {
	v := f.rules.verifier
	if view.Keys.Equal(v.Keys()) {
		return ""
	}
	return fmt.Sprintf("%s: the key set on chain (%d of %d) is not the one this device trusts (%d of %d), and nothing is installed until they agree. "+
		"If the manufacturer rotated its keys, the next release signed with the new ones brings the statement, or name its file under product.rotations; "+
		"if it did not, its chain account or the chain endpoints are in wrong hands: tell the manufacturer",
		v.Product, view.Keys.Threshold, len(view.Keys.Keys), v.Keys().Threshold, len(v.Keys().Keys))
}

// readHistory reads provisioned statements, one per file, oldest first.
func readHistory(rotations, moves []string) (h verify.History, err error) {
	for _, path := range rotations {
		r, err := readStatement(path, verify.MaxRotationSize, verify.DecodeRotation)
		if err != nil {
			return h, fmt.Errorf("rotation %s: %w", path, err)
		}
		h.Rotations = append(h.Rotations, r)
	}
	for _, path := range moves {
		m, err := readStatement(path, verify.MaxMoveSize, verify.DecodeMove)
		if err != nil {
			return h, fmt.Errorf("move %s: %w", path, err)
		}
		h.Moves = append(h.Moves, m)
	}
	return h, nil
}

func readStatement[T any](path string, most int64, decode func([]byte) (T, error)) (statement T, err error) {
	info, err := os.Stat(path) // before opening: a pipe would block
	if err != nil {
		return statement, err
	}
	if !info.Mode().IsRegular() {
		return statement, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return statement, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return statement, err
	}
	return decode(data)
}
