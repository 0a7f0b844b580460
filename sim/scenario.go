package sim

import (
	"embed"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"camswarm/node"
	"camswarm/node/nearest"
	"camswarm/verify"
)

// ErrScenario is wrapped by every error about a scenario.
var ErrScenario = errors.New("scenario")

// Scenario describes a run: who is there, what lies between them, what happens.
// It is what a researcher writes, as TOML; the files of the built-in scenarios
// (camsim show NAME) are meant to be copied.
type Scenario struct {
	// Name names the scenario in reports.
	Name string `toml:"name"`
	// Doc says in one line what it shows.
	Doc string `toml:"doc"`

	// Nodes is the number of honest cameras, 1 to 5000.
	Nodes int `toml:"nodes"`
	// Seed seeds the random numbers: lines, latencies, who leaves. Runs with one
	// seed are alike, not equal: goroutines and keys are not seeded.
	Seed uint64 `toml:"seed"`
	// Links is "quic", real QUIC over simulated lines, or "fast", a model of it
	// that costs a third of the CPU.
	Links string `toml:"links"`

	// ImageBytes is the size of each release, 1 byte to 256 MiB; the bytes are random.
	ImageBytes int64 `toml:"image_bytes"`
	// BlockBytes is the block size of the manifest, a power of two from 16 KiB to
	// 1 MiB; smaller blocks travel on sooner and cost more messages.
	BlockBytes int64 `toml:"block_bytes"`
	// Releases are announced one after another, ReleaseEvery apart; each replaces
	// the one before. Completion is measured on the last one.
	Releases     int           `toml:"releases"`
	ReleaseEvery time.Duration `toml:"release_every"`

	// WarmUp is the time between the start of the nodes and the announcement, in
	// which they find one another.
	WarmUp time.Duration `toml:"warm_up"`
	// Idle is a time, an hour after the cameras have settled on the last release, of which
	// the traffic of each line is counted by itself; 0: none. Real QUIC sends what it
	// sends on a device; looks at the chain are not on these lines.
	Idle time.Duration `toml:"idle"`
	// Limit ends the run, counted from the last announcement.
	Limit time.Duration `toml:"limit"`

	// Witnesses is the number of independent witnesses of the chain, 0 to 16, of whom
	// more than half must agree: nodes of their own beside the seeds, which serve no
	// blocks, one in each region with the witness's key. The publisher announces when they know what it announces.
	Witnesses int `toml:"witnesses"`

	Seeds     Seeds     `toml:"seeds"`
	Origin    Origin    `toml:"origin"`
	Classes   []Class   `toml:"class"`
	Camera    Camera    `toml:"camera"`
	NAT       NAT       `toml:"nat"`
	Latency   Latency   `toml:"latency"`
	Chain     Chain     `toml:"chain"`
	Rollout   []Step    `toml:"rollout"`
	Bad       Bad       `toml:"bad"`
	Stop      Stop      `toml:"stop"`
	Late      Late      `toml:"late"`
	Churn     Churn     `toml:"churn"`
	Site      Site      `toml:"site"`
	Hostile   Hostile   `toml:"hostile"`
	Partition Partition `toml:"partition"`
}

// Seeds are the publisher's and the regions' seeds.
type Seeds struct {
	// Count is the number of seeds: in the regions in turn, the first one is
	// where the publisher hands over the release. 0: one in each region.
	Count int `toml:"count"`
	// Up and Down are in Mbit/s.
	Up   float64 `toml:"up"`
	Down float64 `toml:"down"`
	// Warm holds the announcement back until every seed has the release.
	Warm bool `toml:"warm"`
	// PerCamera is how many of its region's seeds a camera is provisioned with;
	// 0: all of them, and the first seed where its region has none.
	PerCamera int `toml:"per_camera"`
	// Connections is the most that a seed has, five eighths of them with cameras
	// that stay; 0: as the node decides.
	Connections int `toml:"connections"`
	// Lost is how many of them, the last ones, are gone at LostAt, as if without
	// power: nothing leaves or reaches them any more. Fewer than there are.
	Lost   int           `toml:"lost"`
	LostAt time.Duration `toml:"lost_at"` // since the announcement
}

