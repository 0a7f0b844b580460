package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"camswarm/node/metastore"
	"camswarm/verify"
)

// trust keeps the rotations that a line adopted. What is kept proves itself from
// the provisioned keys when it is loaded: a hostile disk can at most lose it,
// and the next release signed with the new keys brings it again.
type trust struct {
	store metastore.Value

	mu    sync.Mutex
	saved verify.KeySet // what the store leads to
}

// restore adopts what a former run kept.
func (l *line) restore(ctx context.Context) error {
	data, err := l.trust.store.Load(ctx)
	if err != nil || data == nil {
		return err
	}
	rotations, err := verify.DecodeRotations(data)
	if err == nil {
		err = l.verifier.Adopt(rotations)
	}
	if err != nil {
		l.log.Warn("the kept key rotations are unusable; the next release signed with the new keys brings them again", "attack", verify.AttackName(err), "err", err)
		return nil
	}
	l.trust.saved = l.verifier.Keys()
	return nil
}

// approve is Verifier.Approve, and adopts the rotations of what passed: the
// quorum's view names the key set they lead to.
func (l *line) approve(s *verify.Signed, view *verify.View, now uint64) (*verify.Approved, error) {
	approved, err := l.verifier.Approve(s, view, now)
	if err != nil {
		return nil, err
	}
	return approved, l.adopt(approved)
}

// adopt makes the key set that signed a release the one in force, for good and
// before anything else is done for the release.
func (l *line) adopt(a *verify.Approved) error {
	t := &l.trust
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(a.Rotations()) == 0 || t.saved.Equal(a.Keys()) {
		return nil
	}
	if err := l.verifier.Adopt(a.Rotations()); err != nil {
		return err
	}
	data, err := verify.EncodeRotations(a.Rotations())
	if err == nil {
		err = t.store.Save(context.Background(), data)
	}
	if err != nil {
		return fmt.Errorf("keep the key rotations: %w", err)
	}
	t.saved = a.Keys()
	last := a.Rotations()[len(a.Rotations())-1]
	l.log.Warn("the manufacturer's keys were rotated: those before are retired", "epoch", last.Epoch, "threshold", last.To.Threshold,
		"keys", len(last.To.Keys), "reason", last.Reason)
	l.recheck()
	return nil
}

// recheck holds the envelopes that are known against the keys in force.
func (l *line) recheck() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for seq, s := range l.signed {
		if again, err := l.verifier.CheckSigned(s.Envelope()); err != nil {
			delete(l.signed, seq)
		} else {
			l.signed[seq] = again
		}
	}
}

// keysDisagree says what to do about a registry that lists other keys than this
// device trusts; "" when they agree.
func (l *line) keysDisagree(view *verify.View) string {
	if view.Keys.Equal(l.verifier.Keys()) {
		return ""
	}
	return fmt.Sprintf("%s: the key set on chain (%d of %d) is not the one this device trusts (%d of %d), and nothing is installed until they agree. "+
		"If the manufacturer rotated its keys, the next release signed with the new ones brings the statement, or name its file under product.rotations; "+
		"if it did not, its chain account or the chain endpoints are in wrong hands: tell the manufacturer",
		l.verifier.Product, view.Keys.Threshold, len(view.Keys.Keys), l.verifier.Keys().Threshold, len(l.verifier.Keys().Keys))
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
