package sim

import (
	"fmt"
	"math"
	"slices"
	"time"

	"camswarm/sim/links"
	"camswarm/sim/report"
)

// count closes the counters of the lines that began with the announcement, while
// the network still is.
func (r *run) count() {
	for _, m := range r.members {
		sent, recv := r.net.Traffic(m.actor.index)
		m.sentLine, m.recvLine = sent-m.sentLine, recv-m.recvLine
	}
	for n := range r.cast.topo.Sites {
		up, down := r.net.SiteTraffic(n + 1)
		r.sites = append(r.sites, report.Site{Name: fmt.Sprintf("site-%d", n+1), UpBytes: up - r.siteBase[n][0], DownBytes: down - r.siteBase[n][1]})
	}
}

// report sums up a run that has ended.
func (r *run) report() *report.Report {
	s, c := r.s, r.cast
	out := &report.Report{
		Schema: report.Schema, Scenario: s.Name, Nodes: s.Nodes, Seeds: len(c.seeds), Seed: s.Seed, Links: s.Links, Commit: r.o.Commit, Parameters: s.Parameters(),
		ImageBytes: s.ImageBytes, BlockBytes: s.BlockBytes, LinkModel: c.model, FluidBoundSeconds: c.bound(s.ImageBytes, 1), FluidBound95Seconds: c.bound(s.ImageBytes, 0.95),
		BytesByTier: map[string]int64{}, Baselines: map[string]report.Baseline{},
		Sites: r.sites, Stages: r.stages, Faults: r.faults, Violations: r.violations,
		VirtualSeconds: r.virtual.Seconds(), BlockLeadSeconds: r.lead.Seconds(),
	}
	if at := c.alike(r.mesh, s.ImageBytes); len(r.mesh) > 0 && len(c.topo.Sites) == 0 && !slices.Contains(at, math.Inf(1)) {
		out.AlikeSeconds = report.QuantilesOf(at)
	}
	if s.NAT.Share > 0 {
		out.NATBoundSeconds, out.NATBound95Seconds = c.natBound(s.ImageBytes, 1), c.natBound(s.ImageBytes, 0.95)
		out.MeshBoundSeconds, out.MeshBound95Seconds = c.meshBound(r.mesh, s.ImageBytes, 1), c.meshBound(r.mesh, s.ImageBytes, 0.95)
	}
	if l := r.chain.load(); l.refused > 0 {
		out.Faults = append(out.Faults, report.Fault{Kind: "endpoints full", AtSeconds: -s.WarmUp.Seconds(), Nodes: s.Chain.Operators,
			Note: fmt.Sprintf("%d calls answered, %d refused", l.answered, l.refused)})
	}
	r.reportBad(out)
	if u := r.uploads; u.Sent > 0 {
		videos := 0
		for _, a := range c.cameras {
			if a.line.Video > 0 {
				videos++
			}
		}
		out.Faults = append(out.Faults, report.Fault{Kind: "video uploads", Nodes: videos,
			Note: fmt.Sprintf("until the last camera was done %.2f %% of their packets were lost; the others left the line after %d ms (median), %d ms (p95)",
				100*float64(u.Lost)/float64(u.Sent), u.Median.Milliseconds(), u.P95.Milliseconds())})
	}
	messages, useful := 0.0, int64(0)
	for _, m := range r.members {
		n := r.nodeReport(m)
		out.PerNode = append(out.PerNode, n)
		messages += m.messages
		if m.actor.role == roleCamera {
			useful += n.Received - n.Duplicate - n.Wrong
			if n := m.actor.line.Site; n > 0 {
				out.Sites[n-1].Nodes++
			}
		}
	}
	for i := range out.Sites {
		out.Sites[i].Copies = float64(out.Sites[i].DownBytes) / float64(s.ImageBytes)
	}
	if useful > 0 {
		out.MessagesPerBlock = messages / (float64(useful) / float64(min(s.BlockBytes, s.ImageBytes)))
	}
	out.Summarize()
	r.judgeStages(out)
	if r.stopStage != nil {
		out.Stages = append(out.Stages, *r.stopStage)
	}
	return out
}

// nodeReport is what one node did.
func (r *run) nodeReport(m *member) report.Node {
	a := m.actor
	seconds := func(d time.Duration) float64 {
		if d < 0 {
			return -1
		}
		return d.Seconds()
	}
	n := report.Node{
		Name: a.name, Role: a.role, Region: a.region, Class: a.class, NAT: a.line.NAT != links.NoNAT, Peers: m.peers,
		Announced: seconds(m.line.announced), FirstByte: seconds(m.line.first), Fetched: seconds(m.line.fetched),
		Verified: seconds(m.line.verified), Installed: seconds(m.line.installed), LookAge: seconds(m.lookAge),
		Joined: a.late.Seconds(), Gone: a.leaves >= 0 && r.s.Churn.Back == 0,
		IdleSent: m.idleSent, IdleRecv: m.idleReceived, IdleShort: m.idleShort, IdlePeers: m.idlePeers,
		LineSent: m.sentLine, LineRecv: m.recvLine, ByTier: map[string]int64{},
	}
	if a.role == roleCamera {
		r.takeTime(&n, m.line)
	}
	if n.NAT {
		n.NATKind = a.line.NAT.String()
	}
	if a.line.Site > 0 {
		n.Site = fmt.Sprintf("site-%d", a.line.Site)
	}
	for _, p := range m.line.progress {
		n.Progress = append(n.Progress, p.Seconds())
	}
	for p, s := range m.traffic {
		n.Sent += s.Sent
		n.Received += s.Received
		n.Duplicate += s.Duplicate
		n.Wrong += s.Wrong
		if o := r.byPeer[string(p)]; o != nil && s.Received > 0 {
			n.ByTier[tier(a, o.actor)] += s.Received
		}
	}
	if o := m.origin; o.Received > 0 {
		n.Received += o.Received
		n.Duplicate += o.Duplicate
		n.Wrong += o.Wrong
		n.ByTier["origin"] = o.Received
	}
	return n
}

// takeTime adds what a camera's processor and flash take after the last block.
func (r *run) takeTime(n *report.Node, line timeline) {
	if line.verified < 0 {
		return
	}
	c := r.s.Camera.resolved()
	verify := c.verify(r.s.ImageBytes, max(0, line.verified-max(line.announced, 0)))
	n.Verified += verify.Seconds()
	if n.Installed >= 0 {
		n.Installed += (verify + c.install(r.s.ImageBytes)).Seconds()
	}
}

// tier is how near a sender is to a receiver.
func tier(to, from *actor) string {
	switch {
	case to.line.Site > 0 && to.line.Site == from.line.Site:
		return "lan"
	case from.role == roleSeed:
		return "seed"
	case to.region == from.region:
		return "region"
	}
	return "other"
}

// judgeStages counts the installs of each step of the rollout.
func (r *run) judgeStages(out *report.Report) {
	for k := range out.Stages {
		var took []float64
		from := out.Stages[k].AtSeconds
		until := -1.0
		if k+1 < len(out.Stages) {
			until = out.Stages[k+1].AtSeconds
		}
		done := 0
		for _, n := range out.PerNode[len(r.cast.seeds):][:len(r.cast.cameras)] {
			if n.Installed < 0 || until >= 0 && n.Installed >= until {
				continue
			}
			done++
			if n.Installed >= from {
				took = append(took, n.Installed-from)
			}
		}
		out.Stages[k].Completion = report.QuantilesOf(took)
		out.Stages[k].Unfinished = max(out.Stages[k].Eligible-done, 0)
	}
}
