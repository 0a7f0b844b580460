package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mr-tron/base58"

	"camswarm/chainwatch"
	"camswarm/node/metastore"
	"camswarm/node/statedir"
	"camswarm/verify"
)

// maxWitnessKeyBytes bounds the key file of a witness; one has 50 bytes.
const maxWitnessKeyBytes = 256

// witnessKey is the key that a witness signs with.
type witnessKey struct {
	secret ed25519.PrivateKey
	public verify.PublicKey
}

// loadWitnessKey reads a secret Ed25519 Multikey, one line in a file of mode 0600;
// looser ones are refused. The error wraps ErrConfig.
func loadWitnessKey(path string) (*witnessKey, error) {
	bad := func(format string, args ...any) (*witnessKey, error) {
		return nil, fmt.Errorf("%w: witness.key: %w", ErrConfig, fmt.Errorf(format, args...))
	}
	info, err := os.Lstat(path)
	if err != nil {
		return bad("%w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return bad("%s has mode %#o, so that others can read the key; run: chmod 600 %s", path, mode, path)
	}
	data, err := statedir.ReadRegular(path, maxWitnessKeyBytes)
	if err != nil {
		return bad("%w", err)
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "z")
	b, err := base58.Decode(text)
	if !ok || err != nil || len(b) != 2+ed25519.SeedSize || string(b[:2]) != "\x80\x26" {
		return bad("%s holds no secret Ed25519 key; make one with 'camswarm keys new'", path)
	}
	secret := ed25519.NewKeyFromSeed(b[2:])
	public, err := verify.NewPublicKey(verify.EdDSA, secret.Public().(ed25519.PublicKey))
	if err != nil {
		return bad("%s: %w", path, err)
	}
	return &witnessKey{secret, public}, nil
}

// A signer says to everybody what the node's own quorum accepted of the chain for
// one product. It never says two things of one revision, whatever endpoints tell
// it: what it signed last is kept before it leaves, and what contradicts that is
// not signed.
type signer struct {
	key      *witnessKey
	renew    time.Duration
	accepted func() (verify.View, time.Time, bool)
	tell     func(context.Context, []byte) error
	kept     metastore.Value
	wake     signal
	log      *slog.Logger

	last    *verify.WitnessStatement // nil: none was ever signed
	trouble atomic.Pointer[string]   // why nothing is signed; nil: no trouble
}

// errBackwards says that a witness would contradict itself.
var errBackwards = errors.New("the chain shows something else than was signed before of the same or a later revision")

// renewTick is how often a signer looks whether its statement is due again.
const renewTick = 30 * time.Second

// run signs until ctx ends.
func (s *signer) run(ctx context.Context) error {
	data, err := s.kept.Load(ctx)
	if err != nil {
		return err
	}
	if len(data) > 0 {
		if s.last, err = verify.DecodeWitnessStatement(data); err != nil {
			return fmt.Errorf("the statement that this witness signed last cannot be read, and without it the witness might contradict itself: make a new witness key: %w", err)
		}
		if s.last.Witness() != s.key.public {
			s.last = nil // another key promised that
		}
	}
	tick := time.NewTicker(renewTick)
	defer tick.Stop()
	for {
		if err := s.sign(ctx); err != nil && ctx.Err() == nil {
			text := err.Error()
			if before := s.trouble.Swap(&text); before == nil || *before != text {
				s.log.Error("the witness signs nothing", "err", err)
			}
		} else {
			s.trouble.Store(nil)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-tick.C:
		}
	}
}

// sign makes and publishes a statement if there is something new to say.
func (s *signer) sign(ctx context.Context) error {
	view, _, ok := s.accepted()
	if !ok {
		return nil
	}
	next := &verify.WitnessStatement{View: view, Signature: verify.Signature{Key: s.key.public}}
	if last := s.last; last != nil && last.View.Registry == view.Registry && last.View.Product == view.Product && last.View.Region == view.Region {
		if next.Contradicts(last) || view.Rev < last.View.Rev {
			return fmt.Errorf("%w: revision %d was signed, now the chain is at %d; it goes on signing beyond that revision, or with a new key", errBackwards, last.View.Rev, view.Rev)
		}
		if view.Rev == last.View.Rev && view.Time < last.View.Time+uint64(s.renew/time.Second) {
			return nil
		}
	}
	message, err := next.ToBeSigned(s.key.public)
	if err != nil {
		return err
	}
	if next.Signature, err = verify.NewSignature(s.key.public, ed25519.Sign(s.key.secret, message)); err != nil {
		return err
	}
	raw, err := next.Encode()
	if err != nil {
		return err
	}
	if err := s.kept.Save(ctx, raw); err != nil {
		return fmt.Errorf("what is to be signed cannot be kept: %w", err)
	}
	s.last = next
	s.log.Info("signed what the chain shows", "rev", view.Rev, "block", view.Block)
	return s.tell(ctx, raw)
}

// wireWitness gives a follower its panel and, on a witness, its signer.
func (n *Node) wireWitness(ctx context.Context, cfg ProductConfig, w *chain, log *slog.Logger) (*signer, error) {
	if !cfg.Witnesses.Enabled() {
		return nil, nil
	}
	id := w.verifier.Product.ID()
	store := n.store.Namespace("witness")
	var err error
	w.panel, err = chainwatch.NewPanel(ctx, cfg.Witnesses, w.verifier.CurrentRegistry(), id, cfg.Region, chainwatch.PanelOptions{
		Store: metastore.ValueAt(store, id.String()+"/panel"), Logger: log, Registerer: n.registry,
	})
	if err != nil {
		return nil, err
	}
	w.spread, w.salt = n.cfg.Install.ConfirmSpread, string(n.did)
	if n.witness == nil {
		return nil, nil
	}
	if !slices.Contains(cfg.Witnesses.Keys, n.witness.public) {
		return nil, fmt.Errorf("%w: witness.key is %s, which is none of product.witnesses.keys: nobody would listen to it", ErrConfig, n.witness.public)
	}
	return &signer{
		key: n.witness, renew: n.cfg.Witness.Renew, wake: newSignal(), log: log,
		kept:     metastore.ValueAt(store, id.String()+"/signed"),
		accepted: func() (verify.View, time.Time, bool) { return w.current.Load().Accepted() },
		tell: func(ctx context.Context, raw []byte) error {
			if err := (listener{w}).Judge(raw); err != nil && verify.AttackName(err) != chainwatch.AttackWitnessReplay {
				return err
			}
			return n.gossip.State(ctx, id, raw)
		},
	}, nil
}
