package node

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"camswarm/announce"
	"camswarm/announce/beacon"
	"camswarm/chainwatch"
	"camswarm/node/install"
	"camswarm/swarm"
	"camswarm/swarm/p2p"
	"camswarm/swarm/units"
	"camswarm/verify"
)

// Role says what a node is for.
type Role string

// The roles.
const (
	RoleCamera Role = "camera" // fetches, serves, installs; one product
	RoleSeed   Role = "seed"   // warms a region's cache: fetches at once, serves, never installs
)

// Config is what an operator writes, as TOML. What a program injects (host,
// installer, logger, …) are Options. It holds paths to secrets, never secrets.
type Config struct {
	// Role is "camera" or "seed".
	Role Role `toml:"role"`
	// StateDir holds everything the node keeps: identity, metadata, images and
	// the control socket. It must be on a file system that keeps fsynced data.
	StateDir string `toml:"state_dir"`
	// TimeZone is that of quiet hours and of the maintenance window: "" is the
	// device's, else a name such as "Europe/Berlin", which needs the device's zone
	// files, or a POSIX rule such as "CET-1CEST,M3.5.0,M10.5.0/3", which needs none.
	TimeZone string `toml:"time_zone"`
	// Products the node follows: exactly one on a camera, at least one on a seed.
	Products []ProductConfig `toml:"product"`

	Network  p2p.Config           `toml:"network"`
	Exchange swarm.ExchangeConfig `toml:"exchange"`
	Announce announce.Config      `toml:"announce"`
	Storage  StorageConfig        `toml:"storage"`
	Install  InstallConfig        `toml:"install"`
	Witness  WitnessConfig        `toml:"witness"`
	IPNS     IPNSConfig           `toml:"ipns"`
	Origin   OriginConfig         `toml:"origin"`
	Polite   PoliteConfig         `toml:"polite"`
	HTTP     HTTPConfig           `toml:"http"`
	Beacons  beacon.Config        `toml:"beacons"`
	Gateway  GatewayConfig        `toml:"gateway"`
}

// ProductConfig is the provisioning of one product: the root of all trust.
type ProductConfig struct {
	// Name is "vendor/name", for example "acme.example/cam-1".
	Name string `toml:"name"`
	// Region is the provisioned region code that rollout policies speak of; ""
	// takes the policy of regions without their own.
	Region verify.Region `toml:"region"`
	// Label makes the device a canary where a policy names the same label.
	Label string `toml:"label"`
	// Hardware is the device's hardware revision; a manifest that lists
	// revisions must list it.
	Hardware string `toml:"hardware"`
	// FactorySequence is the sequence of the firmware the device left the
	// factory with; nothing at or below it is ever installed.
	FactorySequence uint64 `toml:"factory_sequence"`
	// Threshold of Keys must have signed a release (k of n). It is required.
	Threshold int `toml:"threshold"`
	// Keys are the manufacturer's code-signing keys as Multikeys ("z…"). They
	// are pinned: the chain alone can never replace them.
	Keys []verify.PublicKey `toml:"keys"`
	// Rotations are files of rotation statements, oldest first, that lead from
	// Keys to newer ones ('camswarm keys rotate'); relative to the configuration
	// file. A device learns rotations from releases, so this is for one that
	// should know them before; at most 16.
	Rotations []string `toml:"rotations"`
	// Moves are files of move statements, oldest first, that lead from the registry
	// of Chain to the one in force, or past it ('camswarm registry move'); relative
	// to the configuration file. A device learns moves from releases and makes them
	// when the new registry confirms them; one that stands here is made at once, on
	// the owner's word. At most 16, with all rotations there were.
	Moves []string `toml:"moves"`
	// Chain says where the registry contract is and whom to ask about it.
	Chain chainwatch.Config `toml:"chain"`
	// Witnesses names independent operators whose word on the chain is good enough to
	// fetch and relay by, so that an announcement does not make the whole fleet ask
	// the endpoints of Chain at one moment.
	Witnesses chainwatch.WitnessConfig `toml:"witnesses"`
}

// WitnessConfig makes the node a witness: it signs what its own quorum accepts of
// the chain, for the region of each product, and tells everybody. Each product must
// name it under Witnesses and be looked at at least once a minute.
type WitnessConfig struct {
	// Key is the file of the secret Ed25519 key ('camswarm keys new'), mode 0600;
	// relative to the configuration file. "": the node is no witness. Two nodes must
	// never share one: what they say would differ one day, which convicts the key.
	Key string `toml:"key"`
	// Renew is how often a statement is signed anew when nothing changes, so that
	// it does not grow too old for devices (product.witnesses.max_age). Shorter costs
	// every node of the product about 1 kB each time. 1 minute to 24 hours.
	Renew time.Duration `toml:"renew"`
}

