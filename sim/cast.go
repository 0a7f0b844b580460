package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/node"
	"camswarm/node/nearest"
	"camswarm/sim/links"
	"camswarm/sim/report"
	"camswarm/sim/world"
	"camswarm/verify"
)

// mbit is a million bits a second.
const mbit = 1e6

// actor is one node of a run: what the scenario and the random numbers made of
// it, fixed before anything starts.
type actor struct {
	index       int // in the topology
	name        string
	role        string // "seed", "camera", or a hostile behaviour
	region      string
	class       string
	memory      string
	line        links.Node
	key         crypto.PrivKey
	id          peer.ID
	did         verify.DID
	seeds       []int         // provisioned with
	late        time.Duration // starts that long after the announcement; 0: with all
	leaves      time.Duration // since the announcement; negative: stays
	cut         bool          // on the far side of the partition
	fails       bool          // the last release does not come up on it
	tells       bool          // it tells what became of a release
	rpcSeed     uint64
	startsIn    time.Duration // of the warm-up, so that not all dial at one moment
	witness     int           // of a witness: which of them it is
	connections int           // of a camera; 0: as the node decides
}

func (a *actor) honest() bool {
	return a.role == roleSeed || a.role == roleCamera || a.role == roleWitness
}

const (
	roleWitness = "witness" // a seed that serves no blocks and says what it sees of the chain
	roleSeed    = string(node.RoleSeed)
	roleCamera  = string(node.RoleCamera)
)

// A cast is all actors and what lies between them. Seeds come first, then the
// cameras, then those that are hostile.
type cast struct {
	actors  []*actor
	seeds   []*actor
	cameras []*actor
	hostile []*actor // and the witnesses after them
	regions []string
	topo    links.Topology
	origin  int // its node in the topology; 0: none
	model   report.LinkModel

	// One-way delays to places that are no nodes, for the baselines: from a line
	// to a data centre of a region, to the nearest place of its provider, and
	// between data centres.
	toDataCentre func(node int, region string) time.Duration
	edge         func(node int) time.Duration
	backbone     func(a, b string) time.Duration
}

// seed32 derives a seed for one purpose from that of the scenario, so that a
// change in one part of a scenario leaves the numbers of the others alone.
func seed32(seed uint64, purpose string) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte("camswarm/sim/"+purpose+"/"), seed))
}

func (s *Scenario) rng(purpose string) *rand.Rand {
	return rand.New(rand.NewChaCha8(seed32(s.Seed, purpose)))
}

// regions returns the region codes of the run.
func (s *Scenario) regions() ([]string, error) {
	known := s.Latency.Regions
	if s.Latency.Kind == "world" {
		var all []string
		for _, r := range world.Regions() {
			all = append(all, string(r))
		}
		if len(known) == 0 {
			known = all
		}
		for _, r := range known {
			if !slices.Contains(all, r) {
				return nil, fmt.Errorf("%w: latency.regions: the world has no %q; %s", ErrScenario, r, nearest.Or(r, all, "there are "+strings.Join(all, ", ")))
			}
		}
	}
	if len(known) == 0 {
		known = []string{"lab"}
	}
	for _, r := range known {
		if _, err := verify.ParseRegion(r); err != nil || r == "" {
			return nil, fmt.Errorf("%w: latency.regions: %q is no region code", ErrScenario, r)
		}
	}
	for _, c := range s.Classes {
		if c.Region != "" && !slices.Contains(known, c.Region) {
			return nil, fmt.Errorf("%w: class %s: there is no region %q", ErrScenario, c.Name, c.Region)
		}
	}
	return known, nil
}

