package reporttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"camswarm/sim/report"
)

// Made makes up a report with the shape of a real one: what tests and drawings
// are tried on. It does not depend on the machine.
func Made(scenario string, n int, seed uint64) *report.Report {
	rng := rand.New(rand.NewPCG(seed, 1))
	const image = 6_200_000
	r := &report.Report{
		Schema: report.Schema, Scenario: scenario, Nodes: n, Seeds: 1, Seed: seed, Links: "quic", Commit: "badd7e7d0f1c5a2b6d8e9f00112233445566778899",
		Command:    fmt.Sprintf("camsim run --scenario %s --nodes %d --seed %d", scenario, n, seed),
		ImageBytes: image, BlockBytes: 65536, FluidBoundSeconds: 2.36, FluidBound95Seconds: 2.25, MessagesPerBlock: 3.2,
		LinkModel: report.LinkModel{Classes: []report.LinkClass{{Name: "seed", Nodes: 1, Up: 100e6, Down: 1e9}, {Name: "home", Nodes: n, Up: 20e6, Down: 50e6, Loss: 0.001}},
			Latency: "uniform, 10 to 150 ms of round trip", Chain: "4 operators, 40 to 120 ms away", Notes: []string{"CPU of a camera is not modelled"}},
		CPUSeconds: 104 + rng.Float64(), WallSeconds: 98.2, VirtualSeconds: 63, PeakMemoryBytes: 2_040_000_000,
		Violations: []report.Violation{},
	}
	regions := []string{"lab"}
	if scenario == "global" {
		regions = []string{"africa", "asia-east", "europe", "india", "north-america", "south-america"}
		r.Seeds = len(regions)
	}
	for i := range r.Seeds {
		r.PerNode = append(r.PerNode, report.Node{Name: fmt.Sprintf("seed%d", i+1), Role: report.RoleSeed, Region: regions[i], Class: "seed", Sent: int64(7.9 * image / float64(r.Seeds)), LineSent: int64(8.2 * image / float64(r.Seeds)), Peers: 30})
	}
	times := map[string][]float64{}
	for i := range n {
		heard := 0.05 + 0.12*rng.ExpFloat64()
		done := 2.7 + 0.35*rng.NormFloat64()*0.5 + 0.4*rng.ExpFloat64()*0.5 + heard*0.3
		node := report.Node{Name: fmt.Sprintf("cam%03d", i+1), Role: report.RoleCamera, Region: regions[i%len(regions)], Class: "home", NAT: i%5 == 0,
			Announced: heard, FirstByte: heard + 0.2, Fetched: done - 0.02, Verified: done, Installed: done + 0.2,
			Sent: int64(float64(image) * (0.5 + rng.Float64())), Received: image, LineSent: 6e6, LineRecv: 6.6e6, Peers: 10 + i%5}
		for k := 1; k <= 10; k++ {
			f := float64(k) / 10
			node.Progress = append(node.Progress, heard+0.2+(done-0.02-heard-0.2)*math.Pow(f, 0.7))
		}
		lan, seedShare := 0.0, 0.06+0.03*rng.Float64()
		if scenario == "lan" {
			lan = 0.95
			seedShare = 0.02
			node.Site = "site1"
		}
		region := 0.0
		if scenario == "global" {
			region = 0.55 + 0.25*float64(i%len(regions))/6
		}
		node.ByTier = map[string]int64{"lan": int64(lan * image), "region": int64(region * image), "seed": int64(seedShare * image)}
		node.ByTier["other"] = max(0, image-node.ByTier["lan"]-node.ByTier["region"]-node.ByTier["seed"])
		if i%40 == 7 {
			node.Duplicate = 65536
			node.Received += 65536
			node.ByTier["other"] += 65536
		}
		r.PerNode = append(r.PerNode, node)
		s3 := 1.9 + 0.05*rng.ExpFloat64()
		times["s3"] = append(times["s3"], s3+heard)
		times["s3capped"] = append(times["s3capped"], float64(i+1)*image*8/1e9*1.2+1.4)
		times["cdn"] = append(times["cdn"], 1.2+0.3*rng.Float64()+heard)
		times["bitswapall"] = append(times["bitswapall"], 6.2+rng.NormFloat64()+heard)
		times["poll"] = append(times["poll"], 86400*rng.Float64()+s3)
	}
	if scenario == "lan" {
		r.Sites = []report.Site{{Name: "site1", Nodes: n, DownBytes: int64(1.31 * image), UpBytes: 500_000, Copies: 1.31}}
	}
	if scenario == "churn" {
		r.Faults = []report.Fault{{Kind: "leave", AtSeconds: 1.0, Nodes: n / 5, Note: "and come back after 20 s"}}
	}
	r.Baselines = map[string]report.Baseline{}
	for k, s := range times {
		r.Baselines[k] = report.Baseline{Seconds: s, Note: "made up: " + k}
	}
	r.Summarize()
	p95 := func(k string) float64 { return r.Baselines[k].P95 }
	t := &report.S3Terms{PushSeconds: p95("poll") - p95("s3"), RoundTripSeconds: 0.9, BandwidthSeconds: -11.2, Speedup: p95("s3") / r.CompletionSeconds.P95,
		SpeedupOverCapped: p95("s3capped") / r.CompletionSeconds.P95}
	t.TotalSeconds = p95("poll") - r.CompletionSeconds.P95
	t.PeersSeconds = t.TotalSeconds - t.PushSeconds - t.RoundTripSeconds - t.BandwidthSeconds
	r.S3Terms = t
	middle := *t
	middle.PushSeconds = r.Baselines["poll"].P50 - r.Baselines["s3"].P50
	middle.TotalSeconds = r.Baselines["poll"].P50 - r.CompletionSeconds.P50
	middle.PeersSeconds = middle.TotalSeconds - middle.PushSeconds - middle.RoundTripSeconds - middle.BandwidthSeconds
	middle.Speedup, middle.SpeedupOverCapped = r.Baselines["s3"].P50/r.CompletionSeconds.P50, r.Baselines["s3capped"].P50/r.CompletionSeconds.P50
	r.S3TermsP50 = &middle
	return r
}

