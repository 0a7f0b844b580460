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
	"slices"
	"strconv"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
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
	Dir     string // all state lives below it
	Cameras int    // number of cameras
	// Regions have a seed each, and the cameras in turn, each of which knows the seed
	// of its own; default "lab" alone.
	Regions   []verify.Region
	Product   verify.Product // default acme.example/cam-1
	Signers   int            // manufacturer keys; default 3
	Threshold int            // of them must sign; default 2
	Operators int            // each with a chain endpoint of his own; 0: all ask the chain itself
	Logger    *slog.Logger   // of all nodes; nil discards
	ChainID   uint64         // default that of development chains
	// Deploy deploys the registry; nil: the present version.
	Deploy func(context.Context, *registry.Client, *sign.Key, registry.Terms) (*registry.Registry, error)
	// From is where the manufacturer is, if this is a registry to move to: the same
	// people and keys, and the product continued after its release Latest.
	From   *Authority
	Latest uint64
	// Configure may change a member's configuration before it is started.
	Configure func(member string, c *node.Config)
	// Options are added to a node's, each time it is started.
	Options func(m *Member) []node.Option
}

// Authority is a development chain with the registry contract on it, and the
// keys of everybody who may do something there.
type Authority struct {
	Chain    *devchain.Chain
	Client   *registry.Client
	Registry *registry.Registry
	Product  verify.Product
	Keys     verify.KeySet

	Admin, Manufacturer, Operator, Guardian *sign.Key   // chain accounts
	Signers                                 []*sign.Key // code signing

	DID       verify.DID         // the manufacturer's
	Rotations []*verify.Rotation // that led to Keys
	Moves     []*verify.Move     // that led here
}

// Network is a running deployment.
type Network struct {
	Authority
	Endpoints []*Endpoint // one per operator
	Seed      *Member     // the first of Seeds
	Seeds     []*Member   // one per region
	Cameras   []*Member
	Private   []*Member // see StartPrivate; the first is a seed

	cfg  Config
	left []*Authority // see Move
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
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Regions) == 0 {
		cfg.Regions = []verify.Region{"lab"}
	}
	n = &Network{cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	authority, err := Deploy(ctx, cfg)
	if err != nil {
		return n, err
	}
	n.Authority = *authority
	for i := range cfg.Operators {
		e, err := newEndpoint("operator-"+strconv.Itoa(i+1), n.Chain.URL())
		if err != nil {
			return n, err
		}
		n.Endpoints = append(n.Endpoints, e)
	}
	for i, region := range cfg.Regions {
		name := "seed"
		if i > 0 {
			name += "-" + string(region)
		}
		m, err := n.newMember(name, node.RoleSeed, region, n.Seeds)
		if err != nil {
			return n, err
		}
		n.Seeds = append(n.Seeds, m)
		if err := m.Start(ctx); err != nil {
			return n, err
		}
	}
	n.Seed = n.Seeds[0]
	for i := range cfg.Cameras {
		at := i % len(cfg.Regions)
		m, err := n.newMember("camera-"+strconv.Itoa(i+1), node.RoleCamera, cfg.Regions[at], n.Seeds[at:at+1])
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

// Deploy starts the chain and sets up manufacturer, product and roles as the
// config's Product, Signers and Threshold say. Close it when it is done with.
func Deploy(ctx context.Context, cfg Config) (a *Authority, err error) {
	if cfg.Product == (verify.Product{}) {
		cfg.Product = verify.Product{Vendor: "acme.example", Name: "cam-1"}
	}
	if cfg.Signers == 0 {
		cfg.Signers, cfg.Threshold = 3, 2
	}
	a = &Authority{Product: cfg.Product, Keys: verify.KeySet{Threshold: cfg.Threshold}}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("deploy the registry: %w", err), a.Close())
		}
	}()
	if f := cfg.From; f != nil {
		a.Product, a.Keys, a.Signers, a.DID, a.Rotations, a.Moves = f.Product, f.Keys, f.Signers, f.DID, f.Rotations, f.Moves
		a.Admin, a.Manufacturer, a.Operator, a.Guardian = f.Admin, f.Manufacturer, f.Operator, f.Guardian
	} else if err = a.appoint(cfg.Signers); err != nil {
		return a, err
	}
	if a.Chain, err = devchain.Start(ctx, devchain.Config{
		ChainID: cfg.ChainID, BlockTime: time.Second, Fund: []verify.Address{account(a.Admin), account(a.Manufacturer), account(a.Operator), account(a.Guardian)},
	}); err != nil {
		return a, err
	}
	if a.Client, err = registry.Dial(ctx, a.Chain.URL(), a.Chain.ChainID()); err != nil {
		return a, err
	}
	deploy := cfg.Deploy
	if deploy == nil {
		deploy = func(ctx context.Context, c *registry.Client, key *sign.Key, terms registry.Terms) (*registry.Registry, error) {
			r, _, err := c.Deploy(ctx, key, terms)
			return r, err
		}
	}
	if a.Registry, err = deploy(ctx, a.Client, a.Admin, registry.Terms{
		Delay: time.Hour, Pauser: account(a.Operator), Guardians: []verify.Address{account(a.Guardian)},
	}); err != nil {
		return a, err
	}
	if _, err = a.Registry.CreateManufacturer(ctx, a.Admin, a.DID, a.Keys, account(a.Manufacturer)); err != nil {
		return a, err
	}
	if cfg.Latest > 0 {
		_, err = a.Registry.ContinueProduct(ctx, a.Admin, a.Product, a.DID, account(a.Operator), cfg.Latest)
	} else {
		_, err = a.Registry.CreateProduct(ctx, a.Admin, a.Product, a.DID, account(a.Operator))
	}
	return a, err
}

