package baseline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"camswarm/node/nearest"
	"camswarm/sim/links"
	"camswarm/sim/report"
	"camswarm/sim/torrent"
	"camswarm/verify"
)

// The baselines. They are also the keys of [report.Report.Baselines].
const (
	S3          = "s3"             // one region, no limit to its egress, one connection
	S3Capped    = "s3capped"       // the same behind one line of CappedEgress
	S3Cubic     = "s3cubic"        // s3 with the congestion control of RFC 9438, over fast links
	S3BBR       = "s3bbr"          // s3 with one like BBR, over fast links
	S3Parallel  = "s3parallel"     // s3, the object in ranges over several connections
	CDN         = "cdn"            // an edge in each region, all with the image before the announcement
	CDNCold     = "cdncold"        // the same, but the first request of each region fetches the image from s3
	Bitswap     = "bitswap"        // stock boxo, the DAG walked as ipfs get does
	BitswapAll  = "bitswapall"     // stock boxo, all blocks asked for at once, in its best block size
	Torrent     = "bittorrent"     // BEP 3: tit for tat, four at a time
	TorrentBest = "bittorrentbest" // the same protocol as suits these crowds best: everybody serves everybody
	Poll        = "poll"           // s3, asked once a day instead of being told
	SeedOnly    = "seedonly"       // fluid: the seeds send every copy themselves
)

var names = []string{S3, S3Capped, S3Parallel, S3Cubic, S3BBR, CDN, CDNCold, Bitswap, BitswapAll, Torrent, TorrentBest, Poll, SeedOnly}

// Names returns the names of all baselines.
func Names() []string { return slices.Clone(names) }

var aliases = map[string]string{"cdnwarm": CDN, "bitswapflat": BitswapAll, "bitswapwalk": Bitswap, "torrent": Torrent}

