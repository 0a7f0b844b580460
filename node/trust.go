package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"camswarm/verify"
)

// What is kept of rotations proves itself from the provisioned keys when it is
// loaded: a hostile disk can at most lose it, and the next release signed with the
// new keys brings it again.

// restoreTrust adopts the rotations that a former run kept and returns the keys
// that they lead to.
func (f *follower) restoreTrust(ctx context.Context) (verify.KeySet, error) {
	data, err := f.trust.Load(ctx)
	if err != nil || data == nil {
		return verify.KeySet{}, err
	}
	history, err := verify.DecodeHistory(data)
	if err == nil {
		err = f.rules.verifier.AdoptHistory(history)
	}
	if err != nil {
		f.log.Warn("the kept key rotations are unusable; the next release signed with the new keys brings them again", "attack", verify.AttackName(err), "err", err)
		return verify.KeySet{}, nil
	}
	return f.rules.verifier.Keys(), nil
}

// adopt makes the key set that signed an approved release the one in force, for
// good and before anything else is done for the release: the quorum's view names
// the key set that its rotations lead to.
func (f *follower) adopt(ctx context.Context, t task) result {
	history := t.approved.History() // its moves say in which registry each rotation was made
	if err := f.rules.verifier.AdoptHistory(history); err != nil {
		return result{err: err}
	}
	data, err := history.Encode()
	if err == nil {
		err = f.trust.Save(ctx, data)
	}
	if err != nil {
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

// readRotations reads provisioned statements, one per file, oldest first.
func readRotations(paths []string) ([]*verify.Rotation, error) {
	var out []*verify.Rotation
	for _, path := range paths {
		r, err := readRotation(path)
		if err != nil {
			return nil, fmt.Errorf("rotation %s: %w", path, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func readRotation(path string) (*verify.Rotation, error) {
	info, err := os.Stat(path) // before opening: a pipe would block
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, verify.MaxRotationSize+1))
	if err != nil {
		return nil, err
	}
	return verify.DecodeRotation(data)
}
