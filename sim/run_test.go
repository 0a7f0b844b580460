package sim

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"camswarm/sim/report"
)

// One processor, as camsim does: it is faster.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}

func TestFlashCrowdReachesEveryCamera(t *testing.T) {
	s, err := Load("flash-crowd")
	if err != nil {
		t.Fatal(err)
	}
	s.Nodes, s.Releases = 12, 2
	if testing.Short() {
		s.Nodes = 4
	}
	rep, err := Run(context.Background(), s, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Unfinished > 0 || len(rep.Violations) > 0 {
		t.Errorf("%d unfinished, %+v", rep.Unfinished, rep.Violations)
	}
	if q := rep.RatioToBound; q.P50 < 1 || q.Max > 5 {
		t.Errorf("a camera was faster than the lines allow, or far slower: %+v", q)
	}
	for _, n := range rep.PerNode {
		if n.Role != roleCamera {
			continue
		}
		if !(0 < n.Announced && n.Announced < n.FirstByte && n.FirstByte < n.Verified && n.Verified <= n.Installed) {
			t.Errorf("%s: announced, first block, verified, installed at %.3f, %.3f, %.3f, %.3f s", n.Name, n.Announced, n.FirstByte, n.Verified, n.Installed)
		}
		if n.Received < s.ImageBytes || n.LineRecv < n.Received {
			t.Errorf("%s received %d bytes of blocks, %d on its line", n.Name, n.Received, n.LineRecv)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := Default()
	s.Classes = []Class{{Name: "home", Share: 1, Up: 20, Down: 50}}
	s.Nodes, s.Links = 2, "fast"
	_, err := Run(ctx, &s, Options{Dir: t.TempDir(), Progress: func(Progress) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestInterruptedRunReturnsWhatThereIs ends a run while cameras fetch, and one
// among its baselines.
func TestInterruptedRunReturnsWhatThereIs(t *testing.T) {
	for phase, over := range map[string]func(Progress) bool{
		"fetching": func(p Progress) bool { return p.Fetching > 0 },
		"baseline": func(p Progress) bool { return p.Phase == report.BaselineLabel("s3") },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		s := Default()
		s.Classes = []Class{{Name: "home", Share: 1, Up: 5, Down: 5}}
		s.Nodes, s.Links, s.ImageBytes = 3, "fast", 4_000_000
		rep, err := Run(ctx, &s, Options{Dir: t.TempDir(), Baselines: []string{"seedonly", "s3"}, Progress: func(p Progress) {
			if over(p) {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) || rep == nil || !rep.Interrupted || !rep.Failed() {
			t.Errorf("%s: %v, %+v", phase, err, rep)
			continue
		}
		_, alone := rep.Baselines["seedonly"]
		if phase == "fetching" && (rep.Unfinished != 3 || rep.AnnounceSeconds.P50 <= 0) || phase == "baseline" && (rep.Unfinished > 0 || !alone) {
			t.Errorf("%s: %d unfinished, announced %+v, baselines %v", phase, rep.Unfinished, rep.AnnounceSeconds, rep.Baselines)
		}
	}
}

func TestBuiltInScenariosAreThoseOfTheDocument(t *testing.T) {
	want := "canary churn flash-crowd global hostile idle lan late-joiners nat origin partition seed-loss stop"
	var names []string
	for _, i := range Scenarios() {
		names = append(names, i.Name)
		if i.Doc == "" || !strings.HasPrefix(i.TOML, "# ") {
			t.Errorf("%s explains nothing", i.Name)
		}
		s, err := Load(i.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := assemble(s); err != nil {
			t.Errorf("%s: %v", i.Name, err)
		}
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("there are %s", got)
	}
}

func TestSettingsOverrideAScenario(t *testing.T) {
	s, err := Load("churn")
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"nodes": "7", "links": "fast", "warm_up": "90s", "churn.leave": "0.5", "up": "3.5"} {
		if err := s.Set(key, value); err != nil {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	if s.Nodes != 7 || s.Links != "fast" || s.WarmUp != 90*time.Second || s.Churn.Leave != 0.5 || s.Classes[0].Up != 3.5 {
		t.Errorf("%+v", s)
	}
	for key, value := range map[string]string{"node": "7", "nodes": "many", "churn": "1", "a b": "1", "up": "fast"} {
		before := *s
		if err := s.Set(key, value); !errors.Is(err, ErrScenario) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
		if s.Nodes != before.Nodes {
			t.Errorf("%s=%s was taken", key, value)
		}
	}
}

func TestBadScenariosAreRefusedWithAWord(t *testing.T) {
	for text, word := range map[string]string{
		"nodes = 0":                    "nodes",
		"links = \"tcp\"":              "quic",
		"block_bytes = 1000":           "power of two",
		"image_bytes = 0":              "image_bytes",
		"colour = 1":                   "unknown key",
		"[[class]]\nup = 0\ndown = 1":  "up and down",
		"[churn]\nleave = 2":           "churn",
		"[[rollout]]\nmode = \"none\"": "mode",
		"[latency]\nkind = \"world\"\nregions = [\"moon\"]": "moon",
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrScenario) || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, i := range Scenarios() {
		f.Add([]byte(i.TOML))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := Parse(data); err == nil && s.Validate() != nil {
			t.Error("parsed and not valid")
		}
	})
}
