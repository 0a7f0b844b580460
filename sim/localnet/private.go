package localnet

import (
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strconv"

	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/node"
	"camswarm/swarm/member"
)

// StartPrivate starts a seed and cameras of the same product beside the others: a
// swarm of their own, on TCP and QUIC, that only its members enter. What is
// published from then on is handed to its seed too.
func (n *Network) StartPrivate(ctx context.Context, cameras int) error {
	_, fleet, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	for i := range cameras + 1 {
		name, role := "private-seed", node.RoleSeed
		if i > 0 {
			name, role = "private-"+strconv.Itoa(i), node.RoleCamera
		}
		m, err := n.newMember(name, role, n.cfg.Regions[0], nil)
		if err != nil {
			return err
		}
		m.Config.Network.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
		if i > 0 {
			if m.Config.Network.Peers, err = n.Private[0].Addrs(); err != nil {
				return err
			}
		}
		if err := m.enrol(fleet); err != nil {
			return err
		}
		n.Private = append(n.Private, m)
		if err := m.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// enrol makes the member's identity and its credential.
func (m *Member) enrol(fleet ed25519.PrivateKey) error {
	if err := os.MkdirAll(m.Config.StateDir, 0o700); err != nil {
		return err
	}
	key, err := node.LoadOrCreateIdentity(filepath.Join(m.Config.StateDir, "identity.key"))
	if err != nil {
		return err
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return err
	}
	credential, err := member.Issue(fleet, id, 0)
	if err != nil {
		return err
	}
	m.Config.Network.Membership = m.Config.StateDir + ".member"
	return os.WriteFile(m.Config.Network.Membership, []byte(credential.Text()+"\n"), 0o600)
}
