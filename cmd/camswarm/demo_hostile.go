package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/announce"
	"camswarm/sim/hostile"
	"camswarm/sim/localnet"
	"camswarm/verify"
	"camswarm/verify/sign"
)

const (
	// demoOperators run a chain endpoint each in a hostile demo; the last one's
	// lies. Three of four must agree before a camera believes anything new.
	demoOperators = 4

	// demoPrivate cameras and a seed are the private swarm that a stranger tries to
	// list.
	demoPrivate = 2

	// demoMeet bounds the wait until the hostile peers have met every camera,
	// demoEvidence that until each attack was tried and stopped.
	demoMeet     = 15 * time.Second
	demoEvidence = 20 * time.Second
)

// company are those who take part in a demo uninvited, and what is watched
// because of them.
type company struct {
	d     *demo
	peers []*hostile.Peer
	roles map[hostile.Behaviour][]*hostile.Peer
	liar  *localnet.Endpoint // lies for ever
	once  *localnet.Endpoint // lied for a moment, and tells the truth since
	flood *flooder
	root  cid.Cid // of the release that every camera ends on
	asked listing // by the stranger who lists

	mu         sync.Mutex
	registries []*prometheus.Registry // of the honest nodes
	published  map[[32]byte]bool      // digests of the images that may be installed
	foreign    []string               // cameras that installed something else
}

func newCompany(d *demo) *company {
	return &company{d: d, roles: map[hostile.Behaviour][]*hostile.Peer{}, published: map[[32]byte]bool{}}
}

// registry makes the metrics registry of one more honest node.
func (c *company) registry() *prometheus.Registry {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := prometheus.NewRegistry()
	c.registries = append(c.registries, r)
	return r
}

// inspect looks at the bytes that a camera has installed.
func (c *company) inspect(camera, slot string) {
	sum, err := imageDigest(slot)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || !c.published[sum] {
		c.foreign = append(c.foreign, fmt.Sprintf("%s (%x, %v)", camera, sum[:6], err))
	}
}

// join lets the hostile ones in: it makes what they forge, has one endpoint lie,
// and waits until every camera has met every peer.
func (c *company) join(ctx context.Context, images [2]string) error {
	public := map[cid.Cid][]byte{} // whoever fetched an image has its bytes
	for _, path := range images {
		image, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := verify.DescribeImage(bytes.NewReader(image), 0)
		if err != nil {
			return err
		}
		public[info.Root], c.root = image, info.Root
		c.published[info.SHA256] = true
	}
	forged, lie, err := c.forge(ctx)
	if err != nil {
		return err
	}
	if err := c.d.net.StartPrivate(ctx, demoPrivate); err != nil {
		return err
	}
	c.liar = c.d.net.Endpoints[len(c.d.net.Endpoints)-1]
	c.liar.Lie(lie)
	c.once = c.d.net.Endpoints[len(c.d.net.Endpoints)-2]
	c.once.Lie(lieOnce(2 * int64(len(c.d.net.Members()))))

	base := hostile.Config{
		Host: loopbackHost, Product: c.d.net.Product.ID(), Region: "lab",
		Image: func(root cid.Cid) []byte { return public[root] },
	}
	for _, m := range c.d.net.Members() {
		if m == c.d.net.Seed {
			base.Seeds = append(base.Seeds, m.Info())
		} else {
			base.Victims = append(base.Victims, m.Info())
		}
	}
	base.Eclipse = len(base.Victims)
	if c.flood, err = startFlood(base.Victims); err != nil {
		return err
	}
	// Two invalid announcements silence a peer, so that there are two announcers.
	for _, role := range []struct {
		behaviour hostile.Behaviour
		forged    []hostile.Forgery
	}{
		{hostile.Replayer, forged[:3]}, {hostile.Replayer, forged[3:]}, {hostile.Parrot, nil}, {hostile.Poisoner, nil}, {hostile.Staller, nil},
	} {
		cfg := base
		cfg.Behaviour, cfg.Forged = role.behaviour, role.forged
		p, err := hostile.Start(ctx, cfg)
		if err != nil {
			return err
		}
		c.peers = append(c.peers, p)
		c.roles[role.behaviour] = append(c.roles[role.behaviour], p)
	}
	met := func() bool {
		return !slices.ContainsFunc(c.peers, func(p *hostile.Peer) bool { return p.Stats().Peak < int64(len(base.Victims)) })
	}
	if err := until(ctx, demoMeet, met); err != nil {
		return err
	}
	c.d.view.say("%d hostile peers have joined (2 announcers of forged releases, a parrot, a poisoner, a staller, a flooder); %s's chain endpoint lies, %s's lies for a moment; a stranger will try to list a private swarm of %d",
		len(c.peers)+1, c.liar.Operator, c.once.Operator, demoPrivate+1)
	return nil
}

