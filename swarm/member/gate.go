package member

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Options are what a program injects into a Gate.
type Options struct {
	// Self is the node's own peer id.
	Self peer.ID

	// Strangers admits, inbound only, peers that show no certificate, such as stock
	// IPFS nodes at a seed. [IsStranger] tells them from members; what they may ask
	// for is the host's business.
	Strangers bool

	// Revocations is the newest list that was kept, nil for none.
	Revocations []byte

	// Changed is called with each newer list, from a goroutine of a connection's:
	// to keep it and to hang up on those that it puts out. It must not wait for
	// the Gate or for connections. Nil: nobody.
	Changed func(*Revocations)

	// Refused is called for each connection that is refused; it counts. Nil: nobody.
	Refused func(peer.ID, error)

	Logger *slog.Logger // nil: discard
}

// A Gate checks the membership of peers, and shows the node's own.
type Gate struct {
	cred *Credential
	opts Options
	list atomic.Pointer[Revocations] // nil: none was ever made
}

// NewGate returns a gate for the node with the credential. It fails when the
// credential is another node's; a kept list that is damaged or another fleet's is
// logged and left out, since members hand over the newest one.
func NewGate(cred *Credential, opts Options) (*Gate, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Changed == nil {
		opts.Changed = func(*Revocations) {}
	}
	if opts.Refused == nil {
		opts.Refused = func(peer.ID, error) {}
	}
	self, err := ed25519Of(opts.Self)
	if err != nil {
		return nil, err
	}
	if !cred.Certificate.Member.Equal(self) {
		return nil, fmt.Errorf("the membership credential is not of this node's identity %s: make one for it with 'camswarm members issue'", opts.Self)
	}
	g := &Gate{cred: cred, opts: opts}
	if len(opts.Revocations) > 0 {
		list, err := ParseRevocations(opts.Revocations)
		if err == nil && !list.Fleet.Equal(cred.Certificate.Fleet) {
			err = ErrFleet
		}
		if err != nil {
			opts.Logger.Warn("the kept revocation list is unusable; peers hand over the newest one", "err", err)
		} else {
			g.list.Store(list)
		}
	}
	return g, nil
}

// Derive returns 32 bytes that only members can compute, for a purpose.
func (g *Gate) Derive(purpose string) [32]byte { return g.cred.Derive(purpose) }

// Fleet returns the fleet's public key.
func (g *Gate) Fleet() ed25519.PublicKey { return g.cred.Certificate.Fleet }

// Revocations returns the list in force, nil if there is none.
func (g *Gate) Revocations() *Revocations { return g.list.Load() }

// Update puts a newer list into force. Errors: ErrMalformed, ErrFleet,
// ErrOlderList.
func (g *Gate) Update(data []byte) error {
	list, err := ParseRevocations(data)
	if err != nil {
		return err
	}
	if !list.Fleet.Equal(g.Fleet()) {
		return fmt.Errorf("revocation list: %w", ErrFleet)
	}
	for {
		last := g.list.Load()
		if last != nil && list.Number <= last.Number {
			return fmt.Errorf("%w: number %d, in force is %d", ErrOlderList, list.Number, last.Number)
		}
		if g.list.CompareAndSwap(last, list) {
			g.opts.Logger.Info("the fleet's revocation list is newer", "number", list.Number, "epoch", list.Epoch, "revoked", len(list.Revoked))
			g.opts.Changed(list)
			return nil
		}
	}
}

// Out says why the list in force puts out a peer whose certificate was good
// when it connected; "" if it does not.
func (g *Gate) Out(p peer.ID, epoch uint32) string {
	key, err := ed25519Of(p)
	if err != nil {
		return err.Error()
	}
	return g.list.Load().out(&Certificate{Member: key, Epoch: epoch})
}

// check holds a certificate that a peer showed against the fleet, the identity
// that the transport proved, and the list in force.
func (g *Gate) check(b []byte, remote peer.ID) (*Certificate, error) {
	c, err := decodeCertificate(b)
	if err != nil {
		return nil, err
	}
	key, err := ed25519Of(remote)
	if err != nil {
		return nil, err
	}
	switch {
	case !c.Fleet.Equal(g.Fleet()):
		return nil, errors.New("its certificate is another fleet's")
	case !c.Member.Equal(key):
		return nil, errors.New("its certificate is another member's")
	}
	if why := g.list.Load().out(c); why != "" {
		return nil, errors.New(why)
	}
	return c, nil
}