// classes returns the classes of cameras of a region.
func (s *Scenario) classes(region string) []Class {
	var out []Class
	for _, c := range s.Classes {
		if c.Region == "" || c.Region == region {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		for _, c := range world.Classes(world.Region(region)) {
			out = append(out, Class{Name: c.Name, Share: c.Share, Up: c.Up / mbit, Down: c.Down / mbit, Spread: c.Spread, Loss: c.Loss})
		}
	}
	return out
}

// assemble decides everything about a run that chance decides.
func assemble(s *Scenario) (*cast, error) {
	regions, err := s.regions()
	if err != nil {
		return nil, err
	}
	c := &cast{regions: regions, topo: links.Topology{Seed: s.Seed, Late: s.lateHoles()}}
	keys := rand.NewChaCha8(seed32(s.Seed, "keys"))
	add := func(a *actor) error {
		a.index, a.leaves = len(c.actors), -1
		var err error
		if a.key, _, err = crypto.GenerateEd25519Key(keys); err != nil {
			return err
		}
		if a.id, err = peer.IDFromPrivateKey(a.key); err != nil {
			return err
		}
		if a.did, err = node.DIDOf(a.key); err != nil {
			return err
		}
		c.actors = append(c.actors, a)
		return nil
	}

	seeds := s.Seeds.Count
	if seeds == 0 {
		seeds = len(regions)
	}
	for i := range seeds {
		a := &actor{name: fmt.Sprintf("seed-%d", i+1), role: roleSeed, region: regions[i%len(regions)], class: "seed",
			line: links.Node{Up: s.Seeds.Up * mbit, Down: s.Seeds.Down * mbit}}
		if err := add(a); err != nil {
			return nil, err
		}
	}
	c.seeds = c.actors[:seeds:seeds]

	rng, kinds := s.rng("cameras"), s.rng("nat")
	for i := range s.Nodes {
		region := regions[i%len(regions)]
		class := pick(rng, s.classes(region))
		factor := 1 + class.Spread*(2*rng.Float64()-1)
		a := &actor{name: fmt.Sprintf("camera-%d", i+1), role: roleCamera, region: region, class: class.Name, memory: class.Memory, connections: class.Connections,
			line: links.Node{Up: class.Up * factor * mbit, Down: class.Down * factor * mbit, Loss: class.Loss, Burst: class.Burst,
				Buffer: class.Buffer, Jitter: class.Jitter, Video: class.Video * mbit, NAT: s.nat(rng.Float64(), kinds)}}
		s.Camera.resolved().processor(&a.line)
		if s.Site.Count > 0 {
			a.line.Site = 1 + i%s.Site.Count
			a.line.Up, a.line.Down = s.Site.LAN*mbit, s.Site.LAN*mbit
		}
		a.startsIn = time.Duration(rng.Int64N(int64(s.WarmUp/3) + 1))
		if err := add(a); err != nil {
			return nil, err
		}
	}
	c.cameras = c.actors[seeds:len(c.actors):len(c.actors)]
	s.fate(c.cameras)

	for role, n := range s.Hostile.roles() {
		for i := range n {
			class := pick(rng, s.classes(regions[0]))
			a := &actor{name: fmt.Sprintf("%s-%d", role, i+1), role: role, region: regions[i%len(regions)], class: class.Name,
				line: links.Node{Up: class.Up * mbit, Down: class.Down * mbit}}
			a.startsIn = time.Duration(rng.Int64N(int64(s.WarmUp/3) + 1))
			if err := add(a); err != nil {
				return nil, err
			}
		}
	}
	c.hostile = c.actors[seeds+s.Nodes:]
	for _, region := range regions {
		for i := range s.Witnesses {
			name := witnessName(i)
			if len(regions) > 1 {
				name += "-" + region
			}
			a := &actor{name: name, role: roleWitness, region: region, class: "seed", witness: i,
				line: links.Node{Up: s.Seeds.Up * mbit, Down: s.Seeds.Down * mbit}}
			if err := add(a); err != nil {
				return nil, err
			}
		}
	}

	for _, a := range c.actors {
		a.seeds = s.provisionedSeeds(c, a)
		a.rpcSeed = rng.Uint64()
		c.topo.Nodes = append(c.topo.Nodes, a.line)
	}
	for range s.Site.Count {
		c.topo.Sites = append(c.topo.Sites, links.Site{Up: s.Site.Up * mbit, Down: s.Site.Down * mbit, Delay: s.Site.Delay})
	}
	s.latencies(c)
	s.placeOrigin(c)
	s.describe(c)
	return c, nil
}

// roles yields hostile behaviours and how many nodes show each, in a fixed order.
func (h Hostile) roles() func(yield func(string, int) bool) {
	return func(yield func(string, int) bool) {
		_ = yield("poisoner", h.Poisoners) && yield("staller", h.Stallers) && yield("trickler", h.Tricklers) && yield("liar", h.Liars) &&
			yield("flooder", h.Flooders) && yield("replayer", h.Replayers)
	}
}

// pick draws a class by share.
func pick(rng *rand.Rand, classes []Class) Class {
	sum := 0.0
	for _, c := range classes {
		sum += c.Share
	}
	x := rng.Float64() * sum
	for _, c := range classes {
		if x -= c.Share; x < 0 {
			return c
		}
	}
	return classes[len(classes)-1]
}

// fate decides who comes late, who leaves and who is cut off.
func (s *Scenario) fate(cameras []*actor) {
	rng := s.rng("fate")
	some := func(share float64) []*actor {
		order := slices.Clone(cameras)
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		return order[:int(share*float64(len(order))+0.5)]
	}
	within := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d) + 1)) }
	for _, a := range some(s.Late.Share) {
		a.late = max(within(s.Late.Over), 1)
	}
	for _, a := range some(s.Churn.Leave) {
		a.leaves = s.Churn.From + within(s.Churn.Over)
	}
	for _, a := range some(s.Partition.Share) {
		a.cut = true
	}
	if s.Bad.Share > 0 {
		for _, a := range some(s.Bad.Share) {
			a.fails = true
		}
		for _, a := range some(s.Bad.Tells) {
			a.tells = true
		}
	}
}

// provisionedSeeds are the seeds in an actor's configuration.
func (s *Scenario) provisionedSeeds(c *cast, a *actor) (out []int) {
	if a.role != roleCamera && a.honest() {
		for _, o := range c.seeds {
			if o != a {
				out = append(out, o.index)
			}
		}
		return out[:min(len(out), 32)]
	}
	for _, o := range c.seeds {
		if o.region == a.region {
			out = append(out, o.index)
		}
	}
	if len(out) == 0 {
		out = []int{0}
	}
	if n := s.Seeds.PerCamera; n > 0 && n < len(out) {
		from := a.index % len(out)
		out = append(out[from:], out[:from]...)[:n]
	}
	return out[:min(len(out), 32)]
}