// StorageConfig bounds what the node keeps on disk.
type StorageConfig struct {
	// QuotaBytes bounds the allocated bytes of all release directories, such as
	// "64MB" or a number of bytes; older
	// releases go before a fetch that would exceed it. Larger keeps more on a
	// seed of many products. 0: no bound but the disk. A camera needs two images.
	QuotaBytes units.Size `toml:"quota_bytes"`
	// ReserveBytes (as QuotaBytes) are held in a file that is given up when the disk is full,
	// so that collection and metadata can still be written. A seed on amd64 or arm64
	// fetches nothing that would leave less than 8 MiB free beside it.
	ReserveBytes units.Size `toml:"reserve_bytes"`
	// Keep is how many of the newest releases of each product a seed holds at least, 1 to
	// 8, of those that the chain offers its region, also where a newer one has taken their
	// place: for mirrors and for cameras that the newer one refuses. What cameras of the
	// region may still need it holds anyway. A camera's is 1.
	Keep int `toml:"keep"`
}

// InstallConfig says how a camera installs.
type InstallConfig struct {
	// Command is the install hook, or a list of the hook and its first arguments;
	// empty: the built-in installer writes a slot file under SlotDir.
	// docs/DEVICE.md has what a hook must do.
	Command Command `toml:"command"`
	// Feed is how the hook gets the image: "stdin", as a stream whose every byte is
	// checked on the way; "file", as the path of the node's own file in
	// CAMSWARM_IMAGE, so that flash holds the image once; or "slot": the node writes
	// into the slot that the hook names before the fetch, and serves from there, so
	// that a device with two slots needs no other place for it. Default stdin.
	Feed install.Feed `toml:"feed"`
	// Timeout bounds one run of the hook.
	Timeout time.Duration `toml:"timeout"`
	// SlotDir is where the built-in installer keeps the installed image;
	// default "slot" in the state directory.
	SlotDir string `toml:"slot_dir"`
	// Window is a daily span of local time (see time_zone) such as "02:00-05:00" in which
	// installs may start; empty: always. A device without a clock goes by the chain's.
	Window string `toml:"window"`
	// Consent is "ask" if the owner is to be asked before each release (POST
	// /v1/consent on the control socket), "none" if not.
	Consent string `toml:"consent"`
	// InhibitFile forbids installs while it exists, for example while recording.
	InhibitFile string `toml:"inhibit_file"`
	// RetryAfter is the wait after a failed install or an unconfirmed boot
	// before the hook is asked again; it doubles with each failure.
	RetryAfter time.Duration `toml:"retry_after"`
	// ConfirmWithin is how long an installed release may stay unconfirmed before
	// it makes way: once a newer release waits for it, or the chain no longer
	// offers it, it is rolled back. Count the device's boot and the longest test
	// that the hook makes. Shorter frees a fleet sooner from a release that never
	// comes up. At least one minute.
	ConfirmWithin time.Duration `toml:"confirm_within"`
	// Attempts bounds failed installs of one release; after that it is left
	// alone until a newer one comes.
	Attempts int `toml:"attempts"`
	// ConfirmSpread is the time over which the devices of a fleet with witnesses ask
	// the chain themselves before they install, each at a moment of its own after the
	// witnesses' word. Longer lets endpoints live with a larger fleet, shorter installs
	// sooner: a gateway with 100 places that is busy for 0.4 s with each asks for 400 s
	// with 100,000 devices. 0: at once. At most 24 hours.
	ConfirmSpread time.Duration `toml:"confirm_spread"`
}

// Command is a program and its first arguments. In TOML a text stands for a list
// of one: it is never split at blanks.
type Command []string

// UnmarshalTOML implements toml.Unmarshaler.
func (c *Command) UnmarshalTOML(v any) error {
	*c = nil
	if s, ok := v.(string); ok {
		if s != "" {
			*c = Command{s}
		}
		return nil
	}
	list, ok := v.([]any)
	for _, e := range list {
		s, isText := e.(string)
		if !isText {
			ok = false
			break
		}
		*c = append(*c, s)
	}
	if !ok {
		return errors.New("a command is a text, or a list of texts")
	}
	return nil
}

