package node

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/libp2p/go-libp2p/core/crypto"

	"camswarm/node/metastore"
	"camswarm/node/statedir"
	"camswarm/swarm/member"
	"camswarm/swarm/p2p"
)

// maxCredentialBytes bounds a membership file; a credential has 239 bytes.
const maxCredentialBytes = 1024

// loadCredential reads a node's membership of a private swarm, one line in a file
// of mode 0600; looser ones are refused. The error wraps ErrConfig.
func loadCredential(path string) (*member.Credential, error) {
	bad := func(err error) error { return fmt.Errorf("%w: network.membership: %w", ErrConfig, err) }
	info, err := os.Lstat(path)
	if err != nil {
		return nil, bad(err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, bad(fmt.Errorf("%s has mode %#o, so that others can read the swarm's secret; run: chmod 600 %s", path, mode, path))
	}
	data, err := statedir.ReadRegular(path, maxCredentialBytes)
	if err != nil {
		return nil, bad(err)
	}
	c, err := member.ParseCredential(strings.NewReplacer("\r", "", "\n", "").Replace(string(data))) // an editor's line ends
	if err != nil {
		return nil, bad(fmt.Errorf("%s: %w", path, err))
	}
	return c, nil
}

// membership returns what makes the network private, nothing for an open one. A
// credential of another key than the node's own is an error that wraps ErrConfig.
func (n *Node) membership(own crypto.PubKey) (*p2p.Membership, error) {
	cfg := n.cfg.Network
	if cfg.Membership == "" {
		if cfg.Strangers {
			return nil, fmt.Errorf("%w: network.strangers is for the seeds of a private swarm, and network.membership is not set: remove it, since an open swarm lets everybody in", ErrConfig)
		}
		return nil, nil
	}
	credential, err := loadCredential(cfg.Membership)
	if err != nil {
		return nil, err
	}
	raw, err := own.Raw()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(raw, credential.Certificate.Member) {
		return nil, fmt.Errorf("%w: network.membership: %s is the credential of another node's key: make one for this node with 'camswarm members issue', or restore the %s that belongs to it",
			ErrConfig, cfg.Membership, identityFile)
	}
	return &p2p.Membership{
		Credential: credential, Strangers: cfg.Strangers,
		Store: metastore.ValueAt(n.store.Namespace("swarm"), "revocations"),
	}, nil
}

// Revoke puts a newer revocation list of the fleet into force, which spreads from
// here to all members: see p2p.Network.Revoke.
func (n *Node) Revoke(list []byte) error { return n.network.Revoke(list) }