// appoint makes the accounts and so many signing keys.
func (a *Authority) appoint(signers int) (err error) {
	for _, key := range []**sign.Key{&a.Admin, &a.Manufacturer, &a.Operator, &a.Guardian} {
		if *key, err = sign.Generate(verify.ES256K); err != nil {
			return err
		}
	}
	algorithms := []verify.Algorithm{verify.EdDSA, verify.ES256, verify.ES256K}
	for i := range signers {
		key, err := sign.Generate(algorithms[i%len(algorithms)])
		if err != nil {
			return err
		}
		a.Signers = append(a.Signers, key)
		a.Keys.Keys = append(a.Keys.Keys, key.Public())
	}
	a.DID = verify.DIDKey(a.Signers[0].Public())
	return nil
}

// Leave makes the statement that the manufacturer leaves this registry for
// another, signed by as many as the threshold asks for. Releases that are built
// there carry it from then on. It names endpoints, or the chain itself.
func (a *Authority) Leave(to *Authority, endpoints ...verify.MoveEndpoint) (*verify.Move, error) {
	if len(endpoints) == 0 {
		endpoints = []verify.MoveEndpoint{{URL: to.Chain.URL()}}
	}
	m := &verify.Move{
		Number: uint64(len(a.Moves) + 1), From: a.Registry.Ref(), To: to.Registry.Ref(), Epoch: uint64(len(a.Rotations) + 1), Keys: a.Keys,
		Endpoints: endpoints,
	}
	for _, k := range a.Signers[:a.Keys.Threshold] {
		if err := k.SignMove(m); err != nil {
			return nil, err
		}
	}
	to.Moves = append(slices.Clone(a.Moves), m)
	return m, nil
}

// Move has everybody but the nodes go on in another registry. Those learn of it
// from a release that is published there. The old chain runs on until Close.
func (n *Network) Move(to *Authority) {
	old := n.Authority
	n.left = append(n.left, &old)
	n.Authority = *to
}

// Rotate makes signers, with the same threshold, the manufacturer's: in a
// statement that all old and new ones sign, in the registry, and for the
// releases that are built from then on.
func (a *Authority) Rotate(ctx context.Context, signers ...*sign.Key) error {
	r := &verify.Rotation{
		Registry: a.Registry.Ref(), Epoch: uint64(len(a.Rotations) + 2), From: a.Keys, To: verify.KeySet{Threshold: a.Keys.Threshold},
	}
	for _, k := range signers {
		r.To.Keys = append(r.To.Keys, k.Public())
	}
	for _, k := range append(slices.Clone(signers), a.Signers...) {
		if slices.ContainsFunc(r.Signatures, func(s verify.Signature) bool { return s.Key == k.Public() }) {
			continue
		}
		if err := k.SignRotation(r); err != nil {
			return err
		}
	}
	if _, err := a.Registry.SetKeys(ctx, a.Manufacturer, a.DID, r.To); err != nil {
		return err
	}
	a.Signers, a.Keys, a.Rotations = signers, r.To, append(a.Rotations, r)
	return nil
}

// Close stops the chain.
func (a *Authority) Close() error {
	if a.Client != nil {
		a.Client.Close()
	}
	if a.Chain != nil {
		return a.Chain.Close()
	}
	return nil
}

func account(k *sign.Key) verify.Address {
	a, _ := k.Address()
	return a
}

