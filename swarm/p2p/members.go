package p2p

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"golang.org/x/sync/errgroup"

	"camswarm/swarm/member"
)

// RevocationsProtocol carries a newer revocation list to connected members: its
// number (8 bytes, big-endian), then, if the receiver answers with the byte 1, the
// list. New connections bring it by themselves.
const RevocationsProtocol protocol.ID = "/camswarm/revocations/1"

// Membership makes a network private, see package member.
type Membership struct {
	Credential *member.Credential

	// Strangers lets peers in that show no certificate, such as stock IPFS nodes,
	// for blocks only: they may speak bitswap, identify and ping, and nobody speaks
	// anything else to them. Meant for seeds: a camera that lets strangers in is
	// seen by them.
	Strangers bool

	// Store keeps the newest revocation list over restarts; nil forgets it until a
	// member hands it over.
	Store BlobStore
}

// errRevocations is wrapped by errors about a saved list.
var errRevocations = errors.New("the saved revocation list is unusable")

// members is the membership of a running network. Its methods take nil for the
// network that is open to all.
type members struct {
	gate      *member.Gate
	strangers bool
	store     BlobStore
	changed   chan struct{} // capacity 1: the list is a newer one
}

func (n *Network) newMembers(m Membership) (*members, error) {
	out := &members{strangers: m.Strangers, store: m.Store, changed: make(chan struct{}, 1)}
	var kept []byte
	if m.Store != nil {
		var err error
		if kept, err = m.Store.Load(context.Background()); err != nil {
			return nil, fmt.Errorf("%w: %w", errRevocations, err)
		}
	}
	gate, err := member.NewGate(m.Credential, member.Options{
		Self: n.gater.self, Strangers: m.Strangers, Revocations: kept, Logger: n.log,
		Changed: func(*member.Revocations) { nudge(out.changed) },
		Refused: func(p peer.ID, err error) {
			n.gater.refused("not-member")
			n.log.Debug("refused", "peer", p.String(), "err", err)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	out.gate = gate
	return out, nil
}

// wrap puts the gate before a transport.
func (m *members) wrap(t transport.Transport) transport.Transport {
	if m == nil {
		return t
	}
	return m.gate.Wrap(t)
}

// out says why the list in force puts out the member at the other end of a
// connection; "" if it does not, and of strangers.
func (m *members) out(c network.Conn) string {
	var at member.Member
	if m == nil || !c.As(&at) {
		return ""
	}
	return m.gate.Out(c.RemotePeer(), at.Epoch)
}

// secretName replaces a namespace by a name that only members can compute.
func (m *members) secretName(namespace string) string {
	if m == nil {
		return namespace
	}
	name := m.gate.Derive("rendezvous/" + namespace)
	return hex.EncodeToString(name[:])
}

// mdnsService is the service name by which the nodes of this swarm look for each
// other; its label has at most 15 characters (RFC 6335 section 5.1).
func (m *members) mdnsService() string {
	if m == nil {
		return mdnsService
	}
	name := m.gate.Derive("mdns")
	return "_cs" + hex.EncodeToString(name[:6]) + "._udp.local."
}

// forStrangers tells whether a peer without a certificate may speak a protocol.
func forStrangers(id protocol.ID) bool {
	switch id {
	case identify.ID, ping.ID,
		bsnet.ProtocolBitswap, bsnet.ProtocolBitswapOneOne, bsnet.ProtocolBitswapOneZero, bsnet.ProtocolBitswapNoVers:
		return true
	}
	return false
}

// Revoke puts a newer revocation list into force: it hangs up on those that are
// out, and hands the list to the other members. Errors: those of
// member.ParseRevocations, member.ErrOlderList, and ErrConfig when the swarm is
// open to all.
func (n *Network) Revoke(list []byte) error {
	if n.members == nil {
		return fmt.Errorf("%w: this swarm is open to all: nobody's membership can be revoked", ErrConfig)
	}
	return n.members.gate.Update(list)
}

// Revocations returns the list in force; nil without one, or in an open swarm.
func (n *Network) Revocations() *member.Revocations {
	if n.members == nil {
		return nil
	}
	return n.members.gate.Revocations()
}

// Private tells whether only members are admitted.
func (n *Network) Private() bool { return n.members != nil }

// spreadRevocations saves each newer list, hangs up on those that it puts out and
// hands it to everybody else.
func (n *Network) spreadRevocations(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.members.changed:
		}
		list := n.members.gate.Revocations()
		if n.members.store != nil {
			if err := n.members.store.Save(ctx, list.Bytes()); err != nil {
				n.log.Warn("the revocation list was not saved; after a restart members hand it over", "err", err)
			}
		}
		var work errgroup.Group
		work.SetLimit(dialParallel)
		told := map[peer.ID]bool{n.host.ID(): true}
		for _, c := range n.host.Network().Conns() {
			var m member.Member
			if !c.As(&m) {
				continue
			}
			if why := n.members.out(c); why != "" {
				n.log.Warn("hanging up on a member that was put out", "peer", c.RemotePeer().String(), "reason", why)
				work.Go(c.Close)
				continue
			}
			if told[c.RemotePeer()] {
				continue
			}
			told[c.RemotePeer()] = true
			work.Go(func() error {
				if err := n.handOver(ctx, c.RemotePeer(), list); err != nil && ctx.Err() == nil {
					n.log.Debug("a revocation list was not handed over", "peer", c.RemotePeer().String(), "err", err)
				}
				return nil
			})
		}
		_ = work.Wait()
	}
}

// handOver offers a list to a member, which takes it if it is news.
func (n *Network) handOver(ctx context.Context, p peer.ID, list *member.Revocations) error {
	return n.converse(ctx, p, RevocationsProtocol, revocationsTimeout, func(s network.Stream) error {
		if _, err := s.Write(binary.BigEndian.AppendUint64(nil, list.Number)); err != nil {
			return err
		}
		var wanted [1]byte
		if _, err := io.ReadFull(s, wanted[:]); err != nil || wanted[0] != 1 {
			return err
		}
		if err := say(s, list.Bytes()); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, io.LimitReader(s, 1)) // until it has read all
		return err
	})
}

