package chainwatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"camswarm/verify"

	"github.com/prometheus/client_golang/prometheus"
)

// The attacks that statements of witnesses are refused under, beside those of verify.
const (
	AttackWitnessUnknown      = "witness_unknown"      // by a key that is none of the witnesses'
	AttackWitnessForged       = "witness_forged"       // with a wrong signature
	AttackWitnessStale        = "witness_stale"        // too old
	AttackWitnessReplay       = "gossip_replay"        // nothing new
	AttackWitnessFlood        = "gossip_flood"         // too many by one witness
	AttackWitnessEquivocation = "witness_equivocation" // of one that said two things of one revision
	AttackWitnessContradicted = "witness_contradicted" // against what the device's own quorum says
)

// WitnessConfig names the witnesses of a device: independent operators, each of
// whom watches the chain by endpoints of its own and signs what it accepts.
type WitnessConfig struct {
	// Threshold of Keys must say the same. It must be more than half of them, so
	// that two quorums can never contradict each other. Larger needs more liars and
	// bears fewer outages.
	Threshold int `toml:"threshold"`
	// Keys are the witnesses' Ed25519 keys as Multikeys ("z…"), at most 16. None: the
	// device asks the chain itself about every announcement.
	Keys []verify.PublicKey `toml:"keys"`
	// MaxAge is how old a statement may be, by the chain's time in it. Witnesses
	// renew theirs every hour. Shorter lets a replayed one live less long; longer
	// bears longer outages of the witnesses. 1 minute to 48 hours.
	MaxAge time.Duration `toml:"max_age"`
	// Wait is how long witnesses have to confirm an announcement before the device
	// asks the chain itself. Longer spares endpoints when witnesses are slow; shorter
	// loses less time when they are down. At most 1 minute.
	Wait time.Duration `toml:"wait"`
	// Install lets the device act on the word of the witnesses alone while its own
	// endpoints give no quorum: install, hold back and give up. It is for a device
	// without Internet. Threshold witnesses then decide what it installs among the
	// releases that the manufacturer signed.
	Install bool `toml:"install"`
}

// DefaultWitnessConfig returns the defaults; it names no witness.
func DefaultWitnessConfig() WitnessConfig {
	return WitnessConfig{MaxAge: 150 * time.Minute, Wait: time.Second}
}

// Enabled reports whether witnesses are named.
func (c WitnessConfig) Enabled() bool { return len(c.Keys) > 0 }

// Validate checks every field; errors wrap [ErrConfig].
func (c WitnessConfig) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: witnesses: "+format, append([]any{ErrConfig}, args...)...)
	}
	if !c.Enabled() {
		if c.Threshold != 0 || c.Install {
			return bad("threshold or install is set and keys is empty: name the witnesses' keys")
		}
		return nil
	}
	if err := (verify.KeySet{Threshold: c.Threshold, Keys: c.Keys}).Validate(); err != nil {
		return bad("%w", err)
	}
	if 2*c.Threshold <= len(c.Keys) {
		return bad("threshold is %d of %d; it must be more than half of them", c.Threshold, len(c.Keys))
	}
	for _, k := range c.Keys {
		if k.Algorithm() != verify.EdDSA {
			return bad("key %s is one of %s; witnesses sign with Ed25519", k, k.Algorithm())
		}
	}
	if c.MaxAge < time.Minute || c.MaxAge > 48*time.Hour {
		return bad("max_age is %v; it must be between 1m and 48h", c.MaxAge)
	}
	if c.Wait < 0 || c.Wait > time.Minute {
		return bad("wait is %v; it must be between 0 and 1m", c.Wait)
	}
	return nil
}

// PanelOptions are what a program injects into a [Panel].
type PanelOptions struct {
	Store      CheckpointStore       // keeps evidence; nil: memory
	Logger     *slog.Logger          // nil: discards
	Registerer prometheus.Registerer // nil: no metrics
	// Risen is told when the witnesses' quorum changed. It must return at once.
	Risen func()
}

