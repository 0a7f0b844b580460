package sim

import (
	"context"
	"slices"
	"time"

	"camswarm/sim/baseline"
	"camswarm/sim/report"
)

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
	out.Baselines = found // of an interrupted run those that ended
	if err != nil {
		return err
	}
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
	camera := r.s.Camera.resolved()
	env.Verify = func(fetch time.Duration) time.Duration { return camera.verify(r.s.ImageBytes, fetch) }
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
