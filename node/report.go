package node

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"camswarm/chainwatch"
	"camswarm/gc"
	"camswarm/node/control"
	"camswarm/node/metastore"
	"camswarm/swarm"
	"camswarm/verify"
)

// Version is the version of the module that this program was built from.
var Version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && version == "(devel)" {
			version += " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return version
})

// Traffic returns the exchange's counters of this run, per peer.
func (n *Node) Traffic() swarm.Stats { return n.exchange.Stats() }

// Status returns what the node tells about itself. It asks nobody.
func (n *Node) Status() control.Status {
	life := n.traffic.total()
	s := control.Status{
		PeerID: n.network.Host().ID().String(), DID: n.did, Role: string(n.cfg.Role), Version: Version(),
		ListenAddrs: n.network.Status().Addrs, Peers: len(n.network.Host().Network().Peers()),
		Products: []control.ProductStatus{}, Alarms: []control.Alarm{}, Limits: n.limitsNow(),
		Traffic: control.TrafficStatus{
			SentBytes: life.Sent, ReceivedBytes: life.Received, DuplicateBytes: life.Duplicate, WrongBytes: life.Wrong,
			FromSeeds: life.FromSeeds, FromPeers: life.Received - life.FromSeeds,
		},
	}
	if began := n.startedAt(); !began.IsZero() {
		s.StartedAt, s.UptimeSeconds = began.UTC(), int64(time.Since(began)/time.Second)
	}
	for _, l := range n.lines {
		s.Products = append(s.Products, l.status())
		s.Alarms = append(append(s.Alarms, l.alarms()...), n.ipns.alarmsOf(l)...)
	}
	if n.rebuilt != nil {
		s.Alarms = append(s.Alarms, control.Alarm{Name: "store_rebuilt", Since: s.StartedAt, Message: fmt.Sprintf(
			"the metadata store was damaged and made anew; the old one is %s: %v. A disk that does this again is failing", filepath.Join(n.cfg.StateDir, "meta"+metastore.Damaged), n.rebuilt)})
	}
	s.Disk = control.DiskStatus{QuotaBytes: n.cfg.Storage.QuotaBytes}
	for _, p := range s.Products {
		for _, h := range p.Held {
			s.Disk.UsedBytes += h.Bytes
		}
	}
	s.Disk.FreeBytes, _ = gc.Free(n.cfg.StateDir)
	s.Disk.ReserveBytes, _ = n.reserve.Held()
	if s.Disk.ReserveBytes < n.cfg.Storage.ReserveBytes && !s.StartedAt.IsZero() {
		s.Alarms = append(s.Alarms, control.Alarm{Name: "disk_full", Message: fmt.Sprintf(
			"the disk reserve of %d bytes is given up; free space on the file system of %s", n.cfg.Storage.ReserveBytes, n.cfg.StateDir)})
	}
	return s
}

// Peers lists the connected peers, nearest first.
func (n *Node) Peers() []control.PeerStatus {
	stats := n.exchange.Stats().Peers
	byID := map[string]*control.PeerStatus{}
	out := []*control.PeerStatus{}
	for _, c := range n.network.Status().Connections {
		id := c.Peer.String()
		p := byID[id]
		if p == nil {
			t := stats[c.Peer]
			p = &control.PeerStatus{
				ID: id, Direction: c.Direction + "bound", Agent: c.Agent, Role: n.network.Role(c.Peer), Tier: string(c.Tier),
				LatencyMS: n.network.Host().Peerstore().LatencyEWMA(c.Peer).Milliseconds(),
				SentBytes: t.Sent, ReceivedBytes: t.Received, DuplicateBytes: t.Duplicate, WrongBytes: t.Wrong,
				Score: math.Round(10*n.network.Reputations().Score(c.Peer)) / 10,
			}
			byID[id] = p
			out = append(out, p)
		}
		p.Addrs = append(p.Addrs, c.Addr)
	}
	list := make([]control.PeerStatus, 0, len(out))
	for _, p := range out {
		list = append(list, *p)
	}
	return list
}

// Releases lists the releases with bytes on disk, oldest first per product.
func (n *Node) Releases() ([]control.HeldRelease, error) {
	out := []control.HeldRelease{}
	for _, l := range n.lines {
		held, err := l.held()
		if err != nil {
			return nil, err
		}
		out = append(out, held...)
	}
	return out, nil
}