// Origin is a bucket in the first region that has every release, as S3 in the
// baselines. Nodes ask it as node.OriginConfig says.
type Origin struct {
	// Policy is "", none, or one of node.OriginConfig.
	Policy string `toml:"policy"`
	// Share is that of the policy "share"; 0: the default.
	Share float64 `toml:"share"`
	// Egress bounds what it sends, in Mbit/s; 0: no bound.
	Egress float64 `toml:"egress"`
	// FirstByte is how long it takes to answer, beyond the network; 0: as S3.
	FirstByte time.Duration `toml:"first_byte"`
	// Dies is when it stops answering, from the announcement; 0: never.
	Dies time.Duration `toml:"dies"`
}

// Class is a kind of camera and its line.
type Class struct {
	// Name names the class in reports.
	Name string `toml:"name"`
	// Share is the class's part of the cameras, relative to the other classes.
	Share float64 `toml:"share"`
	// Region limits the class to one region; "": all regions in turn.
	Region string `toml:"region"`
	// Up and Down are in Mbit/s. Spread varies both by a factor between 1-Spread
	// and 1+Spread, the same for both, uniformly, 0 to 0.95.
	Up     float64 `toml:"up"`
	Down   float64 `toml:"down"`
	Spread float64 `toml:"spread"`
	// Loss is the share of packets lost in each direction, 0 to 0.5.
	Loss float64 `toml:"loss"`
	// Burst is how many packets are lost in a row in the mean; 0 or 1: each by itself.
	Burst float64 `toml:"burst"`
	// Buffer is for how long a packet waits at most in the line's one queue, which
	// drops at its end; 0: fair queues kept short by CoDel.
	Buffer time.Duration `toml:"buffer"`
	// Jitter is the mean of the random time that each packet takes longer.
	Jitter time.Duration `toml:"jitter"`
	// Video is what each camera uploads all the time, in Mbit/s, at most half of Up.
	Video float64 `toml:"video"`
	// Memory is the device's memory, as in the network configuration.
	Memory string `toml:"memory"`
	// Connections is the most that a camera has, as network.max_connections; 0: as the
	// node decides.
	Connections int `toml:"connections"`
}

// NAT puts cameras behind network address translators. Which kinds there are is the
// parts of those behind one, relative to one another.
type NAT struct {
	// Share is the part of the cameras that are behind one, 0 to 1.
	Share float64 `toml:"share"`
	// FullCone, PortRestricted, Symmetric and NoUDP are as package links has them. A
	// provider's NAT behind that of a home counts as the stricter of both.
	FullCone       float64 `toml:"full_cone"`
	PortRestricted float64 `toml:"port_restricted"`
	Symmetric      float64 `toml:"symmetric"`
	NoUDP          float64 `toml:"no_udp"`
	// Late is the share of the pairs behind NATs that can be connected whose first
	// attempt fails, 0 to 1.
	Late float64 `toml:"late"`
}

// Latency says how long packets travel.
type Latency struct {
	// Kind is "uniform", round trips drawn for each pair between RTTMin and
	// RTTMax, or "world", the regions of package sim/world with their measured
	// round trips plus an access delay of each line.
	Kind   string        `toml:"kind"`
	RTTMin time.Duration `toml:"rtt_min"`
	RTTMax time.Duration `toml:"rtt_max"`
	// Regions are region codes: with "uniform" any names, cameras in turn; with
	// "world" a selection of its regions. Empty: "lab", or all of the world's.
	Regions []string `toml:"regions"`
	// NearRTT, with "uniform", is the longest round trip inside a region; 0: no
	// difference.
	NearRTT time.Duration `toml:"near_rtt"`
}

// Chain models the endpoints of the registry's chain: independent operators
// that are asked over HTTPS.
type Chain struct {
	// Operators is the number of endpoints, each with an operator of its own.
	Operators int `toml:"operators"`
	// RTTMin and RTTMax bound the round trip from a node to an endpoint. A call
	// on a connection that was idle for over 15 s first pays two round trips for
	// TCP and TLS 1.3.
	RTTMin time.Duration `toml:"rtt_min"`
	RTTMax time.Duration `toml:"rtt_max"`
	// Server is what the endpoint itself takes for eth_call, and Handshake what it
	// takes to sign the TLS handshake of a new connection.
	Server    time.Duration `toml:"server"`
	Handshake time.Duration `toml:"handshake"`
	// Slots is how many connections an endpoint serves at a time, each from its
	// handshake to its answer; the others get HTTP 429. 0: any number. A gateway of
	// IoTeX has about 100 by default.
	Slots int `toml:"slots"`
	// Down are endpoints, of Operators, that never answer.
	Down int `toml:"down"`
}