// Panel holds what the witnesses of one product say and finds out what a quorum of
// them agrees on. It asks nobody. All methods may be called from any goroutine.
//
// What it gives out says less than the device's own quorum: see [Widen].
type Panel struct {
	cfg     WitnessConfig
	product verify.ProductID
	region  verify.Region
	store   CheckpointStore
	log     *slog.Logger
	metrics *panelMetrics
	tell    func()

	mu       sync.Mutex
	registry verify.RegistryRef
	members  []*panelMember
	floor    panelFloor
	quorum   *verify.View // nil: none
	content  [32]byte     // of quorum
	voters   int
	since    time.Time     // when the quorum said quorum first
	risen    chan struct{} // closed when the quorum changes
	mistrust time.Time     // until then no quorum counts
	conflict string        // why
}

// panelMember is one witness.
type panelMember struct {
	key      verify.PublicKey
	said     map[verify.Region][]heard // newest last
	evidence [2][]byte                 // two statements that contradict each other; nil: none
	spent    float64                   // statements, at the time of the last one
	last     time.Time
}

// heard is a statement that was verified.
type heard struct {
	statement *verify.WitnessStatement
	raw       []byte
	content   [32]byte
}

func (m *panelMember) setAside() bool { return m.evidence[0] != nil }

// NewPanel returns a panel of the witnesses of cfg, which must be valid, about a
// product in a registry and region.
func NewPanel(ctx context.Context, cfg WitnessConfig, registry verify.RegistryRef, product verify.ProductID, region verify.Region, o PanelOptions) (*Panel, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p := &Panel{cfg: cfg, registry: registry, product: product, region: region, store: o.Store, log: o.Logger, tell: o.Risen, risen: make(chan struct{})}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.tell == nil {
		p.tell = func() {}
	}
	for _, k := range cfg.Keys {
		p.members = append(p.members, &panelMember{key: k, said: map[verify.Region][]heard{}})
	}
	var err error
	if p.metrics, err = newPanelMetrics(o.Registerer, product); err != nil {
		return nil, err
	}
	return p, p.load(ctx)
}

// Judge takes a statement that came from a peer. It returns nil when the statement
// is genuine and new, so that it may be told to others, and else a [*verify.Error];
// a hard one says that no honest peer sends it. now is the time by which age is
// reckoned, in seconds since 1970, see [verify.Now].
//
// Checks run cheapest first: a stranger's statement costs its decoding, and one in
// a witness's name at most one verification of Ed25519.
func (p *Panel) Judge(ctx context.Context, raw []byte, now uint64) error {
	err := p.judge(ctx, raw, now)
	result := "accepted"
	if err != nil {
		result = attackLabel(err)
	}
	p.metrics.statements.WithLabelValues(result).Inc()
	return err
}

func (p *Panel) judge(ctx context.Context, raw []byte, now uint64) error {
	id, err := verify.WitnessOf(raw)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(p.members, func(m *panelMember) bool { return string(m.key.Bytes()) == string(id) })
	if i < 0 {
		return verify.Soft(AttackWitnessUnknown, "statement of a witness that this device was not provisioned with")
	}
	m := p.members[i]
	s, err := verify.DecodeWitnessStatement(raw)
	if err != nil {
		return err
	}
	v := &s.View
	if v.Product != p.product {
		return verify.Hard(verify.AttackWrongSoftware, "witness statement of product %s among those of %s", v.Product, p.product)
	}
	content, err := s.Content()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	contradicts := -1
	switch before, known := m.said[v.Region]; {
	case m.setAside():
		return verify.Soft(AttackWitnessEquivocation, "witness %s said two things of one revision: nothing it says counts", m.key)
	case v.Registry != p.registry:
		return verify.Soft(verify.AttackWrongChain, "witness statement of registry %s, this device follows %s", v.Registry, p.registry)
	case !known && len(m.said) >= maxWitnessRegions:
		return verify.Soft(AttackWitnessFlood, "witness %s speaks of more than %d regions", m.key, maxWitnessRegions)
	case known:
		last := before[len(before)-1]
		contradicts = slices.IndexFunc(before, func(o heard) bool { return o.statement.View.Rev == v.Rev && o.content != content })
		if contradicts < 0 && (v.Rev < last.statement.View.Rev || content == last.content && v.Time < last.statement.View.Time+seconds(witnessRenewal)) {
			return verify.Soft(AttackWitnessReplay, "witness %s has said as much or more before", m.key)
		}
	}
	if reference := max(now, p.floor.time); v.Time+seconds(p.cfg.MaxAge) < reference || v.Rev < p.floor.rev && v.Region == p.region {
		return verify.Soft(AttackWitnessStale, "statement of witness %s about revision %d is of %d s ago, at most %v are allowed", m.key, v.Rev, max(reference, v.Time)-v.Time, p.cfg.MaxAge)
	}
	if !s.Verify() {
		return verify.Hard(AttackWitnessForged, "signature of witness %s is wrong", m.key)
	}
	if contradicts < 0 && !m.take(time.Now()) { // after it is proved to be its own: strangers must not spend it
		return verify.Soft(AttackWitnessFlood, "witness %s speaks too often", m.key)
	}
	if contradicts >= 0 {
		p.expose(ctx, m, m.said[v.Region][contradicts].raw, raw, v)
		return nil // others must see it too
	}
	list := m.said[v.Region]
	if n := len(list); n > 0 && list[n-1].content == content {
		list = list[:n-1] // renewed
	}
	list = append(list, heard{s, slices.Clone(raw), content})
	m.said[v.Region] = list[max(0, len(list)-maxWitnessSaid):]
	if v.Region == p.region {
		p.count(ctx, now)
	}
	return nil
}

