package node

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"camswarm/chainwatch"
	"camswarm/gc"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/node/metastore"
	"camswarm/swarm"
	"camswarm/swarm/p2p"
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

// Status returns what the node tells about itself. It asks nobody and waits for
// nobody: what the disk holds was measured a moment ago.
func (n *Node) Status() control.Status {
	life, disk, net := n.traffic.total(), n.keeper.usage(), n.network.Status()
	s := control.Status{
		PeerID: n.network.Host().ID().String(), DID: n.did, Role: string(n.cfg.Role), Version: Version(), Build: Build,
		ListenAddrs: net.Addrs, Reach: net.Reach, Relay: net.Relay, Peers: len(n.network.Host().Network().Peers()),
		Products: []control.ProductStatus{}, Alarms: []control.Alarm{}, Installs: life.Installs,
		Traffic: control.TrafficStatus{
			SentBytes: life.Sent, ReceivedBytes: life.Received, DuplicateBytes: life.Duplicate, WrongBytes: life.Wrong,
			FromSeeds: life.FromSeeds, FromPeers: life.Received - life.FromSeeds - life.FromOrigins, FromOrigins: life.FromOrigins,
			Tiers: life.tiers(),
		},
		Disk: control.DiskStatus{UsedBytes: disk.used, QuotaBytes: int64(n.cfg.Storage.QuotaBytes), FreeBytes: disk.free, ReserveBytes: disk.reserve},
	}
	s.Limits, s.Polite = n.polite.status()
	s.Memory = control.Memory{DeviceBytes: n.network.Limits().Device, Auto: n.cfg.Network.Memory == p2p.MemoryAuto}
	if began := n.started.Load(); began != nil {
		s.StartedAt, s.UptimeSeconds = began.UTC(), int64(time.Since(*began)/time.Second)
	}
	for _, f := range n.followers {
		ipns := n.ipns.statusOf(f)
		p := f.status(disk, ipns)
		if l := n.seeds.of(f.product()); l.Release > 0 {
			p.Seeds = &control.SeedListStatus{Release: l.Release, Addrs: append([]string{}, l.Addrs...)}
		}
		s.Products = append(s.Products, p)
		s.Alarms = append(append(s.Alarms, f.alarms()...), ipnsAlarms(f, ipns)...)
	}
	if n.network.Private() {
		s.Private = &control.PrivateStatus{Strangers: n.cfg.Network.Strangers}
		if list := n.network.Revocations(); list != nil {
			s.Private.Revocations, s.Private.Revoked = list.Number, len(list.Revoked)
		}
	}
	if n.rebuilt != nil {
		s.Alarms = append(s.Alarms, control.Alarm{Name: "store_rebuilt", Since: s.StartedAt, Message: fmt.Sprintf(
			"the metadata store was damaged and made anew; the old one is %s: %v. A disk that does this again is failing", filepath.Join(n.cfg.StateDir, "meta"+metastore.Damaged), n.rebuilt)})
	}
	if told := func(a control.Alarm) bool { return a.Name == "installer_unusable" }; disk.hook != nil && !slices.ContainsFunc(s.Alarms, told) {
		s.Alarms = append(s.Alarms, control.Alarm{Name: "installer_unusable", Message: disk.hook.Error()})
	}
	for _, a := range net.Awaited {
		s.Alarms = append(s.Alarms, control.Alarm{Name: "listen_waits", Since: a.Since, Message: fmt.Sprintf(
			"cannot listen on %s yet: %s; it is tried again, mend network.listen if this machine will never have the address", a.Addr, a.Error)})
	}
	for _, t := range n.exchange.OriginTroubles() {
		s.Alarms = append(s.Alarms, control.Alarm{Name: "origin_fails", Since: t.Since, Message: fmt.Sprintf(
			"%s does not deliver: %s; peers and other origins are asked, mend it or take it out of origin.urls", t.Origin, t.Error)})
	}
	if raised := n.raised.Load(); len(*raised) > 0 {
		s.Alarms = append(s.Alarms, control.Alarm{Name: "limit_raised", Message: fmt.Sprintf(
			"%s: write that or more, or 0", strings.Join(*raised, "; "))})
	}
	if least := n.keeper.growth; disk.free < least {
		s.Alarms = append(s.Alarms, control.Alarm{Name: "disk_low", Message: fmt.Sprintf(
			"%d bytes are free on the file system of %s, and the metadata store, which ends this process when the disk is full, may need %d; nothing is fetched until %d more bytes are free",
			disk.free, n.cfg.StateDir, least, least-disk.free)})
	}
	if disk.full {
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
				ID: id, Direction: c.Direction + "bound", Agent: c.Agent, Role: n.network.Role(c.Peer), Tier: string(c.Tier), Via: string(c.Via),
				LatencyMS: n.network.Host().Peerstore().LatencyEWMA(c.Peer).Milliseconds(),
				SentBytes: t.Sent, ReceivedBytes: t.Received, DuplicateBytes: t.Duplicate, WrongBytes: t.Wrong,
				Score: math.Round(10*n.network.Reputations().Score(c.Peer)) / 10,
			}
			byID[id] = p
			out = append(out, p)
		}
		p.Addrs = append(p.Addrs, c.Addr)
		if c.Via.Rank() < p2p.Via(p.Via).Rank() {
			p.Via = string(c.Via)
		}
	}
	list := make([]control.PeerStatus, 0, len(out))
	for _, p := range out {
		list = append(list, *p)
	}
	return list
}

