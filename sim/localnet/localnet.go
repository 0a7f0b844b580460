package localnet

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"camswarm/announce"
	"camswarm/chainwatch"
	"camswarm/chainwatch/devchain"
	"camswarm/chainwatch/registry"
	"camswarm/node"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// Config describes a deployment. Dir is required.
type Config struct {
	Dir       string         // all state lives below it
	Cameras   int            // number of cameras
	Product   verify.Product // default acme.example/cam-1
	Signers   int            // manufacturer keys; default 3
	Threshold int            // of them must sign; default 2
	Logger    *slog.Logger   // of all nodes; nil discards
	// Configure may change a member's configuration before it is started.
	Configure func(member string, c *node.Config)
	// Options are added to a node's, each time it is started.
	Options func(m *Member) []node.Option
}

// Network is a running deployment.
type Network struct {
	Chain    *devchain.Chain
	Client   *registry.Client
	Registry *registry.Registry
	Product  verify.Product
	Keys     verify.KeySet

	Admin, Manufacturer, Operator *sign.Key   // chain accounts
	Signers                       []*sign.Key // code signing

	Seed    *Member
	Cameras []*Member

	cfg Config
}

// Member is one node of the deployment, which can be stopped and started again
// on the same state.
type Member struct {
	Name   string
	Config node.Config
	Node   *node.Node // nil while stopped
	Slot   string     // directory of the built-in installer, outside the state directory

	net    *Network
	cancel context.CancelFunc
	done   chan error
}

// Start deploys the contract and starts every node. Everything stops when ctx
// ends or Close is called.
func Start(ctx context.Context, cfg Config) (n *Network, err error) {
	if cfg.Product == (verify.Product{}) {
		cfg.Product = verify.Product{Vendor: "acme.example", Name: "cam-1"}
	}
	if cfg.Signers == 0 {
		cfg.Signers, cfg.Threshold = 3, 2
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	n = &Network{cfg: cfg, Product: cfg.Product}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if err := n.deploy(ctx); err != nil {
		return n, fmt.Errorf("deploy the registry: %w", err)
	}
	if n.Seed, err = n.newMember("seed", node.RoleSeed); err != nil {
		return n, err
	}
	if err := n.Seed.Start(ctx); err != nil {
		return n, err
	}
	for i := range cfg.Cameras {
		m, err := n.newMember("camera-"+strconv.Itoa(i+1), node.RoleCamera)
		if err != nil {
			return n, err
		}
		n.Cameras = append(n.Cameras, m)
		if err := m.Start(ctx); err != nil {
			return n, err
		}
	}
	return n, nil
}

// deploy starts the chain and sets up manufacturer, product and roles.
func (n *Network) deploy(ctx context.Context) (err error) {
	for _, key := range []**sign.Key{&n.Admin, &n.Manufacturer, &n.Operator} {
		if *key, err = sign.Generate(verify.ES256K); err != nil {
			return err
		}
	}
	algorithms := []verify.Algorithm{verify.EdDSA, verify.ES256, verify.ES256K}
	n.Keys.Threshold = n.cfg.Threshold
	for i := range n.cfg.Signers {
		key, err := sign.Generate(algorithms[i%len(algorithms)])
		if err != nil {
			return err
		}
		n.Signers = append(n.Signers, key)
		n.Keys.Keys = append(n.Keys.Keys, key.Public())
	}
	if n.Chain, err = devchain.Start(ctx, devchain.Config{
		BlockTime: time.Second, Fund: []verify.Address{account(n.Admin), account(n.Manufacturer), account(n.Operator)},
	}); err != nil {
		return err
	}
	if n.Client, err = registry.Dial(ctx, n.Chain.URL(), n.Chain.ChainID()); err != nil {
		return err
	}
	if n.Registry, _, err = n.Client.Deploy(ctx, n.Admin, time.Hour, account(n.Operator)); err != nil {
		return err
	}
	did := verify.DIDKey(n.Signers[0].Public())
	if _, err = n.Registry.CreateManufacturer(ctx, n.Admin, did, n.Keys, account(n.Manufacturer)); err != nil {
		return err
	}
	_, err = n.Registry.CreateProduct(ctx, n.Admin, n.Product, did, account(n.Operator))
	return err
}

func account(k *sign.Key) verify.Address {
	a, _ := k.Address()
	return a
}

func (n *Network) newMember(name string, role node.Role) (*Member, error) {
	m := &Member{net: n, Name: name, Config: node.DefaultConfig(role), Slot: filepath.Join(n.cfg.Dir, "slots", name)}
	c := &m.Config
	c.StateDir = filepath.Join(n.cfg.Dir, name)
	c.Storage.ReserveBytes = 256 << 10
	c.Install.SlotDir = m.Slot
	c.Install.RetryAfter = time.Second
	c.Network.Listen = []string{"/ip4/127.0.0.1/tcp/0"}
	c.Network.MDNS = false // many nodes of one process would all find those of other runs on this host
	p := node.DefaultProduct(role)
	p.Name, p.Keys, p.Threshold, p.Region = n.Product.String(), n.Keys.Keys, n.Keys.Threshold, "lab"
	p.Chain.ChainID, p.Chain.Registry = n.Chain.ChainID(), n.Registry.Address().String()
	p.Chain.Endpoints = []chainwatch.Endpoint{{URL: n.Chain.URL(), Operator: "devchain"}}
	p.Chain.MinGap = 200 * time.Millisecond // blocks follow each transaction at once here
	c.Products = []node.ProductConfig{p}
	if role == node.RoleCamera {
		addrs, err := n.Seed.Addrs()
		if err != nil {
			return nil, err
		}
		c.Network.Peers = addrs
	}
	if n.cfg.Configure != nil {
		n.cfg.Configure(name, c)
	}
	return m, nil
}

// Start opens the member's state directory and runs its node until ctx ends or
// Stop is called. Listen ports that were chosen freely are kept for later starts.
func (m *Member) Start(ctx context.Context) error {
	opts := []node.Option{node.WithLogger(m.net.cfg.Logger.With("node", m.Name)), node.WithoutControl()}
	if m.net.cfg.Options != nil {
		opts = append(opts, m.net.cfg.Options(m)...)
	}
	n, err := node.New(m.Config, opts...)
	if err != nil {
		return fmt.Errorf("%s: %w", m.Name, err)
	}
	var listen []string
	for _, a := range n.Host().Network().ListenAddresses() {
		listen = append(listen, a.String())
	}
	if len(listen) > 0 {
		m.Config.Network.Listen = listen
	}
	ctx, cancel := context.WithCancel(ctx)
	m.Node, m.cancel, m.done = n, cancel, make(chan error, 1)
	go func() { m.done <- n.Run(ctx) }()
	return nil
}

// Stop ends the member's node and waits for it.
func (m *Member) Stop() error {
	if m == nil || m.Node == nil {
		return nil
	}
	m.cancel()
	err := <-m.done
	m.Node = nil
	if err != nil {
		return fmt.Errorf("%s: %w", m.Name, err)
	}
	return nil
}

// Addrs returns the member's addresses with its peer id.
func (m *Member) Addrs() ([]string, error) {
	h := m.Node.Host()
	info := peer.AddrInfo{ID: h.ID(), Addrs: h.Network().ListenAddresses()}
	full, err := peer.AddrInfoToP2pAddrs(&info)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(full))
	for _, a := range full {
		out = append(out, ma.Multiaddr(a).String())
	}
	return out, nil
}