// Broken is a run in which cameras did not finish and a promise was broken.
func Broken() *report.Report {
	r := Made("hostile", 20, 3)
	for i := range r.PerNode {
		if strings.HasSuffix(r.PerNode[i].Name, "7") {
			n := &r.PerNode[i]
			n.Fetched, n.Verified, n.Installed = -1, -1, -1
			n.Progress = slices.Clone(n.Progress[:4])
		}
	}
	r.PerNode = append(r.PerNode, report.Node{Name: "bad1", Role: "poisoner", Region: "lab", Class: "home", Announced: -1, FirstByte: -1, Fetched: -1, Verified: -1, Installed: -1})
	r.Violations = []report.Violation{{Invariant: "nothing unverified reaches an installer", Node: "cam003", Detail: "slot holds\x1b[31m sha256 00ff at 3.1 s"}}
	r.Summarize()
	return r
}

// Odd are reports that a figure must survive.
func Odd() []*report.Report {
	empty := &report.Report{Schema: report.Schema, Scenario: "empty"}
	instant := Made("instant", 3, 1)
	for i := range instant.PerNode {
		n := &instant.PerNode[i]
		n.Announced, n.FirstByte, n.Fetched, n.Verified, n.Installed = 0, 0, 0, 0, 0
		n.Progress = []float64{0, 0, 0}
	}
	instant.Summarize()
	ages := Made("ages", 3, 1)
	ages.PerNode[1].Verified = 1e10
	ages.PerNode[2].Announced = 1e-300
	ages.Summarize()
	same := Made("same", 4, 1)
	for i := range same.PerNode {
		same.PerNode[i].Verified = 3
		same.PerNode[i].Announced = 0.1
	}
	same.Summarize()
	hidden := Made("<script>alert(1)</script>", 2, 1)
	hidden.PerNode[1].Region = "</svg><script>&"
	hidden.PerNode[2].ByTier["<b>"] = 5
	hidden.Violations = []report.Violation{{Invariant: "<i>", Node: "\x1b[2J", Detail: "<img src=x onerror=alert(1)>"}}
	nobody := Made("nobody", 2, 1)
	for i := range nobody.PerNode {
		nobody.PerNode[i].Verified, nobody.PerNode[i].Announced = -1, -1
		nobody.PerNode[i].Progress = nil
	}
	nobody.Summarize()
	return []*report.Report{empty, instant, ages, same, hidden, nobody}
}