// digest names what installs: a release that failed with one starts over with
// another. When installs happen is no part of it.
func (c *InstallConfig) digest() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %v %q %s", c.Command, c.Timeout, c.SlotDir, c.Feed))
	return hex.EncodeToString(sum[:4])
}

// IPNSConfig says what a node does about IPNS records.
type IPNSConfig struct {
	// Check has the node look up, on the DHT, the IPNS record that an approved
	// release names, and compare it with the release: at most three lookups for a
	// release and run, of a few kB each. What it finds is shown, counted and, when
	// it contradicts the chain, an alarm; it changes nothing else. Default true, but in
	// the camera build, which cannot.
	Check bool `toml:"check"`
}

// DefaultConfig returns the defaults of a role. What has no sensible default
// (products, keys, endpoints) is left empty and required by Validate.
func DefaultConfig(role Role) Config {
	c := Config{
		Role:     role,
		StateDir: "/var/lib/camswarm",
		Network:  p2p.DefaultConfig(),
		Exchange: swarm.DefaultExchangeConfig(),
		Announce: announce.DefaultConfig(),
		Storage:  StorageConfig{ReserveBytes: 1 << 20, Keep: 1},
		Install:  InstallConfig{Feed: install.FeedStdin, Timeout: 10 * time.Minute, RetryAfter: 10 * time.Second, ConfirmWithin: time.Hour, Attempts: 3, Consent: consentNone, ConfirmSpread: 10 * time.Minute},
		Witness:  WitnessConfig{Renew: time.Hour},
		IPNS:     IPNSConfig{Check: p2p.HasDHT},
		Origin:   DefaultOriginConfig(),
		Polite:   DefaultPoliteConfig(),
		Beacons:  beacon.DefaultConfig(role == RoleSeed),
		HTTP:     HTTPConfig{Pages: true},
	}
	c.Network.Role = string(role)
	if role == RoleSeed {
		c.Announce = announce.SeedConfig()
		c.Exchange.Workers, c.Exchange.Drain = swarm.SeedWorkers, swarm.SeedDrain
	} else {
		c.Network.Memory = p2p.MemoryAuto
	}
	return c
}

// DefaultProduct returns the defaults of a product section for a role: a camera
// looks at the chain daily when idle, a seed every second or so, since seeds are few
// and tell the cameras: a stop is worth that. It costs each endpoint 70,000 calls and
// about 350 MB a day.
func DefaultProduct(role Role) ProductConfig {
	p := ProductConfig{Chain: chainwatch.DefaultConfig(), Witnesses: chainwatch.DefaultWitnessConfig()}
	if role == RoleSeed {
		p.Chain.Poll, p.Chain.PollJitter, p.Chain.MinGap = time.Second, 250*time.Millisecond, 500*time.Millisecond
	}
	return p
}

// ErrConfig is wrapped by every error about a configuration.
var ErrConfig = errors.New("configuration")

// LoadConfig reads a TOML file over the defaults of the role it names. Unknown
// keys are errors, so that a misspelt limit is not silently ignored.
func LoadConfig(path string) (Config, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("%w: %w; 'camswarm provision' writes a configuration", ErrConfig, err)
	}
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	c, err := ParseConfig(data)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	if !filepath.IsAbs(c.StateDir) {
		c.StateDir = filepath.Join(filepath.Dir(path), c.StateDir)
	}
	for _, f := range []*string{&c.Network.Membership, &c.Witness.Key} {
		if *f != "" && !filepath.IsAbs(*f) {
			*f = filepath.Join(filepath.Dir(path), *f)
		}
	}
	for _, p := range c.Products {
		for _, files := range [][]string{p.Rotations, p.Moves} {
			for i, f := range files {
				if !filepath.IsAbs(f) {
					files[i] = filepath.Join(filepath.Dir(path), f)
				}
			}
		}
	}
	return c, nil
}