// ParseNames reads a list of names: "none", "all", or names with commas between
// them, in which hyphens do not count.
func ParseNames(list string) ([]string, error) {
	switch strings.TrimSpace(list) {
	case "none", "":
		return nil, nil
	case "all":
		return Names(), nil
	}
	var out []string
	for _, word := range strings.Split(list, ",") {
		n := report.BaselineKey(strings.TrimSpace(word))
		if a := aliases[n]; a != "" {
			n = a
		}
		if !slices.Contains(names, n) {
			return nil, fmt.Errorf("%w: there is no baseline %q; %s", ErrEnv, word, nearest.Or(n, names, "there are "+strings.Join(names, ", ")+", all and none"))
		}
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out, nil
}

// ErrEnv is wrapped by the errors of [Env.Validate], [Config.Validate] and
// [ParseNames].
var ErrEnv = errors.New("baseline")

// Config are the parameters of the baselines.
type Config struct {
	// CappedEgress is the rate of the s3capped origin, bit/s, shared by all who
	// fetch from it.
	CappedEgress float64

	// FirstByte is how long S3 takes to answer a request, beyond the network.
	// AWS names 100 to 200 ms for "first-byte-out latencies for larger objects"
	// (Amazon S3 User Guide, "Best practices design patterns: optimizing Amazon
	// S3 performance", read November 2026); the default is its lower end.
	FirstByte time.Duration

	// EdgeFirstByte is the same for an edge that has the object. The same page
	// says "single-digit millisecond latencies" of CloudFront.
	EdgeFirstByte time.Duration

	// Connections is how many s3parallel opens; each fetches a range of the same
	// length.
	Connections int

	// SeedNeighbours is how many of the swarm's connections to a seed stock bitswap
	// is given, 0 for none but those that it cannot do without. It does worse with
	// many: of 50 cameras with 20/50 Mbit/s, all blocks at once, p95 was 9.0 s with
	// 5, 5.8 with 10, 8.8 with 20, 10.9 with 30 (walk: 10.8, 9.0, 8.9, 9.7).
	SeedNeighbours int

	// BitswapAllBytes are the block sizes with which bitswapall runs, one after another;
	// the one with the least p95 is what is reported, its luck included.
	BitswapAllBytes []int

	// TorrentPeers is how many neighbours a bittorrent peer gets of its tracker: 50 is
	// what clients ask for and hold (anacrolix's EstablishedConnsPerTorrent).
	TorrentPeers int
	// TorrentChoking is to whom bittorrent's peers upload; bittorrentbest's to everybody.
	TorrentChoking torrent.Choking
	// TorrentRequests is how many requests of 16 KiB wait at a neighbour.
	TorrentRequests int
	// TorrentPieceBytes is the piece length; 0: as [torrent.PieceBytes] has it.
	TorrentPieceBytes int
	// The same of bittorrentbest, which suits flash-crowd best. With 50 cameras over
	// fast links, everybody serving everybody, p95 is 4.0 s with 50 neighbours and 16
	// requests, 3.3 with 12 and 5, 3.2 with pieces of 16 KiB. Tit for tat has 4.1 s with
	// 12 and 8 or 20 and 16, 4.3 as clients are shipped (TestTorrentSettings).
	TorrentBestPeers, TorrentBestRequests, TorrentBestPieceBytes int

	// PollInterval is how often a camera that is not told asks for news. Each
	// asks at a moment of its own, so that the announcement finds it at a
	// uniformly random point of its interval.
	PollInterval time.Duration
}

// DefaultConfig returns the parameters that are published.
func DefaultConfig() Config {
	return Config{
		CappedEgress:     1e9,
		FirstByte:        100 * time.Millisecond,
		EdgeFirstByte:    5 * time.Millisecond,
		Connections:      8,
		SeedNeighbours:   10,
		BitswapAllBytes:  []int{32 << 10, 64 << 10, 128 << 10},
		TorrentPeers:     50,
		TorrentRequests:  16,
		TorrentChoking:   torrent.TitForTat,
		TorrentBestPeers: 12, TorrentBestRequests: 5, TorrentBestPieceBytes: 16 << 10,
		PollInterval: 24 * time.Hour,
	}
}

// Validate returns an error that wraps ErrEnv and says what to change.
func (c Config) Validate() error {
	switch {
	case !(c.CappedEgress >= 1000) || math.IsInf(c.CappedEgress, 0):
		return fmt.Errorf("%w: capped egress is %g bit/s; give at least 1000", ErrEnv, c.CappedEgress)
	case c.FirstByte < 0 || c.EdgeFirstByte < 0:
		return fmt.Errorf("%w: a server's first-byte latency is below 0", ErrEnv)
	case c.Connections < 1 || c.Connections > 100:
		return fmt.Errorf("%w: %d connections for s3parallel; give 1 to 100", ErrEnv, c.Connections)
	case c.SeedNeighbours < 0:
		return fmt.Errorf("%w: %d neighbours for a seed; give 0 or more", ErrEnv, c.SeedNeighbours)
	case len(c.BitswapAllBytes) == 0 || slices.Min(c.BitswapAllBytes) < verify.MinBlockSize || slices.Max(c.BitswapAllBytes) > verify.MaxBlockSize:
		return fmt.Errorf("%w: block sizes %v for bitswapall; give at least one, of %d to %d", ErrEnv, c.BitswapAllBytes, verify.MinBlockSize, verify.MaxBlockSize)
	case min(c.TorrentPeers, c.TorrentRequests, c.TorrentBestPeers, c.TorrentBestRequests) < 1 || min(c.TorrentPieceBytes, c.TorrentBestPieceBytes) < 0:
		return fmt.Errorf("%w: a BitTorrent peer needs at least one neighbour and one request, and pieces of 0 (as tools choose) bytes or more", ErrEnv)
	case c.PollInterval <= 0:
		return fmt.Errorf("%w: poll interval is %v; it must be above 0", ErrEnv, c.PollInterval)
	}
	return nil
}

// Env is the simulation that the baselines are compared with. Nodes have the
// numbers that they have in Topology; places other than nodes are regions.
type Env struct {
	Topology *links.Topology // not changed
	Cameras  []int           // honest ones, in the order of the report
	Seeds    []int           // those that hold the image at the announcement

	// Start is when camera k of Cameras begins to fetch, since the announcement:
	// what it took to hear of the release and to look at the chain. Nil: at once.
	Start func(k int) time.Duration

	// Joined is when camera k came, since the announcement, if it was not there:
	// its times count from then. Nil: all were there.
	Joined func(k int) time.Duration

	// Verify is how long a camera takes to check an image that it fetched in a time. Nil:
	// no time.
	Verify func(fetch time.Duration) time.Duration

	Region  func(node int) string // where a node is
	Regions []string              // all of them; the first is the publisher's, where S3 is

	// One-way delays: from a node's line to a data centre of a region, from a
	// node's line to the nearest place of its provider, where its resolver and
	// CDN edges stand, and from an edge of one region to a data centre of
	// another.
	DataCentre func(node int, region string) time.Duration
	Edge       func(node int) time.Duration
	Backbone   func(a, b string) time.Duration

	// Neighbours are the connections of the swarm at the announcement, over
	// which stock bitswap runs too.
	Neighbours [][2]int

	Image      []byte
	BlockBytes int

	// Open makes a network: links.NewQUIC or links.NewFast.
	Open func(*links.Topology) (links.Network, error)

	Seed  uint64        // of random numbers
	Limit time.Duration // virtual, since the announcement; a camera that takes longer is unfinished

	// Progress, if not nil, is told how many cameras are done, and the virtual
	// time since the announcement. It may be called from several goroutines and
	// must not block.
	Progress func(name string, done int, since time.Duration)
}

// Validate returns an error that wraps ErrEnv and says what is missing.
func (e *Env) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrEnv}, args...)...)
	}
	switch {
	case e.Topology == nil || e.Topology.Delay == nil:
		return bad("no topology with delays")
	case len(e.Cameras) == 0:
		return bad("no cameras")
	case len(e.Seeds) == 0:
		return bad("no seeds: somebody must hold the image")
	case len(e.Image) == 0:
		return bad("the image is empty")
	case len(e.Regions) == 0 || e.Region == nil || e.DataCentre == nil || e.Edge == nil || e.Backbone == nil:
		return bad("Region, Regions, DataCentre, Edge and Backbone must all be given")
	case e.Open == nil:
		return bad("no way to open a network")
	case e.Limit <= 0:
		return bad("the limit is %v; it must be above 0", e.Limit)
	}
	for _, list := range [][]int{e.Cameras, e.Seeds} {
		for _, i := range list {
			if i < 0 || i >= len(e.Topology.Nodes) {
				return bad("node %d is not among the %d of the topology", i, len(e.Topology.Nodes))
			}
			if !slices.Contains(e.Regions, e.Region(i)) {
				return bad("node %d is in region %q, which is not in Regions", i, e.Region(i))
			}
		}
	}
	return nil
}

