package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"camswarm/verify"
)

func TestRolloutPlan(t *testing.T) {
	w := newTool(t)
	for _, seq := range []string{"1", "2"} {
		must(t, w.publish(w.build(seq, seq, "s1", "s2"), "manufacturer")...)
	}
	operator := func(sub string, more ...string) []string {
		return append(w.ask("rollout", sub, "--key", w.at("operator")), more...)
	}
	must(t, operator("set", "--sequence", "1", "--mode", "all")...)
	must(t, operator("set", "--sequence", "2", "--mode", "canary", "--label", "early", "--region", "eu")...)

	var b strings.Builder
	b.WriteString("site,DID,region,label,installed\n")
	const each = 300
	for i := range 3 * each {
		label, installed := "", i%3 // factory image, 1, 2
		if i%10 == 0 {
			label = "early"
		}
		fmt.Fprintf(&b, "\"home, %d\",did:io:0x%040x,%s,%s,%d\n", i, i, []string{"", "eu", "us"}[i/each], label, installed)
	}
	fleet := writeFile(t, w.at("fleet.csv"), []byte(b.String()))
	plan := func(more ...string) planFacts {
		t.Helper()
		f := facts[planFacts](t, append(w.ask("rollout", "plan", "--sequence", "2", "--fleet", fleet), more...)...)
		for _, r := range f.Regions {
			never := 0
			for _, n := range r.Never {
				never += n
			}
			if r.Cameras != each || r.Current != each/3 || r.Current+r.Now+r.Later+never != each {
				t.Errorf("%v: the counts do not add up: %+v", more, r)
			}
		}
		return f
	}

	// As it is: canaries of eu alone; whoever runs the factory image may take 1.
	f := plan()
	eu := f.Regions[1]
	if len(f.Regions) != 3 || eu.Region != "eu" || eu.Now != 20 || eu.Later != 0 || eu.Detour != 0 || eu.First != f.Now || eu.Last != f.Now {
		t.Errorf("eu as it is: %+v", eu)
	}
	for _, r := range []regionPlan{f.Regions[0], f.Regions[2]} {
		if r.Now+r.Later != 0 || r.Never[verify.ReasonModePaused] != 200 || r.First != 0 {
			t.Errorf("%q as it is: %+v", r.Region, r)
		}
	}

	// A proposal for the default leaves eu alone, and says so.
	ramp := []string{"--mode", "percent", "--from", "10%", "--to", "60%", "--duration", "1000s", "--start", "+1h"}
	out := w.at("plan.csv")
	f = plan(append(ramp, "--out", out)...)
	if len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "region eu") || f.Regions[1].Now != 20 {
		t.Errorf("proposal for the default: %q, %+v", f.Warnings, f.Regions[1])
	}
	for _, r := range []regionPlan{f.Regions[0], f.Regions[2]} {
		start := r.Policy.Start
		if r.Now != 0 || r.Later < 90 || r.Later > 150 || r.Never[verify.ReasonOutside] != 200-r.Later {
			t.Errorf("%q on the ramp: %+v", r.Region, r)
		}
		if r.First != start || r.P10 < start || r.P50 <= r.P10 || r.P90 <= r.P50 || r.Last < r.P90 || r.Last > start+1000 {
			t.Errorf("%q on the ramp, starting at %d: %+v", r.Region, start, r)
		}
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	if err != nil || len(rows) != 1+3*each {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	eligible := 0
	for _, r := range rows[1:] {
		if r[2] != "" {
			eligible++
			if _, err := time.Parse(time.RFC3339, r[2]); err != nil || r[3] != verify.ReasonEligible {
				t.Fatalf("row %q", r)
			}
		}
	}
	if eligible != 20+f.Regions[0].Later+f.Regions[2].Later {
		t.Errorf("%d eligible rows", eligible)
	}
	refused(t, exitFailed, []string{"plan.csv exists"}, append(w.ask("rollout", "plan", "--sequence", "2", "--fleet", fleet), "--out", out)...)

	// A region's own policy stays its own, even where it equals the default's.
	must(t, operator("set", "--sequence", "2", "--mode", "all", "--region", "us")...)
	must(t, operator("set", "--sequence", "2", "--mode", "all")...)
	if f = plan("--mode", "paused"); f.Regions[2].Now != 200 || f.Regions[0].Now != 0 || len(f.Warnings) != 2 {
		t.Errorf("a pause of the default: %q, %+v", f.Warnings, f.Regions)
	}
	must(t, operator("set", "--sequence", "2", "--mode", "paused", "--region", "us")...)
	must(t, operator("set", "--sequence", "2", "--mode", "paused")...)

	// A proposal for one region, a barrier on the way, and a halt that overrides it.
	must(t, operator("barrier", "--sequence", "1")...)
	if f = plan("--mode", "all", "--region", "us"); f.Regions[2].Now != 200 || f.Regions[2].Detour != 100 || f.Regions[0].Now != 0 {
		t.Errorf("proposal for us: %+v", f.Regions)
	}
	must(t, operator("halt", "--sequence", "2")...)
	if f = plan("--mode", "all", "--region", "us"); f.Regions[2].Never[verify.ReasonHalted] != 200 || len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "HALTED") {
		t.Errorf("halted: %+v", f)
	}
	if text := must(t, w.ask("rollout", "plan", "--sequence", "2", "--fleet", fleet)...); !strings.Contains(text, "REGION") || !strings.Contains(text, "200 never: halted") {
		t.Errorf("prints\n%s", text)
	}
	// What the plan did not set is still not there.
	if f = plan(); f.Regions[2].Policy.Mode != verify.RolloutPaused {
		t.Errorf("a plan changed the chain: %+v", f.Regions[2])
	}

	refused(t, exitUsage, []string{"--mode"}, append(w.ask("rollout", "plan", "--sequence", "2", "--fleet", fleet), "--from", "3%")...)
	refused(t, exitFailed, []string{"no release 3"}, w.ask("rollout", "plan", "--sequence", "3", "--fleet", fleet)...)
}

func TestFleetFile(t *testing.T) {
	for name, c := range map[string]struct{ text, err string }{
		"empty":         {"", "did,region,label,installed"},
		"no header":     {"did:io:0x01,eu\n", "no column is named did"},
		"twice":         {"did,did\n", "two columns"},
		"nobody":        {"did,region\n", "no camera"},
		"bad did":       {"did\nabc\n", "line 2: DID"},
		"bad region":    {"did,region\ndid:io:0x0000000000000000000000000000000000000001,EU\n", "line 2: region"},
		"bad sequence":  {"did,installed\ndid:io:0x0000000000000000000000000000000000000001,1.0\n", "line 2: installed"},
		"listed twice":  {"did\n\"did:io:0x00000000000000000000000000000000000000ab\"\ndid:io:0x00000000000000000000000000000000000000AB\n", "line 3: did:io:0x00000000000000000000000000000000000000ab stands in line 2"},
		"missing field": {"did,region\ndid:io:0x0000000000000000000000000000000000000001\n", "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseFleet(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v, want %q", err, c.err)
			}
		})
	}
	got, err := parseFleet(strings.NewReader("\ufeffInstalled, DID \r\n 7 ,did:io:0x00000000000000000000000000000000000000AB\r\n"))
	if err != nil || len(got) != 1 || got[0].Installed != 7 || got[0].DID != "did:io:0x00000000000000000000000000000000000000ab" {
		t.Errorf("%+v, %v", got, err)
	}
}