// ParseConfig decodes and validates a TOML configuration.
func ParseConfig(data []byte) (Config, error) {
	if len(data) > maxConfigBytes {
		return Config{}, fmt.Errorf("%w: longer than %d bytes", ErrConfig, maxConfigBytes)
	}
	var table map[string]any
	if _, err := toml.Decode(string(data), &table); err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, plainTOML(err))
	}
	if err := checkTable(table, reflect.TypeFor[Config](), ""); err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	var head struct {
		Role     Role             `toml:"role"`
		Products []toml.Primitive `toml:"product"`
	}
	if _, err := toml.Decode(string(data), &head); err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, plainTOML(err))
	}
	if head.Role != RoleCamera && head.Role != RoleSeed {
		return Config{}, fmt.Errorf("%w: role is %q; write role = \"camera\" or role = \"seed\"", ErrConfig, head.Role)
	}
	c := DefaultConfig(head.Role)
	meta, err := toml.Decode(string(data), &c)
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, plainTOML(err))
	}
	if undecoded := meta.Undecoded(); len(undecoded) > 0 { // checkTable finds them all
		return Config{}, fmt.Errorf("%w: unknown key %q; remove or correct it", ErrConfig, undecoded[0])
	}
	// Array elements start from zero values, so products are decoded a second
	// time, each over its role's defaults.
	for i, prim := range head.Products {
		p := DefaultProduct(head.Role)
		if err := meta.PrimitiveDecode(prim, &p); err != nil {
			return Config{}, fmt.Errorf("%w: product %d: %w", ErrConfig, i+1, plainTOML(err))
		}
		c.Products[i] = p
	}
	return c, c.Validate()
}

// plainTOML leaves the decoder's name out of its errors.
func plainTOML(err error) error {
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		if strings.Contains(syntax.Message, "already been defined") {
			return fmt.Errorf("line %d: %s: a section or key stands once, so add to the one above", syntax.Position.Line, syntax.Message)
		}
		return fmt.Errorf("line %d: %s", syntax.Position.Line, syntax.Message)
	}
	return err
}

// Validate reports the first thing an operator has to mend.
func (c *Config) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
	}
	if c.Role != RoleCamera && c.Role != RoleSeed {
		return bad("role is %q; write \"camera\" or \"seed\"", c.Role)
	}
	if err := c.checkBuild(); err != nil {
		return bad("%w", err)
	}
	if c.StateDir == "" {
		return bad("state_dir is empty; name a directory on persistent storage")
	}
	if c.Network.Role != string(c.Role) {
		return bad("network.role is %q but role is %q; leave network.role out", c.Network.Role, c.Role)
	}
	switch {
	case len(c.Products) == 0:
		return bad("no [[product]] section; a node needs to know which firmware it follows: 'camswarm provision' writes a configuration that says so")
	case c.Role == RoleCamera && len(c.Products) != 1:
		return bad("%d [[product]] sections; a camera follows exactly one", len(c.Products))
	}
	seen := map[string]bool{}
	for i := range c.Products {
		p := &c.Products[i]
		if err := p.Validate(); err != nil {
			return bad("product %q: %w", p.Name, err)
		}
		if seen[p.Name] {
			return bad("product %q stands twice", p.Name)
		}
		seen[p.Name] = true
	}
	if err := c.Network.Validate(); err != nil {
		return bad("network: %w", err)
	}
	usable := *c
	usable.RaiseLimits()
	if err := usable.Exchange.Validate(); err != nil {
		return bad("exchange: %w", err)
	}
	if err := c.Announce.Validate(); err != nil {
		return bad("announce: %w", err)
	}
	if c.Storage.QuotaBytes < 0 || c.Storage.ReserveBytes < 0 {
		return bad("storage: byte counts cannot be negative")
	}
	if k := c.Storage.Keep; k < 1 || k > verify.MaxCandidates || k > 1 && c.Role == RoleCamera {
		return bad("storage.keep is %d; write 1 to %d on a seed, which is as many as the chain offers, and 1 on a camera", k, verify.MaxCandidates)
	}
	if c.Install.Timeout <= 0 || c.Install.RetryAfter <= 0 || c.Install.Attempts < 1 {
		return bad("install: timeout, retry_after and attempts must be positive")
	}
	if err := c.Install.Feed.Validate(); err != nil {
		return bad("install.feed: %w", err)
	}
	if c.Install.Feed == install.FeedSlot && len(c.Install.Command) == 0 && c.Role == RoleCamera {
		return bad("install.feed is \"slot\" and install.command is empty; name the hook that knows the slots")
	}
	if c.Install.ConfirmWithin < time.Minute {
		return bad("install.confirm_within is %v; at least one minute: an installed release that is never confirmed would block newer ones for ever without it", c.Install.ConfirmWithin)
	}
	if c.Install.ConfirmSpread < 0 || c.Install.ConfirmSpread > maxSpread {
		return bad("install.confirm_spread is %v; it must be between 0 and 24h", c.Install.ConfirmSpread)
	}
	if _, err := install.ParseWindow(c.Install.Window); err != nil {
		return bad("install.window: %w", err)
	}
	if c.Install.Consent != consentNone && c.Install.Consent != consentAsk {
		return bad("install.consent is %q; write \"ask\" or \"none\"", c.Install.Consent)
	}
	if _, err := loadZone(c.TimeZone); err != nil {
		return bad("time_zone: %w", err)
	}
	if err := usable.Polite.Validate(); err != nil {
		return bad("polite: %w", err)
	}
	if err := c.Beacons.Validate(); err != nil {
		return bad("beacons: %w", err)
	}
	if c.Beacons.Tell && c.Role == RoleSeed || c.Beacons.Count && c.Role == RoleCamera {
		return bad("beacons: cameras tell and seeds count; tell is %v and count is %v for a %s", c.Beacons.Tell, c.Beacons.Count, c.Role)
	}
	if err := c.Origin.Validate(); err != nil {
		return bad("origin: %w", err)
	}
	if err := c.HTTP.Validate(); err != nil {
		return bad("http: %w", err)
	}
	if err := c.Gateway.Validate(&c.Network); err != nil {
		return bad("gateway: %w", err)
	}
	if err := c.validateWitness(); err != nil {
		return bad("witness: %w", err)
	}
	return nil
}