// Step is one step of the operator's rollout.
type Step struct {
	// At is the time since the announcement.
	At time.Duration `toml:"at"`
	// Mode is "canary", "percent" or "all"; Canaries a number of cameras, Percent
	// 0 to 100.
	Mode     string  `toml:"mode"`
	Canaries int     `toml:"canaries"`
	Percent  float64 `toml:"percent"`
	// Warm lets cameras fetch before their turn to install.
	Warm bool `toml:"warm"`
}

// Bad makes the last release one that does not come up on some cameras, which then run
// what they ran before. Cameras tell the seeds, and a guard decides by what these count.
type Bad struct {
	// Share is the part of the cameras on which it does not come up, 0 to 1; 0: it is
	// good, and nobody tells anything.
	Share float64 `toml:"share"`
	// Tells is the part of the cameras that tell, 0 to 1.
	Tells float64 `toml:"tells"`
	// Guard is how often the guard looks, as 'camswarm guard --every'; 0: nobody watches.
	Guard time.Duration `toml:"guard"`
	// Sample is of how many cameras the guard must know whether the release works there
	// before it concludes anything. Its other settings are those of 'camswarm guard'.
	Sample int `toml:"sample"`
}

// Stop is a transaction, after everybody has the last release, that nobody
// announces: seeds see it on the chain. What is measured is the time from its block
// to the moment at which a camera acts on it.
type Stop struct {
	// Kind is "pause", "halt" or "revoke"; "": none.
	Kind string `toml:"kind"`
	// Idle is how long the network has had nothing to do before it.
	Idle time.Duration `toml:"idle"`
}

// Late are cameras that start after the announcement.
type Late struct {
	Share float64       `toml:"share"` // of the cameras, 0 to 1
	Over  time.Duration `toml:"over"`  // they start uniformly over this time
}

// Churn are cameras that leave while others fetch, and come back.
type Churn struct {
	Leave float64       `toml:"leave"` // share of the cameras that leave, 0 to 0.9
	From  time.Duration `toml:"from"`  // since the announcement
	Over  time.Duration `toml:"over"`  // they leave uniformly over this time
	Back  time.Duration `toml:"back"`  // each comes back after this time, on the same state; 0: never
}

// Site puts cameras behind shared lines.
type Site struct {
	Count int           `toml:"count"` // sites; the cameras are spread over them evenly; 0: none
	Up    float64       `toml:"up"`    // Mbit/s of each site's line
	Down  float64       `toml:"down"`
	LAN   float64       `toml:"lan"`   // Mbit/s of a camera's port on the local network
	Delay time.Duration `toml:"delay"` // one way on the local network
}

// Hostile are nodes that are not honest. They know the network's protocols and
// the public facts, and hold no key.
type Hostile struct {
	Poisoners int `toml:"poisoners"` // claim every block and send wrong bytes
	Stallers  int `toml:"stallers"`  // claim every block and answer nothing
	Tricklers int `toml:"tricklers"` // claim every block and send a few hundred bytes a second
	Liars     int `toml:"liars"`     // claim every block and say DONT_HAVE
	Flooders  int `toml:"flooders"`  // want everything, over and over, of cameras and seeds
	Replayers int `toml:"replayers"` // send old and invalid announcements at a high rate
	// Eclipse is how many cameras each of them keeps connected, more than a
	// neighbour would, coming back when it is hung up on. 0: 10.
	Eclipse int `toml:"eclipse"`
	// Connections is how many connections each of them holds with each camera, to
	// fill its slots. 0: 1.
	Connections int `toml:"connections"`
}

// Count is the number of hostile nodes.
func (h Hostile) Count() int {
	return h.Poisoners + h.Stallers + h.Tricklers + h.Liars + h.Flooders + h.Replayers
}

// Partition splits the network in two.
type Partition struct {
	Share float64       `toml:"share"` // of the cameras that are cut off from the seeds; 0: no partition
	From  time.Duration `toml:"from"`  // since the announcement; may be negative
	For   time.Duration `toml:"for"`
}