// serve answers RevocationsProtocol.
func (m *members) serve(ctx context.Context, n *Network) {
	n.attend(RevocationsProtocol, revocationsTimeout, func(s network.Stream) (answered bool) {
		var head [8]byte
		if _, err := io.ReadFull(s, head[:]); err != nil {
			return false
		}
		if list := m.gate.Revocations(); list != nil && binary.BigEndian.Uint64(head[:]) <= list.Number {
			_, err := s.Write([]byte{0})
			return err == nil
		}
		if _, err := s.Write([]byte{1}); err != nil {
			return false
		}
		data, err := io.ReadAll(io.LimitReader(s, member.MaxRevocationsSize+1))
		if err != nil || ctx.Err() != nil {
			return false
		}
		if err := m.gate.Update(data); err != nil && !errors.Is(err, member.ErrOlderList) {
			n.Ban(s.Conn().RemotePeer(), forgedListBan, "it handed over a revocation list that is not the fleet's: "+err.Error())
			return false
		}
		return true
	})
}

// strangerAt tells whether the peer is connected, and by strangers' connections
// only.
func strangerAt(nw network.Network, p peer.ID) bool {
	conns := nw.ConnsToPeer(p)
	return len(conns) > 0 && !slices.ContainsFunc(conns, func(c network.Conn) bool { return !member.IsStranger(c) })
}

// errStranger refuses to speak a protocol of members to a stranger.
var errStranger = errors.New("swarm: the peer is a stranger; only blocks are for it")

// SetStreamHandler implements host.Host: strangers get no further than the
// protocols that are for them.
func (h *cameraHost) SetStreamHandler(id protocol.ID, handler network.StreamHandler) {
	h.BasicHost.SetStreamHandler(id, h.guard(id, handler))
}

// SetStreamHandlerMatch implements host.Host.
func (h *cameraHost) SetStreamHandlerMatch(id protocol.ID, match func(protocol.ID) bool, handler network.StreamHandler) {
	h.BasicHost.SetStreamHandlerMatch(id, match, h.guard(id, handler))
}

func (h *cameraHost) guard(id protocol.ID, handler network.StreamHandler) network.StreamHandler {
	if h.members == nil || !h.members.strangers || forStrangers(id) {
		return handler
	}
	return func(s network.Stream) {
		if member.IsStranger(s.Conn()) {
			_ = s.ResetWithError(network.StreamGated)
			return
		}
		handler(s)
	}
}

// NewStream implements host.Host.
func (h *cameraHost) NewStream(ctx context.Context, p peer.ID, ids ...protocol.ID) (network.Stream, error) {
	if h.members != nil && h.members.strangers && strangerAt(h.Network(), p) {
		ids = slices.DeleteFunc(slices.Clone(ids), func(id protocol.ID) bool { return !forStrangers(id) })
		if len(ids) == 0 {
			return nil, errStranger
		}
	}
	return h.BasicHost.NewStream(ctx, p, ids...)
}