// leave ends the hostile peers.
func (c *company) leave() {
	if c == nil {
		return
	}
	for _, p := range c.peers {
		_ = p.Close()
	}
	c.flood.stop()
}

// lieOnce is an endpoint's lie that is over after some answers: in turn a revision far
// ahead, and a block of next year, so that later truth would look old.
func lieOnce(answers int64) func(*localnet.View) bool {
	var given atomic.Int64
	return func(v *localnet.View) bool {
		n := given.Add(1)
		switch {
		case n > answers:
			return false
		case n%2 == 1:
			v.Rev += 1_000_000
			v.Digest[0] ^= 1
		default:
			v.BlockTime += 365 * 24 * 60 * 60
		}
		return true
	}
}

// flooder opens streams to every camera as fast as it can, and comes back when it is
// hung up on.
type flooder struct {
	host    host.Host
	cancel  context.CancelFunc
	done    sync.WaitGroup
	streams atomic.Int64
}

func startFlood(victims []peer.AddrInfo) (*flooder, error) {
	h, err := loopbackHost()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &flooder{host: h, cancel: cancel}
	for _, v := range victims {
		f.done.Go(func() {
			for ctx.Err() == nil {
				err := h.Connect(ctx, v)
				for err == nil {
					var s network.Stream
					if s, err = h.NewStream(network.WithNoDial(ctx, "flood"), v.ID, announce.LatestProtocol); err == nil {
						f.streams.Add(1)
						err = s.Reset()
					}
				}
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				}
			}
		})
	}
	return f, nil
}

func (f *flooder) stop() {
	if f != nil {
		f.cancel()
		_ = f.host.Close()
		f.done.Wait()
	}
}