// Default returns what a scenario file is read over: the smallest complete
// scenario, one seed and cameras of one class.
func Default() Scenario {
	return Scenario{
		Name: "unnamed", Nodes: 50, Seed: 1, Links: "quic",
		ImageBytes: 6_200_000, BlockBytes: verify.DefaultBlockSize,
		Releases: 1, ReleaseEvery: time.Minute, WarmUp: time.Minute, Limit: 10 * time.Minute,
		Stop:    Stop{Idle: time.Minute},
		Bad:     Bad{Tells: 1, Guard: 30 * time.Second, Sample: 2},
		Seeds:   Seeds{Count: 1, Up: 100, Down: 100, Warm: true},
		NAT:     NAT{FullCone: 10, PortRestricted: 72, Symmetric: 13.6, NoUDP: 4.4, Late: 0.024},
		Latency: Latency{Kind: "uniform", RTTMin: 10 * time.Millisecond, RTTMax: 150 * time.Millisecond},
		Chain:   Chain{Operators: 4, RTTMin: 20 * time.Millisecond, RTTMax: 80 * time.Millisecond, Server: 10 * time.Millisecond},
	}
}

//go:embed scenarios/*.toml
var builtin embed.FS

// Info is a built-in scenario.
type Info struct {
	Name string
	Doc  string // one line
	TOML string // the whole file
}

// Comment is the comment at the head of the file.
func (i Info) Comment() string {
	var b strings.Builder
	for line := range strings.Lines(i.TOML) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		b.WriteString(line)
	}
	return b.String() + "\n"
}

// Scenarios returns the built-in scenarios, by name.
func Scenarios() []Info {
	files, err := builtin.ReadDir("scenarios")
	if err != nil {
		panic(err) // they are compiled in
	}
	var out []Info
	for _, f := range files {
		data, err := builtin.ReadFile("scenarios/" + f.Name())
		if err != nil {
			panic(err)
		}
		s, err := Parse(data)
		if err != nil {
			panic(fmt.Sprintf("built-in scenario %s: %v", f.Name(), err)) // a test reads them all
		}
		out = append(out, Info{Name: s.Name, Doc: s.Doc, TOML: string(data)})
	}
	return out
}

// maxScenarioBytes bounds a scenario file.
const maxScenarioBytes = 1 << 20

// Load returns a built-in scenario by its name, or reads the TOML file of that
// path. What looks like a path (a separator or .toml in it) is never a name.
func Load(nameOrPath string) (*Scenario, error) {
	if !strings.ContainsRune(nameOrPath, filepath.Separator) && filepath.Ext(nameOrPath) != ".toml" {
		var names []string
		for _, i := range Scenarios() {
			if i.Name == nameOrPath {
				return Parse([]byte(i.TOML))
			}
			names = append(names, i.Name)
		}
		return nil, fmt.Errorf("%w: there is no built-in %q (a file of yours ends in .toml); %s", ErrScenario, nameOrPath, nearest.Or(nameOrPath, names, "there are "+strings.Join(names, ", ")))
	}
	info, err := os.Stat(nameOrPath)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrScenario, err)
	}
	if info.Size() > maxScenarioBytes {
		return nil, fmt.Errorf("%w: %s is longer than %d bytes", ErrScenario, nameOrPath, maxScenarioBytes)
	}
	data, err := os.ReadFile(nameOrPath)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrScenario, err)
	}
	s, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", nameOrPath, err)
	}
	return s, nil
}

// Parse reads a scenario over Default and validates it. Unknown keys are errors.
func Parse(data []byte) (*Scenario, error) {
	s := Default()
	if err := s.merge(string(data)); err != nil {
		return nil, err
	}
	if len(s.Classes) == 0 && s.Latency.Kind != "world" {
		s.Classes = []Class{{Name: "home", Share: 1, Up: 20, Down: 50}}
	}
	for i := range s.Classes {
		if s.Classes[i].Share == 0 {
			s.Classes[i].Share = 1
		}
	}
	return &s, s.Validate()
}

func (s *Scenario) merge(text string) error {
	meta, err := toml.Decode(text, s)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrScenario, err)
	}
	if extra := meta.Undecoded(); len(extra) > 0 {
		return unknownKey(extra[0].String())
	}
	return nil
}