// newMember makes a node of a region that knows some seeds.
func (n *Network) newMember(name string, role node.Role, region verify.Region, seeds []*Member) (*Member, error) {
	m := &Member{net: n, Name: name, Config: node.DefaultConfig(role), Slot: filepath.Join(n.cfg.Dir, "slots", name)}
	c := &m.Config
	c.StateDir = filepath.Join(n.cfg.Dir, name)
	c.Storage.ReserveBytes = 256 << 10
	c.Install.SlotDir = m.Slot
	c.Install.RetryAfter = time.Second
	c.Network.Listen = []string{"/ip4/127.0.0.1/tcp/0"}
	c.Network.MDNS = false // many nodes of one process would all find those of other runs on this host
	p := node.DefaultProduct(role)
	p.Name, p.Keys, p.Threshold, p.Region = n.Product.String(), n.Keys.Keys, n.Keys.Threshold, region
	p.Chain.ChainID, p.Chain.Registry = n.Chain.ChainID(), n.Registry.Address().String()
	p.Chain.Endpoints = []chainwatch.Endpoint{{URL: n.Chain.URL(), Operator: "devchain"}}
	if len(n.Endpoints) > 0 {
		p.Chain.Endpoints = nil
		for _, e := range n.Endpoints {
			p.Chain.Endpoints = append(p.Chain.Endpoints, e.config())
		}
	}
	p.Chain.MinGap = 200 * time.Millisecond // blocks follow each transaction at once here
	c.Products = []node.ProductConfig{p}
	for _, s := range seeds {
		addrs, err := s.Addrs()
		if err != nil {
			return nil, err
		}
		c.Network.Peers = append(c.Network.Peers, addrs...)
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
	for _, a := range bound(n.Host()) {
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

// bound are the addresses of a host's sockets.
func bound(h host.Host) []ma.Multiaddr {
	return slices.DeleteFunc(h.Network().ListenAddresses(), func(a ma.Multiaddr) bool {
		_, err := a.ValueForProtocol(ma.P_CIRCUIT)
		return err == nil
	})
}

// Info returns the member's peer id and the addresses of its sockets.
func (m *Member) Info() peer.AddrInfo {
	h := m.Node.Host()
	return peer.AddrInfo{ID: h.ID(), Addrs: bound(h)}
}

// Addrs returns the member's addresses with its peer id.
func (m *Member) Addrs() ([]string, error) {
	info := m.Info()
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

// Members returns the seeds and all cameras, without those of the private swarm.
func (n *Network) Members() []*Member { return slices.Concat(n.Seeds, n.Cameras) }

// Close stops every node, then the endpoints and the chain.
func (n *Network) Close() error {
	var errs []error
	all := append(n.Members(), n.Private...)
	for _, m := range all {
		if m.cancel != nil {
			m.cancel() // all at once, then wait for each
		}
	}
	for _, m := range all {
		errs = append(errs, m.Stop())
	}
	for _, e := range n.Endpoints {
		errs = append(errs, e.close())
	}
	for _, a := range n.left {
		errs = append(errs, a.Close())
	}
	return errors.Join(append(errs, n.Authority.Close())...)
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
func (a *Authority) Build(path string, sequence uint64, version string, signers ...*sign.Key) (*Release, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r, err := a.BuildFrom(f, 0, sequence, version, signers...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.Path = path
	return r, nil
}

// BuildFrom is Build for an image that is read, in blocks of a size; 0 is the
// default.
func (a *Authority) BuildFrom(image io.Reader, blockSize uint32, sequence uint64, version string, signers ...*sign.Key) (*Release, error) {
	info, err := verify.DescribeImage(image, blockSize)
	if err != nil {
		return nil, err
	}
	m := &verify.Manifest{
		Product: a.Product, Sequence: sequence, Version: version, Image: info,
		Component: "firmware", Registry: a.Registry.Ref(),
	}
	if len(signers) == 0 {
		signers = a.Signers[:a.Keys.Threshold]
	}
	return SignHistory(m, verify.History{Rotations: a.Rotations, Moves: a.Moves}, "", signers...)
}

// Sign makes a release of a manifest.
func Sign(m *verify.Manifest, path string, signers ...*sign.Key) (*Release, error) {
	return SignRotated(m, nil, path, signers...)
}

// SignRotated makes a release that carries rotations.
func SignRotated(m *verify.Manifest, rotations []*verify.Rotation, path string, signers ...*sign.Key) (*Release, error) {
	return SignHistory(m, verify.History{Rotations: rotations}, path, signers...)
}

// SignHistory makes a release that carries a history.
func SignHistory(m *verify.Manifest, h verify.History, path string, signers ...*sign.Key) (*Release, error) {
	envelope, err := sign.NewEnvelope(m)
	if err != nil {
		return nil, err
	}
	envelope.Rotations, envelope.Moves = h.Rotations, h.Moves
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
// to the seed, and to that of the private swarm.
func (n *Network) Publish(ctx context.Context, r *Release, policy verify.Rollout) error {
	if _, err := n.Registry.Publish(ctx, n.Manufacturer, r.Record); err != nil {
		return err
	}
	if err := n.SetRollout(ctx, r.Record.Sequence, policy); err != nil {
		return err
	}
	if err := n.Seed.provide(ctx, r); err != nil || len(n.Private) == 0 {
		return err
	}
	return n.Private[0].provide(ctx, r)
}

func (m *Member) provide(ctx context.Context, r *Release) error {
	f, err := os.Open(r.Path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = m.Node.Provide(ctx, r.Envelope, io.Reader(f))
	return err
}

// NewWitness makes the key of a witness of the chain in a file, and returns its public
// half.
func NewWitness(path string) (verify.PublicKey, error) {
	key, err := sign.Generate(verify.EdDSA)
	if err != nil {
		return verify.PublicKey{}, err
	}
	return key.Public(), key.Save(path)
}

// SetRollout changes the policy of a release in every region, as the operator.
func (a *Authority) SetRollout(ctx context.Context, sequence uint64, policy verify.Rollout) error {
	_, err := a.Registry.SetRollout(ctx, a.Operator, a.Product.ID(), sequence, "", policy)
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