// take counts a statement of the member and reports whether it may be verified.
func (m *panelMember) take(now time.Time) bool {
	m.spent = max(m.spent-float64(now.Sub(m.last))/float64(witnessRefill), 0)
	m.last = now
	if m.spent > witnessBurst-1 {
		return false
	}
	m.spent++
	return true
}

// expose sets a witness aside for good. The caller holds the lock.
func (p *Panel) expose(ctx context.Context, m *panelMember, a, b []byte, v *verify.View) {
	m.evidence = [2][]byte{slices.Clone(a), slices.Clone(b)}
	clear(m.said)
	p.metrics.setAside.Inc()
	p.log.Error("a witness said two things of one revision and is set aside for good; both statements are kept",
		"attack", AttackWitnessEquivocation, "witness", m.key.String(), "rev", v.Rev, "region", string(v.Region))
	if err := p.save(ctx); err != nil {
		p.log.Warn("the evidence against a witness cannot be saved", "err", err)
	}
	p.count(ctx, 0)
}

// count finds out what a quorum agrees on. The caller holds the lock.
func (p *Panel) count(ctx context.Context, now uint64) {
	votes := map[[32]byte][]*verify.View{}
	for _, m := range p.members {
		for _, s := range m.said[p.region] {
			if v := &s.statement.View; v.Registry == p.registry {
				votes[s.content] = append(votes[s.content], v)
			}
		}
	}
	var best *verify.View
	var content [32]byte
	voters := 0
	for c, views := range votes {
		if len(views) < p.cfg.Threshold || best != nil && views[0].Rev < best.Rev {
			continue
		}
		// Of the newest heads of a quorum the oldest counts: fewer liars than a
		// quorum cannot put it ahead.
		slices.SortFunc(views, func(a, b *verify.View) int { return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.Block, a.Block)) })
		best, content, voters = views[p.cfg.Threshold-1], c, len(views)
	}
	was := p.quorum
	p.quorum, p.voters = best, voters
	if best == nil || p.content != content {
		p.content, p.since = content, time.Now()
	}
	if best != nil && p.cfg.Install && best.Rev > p.floor.rev {
		p.floor = panelFloor{best.Rev, best.Time}
		if err := p.save(ctx); err != nil {
			p.log.Warn("what the witnesses agreed on cannot be saved", "err", err)
		}
	}
	if (was == nil) == (best == nil) && (best == nil || was.Rev == best.Rev && was.Time == best.Time) {
		return
	}
	if best != nil {
		p.metrics.rev.Set(float64(best.Rev))
	}
	close(p.risen)
	p.risen = make(chan struct{})
	p.tell()
}

// Said returns what the witnesses agree on and since when, if it is young enough at
// a time in seconds since 1970, and a channel that is closed when that changes.
func (p *Panel) Said(now uint64) (view *verify.View, since time.Time, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed = p.risen
	if p.quorum == nil || time.Now().Before(p.mistrust) || p.quorum.Time+seconds(p.cfg.MaxAge) < max(now, p.floor.time) {
		return nil, time.Time{}, changed
	}
	v := *p.quorum
	return &v, p.since, changed
}

// Trusted reports whether it is worth waiting for the witnesses: enough of them
// are left, and they were not contradicted lately.
func (p *Panel) Trusted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := 0
	for _, m := range p.members {
		if !m.setAside() {
			left++
		}
	}
	return left >= p.cfg.Threshold && !time.Now().Before(p.mistrust)
}