func (c *Config) validateWitness() error {
	if c.Witness.Key == "" {
		return nil
	}
	if c.Witness.Renew < time.Minute || c.Witness.Renew > 24*time.Hour {
		return fmt.Errorf("renew is %v; it must be between 1m and 24h", c.Witness.Renew)
	}
	for _, p := range c.Products {
		switch {
		case !p.Witnesses.Enabled():
			return fmt.Errorf("product %q names no witnesses: add threshold and keys, this one's among them, under [product.witnesses]", p.Name)
		case p.Witnesses.Install:
			return fmt.Errorf("product %q acts by its witnesses' word (witnesses.install): a witness must see the chain itself", p.Name)
		case p.Chain.Poll > time.Minute:
			return fmt.Errorf("product %q looks at the chain every %v; a witness must look at least once a minute: set product.chain.poll", p.Name, p.Chain.Poll)
		}
	}
	return nil
}

// Validate checks one product section.
func (p *ProductConfig) Validate() error {
	if _, err := verify.ParseProduct(p.Name); err != nil {
		return err
	}
	if _, err := verify.ParseRegion(string(p.Region)); err != nil {
		return err
	}
	if err := verify.CheckLabel(p.Label); err != nil {
		return err
	}
	if len(p.Hardware) > verify.MaxText || !printable(p.Hardware) {
		return fmt.Errorf("hardware %q: at most %d bytes, all printable", p.Hardware, verify.MaxText)
	}
	if p.FactorySequence > maxSequence {
		return fmt.Errorf("factory_sequence is %d; no release has a sequence over %d", p.FactorySequence, int64(maxSequence))
	}
	if p.Threshold == 0 {
		return errors.New("threshold is missing: write how many of the keys must sign, as 'camswarm provision' does")
	}
	if err := p.KeySet().Validate(); err != nil {
		return fmt.Errorf("keys and threshold: %w", err)
	}
	if len(p.Rotations) > verify.MaxRotations {
		return fmt.Errorf("rotations: %d files, at most %d are allowed", len(p.Rotations), verify.MaxRotations)
	}
	if len(p.Moves) > verify.MaxMoves {
		return fmt.Errorf("moves: %d files, at most %d are allowed", len(p.Moves), verify.MaxMoves)
	}
	return errors.Join(p.Chain.Validate(), p.Witnesses.Validate())
}

// printable reports whether a text shows as it is wherever it is printed.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// KeySet returns the pinned key set.
func (p *ProductConfig) KeySet() verify.KeySet {
	return verify.KeySet{Threshold: p.Threshold, Keys: p.Keys}
}

// Verifier returns the verifier for what was provisioned. It reads the files of
// Rotations and Moves.
func (p *ProductConfig) Verifier() (*verify.Verifier, error) {
	product, err := verify.ParseProduct(p.Name)
	if err != nil {
		return nil, err
	}
	address, err := verify.ParseAddress(p.Chain.Registry)
	if err != nil {
		return nil, err
	}
	v := &verify.Verifier{
		Product:  product,
		Registry: verify.RegistryRef{ChainID: p.Chain.ChainID, Address: address},
		Pinned:   p.KeySet(),
		Trust:    new(verify.Trust),
	}
	history, err := readHistory(p.Rotations, p.Moves)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if err := v.AdoptHistory(history); err != nil {
		return nil, fmt.Errorf("%w: rotations and moves do not lead from keys, threshold and registry to others: %w", ErrConfig, err)
	}
	return v, nil
}
