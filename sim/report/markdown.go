package report

import (
	"fmt"
	"io"
	"strings"

	"camswarm/sim/report/format"
)

// Markdown writes medians over the seeds with their intervals as a table to publish,
// with what it was measured under.
func (m *Merged) Markdown(w io.Writer) error {
	p := &printer{w: w}
	p.linef("%s", strings.ReplaceAll(m.Conditions(m), "\n", " "))
	if one := fmt.Sprintf("--seed %d", m.RandomSeeds[0]); m.Command != "" {
		p.linef("\n`%s`", strings.Replace(m.Command, one, "--seeds "+m.seedList(), 1))
	}
	cell := func(metric string) string {
		b, ok := m.Bands[metric]
		switch {
		case !ok:
			return ""
		case m.Runs == 1:
			return format.Digits(b.Median)
		}
		return fmt.Sprintf("%s [%s, %s]", format.Digits(b.Median), format.Digits(b.Low), format.Digits(b.High))
	}
	heading := "s"
	if b := m.Bands["completionSeconds.p95"]; m.Runs > 1 {
		heading = fmt.Sprintf("s, medians of %d seeds [intervals, %s]", m.Runs, format.Percent(b.Confidence))
	}
	p.linef("\n| %s | p50 | p95 | p50 over the swarm's | p95 over the swarm's |\n|---|---|---|---|---|", heading)
	row := func(name, prefix, key string) {
		p.linef("| %s | %s | %s | %s | %s |", name, cell(prefix+".p50"), cell(prefix+".p95"), cell("speedupAtP50."+key), cell("speedup."+key))
	}
	row("swarm, from the announcement", "completionSeconds", "")
	row("swarm, from the transaction's block", "sinceBlockSeconds", "")
	for _, key := range m.BaselineKeys() {
		row(BaselineLabel(key), "baselines."+key, key)
	}
	p.linef("| swarm over the bound of the seeds given | %s | %s | | |", cell("ratioToBound.p50"), cell("ratioToBound.p95"))
	p.linef("| swarm over that for 95 %% of the cameras | | %s | | |", cell("ratioToBound95"))
	p.linef("\nThe bounds are %s s for all cameras and %s s for 95 %% of them; duplicates %s; copies out of the seeds %s.",
		cell("fluidBoundSeconds"), cell("fluidBound95Seconds"), percents(m.Bands["duplicateRatio"]), cell("seedCopies"))
	return p.err
}

// seedList writes the seeds as camsim run --seeds takes them.
func (m *Merged) seedList() string {
	var words []string
	for _, s := range m.RandomSeeds {
		words = append(words, fmt.Sprint(s))
	}
	return strings.Join(words, ",")
}

func percents(b Band) string { return format.Percent(b.Median) }