// provided tells what became of a release that was handed over.
func provided(rec Record) control.Provided {
	rel := rec.Release
	return control.Provided{
		Product: rel.Product, Sequence: rel.Sequence, Version: rel.Version, State: rec.State,
		ImageBytes: rel.ImageSize, ImageSHA256: hex.EncodeToString(rel.ImageSHA256[:]),
	}
}

// Collect removes what nothing needs, or with dryRun tells what it would remove.
func (n *Node) Collect(ctx context.Context, dryRun bool) (gc.Plan, error) {
	if dryRun {
		return n.collector.Plan(ctx, gc.Need{})
	}
	return n.collector.Collect(ctx, gc.Need{})
}

// SetLimits changes what may be changed while the node runs, until it stops.
func (n *Node) SetLimits(change control.LimitsChange) (control.Limits, error) {
	n.limitsMu.Lock()
	defer n.limitsMu.Unlock()
	next := n.limits
	if change.UpBytesPerSecond != nil {
		next.UpBytesPerSecond = *change.UpBytesPerSecond
	}
	if change.DownBytesPerSecond != nil {
		next.DownBytesPerSecond = *change.DownBytesPerSecond
	}
	if change.Mode != nil {
		next.Mode = *change.Mode
	}
	if err := n.exchange.SetLimits(next.UpBytesPerSecond, next.DownBytesPerSecond); err != nil {
		return n.limits, err
	}
	if err := n.exchange.SetMode(next.Mode); err != nil {
		return n.limits, err
	}
	n.limits = next
	return next, nil
}

func (n *Node) limitsNow() control.Limits {
	n.limitsMu.Lock()
	defer n.limitsMu.Unlock()
	return n.limits
}

// held lists the line's releases with bytes on disk.
func (l *line) held() ([]control.HeldRelease, error) {
	out := []control.HeldRelease{}
	for _, rec := range l.catalog.All() {
		if !rec.hasBytes() {
			continue
		}
		bytes, err := gc.Usage(l.node.releaseDir(rec.Release))
		if err != nil {
			return nil, err
		}
		out = append(out, control.HeldRelease{
			Product: rec.Release.Product, Sequence: rec.Release.Sequence, Version: rec.Release.Version, State: rec.State, Bytes: bytes,
		})
	}
	return out, nil
}

func (l *line) status() control.ProductStatus {
	s := control.ProductStatus{
		ID: l.verifier.Product.ID(), Name: l.verifier.Product.String(), Region: l.cfg.Region, Label: l.cfg.Label, Hardware: l.cfg.Hardware,
		Keys: l.verifier.Keys(), Chain: l.chainStatus(),
	}
	s.Held, _ = l.held()
	s.IPNS = l.node.ipns.statusOf(l)
	if running, _ := l.catalog.Installed(); running != nil {
		s.Installed = &control.InstalledStatus{
			Sequence: running.Release.Sequence, Version: running.Release.Version, Confirmed: running.State == control.StateConfirmed,
		}
	}
	l.mu.Lock()
	choice, view := l.choice, l.view
	r := l.retries[choice.Sequence]
	l.mu.Unlock()
	candidate, ok := view.Candidate(choice.Sequence)
	if !ok {
		return s
	}
	rec, known := l.catalog.Get(choice.Sequence)
	if !known {
		rec.State = control.StateKnown
	}
	t := &control.TargetStatus{
		Sequence: choice.Sequence, Version: candidate.Version, State: rec.State, Reason: choice.Reason,
		Fetch: choice.Fetch, Install: choice.Install, LastError: rec.LastError,
	}
	if r.err != nil {
		t.LastError = r.err.Error()
	}
	if choice.NextAt > 0 {
		t.NextAt = time.Unix(int64(min(choice.NextAt, 1<<40)), 0).UTC()
	}
	if signed := l.manifest(candidate.Release); signed != nil {
		if p, ok := l.node.exchange.Progress(signed.Manifest().Image.Root); ok {
			t.Progress = &control.Progress{
				Blocks: p.Blocks, TotalBlocks: p.BlocksTotal, Bytes: p.Bytes, TotalBytes: p.BytesTotal,
				BytesPerSecond: int64(p.Rate), Peers: p.Sources,
			}
		}
	}
	if l.node.cfg.Role == RoleSeed && rec.State == control.StateVerified {
		return s // a seed that holds its release has nothing to move to
	}
	s.Target = t
	return s
}