// Members returns the seed and all cameras.
func (n *Network) Members() []*Member {
	var out []*Member
	if n.Seed != nil {
		out = append(out, n.Seed)
	}
	return append(out, n.Cameras...)
}

// Close stops every node, then the chain.
func (n *Network) Close() error {
	var errs []error
	for _, m := range n.Members() {
		if m.cancel != nil {
			m.cancel() // all at once, then wait for each
		}
	}
	for _, m := range n.Members() {
		errs = append(errs, m.Stop())
	}
	if n.Client != nil {
		n.Client.Close()
	}
	if n.Chain != nil {
		errs = append(errs, n.Chain.Close())
	}
	return errors.Join(errs...)
}

// Release is a signed release, ready to be published.
type Release struct {
	Manifest *verify.Manifest
	Envelope []byte
	Record   verify.Release // as the chain will hold it
	Path     string         // of the image
}

// Build describes and signs the image at path. signers default to as many of
// the manufacturer's as the threshold asks for.
func (n *Network) Build(path string, sequence uint64, version string, signers ...*sign.Key) (*Release, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := verify.DescribeImage(f, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m := &verify.Manifest{
		Product: n.Product, Sequence: sequence, Version: version, Image: info,
		Component: "firmware", Registry: n.Registry.Ref(),
	}
	if len(signers) == 0 {
		signers = n.Signers[:n.Keys.Threshold]
	}
	return Sign(m, path, signers...)
}

// Sign makes a release of a manifest.
func Sign(m *verify.Manifest, path string, signers ...*sign.Key) (*Release, error) {
	envelope, err := sign.NewEnvelope(m)
	if err != nil {
		return nil, err
	}
	for _, s := range signers {
		if err := s.Sign(envelope); err != nil {
			return nil, err
		}
	}
	data, err := envelope.Encode()
	if err != nil {
		return nil, err
	}
	return &Release{Manifest: m, Envelope: data, Path: path, Record: verify.Release{
		Product: m.Product.ID(), Sequence: m.Sequence, Version: m.Version,
		ImageSize: m.Image.Size, ImageSHA256: m.Image.SHA256, Envelope: sha256.Sum256(data),
	}}, nil
}

// Publish puts a release and its rollout policy on chain and hands the image
// to the seed.
func (n *Network) Publish(ctx context.Context, r *Release, policy verify.Rollout) error {
	if _, err := n.Registry.Publish(ctx, n.Manufacturer, r.Record); err != nil {
		return err
	}
	if err := n.SetRollout(ctx, r.Record.Sequence, policy); err != nil {
		return err
	}
	f, err := os.Open(r.Path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = n.Seed.Node.Provide(ctx, r.Envelope, io.Reader(f))
	return err
}

// SetRollout changes the policy of a release in every region, as the operator.
func (n *Network) SetRollout(ctx context.Context, sequence uint64, policy verify.Rollout) error {
	_, err := n.Registry.SetRollout(ctx, n.Operator, n.Product.ID(), sequence, "", policy)
	return err
}

// Announce has the seed announce a release at the chain's present revision, or
// with a nil release hint that something else changed there.
func (n *Network) Announce(ctx context.Context, r *Release) error {
	view, err := n.Registry.Check(ctx, n.Product.ID(), "")
	if err != nil {
		return err
	}
	a := announce.Announcement{Product: n.Product.ID(), Rev: view.Rev, Block: view.RevBlock}
	if r != nil {
		a.Sequence, a.Envelope = r.Record.Sequence, r.Envelope
	}
	return n.Seed.Node.Announce(ctx, a)
}