// until waits for a condition, at most for a time; only the end of ctx is an
// error.
func until(ctx context.Context, limit time.Duration, ok func() bool) error {
	for end := time.Now().Add(limit); !ok() && time.Now().Before(end); {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// loopbackHost makes a plain host without limits on loopback.
func loopbackHost(opts ...libp2p.Option) (host.Host, error) {
	return libp2p.New(append(opts,
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"),
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableRelay(), libp2p.DisableMetrics(), libp2p.DisableIdentifyAddressDiscovery(),
	)...)
}

// forge makes the announcements of firmware that nobody published, two of them
// soft ones to come before the peer is silenced, and the lies of the endpoint
// that vouches for one of them.
func (c *company) forge(ctx context.Context) (forged []hostile.Forgery, lie func(*localnet.View) bool, err error) {
	view, err := c.d.net.Registry.Check(ctx, c.d.net.Product.ID(), "")
	if err != nil {
		return nil, nil, err
	}
	var strangers []*sign.Key
	keys := verify.KeySet{Threshold: 2}
	for range 2 {
		k, err := sign.Generate(verify.EdDSA)
		if err != nil {
			return nil, nil, err
		}
		strangers, keys.Keys = append(strangers, k), append(keys.Keys, k.Public())
	}
	genuine, stolen := c.d.net.Signers[:2], c.d.net.Signers[:1]
	doorbell := c.d.net.Authority
	doorbell.Product.Name = "doorbell-1"

	var rogue *localnet.Release // what the endpoint offers
	for _, f := range []struct {
		attack   string
		maker    localnet.Authority
		sequence uint64
		signers  []*sign.Key
	}{
		// Signed by enough keys, as a test build that leaked is, and never published.
		{verify.AttackFastForward, c.d.net.Authority, 1 << 40, genuine},
		{verify.AttackArbitrary, c.d.net.Authority, 3, nil},
		{verify.AttackKeyCompromise, c.d.net.Authority, 3, stolen},
		{verify.AttackFastForward, c.d.net.Authority, 1 << 41, genuine},
		{verify.AttackArbitrary, c.d.net.Authority, 3, strangers},
		{verify.AttackWrongSoftware, doorbell, 1, genuine},
	} {
		image := bytes.Repeat([]byte("not the manufacturer's "+f.attack), 10_000)
		built, err := f.maker.BuildFrom(bytes.NewReader(image), 0, f.sequence, "9.9.9")
		if err == nil {
			built, err = localnet.Sign(built.Manifest, "", f.signers...)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("forge a release: %w", err)
		}
		a := announce.Announcement{Product: c.d.net.Product.ID(), Sequence: f.sequence, Rev: view.Rev, Block: view.RevBlock, Envelope: built.Envelope}
		data, err := a.Encode()
		if err != nil {
			return nil, nil, fmt.Errorf("forge an announcement: %w", err)
		}
		forged = append(forged, hostile.Forgery{Attack: f.attack, Data: data})
		if f.signers != nil && f.signers[0] == strangers[0] {
			rogue = built
		}
	}

	var asked atomic.Int64
	return forged, func(v *localnet.View) bool {
		if asked.Add(1)%2 == 0 { // keys of his own
			v.Threshold, v.Keys = uint8(keys.Threshold), nil
			for _, k := range keys.Keys {
				v.Keys = append(v.Keys, k.Bytes())
			}
			return true
		}
		v.Rev++ // a release that nobody published
		v.Latest++
		v.Digest[0] ^= 1
		var offer localnet.Candidate
		r := &offer.Release
		r.Sequence, r.PublishedAt, r.Version = v.Latest, v.BlockTime, rogue.Record.Version
		r.ImageSize, r.ImageSha256, r.Envelope = rogue.Record.ImageSize, rogue.Record.ImageSHA256, rogue.Record.Envelope
		offer.Policy.Mode = uint8(verify.RolloutAll)
		v.Candidates = append([]localnet.Candidate{offer}, v.Candidates...)
		return true
	}, nil
}

// attackReport says what became of one attack.
type attackReport struct {
	Name      string       `json:"name"` // as the threat list has it
	Tried     int64        `json:"tried"`
	What      string       `json:"what"` // a try is one of these
	StoppedBy []stopReport `json:"stoppedBy"`
}

// stopReport is a check that stopped an attack, as the honest nodes counted it.
type stopReport struct {
	Check  string `json:"check"`
	Metric string `json:"metric"`
	Count  int64  `json:"count"` // over all honest nodes
}

// report waits until each attack was tried and stopped, and says so; an attack
// that got a byte of its own installed is an error.
func (c *company) report(ctx context.Context) (out []attackReport, err error) {
	if err := c.list(ctx); err != nil {
		return nil, err
	}
	err = until(ctx, demoEvidence, func() bool {
		out, err = c.attacks()
		return err != nil || !slices.ContainsFunc(out, func(a attackReport) bool {
			return a.Tried == 0 || !slices.ContainsFunc(a.StoppedBy, func(s stopReport) bool { return s.Count > 0 })
		})
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.foreign) > 0 {
		err = errors.Join(err, fmt.Errorf("firmware that was not published was installed: %s", strings.Join(c.foreign, ", ")))
	}
	return out, err
}

// attacks reads the counters of both sides.
func (c *company) attacks() ([]attackReport, error) {
	counted, err := c.gather()
	if err != nil {
		return nil, err
	}
	announced, all := map[string]int64{}, int64(0)
	for _, p := range slices.Concat(c.roles[hostile.Replayer], c.roles[hostile.Parrot]) {
		for attack, n := range p.Announced() {
			announced[attack] += n
			all += n
		}
	}
	stop := func(check, metric string, labels ...string) stopReport {
		s := stopReport{Check: check, Metric: metric, Count: counted.sum(metric, labels)}
		if len(labels) > 0 {
			s.Metric += "{" + strings.Join(labels, ",") + "}"
		}
		return s
	}
	judged := func(check, verdict, attack string) stopReport {
		return stop(check, "camswarm_announce_judged_total", `source="gossip"`, `verdict="`+verdict+`"`, `attack="`+attack+`"`)
	}
	poisoner, staller := c.roles[hostile.Poisoner][0].Stats(), c.roles[hostile.Staller][0].Stats()
	return []attackReport{
		{verify.AttackArbitrary, announced[verify.AttackArbitrary], "announcements, unsigned or signed by strangers", []stopReport{
			judged("signatures are not the manufacturer's: rejected, sender penalised", "reject", verify.AttackArbitrary)}},
		{verify.AttackKeyCompromise, announced[verify.AttackKeyCompromise], "announcements, signed with one stolen key", []stopReport{
			judged("fewer signatures than the threshold: rejected, sender penalised", "reject", verify.AttackKeyCompromise)}},
		{verify.AttackWrongSoftware, announced[verify.AttackWrongSoftware], "announcements of another product's firmware", []stopReport{
			judged("product is another: rejected, sender penalised", "reject", verify.AttackWrongSoftware)}},
		{verify.AttackFastForward, announced[verify.AttackFastForward], "announcements, signed but never published", []stopReport{
			judged("sequence is not on chain: ignored", "ignore", verify.AttackFastForward)}},
		{verify.AttackRollback, announced[verify.AttackRollback], "announcements of an older release", []stopReport{
			judged("older than the chain's latest: ignored", "ignore", verify.AttackRollback)}},
		{"gossip_replay", announced["gossip_replay"], "announcements, heard before", []stopReport{
			judged("known already: ignored without a look at the chain", "ignore", "gossip_replay")}},
		{"gossip_flood", all, "announcements of all kinds", []stopReport{
			stop("sender is over its rate or muted: dropped unread", "camswarm_announce_dropped_total")}},
		{"rpc_single_liar", c.liar.Lies(), "answers with a rogue release or key set", []stopReport{
			stop("endpoint contradicts three others: no vote", "camswarm_chain_refusals_total", `attack="rpc_single_liar"`)}},
		{"rpc_one_time_liar", c.once.Lies(), "answers with a revision or a block far ahead, before the endpoint told the truth again", []stopReport{
			stop("no vote while it contradicts the others, a vote again afterwards (counted together with the other liar)", "camswarm_chain_refusals_total", `attack="rpc_single_liar"`)}},
		{"denial_of_service", c.flood.streams.Load(), "streams opened without end", []stopReport{
			stop("over the budget of a peer: hung up on and banned", "camswarm_network_refused_total", `reason="flood"`)}},
		{"fleet_listing", c.asked.questions, "questions of a stranger to the nodes of a private swarm, whose addresses it knows: by TCP and QUIC, who they are, whom the DHT knows, latest, gossip, blocks", []stopReport{
			stop("no certificate of membership: hung up on before a stream opens, no answer", "camswarm_network_refused_total", `reason="not-member"`)}},
		{"poisoned_peer", poisoner.Wrong, "blocks with wrong bytes", []stopReport{
			stop("block's hash is not one that was asked for: sender banned", "camswarm_exchange_hostile_total", `what="poisoned_peer"`),
			stop("connection from a banned peer refused", "camswarm_network_refused_total", `reason="banned"`)}},
		{"drop_request", staller.Wants, "requests for blocks, never answered", []stopReport{
			stop("request taken back from a late peer, whoever it is, and put to another", "camswarm_exchange_requests_withdrawn_total")}},
	}, nil
}

// listing is what a stranger asked of a private swarm.
type listing struct {
	questions int64
	answers   []string // and heard
}

// list has a stranger ask the nodes of the private swarm who they are. The same
// questions to the open swarm's seed must be answered, or they would prove nothing.
func (c *company) list(ctx context.Context) error {
	probe := func(m *localnet.Member) ([]hostile.Answer, error) {
		return hostile.Probe(ctx, loopbackHost, m.Info(), c.d.net.Product.ID(), c.root)
	}
	open, err := probe(c.d.net.Seed)
	if err != nil {
		return err
	}
	for _, a := range open {
		if a.Bytes == 0 {
			return fmt.Errorf("an open swarm's seed did not answer %q at %s, so that the same question proves nothing of a private one", a.Question, a.Address)
		}
	}
	for _, m := range c.d.net.Private {
		answers, err := probe(m)
		if err != nil {
			return err
		}
		c.asked.questions += int64(len(answers))
		for _, a := range answers {
			if a.Bytes > 0 {
				c.asked.answers = append(c.asked.answers, fmt.Sprintf("%s at %s answered %q with %d bytes", m.Name, a.Address, a.Question, a.Bytes))
			}
		}
	}
	if len(c.asked.answers) > 0 {
		return fmt.Errorf("a stranger learned something of a private swarm: %s", strings.Join(c.asked.answers, ", "))
	}
	return nil
}

// samples are the counters of the honest nodes by their name and labels.
type samples map[string]float64

// gather reads the metrics of every honest node.
func (c *company) gather() (samples, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := samples{}
	for _, r := range c.registries {
		families, err := r.Gather()
		if err != nil {
			return nil, err
		}
		for _, f := range families {
			for _, m := range f.Metric {
				key := f.GetName()
				for _, l := range m.Label {
					key += fmt.Sprintf(" %s=%q", l.GetName(), l.GetValue())
				}
				out[key+" "] += m.GetCounter().GetValue()
			}
		}
	}
	return out, nil
}

// sum adds up the series of a metric that have these labels.
func (s samples) sum(metric string, labels []string) (n int64) {
	for key, v := range s {
		if strings.HasPrefix(key, metric+" ") && !slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(key, " "+l+" ") }) {
			n += int64(v)
		}
	}
	return n
}

func printAttacks(w io.Writer, attacks []attackReport) {
	if len(attacks) == 0 {
		return
	}
	fmt.Fprintln(w, "\nattacks, how often each was tried, and how often what stopped it:")
	for _, a := range attacks {
		fmt.Fprintf(w, "\n%s: %d %s\n", a.Name, a.Tried, a.What)
		for _, s := range a.StoppedBy {
			fmt.Fprintf(w, "%9d  %s\n", s.Count, s.Check)
		}
	}
	fmt.Fprint(w, `
Tries are what the hostile ones sent or left unanswered; what stopped them is from
the metrics of all honest nodes (--json names each). A peer that was caught is not
listened to any more, so that most of what it sends after that is dropped unread.
No byte that was not published was installed.
`)
}