// Releases lists the releases with bytes on disk, oldest first per product. It
// measures the disk.
func (n *Node) Releases() ([]control.HeldRelease, error) {
	n.keeper.measure(false)
	out := []control.HeldRelease{}
	for _, f := range n.followers {
		out = append(out, f.published.Load().held(f, n.keeper.usage())...)
	}
	return out, nil
}

// provided tells what became of a release that was handed over.
func provided(rec record) control.Provided {
	rel := rec.Release
	return control.Provided{
		Product: rel.Product, Sequence: rel.Sequence, Version: rel.Version, State: rec.State,
		ImageBytes: rel.ImageSize, ImageSHA256: hex.EncodeToString(rel.ImageSHA256[:]),
	}
}

// Collect removes what nothing needs, or with dryRun tells what it would remove.
func (n *Node) Collect(ctx context.Context, dryRun bool) (gc.Plan, error) {
	if dryRun {
		return n.keeper.collector.Plan(ctx, gc.Need{})
	}
	return n.keeper.collector.Collect(ctx, gc.Need{})
}

// SetLimits changes what may be changed while the node runs.
func (n *Node) SetLimits(change control.LimitsChange) (control.Limits, error) {
	return n.polite.change(context.Background(), change)
}

// Reconfigure takes over the limits, modes and hours of another configuration, and
// forgets what was kept of them. All else waits for the next start.
func (n *Node) Reconfigure(cfg Config) (control.Limits, error) {
	n.raiseLimits(&cfg)
	limits, err := n.polite.configure(context.Background(), &cfg)
	if err == nil {
		n.limitGateway(&cfg)
	}
	return limits, err
}

// Busy begins, renews or ends a lease of the line.
func (n *Node) Busy(b control.Busy) (control.PoliteStatus, error) { return n.polite.busy(b) }

// Events are what happens on the node.
func (n *Node) Events() *control.Events { return n.events }

// held lists the releases with bytes on disk.
func (s *snapshot) held(f *follower, disk *usage) []control.HeldRelease {
	out := []control.HeldRelease{}
	for _, rec := range s.records {
		if !rec.hasBytes() {
			continue
		}
		h := control.HeldRelease{
			Product: rec.Release.Product, Sequence: rec.Release.Sequence, Version: rec.Release.Version, State: rec.State,
			Bytes: disk.releases[f.dir(rec.Release)],
		}
		if path, slot := f.place(rec.Release); slot {
			h.Slot = path
		}
		out = append(out, h)
	}
	return out
}

func (f *follower) status(disk *usage, ipns *control.IPNSStatus) control.ProductStatus {
	now, v := f.published.Load(), f.rules.verifier
	s := control.ProductStatus{
		ID: f.product(), Name: v.Product.String(), Region: f.cfg.Region, Label: f.cfg.Label, Hardware: f.cfg.Hardware,
		Keys: v.Keys(), Chain: f.chainStatus(), Held: now.held(f, disk), IPNS: ipns,
	}
	if now.running.State != 0 {
		s.Installed = &control.InstalledStatus{
			Sequence: now.running.Release.Sequence, Version: now.running.Release.Version, Confirmed: now.running.confirmed(),
		}
	}
	s.Target = f.target(now)
	return s
}

// target is the release that the node moves to; nil: there is nothing to move to.
func (f *follower) target(now *snapshot) *control.TargetStatus {
	if now.view == nil {
		return nil
	}
	candidate, ok := now.view.Candidate(now.choice.Sequence)
	if !ok {
		return nil
	}
	rec, known := now.record(candidate.Sequence)
	if !known {
		rec.State = control.StateKnown
	}
	if f.rules.device.Seed && rec.State == control.StateVerified {
		return nil // a seed that holds its release has nothing to move to
	}
	t := &control.TargetStatus{
		Sequence: candidate.Sequence, Version: candidate.Version, State: rec.State, Reason: cmp.Or(now.reason, now.choice.Reason),
		Fetch: now.choice.Fetch, Install: now.choice.Install, LastError: rec.LastError,
	}
	if now.last.err != nil {
		t.LastError = now.last.err.Error()
	}
	if now.view.Witnessed && !now.choice.Install {
		if own, _, ok := f.watcher.current.Load().Accepted(); ok && own.Latest < t.Sequence {
			t.Reason = reasonWitnessed
			if at := f.watcher.confirmAt.Load(); at != nil {
				t.NextAt = at.UTC()
			}
		}
	}
	if at := now.choice.NextAt; at > 0 {
		t.NextAt = time.Unix(int64(min(at, 1<<40)), 0).UTC()
	}
	if now.last.reason != "" {
		t.NextAt = now.last.at.UTC()
	}
	if f.consent != nil && now.choice.Install && rec.State == control.StateVerified {
		s := f.consent.of(t.Sequence, f.trustedTime(now.view))
		t.Consent = &s
	}
	if signed := now.envelope(candidate.Release); signed != nil {
		if p, ok := f.exchange.Progress(signed.Manifest().Image.Root); ok {
			t.Progress = &control.Progress{
				Blocks: p.Blocks, TotalBlocks: p.BlocksTotal, Bytes: p.Bytes, TotalBytes: p.BytesTotal,
				BytesPerSecond: int64(p.Rate), Peers: p.Sources,
			}
		}
	}
	return t
}