func (l *line) chainStatus() control.ChainStatus {
	view, ok := l.watcher.Current()
	w := l.watcher.Status()
	c := control.ChainStatus{Registry: l.verifier.Registry, AgeSeconds: -1, Quorum: "ok", Endpoints: []control.EndpointStatus{}}
	if ok {
		c.Rev, c.Block, c.BlockTime = view.Rev, view.Block, blockTime(view.Time)
		c.Latest, c.MinSequence, c.Barrier, c.Paused = view.Latest, view.MinSequence, view.Barrier, view.Paused
		c.AgeSeconds = int64(time.Since(w.Confirmed) / time.Second)
	}
	if w.Error != "" {
		c.Quorum = w.Error
	}
	for _, e := range l.watcher.Endpoints() {
		s := control.EndpointStatus{
			URL: e.URL, Operator: e.Operator, State: string(e.State), LastOK: e.LastOK, LastError: e.LastError, Attack: e.Attack,
			Rev: e.Rev, Block: e.Block, LatencyMS: e.Latency.Milliseconds(), Warning: e.Warning, RetryAt: e.RetryAt,
		}
		s.BlockTime = blockTime(e.Time)
		c.Endpoints = append(c.Endpoints, s)
	}
	return c
}

// blockTime returns a chain's time, zero if there is none or it is beyond the
// year 9999, which a lying endpoint may say and JSON cannot.
func blockTime(seconds uint64) time.Time {
	if seconds == 0 || seconds >= 253402300800 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// alarms are what a person should look at.
func (l *line) alarms() []control.Alarm {
	var out []control.Alarm
	view, ok := l.watcher.Current()
	if w := l.watcher.Status(); w.Error != "" {
		name := w.Attack
		if name == "" {
			name = "no_quorum"
		}
		out = append(out, control.Alarm{Name: name, Message: l.verifier.Product.String() + ": " + w.Error, Since: w.Confirmed})
	}
	for _, e := range l.watcher.Endpoints() {
		if e.State == chainwatch.StateContradict {
			out = append(out, control.Alarm{Name: e.Attack, Message: fmt.Sprintf("chain endpoint %s (%s) contradicts the quorum: %s", e.URL, e.Operator, e.LastError)})
		}
	}
	if ok {
		if what := l.keysDisagree(&view); what != "" {
			out = append(out, control.Alarm{Name: verify.AttackKeyCompromise, Message: what})
		}
	}
	if running, _ := l.catalog.Installed(); ok && running != nil && running.Release.Sequence >= oldest(&view) {
		if _, offered := view.Candidate(running.Release.Sequence); !offered {
			out = append(out, control.Alarm{Name: verify.AttackRevoked, Message: fmt.Sprintf(
				"%s: release %d runs here and is revoked; it is replaced as soon as a newer one is rolled out", l.verifier.Product, running.Release.Sequence)})
		}
	}
	if running, _ := l.catalog.Installed(); ok && running != nil && running.Release.Sequence > view.Latest {
		out = append(out, control.Alarm{Name: verify.AttackFastForward, Message: fmt.Sprintf(
			"%s: this device's own record says that release %d runs, and the chain has only %d; nothing older is installed. If the chain is right, stop the node and move its metadata store away",
			l.verifier.Product, running.Release.Sequence, view.Latest)})
	}
	for _, rec := range l.catalog.All() {
		if rec.State == control.StateFailed {
			out = append(out, control.Alarm{Name: "install_failed", Message: fmt.Sprintf("%s: release %d failed: %s", l.verifier.Product, rec.Release.Sequence, rec.LastError), Since: rec.UpdatedAt})
		}
	}
	return out
}

// oldest is the smallest sequence that the view speaks of; what is older has
// merely left its window.
func oldest(view *verify.View) uint64 {
	least := view.Latest + 1
	for _, c := range view.Candidates {
		if c.Sequence != view.Barrier || len(view.Candidates) == 1 {
			least = min(least, c.Sequence)
		}
	}
	return least
}
