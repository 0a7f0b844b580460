package sim

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"camswarm/chainwatch"
	"camswarm/sim/baseline"
	"camswarm/sim/report"
	"camswarm/verify"
)

// decodeState decodes a recorded answer of the contract.
func decodeState(h *history, result string, region verify.Region) (verify.View, error) {
	data, err := hex.DecodeString(strings.TrimPrefix(result, "0x"))
	if err != nil {
		return verify.View{}, err
	}
	return chainwatch.DecodeView(data, h.registry, h.product, region)
}

// finish checks the promises that can be checked while everybody still runs.
func (r *run) finish() {
	latest := strconv.FormatUint(r.target, 10)
	for _, m := range r.cameraMembers() {
		if m.node == nil {
			continue
		}
		m.mu.Lock()
		installed := m.line.installed >= 0
		m.mu.Unlock()
		for _, dir := range m.held() {
			if base := path.Base(dir); installed && base != latest {
				r.violate("only the latest release is kept", m.actor.name, "release "+base+" is still on disk")
			}
		}
		for p, s := range m.node.Traffic().Peers {
			if o := r.byPeer[string(p)]; s.Wrong > 0 && o != nil && o.actor.honest() {
				r.violate("honest peers are not accused", m.actor.name, fmt.Sprintf("%d wrong bytes counted against %s", s.Wrong, o.actor.name))
			}
		}
	}
	for i := range r.members {
		m := r.members[i]
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
		Schema: report.Schema, Scenario: s.Name, Nodes: s.Nodes, Seeds: len(c.seeds), Seed: s.Seed, Links: s.Links, Commit: r.o.Commit,
		ImageBytes: s.ImageBytes, BlockBytes: s.BlockBytes, LinkModel: c.model, FluidBoundSeconds: c.bound(s.ImageBytes),
		BytesByTier: map[string]int64{}, Baselines: map[string]report.Baseline{},
		Sites: r.sites, Stages: r.stages, Faults: r.faults, Violations: r.violations,
		VirtualSeconds: r.virtual.Seconds(),
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
		Name: a.name, Role: a.role, Region: a.region, Class: a.class, NAT: a.line.NAT, Peers: m.peers,
		Announced: seconds(m.line.announced), FirstByte: seconds(m.line.first), Fetched: seconds(m.line.fetched),
		Verified: seconds(m.line.verified), Installed: seconds(m.line.installed),
		Joined: a.late.Seconds(), Gone: a.leaves >= 0 && r.s.Churn.Back == 0,
		LineSent: m.sentLine, LineRecv: m.recvLine, ByTier: map[string]int64{},
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
	return n
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

// baselines runs what the options ask for over the same lines, each camera from
// the moment at which it had heard of the release and looked at the chain.
func (r *run) baselines(ctx context.Context, out *report.Report) error {
	names := r.o.Baselines
	if len(names) == 0 {
		return nil
	}
	// What the four terms of the comparison with S3 need costs nothing more.
	if slices.Contains(names, baseline.S3) {
		for _, n := range []string{baseline.Poll, baseline.SeedOnly} {
			if !slices.Contains(names, n) {
				names = append(names[:len(names):len(names)], n)
			}
		}
	}
	env := r.baselineEnv(out)
	found, err := baseline.Run(ctx, names, baseline.DefaultConfig(), env)
	if err != nil {
		return err
	}
	out.Baselines = found
	s3, ok := found[baseline.S3]
	if !ok {
		return nil
	}
	poll := found[baseline.Poll]
	var capped *report.Baseline
	if b, ok := found[baseline.S3Capped]; ok {
		capped = &b
	}
	out.S3Terms = baseline.Terms(baseline.P95, out.CompletionSeconds, env.Fluid(baseline.P95), &poll, &s3, capped)
	out.S3TermsP50 = baseline.Terms(baseline.P50, out.CompletionSeconds, env.Fluid(baseline.P50), &poll, &s3, capped)
	return nil
}

func (r *run) baselineEnv(out *report.Report) baseline.Env {
	c := r.cast
	env := baseline.Env{
		Topology: &c.topo, Regions: c.regions, Neighbours: r.mesh,
		Image: r.script.images[len(r.script.images)-1], BlockBytes: int(r.s.BlockBytes),
		Seed: r.s.Seed, Limit: r.s.Limit, Open: opener(r.s.Links),
		Region:     func(node int) string { return c.actors[node].region },
		DataCentre: func(node int, region string) time.Duration { return c.toDataCentre(node, region) },
		Edge:       func(node int) time.Duration { return c.edge(node) },
		Backbone:   func(a, b string) time.Duration { return c.backbone(a, b) },
		Start: func(k int) time.Duration {
			a := c.cameras[k]
			if at := out.PerNode[a.index].Announced; at >= 0 {
				return time.Duration(at * float64(time.Second))
			}
			return a.late
		},
	}
	env.Joined = func(k int) time.Duration { return c.cameras[k].late }
	for _, a := range c.cameras {
		env.Cameras = append(env.Cameras, a.index)
	}
	for _, a := range c.seeds {
		env.Seeds = append(env.Seeds, a.index)
	}
	if r.o.Progress != nil {
		env.Progress = func(name string, done int, since time.Duration) {
			r.o.Progress(Progress{Phase: report.BaselineLabel(name), Virtual: since, Nodes: len(c.cameras), Done: done})
		}
	}
	return env
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resetPeak starts a new peak of the resident set, where the kernel lets it
// (proc(5), clear_refs 5); elsewhere the peak is that of the process.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMemory is the largest resident set in bytes, 0 if it is not known.
func peakMemory() int64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err == nil {
				return kb << 10
			}
		}
	}
	return 0
}