func (f *follower) chainStatus() control.ChainStatus {
	view, ok := f.watcher.Current()
	w := f.watcher.Status()
	c := control.ChainStatus{Registry: f.rules.verifier.CurrentRegistry(), AgeSeconds: -1, Quorum: "ok", By: "quorum", Witnesses: f.witnessesStatus(), Doubted: int64(w.Doubted / time.Second), Endpoints: []control.EndpointStatus{}}
	if ok {
		c.Rev, c.Block, c.BlockTime = view.Rev, view.Block, blockTime(view.Time)
		c.Latest, c.MinSequence, c.Barrier, c.Paused = view.Latest, view.MinSequence, view.Barrier, view.Paused
		if view.Witnessed {
			c.By = "witnesses"
		}
	}
	if !w.Confirmed.IsZero() {
		c.AgeSeconds = int64(time.Since(w.Confirmed) / time.Second)
	}
	if w.Error != "" {
		c.Quorum = w.Error
	}
	for _, e := range f.watcher.Endpoints() {
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
func (f *follower) alarms() []control.Alarm {
	var out []control.Alarm
	view, ok := f.watcher.Current()
	if w := f.watcher.Status(); w.Error != "" {
		name := w.Attack
		if name == "" {
			name = "no_quorum"
		}
		out = append(out, control.Alarm{Name: name, Message: f.rules.verifier.Product.String() + ": " + w.Error, Since: w.Confirmed})
	}
	for _, e := range f.watcher.Endpoints() {
		if e.State == chainwatch.StateContradict {
			out = append(out, control.Alarm{Name: e.Attack, Message: fmt.Sprintf("chain endpoint %s (%s) contradicts the quorum: %s", e.URL, e.Operator, e.LastError)})
		}
	}
	if ok {
		if what := f.keysDisagree(&view); what != "" {
			out = append(out, control.Alarm{Name: verify.AttackKeyCompromise, Message: what})
		}
	}
	out = append(out, f.witnessAlarms()...)
	if m := f.watcher.moving.Load(); m != nil {
		out = append(out, control.Alarm{Name: "registry_move", Since: m.since, Message: fmt.Sprintf("%s: the manufacturer leaves registry %s for %s (move %d): %s",
			f.rules.verifier.Product, f.rules.verifier.CurrentRegistry(), m.to, m.number, m.why)})
	}
	now := f.published.Load()
	running := now.running.Release.Sequence
	if ok && running >= oldest(&view) {
		if _, offered := view.Candidate(running); !offered && running <= view.Latest {
			out = append(out, control.Alarm{Name: verify.AttackRevoked, Message: fmt.Sprintf(
				"%s: release %d runs here and is revoked, or its rollout here was taken back; it is replaced as soon as a newer one is rolled out", f.rules.verifier.Product, running)})
		}
	}
	if ok && running > view.Latest {
		out = append(out, control.Alarm{Name: verify.AttackFastForward, Message: fmt.Sprintf(
			"%s: this device's own record says that release %d runs, and the chain has only %d; nothing older is installed. If the chain is right, stop the node and move its metadata store away",
			f.rules.verifier.Product, running, view.Latest)})
	}
	for _, rec := range now.records {
		if rec.State == control.StateFailed && rec.Release.Sequence > running {
			out = append(out, control.Alarm{Name: "install_failed", Message: fmt.Sprintf("%s: release %d failed: %s", f.rules.verifier.Product, rec.Release.Sequence, rec.LastError), Since: rec.UpdatedAt})
		}
	}
	if errors.Is(now.last.err, install.ErrNotStarted) {
		out = append(out, control.Alarm{Name: "installer_unusable", Message: fmt.Sprintf("%s: %v; it is tried again", f.rules.verifier.Product, now.last.err)})
	}
	if t := f.slotTrouble.Load(); t != nil {
		out = append(out, control.Alarm{Name: "slot_unusable", Since: t.since, Message: fmt.Sprintf(
			"%s: %v; the image is kept in a file, mend what the hook prints at \"slot\"", f.rules.verifier.Product, t.err)})
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
