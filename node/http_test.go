package node_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/node"
	"camswarm/node/monitor"
)

// words are what is missing.
func words(missing []monitor.Missing) (out []string) {
	for _, m := range missing {
		out = append(out, m.What)
	}
	return out
}

// TestReadinessSaysWhatIsMissing follows a seed from its start to a chain that is dead,
// and a camera to a release that nobody has any more.
func TestReadinessSaysWhatIsMissing(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 9, 400_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		w.kill()
		seed := w.add(node.RoleSeed)
		w.until("a chain is missing", func() bool { return slices.Equal(words(seed.Readiness()), []string{"chain"}) })
		w.revive()
		w.until("the seed is ready", func() bool { return len(seed.Readiness()) == 0 })

		w.set(1)
		seed.Look()
		w.until("a release that nobody has is missing", func() bool { return slices.Equal(words(seed.Readiness()), []string{"release"}) })
		second := w.add(node.RoleSeed)
		w.until("the second asks the first", func() bool { return slices.Equal(words(second.Readiness()), []string{"release"}) })
		w.release(seed, r[0], 1)
		w.until("the seed is ready again", func() bool { return len(seed.Readiness()) == 0 })
		w.until("the second is ready", func() bool { return len(second.Readiness()) == 0 })
		if err := seed.stop(); err != nil {
			w.t.Fatal(err)
		}
		w.until("it has nobody", func() bool { return slices.Equal(words(second.Readiness()), []string{"peers"}) })
		w.kill()
		time.Sleep(9 * time.Minute)
		if got := words(second.Readiness()); !slices.Equal(got, []string{"peers"}) {
			w.t.Errorf("an outage of 9 minutes: %v", second.Readiness())
		}
		time.Sleep(2 * time.Minute)
		if got := words(second.Readiness()); !slices.Equal(got, []string{"peers", "chain"}) {
			w.t.Errorf("an outage of 11 minutes: %v", second.Readiness())
		}
	})
}

// TestSeedIsMonitored: a seed of a real deployment answers on its listener.
func TestSeedIsMonitored(t *testing.T) {
	s := startSwarm(t, 1, func(_ string, c *node.Config) {
		if c.Role == node.RoleSeed {
			c.HTTP.Listen = "127.0.0.1:0"
		}
	})
	s.release(s.build(1, 300_000), toAll)
	s.untilAllRun(1)
	s.until("the listener listens", func() bool { return s.Seed.Node.HTTPAddr() != nil })
	get := func(path string) (int, string) {
		resp, err := http.Get("http://" + s.Seed.Node.HTTPAddr().String() + path)
		s.must(err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		s.must(err)
		return resp.StatusCode, string(body)
	}
	s.until("the seed is ready", func() bool { status, _ := get("/readyz"); return status == http.StatusOK })
	if status, body := get("/healthz"); status != http.StatusOK || !json.Valid([]byte(body)) {
		t.Errorf("/healthz: %d %s", status, body)
	}
	_, metrics := get("/metrics")
	for _, name := range []string{
		"go_goroutines", "process_resident_memory_bytes", `camswarm_build_info{build="all",role="seed",version=`,
		"camswarm_disk_free_bytes", "camswarm_disk_used_bytes", "camswarm_ready 1", "camswarm_peers 1", "camswarm_exchange_block_bytes_total", "camswarm_chain_rev",
	} {
		if !strings.Contains(metrics, "\n"+name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
	if s.Cameras[0].Node.HTTPAddr() != nil {
		t.Error("a camera listens by itself")
	}
}

func TestHTTPListensOnLoopbackUnlessToldOtherwise(t *testing.T) {
	for _, tc := range []struct {
		listen string
		public bool
		says   string
	}{
		{"", false, ""}, {"127.0.0.1:9464", false, ""}, {"0.0.0.0:9464", true, ""},
		{"0.0.0.0:9464", false, "public = true"}, {":9464", false, "public = true"}, {"9464", true, "no address and port"},
	} {
		c := node.HTTPConfig{Listen: tc.listen, Public: tc.public}
		err := c.Validate()
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