// Set changes one value, as "nodes", "seeds.up" or "churn.leave" would in the
// file. Beside these, "up", "down", "loss", "spread", "burst", "buffer",
// "jitter" and "video" set the value of every class of cameras, and "camera" is
// camera.class. Lists take TOML, such as latency.regions=["asia-east"].
func (s *Scenario) Set(key, value string) error {
	bad := func(err error) error { return fmt.Errorf("%w: %s=%s: %w", ErrScenario, key, value, err) }
	next := *s
	next.Classes = slices.Clone(s.Classes) // what is refused must change nothing
	switch key {
	case "up", "down", "loss", "spread", "burst", "buffer", "jitter", "video":
		for i := range next.Classes {
			c := &next.Classes[i]
			to := map[string]any{"up": &c.Up, "down": &c.Down, "loss": &c.Loss, "spread": &c.Spread, "burst": &c.Burst, "buffer": &c.Buffer, "jitter": &c.Jitter, "video": &c.Video}[key]
			if err := parseValue(reflect.ValueOf(to).Elem(), value); err != nil {
				return bad(err)
			}
		}
		*s = next
		return nil
	case "camera":
		key = "camera.class"
	}
	for _, k := range keysOf("", reflect.ValueOf(&next).Elem()) {
		if k.path != key || k.value.Kind() == reflect.Slice {
			continue
		}
		if unquoted, err := strconv.Unquote(value); err == nil && strings.HasPrefix(value, `"`) {
			value = unquoted // as it stands in a file
		}
		if err := parseValue(k.value, value); err != nil {
			return bad(err)
		}
		*s = next
		return nil
	}
	switch key {
	case "latency.regions", "class", "rollout":
		if err := next.merge(key + " = " + value); err != nil {
			return bad(fmt.Errorf(`it is a list; write TOML such as latency.regions=["asia-east"], or a file`))
		}
		*s = next
		return nil
	}
	return unknownKey(key)
}

// unknownKey names the key that was meant, if one is like it.
func unknownKey(key string) error {
	return fmt.Errorf("%w: unknown key %q; %s", ErrScenario, key, nearest.Or(key, Keys(), "camsim show flash-crowd has all keys"))
}