func (e *Env) start(k int) time.Duration {
	if e.Start == nil {
		return 0
	}
	return e.Start(k)
}

// waits is how long camera k waits before it begins, since its times count.
func (e *Env) waits(k int) time.Duration { return e.start(k) - e.joined(k) }

func (e *Env) joined(k int) time.Duration {
	if e.Joined == nil {
		return 0
	}
	return e.Joined(k)
}

// Run runs baselines one after the other, each in a bubble of virtual time of
// its own: it must not be called inside one. The poll needs s3, and runs it if
// it is not asked for. What was measured before an error is returned with it.
func Run(ctx context.Context, wanted []string, cfg Config, env Env) (map[string]report.Baseline, error) {
	out := make(map[string]report.Baseline, len(wanted))
	if err := errors.Join(cfg.Validate(), env.Validate()); err != nil {
		return out, err
	}
	var s3 *report.Baseline // also if only the poll needs it
	run := func(name string) (b report.Baseline, err error) {
		switch name {
		case S3, S3Capped, S3Parallel, S3Cubic, S3BBR, CDN, CDNCold:
			return env.runHTTP(ctx, name, cfg)
		case Bitswap, BitswapAll:
			return env.runBitswap(ctx, name, cfg)
		case Torrent, TorrentBest:
			return env.runTorrent(ctx, name, cfg)
		case SeedOnly:
			return env.seedOnly(), nil
		}
		return b, fmt.Errorf("%w: there is no baseline %q; there are %s", ErrEnv, name, strings.Join(names, ", "))
	}
	for _, name := range wanted {
		if name == Poll {
			continue
		}
		b, err := run(name)
		if err != nil {
			return out, fmt.Errorf("baseline %s: %w", name, err)
		}
		out[name] = b
		if name == S3 {
			s3 = &b
		}
	}
	if slices.Contains(wanted, Poll) {
		if s3 == nil {
			b, err := run(S3)
			if err != nil {
				return out, fmt.Errorf("baseline %s: %w", Poll, err)
			}
			s3 = &b
		}
		out[Poll] = env.poll(*s3, cfg)
	}
	return out, nil
}

// fetchAll calls fetch for every camera when it begins, and returns their
// seconds, since now or since they joined, when all are back. fetch must end when its context
// does. The error is the first reason for which a camera did not finish.
func (e *Env) fetchAll(ctx context.Context, name string, fetch func(ctx context.Context, k int) error) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Limit)
	defer cancel()
	begin := time.Now()
	seconds, errs := make([]float64, len(e.Cameras)), make([]error, len(e.Cameras))
	var done atomic.Int64
	var wg sync.WaitGroup
	for k := range e.Cameras {
		wg.Go(func() {
			seconds[k] = -1
			if errs[k] = sleep(ctx, e.start(k)); errs[k] != nil {
				return
			}
			if errs[k] = fetch(ctx, k); errs[k] != nil {
				return
			}
			since := time.Since(begin)
			if e.Verify != nil {
				since += e.Verify(since - e.start(k))
			}
			seconds[k] = (since - e.joined(k)).Seconds()
			if n := done.Add(1); e.Progress != nil {
				e.Progress(name, int(n), since)
			}
		})
	}
	wg.Wait()
	for k, err := range errs {
		if err != nil {
			return seconds, fmt.Errorf("camera %d: %w", e.Cameras[k], err)
		}
	}
	return seconds, nil
}

// summary makes a baseline of what cameras took. why is the first reason for
// which one did not finish.
func summary(seconds []float64, note string, why error) report.Baseline {
	b := report.Baseline{Seconds: seconds, Note: note}
	var finished []float64
	for _, s := range seconds {
		if s < 0 {
			b.Unfinished++
		} else {
			finished = append(finished, s)
		}
	}
	b.Quantiles = report.QuantilesOf(finished)
	if b.Unfinished > 0 {
		b.Note += fmt.Sprintf(" %d did not finish (%s) and are not in the quantiles.", b.Unfinished, strings.ReplaceAll(fmt.Sprint(why), "\n", "; "))
	}
	return b
}

// sleep waits for d, or less if ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