// Compare holds what the witnesses agree on against what the device's own start
// quorum accepted, and when. The own quorum wins: if it contradicts them, what they
// say counts for nothing for an hour. ahead reports that they are ahead of it, which
// is no contradiction until witnessLead has passed.
func (p *Panel) Compare(own *verify.View, accepted time.Time) (ahead bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.quorum
	if q == nil || time.Now().Before(p.mistrust) || own.Registry != q.Registry || own.Rev > q.Rev {
		return false
	}
	if own.Rev < q.Rev {
		if accepted.Sub(p.since) < witnessLead {
			return true
		}
		p.doubt("%d witnesses speak of revision %d in block %d, this device's own quorum is still at revision %d, in block %d", p.voters, q.Rev, q.RevBlock, own.Rev, own.Block)
		return false
	}
	if content, err := (&verify.WitnessStatement{View: *own}).Content(); err == nil && content != p.content {
		p.doubt("%d witnesses say something else of revision %d than this device's own quorum", p.voters, q.Rev)
	}
	return false
}

// doubt lets the witnesses count for nothing for a while. The caller holds the lock.
func (p *Panel) doubt(format string, args ...any) {
	p.mistrust, p.conflict = time.Now().Add(witnessMistrust), fmt.Sprintf(format, args...)
	p.metrics.contradicted.Inc()
	p.log.Error("the witnesses contradict this device's own quorum, which wins", "attack", AttackWitnessContradicted, "err", p.conflict, "for", witnessMistrust)
	close(p.risen)
	p.risen = make(chan struct{})
	p.tell()
}

// Follow makes the panel listen to statements about another registry from now on.
func (p *Panel) Follow(registry verify.RegistryRef) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if registry == p.registry {
		return
	}
	p.registry, p.quorum, p.floor, p.mistrust = registry, nil, panelFloor{}, time.Time{}
	for _, m := range p.members {
		clear(m.said)
	}
	if err := p.save(context.Background()); err != nil { // or the old floor comes back with a restart
		p.log.Warn("what was agreed on about another registry stays kept", "err", err)
	}
}

// Statements returns what a peer of a region should hear that knows nothing: each
// witness's newest statement, and the evidence against those that were set aside.
func (p *Panel) Statements(region verify.Region) (out [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		if m.setAside() {
			out = append(out, m.evidence[0], m.evidence[1])
			continue
		}
		if list := m.said[region]; len(list) > 0 {
			out = append(out, list[len(list)-1].raw)
		}
	}
	return out
}

// PanelStatus is what a person should know about the witnesses.
type PanelStatus struct {
	Threshold int
	Witnesses []WitnessStatus
	Rev       uint64    // that a quorum agrees on; 0: none
	Time      uint64    // the chain's time then, seconds since 1970
	Voters    int       // how many say it
	Conflict  string    // how they contradicted the device's own quorum; "": they did not lately
	Until     time.Time // until then they count for nothing because of it
}

// WitnessStatus is one witness.
type WitnessStatus struct {
	Key      verify.PublicKey
	Rev      uint64 // of its newest statement about the device's region; 0: none
	Time     uint64 // the chain's time in it, seconds since 1970
	SetAside bool   // it said two things of one revision
}

// Status returns the panel's state.
func (p *Panel) Status() PanelStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := PanelStatus{Threshold: p.cfg.Threshold}
	for _, m := range p.members {
		w := WitnessStatus{Key: m.key, SetAside: m.setAside()}
		if list := m.said[p.region]; len(list) > 0 {
			w.Rev, w.Time = list[len(list)-1].statement.View.Rev, list[len(list)-1].statement.View.Time
		}
		s.Witnesses = append(s.Witnesses, w)
	}
	if q := p.quorum; q != nil {
		s.Rev, s.Time, s.Voters = q.Rev, q.Time, p.voters
	}
	if time.Now().Before(p.mistrust) {
		s.Conflict, s.Until = p.conflict, p.mistrust
	}
	return s
}

// panelFloor is the newest that a quorum agreed on, for a device that acts by it.
type panelFloor struct{ rev, time uint64 }

// errEvidence says that kept evidence proves nothing.
var errEvidence = errors.New("two statements that do not contradict each other")