// Validate reports the first thing to mend. The error wraps ErrScenario.
func (s *Scenario) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrScenario, fmt.Sprintf(format, args...))
	}
	share := func(x float64) bool { return x >= 0 && x <= 1 }
	rate := func(x float64) bool { return x > 0 && x <= 1e6 }
	for _, k := range keysOf("", reflect.ValueOf(s).Elem()) {
		if k.value.CanFloat() && (math.IsNaN(k.value.Float()) || math.IsInf(k.value.Float(), 0)) {
			return bad("%s is %v; write a number", k.path, k.value.Float())
		}
	}
	b := s.BlockBytes
	switch {
	case s.Nodes < 1 || s.Nodes > 5000:
		return bad("nodes is %d; write 1 to 5000, and use the flow model beyond", s.Nodes)
	case s.Links != "quic" && s.Links != "fast":
		return bad("links is %q; write \"quic\" or \"fast\"", s.Links)
	case s.ImageBytes < 1 || s.ImageBytes > verify.MaxImageSize:
		return bad("image_bytes is %d; write 1 to %d", s.ImageBytes, int64(verify.MaxImageSize))
	case b < verify.MinBlockSize || b > verify.MaxBlockSize || b&(b-1) != 0:
		return bad("block_bytes is %d; write a power of two from %d to %d", b, verify.MinBlockSize, verify.MaxBlockSize)
	case (s.ImageBytes+b-1)/b > verify.MaxBlocks:
		return bad("%d bytes in blocks of %d are more than %d blocks; make block_bytes larger", s.ImageBytes, b, verify.MaxBlocks)
	case s.Releases < 1 || s.Releases > 100:
		return bad("releases is %d; write 1 to 100", s.Releases)
	case s.ReleaseEvery < time.Second || s.WarmUp < time.Second || s.Limit < time.Second:
		return bad("release_every, warm_up and limit must be at least 1s")
	case s.Idle < 0:
		return bad("idle is %v; write 0s and up", s.Idle)
	case s.Seeds.Count < 0 || s.Seeds.Count > 256:
		return bad("seeds.count is %d; write 0 (one a region) to 256", s.Seeds.Count)
	case s.Seeds.Connections != 0 && (s.Seeds.Connections < 16 || s.Seeds.Connections > 4096):
		return bad("seeds.connections is %d; write 0 for a seed's own number, or 16 to 4096", s.Seeds.Connections)
	case !rate(s.Seeds.Up) || !rate(s.Seeds.Down):
		return bad("seeds.up and seeds.down are in Mbit/s and positive")
	case !slices.Contains([]string{"", node.OriginNever, node.OriginFallback, node.OriginShare, node.OriginFastest}, s.Origin.Policy):
		return bad("origin.policy is %q; write \"\" (no origin), \"fallback\", \"share\" or \"fastest\"", s.Origin.Policy)
	case !share(s.Origin.Share) || s.Origin.Egress < 0 || s.Origin.Egress > 1e6 || s.Origin.FirstByte < 0 || s.Origin.Dies < 0:
		return bad("origin.share is 0 to 1, origin.egress in Mbit/s, its times are not negative")
	case s.Seeds.Lost < 0 || s.Seeds.LostAt < 0 || s.Seeds.Lost > 0 && s.Seeds.Count > 0 && s.Seeds.Lost >= s.Seeds.Count:
		return bad("seeds.lost is 0 to fewer than all, and seeds.lost_at not negative")
	case s.Seeds.Lost > 0 && s.Partition.Share > 0:
		return bad("seeds.lost and partition.share exclude each other")
	case s.Latency.Kind != "uniform" && s.Latency.Kind != "world":
		return bad("latency.kind is %q; write \"uniform\" or \"world\"", s.Latency.Kind)
	case s.Latency.RTTMin < 0 || s.Latency.RTTMax < s.Latency.RTTMin || s.Latency.RTTMax > 10*time.Second || s.Latency.NearRTT < 0:
		return bad("latency: rtt_min and rtt_max must not decrease, up to 10s, and near_rtt is not negative")
	case s.Chain.Operators < 1 || s.Chain.Operators > 16 || s.Chain.Down < 0 || s.Chain.Down >= s.Chain.Operators:
		return bad("chain.operators is 1 to 16, and chain.down fewer")
	case s.Witnesses < 0 || s.Witnesses > verify.MaxWitnesses:
		return bad("witnesses is %d; write 0 to %d", s.Witnesses, verify.MaxWitnesses)
	case s.Chain.RTTMin < 0 || s.Chain.RTTMax < s.Chain.RTTMin || min(s.Chain.Server, s.Chain.Handshake) < 0 || s.Chain.Slots < 0:
		return bad("chain: rtt_min and rtt_max must not decrease, and server, handshake and slots are not negative")
	case !slices.Contains([]string{"", "pause", "halt", "revoke"}, s.Stop.Kind) || s.Stop.Idle < 0:
		return bad("stop.kind is \"pause\", \"halt\" or \"revoke\", and stop.idle not negative")
	case !share(s.Bad.Share) || !share(s.Bad.Tells) || s.Bad.Sample < 1 || s.Bad.Guard != 0 && s.Bad.Guard < time.Second:
		return bad("bad.share and bad.tells are 0 to 1, bad.sample at least 1, bad.guard 0s or at least 1s")
	case !share(s.Late.Share) || s.Late.Over < 0:
		return bad("late.share is 0 to 1 and late.over not negative")
	case s.Churn.Leave < 0 || s.Churn.Leave > 0.9 || s.Churn.From < 0 || s.Churn.Over < 0 || s.Churn.Back < 0:
		return bad("churn.leave is 0 to 0.9, and its times are not negative")
	case s.Site.Count < 0 || s.Site.Count > s.Nodes:
		return bad("site.count is 0 to the number of nodes")
	case s.Site.Count > 0 && (!rate(s.Site.Up) || !rate(s.Site.Down) || !rate(s.Site.LAN) || s.Site.Delay < 0):
		return bad("site.up, site.down and site.lan are in Mbit/s and positive")
	case s.Hostile.Poisoners < 0 || s.Hostile.Stallers < 0 || s.Hostile.Tricklers < 0 || s.Hostile.Liars < 0 || s.Hostile.Flooders < 0 || s.Hostile.Replayers < 0 || s.Hostile.Eclipse < 0 || s.Hostile.Connections < 0:
		return bad("hostile: numbers of nodes are not negative")
	case s.Partition.Share < 0 || s.Partition.Share > 1 || s.Partition.For < 0:
		return bad("partition.share is 0 to 1 and partition.for not negative")
	case !share(s.NAT.Share) || !share(s.NAT.Late) || min(s.NAT.FullCone, s.NAT.PortRestricted, s.NAT.Symmetric, s.NAT.NoUDP) < 0:
		return bad("nat.share and nat.late are 0 to 1, and the parts of the kinds are not negative")
	case s.NAT.Share > 0 && s.NAT.FullCone+s.NAT.PortRestricted+s.NAT.Symmetric+s.NAT.NoUDP == 0:
		return bad("nat.share is %g, and no kind of NAT has a part", s.NAT.Share)
	case s.Latency.Kind == "uniform" && len(s.Classes) == 0:
		return bad("no [[class]] of cameras")
	}
	for i, c := range s.Classes {
		switch {
		case !rate(c.Up) || !rate(c.Down):
			return bad("class %d (%s): up and down are in Mbit/s and positive", i+1, c.Name)
		case c.Connections != 0 && (c.Connections < 4 || c.Connections > 1024):
			return bad("class %d (%s): connections is %d; write 0 for the node's own number, or 4 to 1024", i+1, c.Name, c.Connections)
		case c.Burst < 0 || c.Burst > 1000 || c.Buffer < 0 || c.Buffer > 10*time.Second || c.Jitter < 0 || c.Jitter > time.Second:
			return bad("class %d (%s): burst is 0 to 1000, buffer 0s to 10s, jitter 0s to 1s", i+1, c.Name)
		case c.Burst > 1 && c.Loss == 0:
			return bad("class %d (%s): burst is %g and loss 0: set loss too, the share of packets that is lost", i+1, c.Name, c.Burst)
		case c.Video < 0 || c.Video > c.Up*(1-c.Spread)/2:
			return bad("class %d (%s): video is %g Mbit/s; write 0 to half of what goes up", i+1, c.Name, c.Video)
		case c.Share <= 0 || c.Spread < 0 || c.Spread > 0.95 || c.Loss < 0 || c.Loss > 0.5:
			return bad("class %d (%s): share is positive, spread 0 to 0.95, loss 0 to 0.5", i+1, c.Name)
		}
	}
	if err := s.Camera.validate(); err != nil {
		return bad("%v", err)
	}
	last := time.Duration(-1)
	for i, r := range s.Rollout {
		switch {
		case r.At <= last && i > 0 || r.At < 0:
			return bad("rollout step %d: its time must be after the one before", i+1)
		case !slices.Contains([]string{"canary", "percent", "all"}, r.Mode):
			return bad("rollout step %d: mode is %q; write \"canary\", \"percent\" or \"all\"", i+1, r.Mode)
		case r.Mode == "canary" && (r.Canaries < 1 || r.Canaries > min(s.Nodes, verify.MaxCanaries)):
			return bad("rollout step %d: canaries is 1 to %d", i+1, min(s.Nodes, verify.MaxCanaries))
		case r.Percent < 0 || r.Percent > 100:
			return bad("rollout step %d: percent is 0 to 100", i+1)
		}
		last = r.At
	}
	if _, err := s.regions(); err != nil {
		return err
	}
	return nil
}

// Need estimates the memory and the CPU time that a run takes, without
// baselines: linear fits to the measurements in docs/SIMULATOR.md. Memory holds
// for images up to 16 MB or so; above that the bytes in flight and the copies of
// the image count, and are added.
func (s *Scenario) Need() (memory int64, cpu time.Duration) {
	perNode, perByte := 9.5e6, 1.1e-7 // bytes; seconds for each byte that a camera receives
	if s.Links == "fast" {
		perNode, perByte = 6.5e6, 5e-8
	}
	nodes := float64(s.Nodes + s.Hostile.Count())
	image := float64(s.ImageBytes)
	memory = int64(150e6 + nodes*perNode + image*float64(s.Releases)*2 + nodes*max(image-16e6, 0)/8)
	cpu = time.Duration((2 + nodes*(0.05+image*perByte*float64(s.Releases)+s.WarmUp.Seconds()*0.001)) * float64(time.Second))
	return memory, cpu
}
