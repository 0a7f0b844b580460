package hostile

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/verify"
)

// ErrConfig is wrapped by errors about a Config.
var ErrConfig = errors.New("hostile: bad configuration")

// Behaviour is what a hostile peer does with the blocks of a release.
type Behaviour string

// All but Flooder, Replayer and Parrot claim to hold every block of every file that
// they know or hear of from the possession messages of others.
const (
	// Poisoner answers wants with wrong bytes: flipped ones, random ones, other
	// hash functions, genuine blocks that were not asked for.
	Poisoner Behaviour = "poisoner"
	// Staller takes wants and answers nothing.
	Staller Behaviour = "staller"
	// Trickler sends what it was asked for, genuine blocks if it is given them,
	// at Config.Trickle bytes a second.
	Trickler Behaviour = "trickler"
	// Liar answers every want with DONT_HAVE and repeats its claims.
	Liar Behaviour = "liar"
	// Flooder wants every block of the releases it knows, again and again, and
	// thousands that nobody has.
	Flooder Behaviour = "flooder"
	// Replayer sends announcements that it has heard into the gossip at a high
	// rate, whole and damaged, and bare hints that lie; before that, and between
	// them, those of Config.Forged.
	Replayer Behaviour = "replayer"
	// Parrot sends genuine announcements that it has heard into the gossip, and
	// nothing that proves that it is no honest peer, at a rate that is borne for
	// minutes: their bytes as they are, and with another block number so that
	// they are news to GossipSub.
	Parrot Behaviour = "parrot"
)

// Behaviours returns all behaviours in a fixed order.
func Behaviours() []Behaviour {
	return []Behaviour{Poisoner, Staller, Trickler, Liar, Flooder, Replayer, Parrot}
}

// gossips tells whether a behaviour attacks the gossip.
func (b Behaviour) gossips() bool { return b == Replayer || b == Parrot }

// Forgery is an announcement that no honest node accepts.
type Forgery struct {
	Attack string // the name that Peer.Announced counts it under
	Data   []byte // encoded
}

// Config says who a hostile peer is and what it does.
type Config struct {
	Behaviour Behaviour // what it does to others

	// Host makes the host that it lives on, with these options and its own:
	// libp2p.New, or links.Host for simulated lines.
	Host func(...libp2p.Option) (host.Host, error)

	Product verify.ProductID // whose gossip it joins
	Region  string           // that it claims to be in

	// Manifests are of releases that it knows without having heard of them. It
	// learns others from the gossip, and files to claim also from the possession
	// messages of others.
	Manifests []*verify.Manifest
	// Image returns the bytes of an image, if they are public, nil otherwise: a
	// hostile peer may have fetched them like anybody. It is called from many
	// goroutines. nil: it has none, and can only make bytes up.
	Image func(root cid.Cid) []byte

	// Forged are sent by a Replayer: to each victim first, in this order, and then
	// again between old news.
	Forged []Forgery

	// Victims are those whom it connects to, as a crawler of the DHT would find
	// them; Seeds serve the DHT, on which it provides itself. A Flooder floods
	// the seeds too. It keeps Eclipse victims connected at a time: those that hang
	// up on it are tried again, and after three refusals others in their place.
	Victims []peer.AddrInfo
	Seeds   []peer.AddrInfo
	Eclipse int // 0: it only waits to be dialled

	// Connections are held with each victim, to fill its slots. 0: 1.
	Connections int

	// Trickle is in bytes per second for each victim. 0: 300.
	Trickle int

	Rand   *rand.Rand   // nil: seeded from the system
	Logger *slog.Logger // nil discards
}

func (c *Config) validate() error {
	switch {
	case !slices.Contains(Behaviours(), c.Behaviour):
		return fmt.Errorf("%w: there is no behaviour %q; there are %v", ErrConfig, c.Behaviour, Behaviours())
	case c.Host == nil:
		return fmt.Errorf("%w: no host", ErrConfig)
	case c.Eclipse < 0 || c.Connections < 0 || c.Trickle < 0:
		return fmt.Errorf("%w: Eclipse, Connections and Trickle are not negative", ErrConfig)
	}
	return nil
}

const (
	// maxRoots bounds the files that a peer claims.
	maxRoots = 64
	// maxAsks bounds the wants that wait for an answer to one peer.
	maxAsks = 4096
	// maxHeard bounds the announcements that are kept for replaying.
	maxHeard = 64

	defaultTrickle = 300 // bytes per second
	// unknownBlock is the length of wrong bytes for a block of unknown length.
	unknownBlock = 32 << 10

	openTimeout = 10 * time.Second
	sendTimeout = 30 * time.Second
	dialTimeout = 5 * time.Second
	// redial is the pause between looks at the connections, and the first wait
	// after a refused dial; it doubles up to redialMax.
	redial    = time.Second
	redialMax = 30 * time.Second
	// lasting is the life of a connection that was not a refusal: a victim that
	// bans a peer only says so by hanging up.
	lasting = 5 * time.Second
	// giveUp is the number of refusals in a row after which another victim is
	// chosen.
	giveUp = 3
	// dialsAtOnce bounds the dials in flight.
	dialsAtOnce = 4

	// reclaim is how often a liar repeats its claims.
	reclaim = 500 * time.Millisecond
	// floodEvery is the pause between two want messages of a flooder to one
	// peer, floodWants the random wants in each.
	floodEvery = 500 * time.Millisecond
	floodWants = 1000
	// replayEvery is the pause between two messages of a replayer to one peer,
	// parrotEvery between those of a parrot.
	replayEvery = 20 * time.Millisecond
	parrotEvery = time.Second
	// trickleEvery is the pause between two pieces of a trickler's block.
	trickleEvery = 100 * time.Millisecond
)
