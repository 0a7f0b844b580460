package node_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/chainwatch"
	"camswarm/node"
	"camswarm/swarm/member"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// A credential that was copied from another node, or made for an identity that was
// lost since, is a mistake of the configuration and says what to do.
func TestCredentialOfAnotherNode(t *testing.T) {
	fleet := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	issue := func(cfg *node.Config, key crypto.PrivKey) {
		id, err := peer.IDFromPrivateKey(key)
		must(t, err)
		c, err := member.Issue(fleet, id, 0)
		must(t, err)
		cfg.Network.Membership = filepath.Join(t.TempDir(), "member.cred")
		must(t, os.WriteFile(cfg.Network.Membership, []byte(c.Text()+"\n"), 0o600))
	}
	newKey := func() crypto.PrivKey {
		key, _, err := crypto.GenerateEd25519Key(rand.Reader)
		must(t, err)
		return key
	}
	own, cfg := newKey(), aloneConfig(t)
	issue(&cfg, newKey())
	if _, err := node.New(cfg, node.WithIdentity(own), node.WithoutControl()); !errors.Is(err, node.ErrConfig) || !strings.Contains(err.Error(), "members issue") {
		t.Errorf("another node's credential: %v", err)
	}
	issue(&cfg, own)
	start := func() {
		t.Helper()
		n, err := node.New(cfg, node.WithIdentity(own), node.WithoutControl())
		must(t, err)
		must(t, n.Close())
	}
	start()
	text, err := os.ReadFile(cfg.Network.Membership)
	must(t, err)
	edited := string(text[:70]) + "\r\n" + strings.TrimSuffix(string(text[70:]), "\n") + "\r\n\r\n"
	must(t, os.WriteFile(cfg.Network.Membership, []byte(edited), 0o600))
	start() // with an editor's line ends, as before
}

// aloneConfig is the configuration of a camera that meets nobody.
func aloneConfig(t *testing.T) node.Config {
	t.Helper()
	signer, err := sign.Generate(verify.EdDSA)
	must(t, err)
	cfg := node.DefaultConfig(node.RoleCamera)
	cfg.StateDir = filepath.Join(t.TempDir(), "state")
	cfg.Storage.ReserveBytes = 4 << 10
	cfg.Network.Listen, cfg.Network.MDNS = []string{"/ip4/127.0.0.1/tcp/0"}, false
	p := node.DefaultProduct(node.RoleCamera)
	p.Name, p.Keys, p.Threshold = "acme.example/cam-1", []verify.PublicKey{signer.Public()}, 1
	p.Chain.ChainID, p.Chain.Registry = 1, "0x00000000000000000000000000000000000000aa"
	p.Chain.Endpoints = []chainwatch.Endpoint{{URL: "http://127.0.0.1:1"}} // nobody is asked before Run
	cfg.Products = []node.ProductConfig{p}
	return cfg
}
