package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/announce/beacon"
	"camswarm/announce/guard"
	"camswarm/verify"
)

// A counting seed says that so many canaries confirmed release 1, and that it failed on
// so many. asked, if not nil, runs before each answer.
func countingSeed(t *testing.T, works, fails int, asked func()) (from string) {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		if asked != nil {
			asked()
		}
		r := beacon.Report{Product: verify.Product{Vendor: "acme.example", Name: "cam-1"}.ID(), At: time.Now().UTC(), Since: time.Now().UTC().Add(-2 * beacon.RenewEvery), Cameras: works + fails, Rows: []beacon.Row{
			{Release: 1, Running: 1, State: beacon.StateConfirmed, Cameras: works}, {Release: 1, State: beacon.StateFailed, Cameras: fails}}}
		statement, err := beacon.Fleet{Reports: []beacon.Report{r}}.Sign(key)
		if err != nil {
			t.Error(err)
		}
		if err := json.NewEncoder(out).Encode(statement); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "#" + id.String()
}

// guarded is a registry with release 1 at canaries, and a file in which its chain is
// reached through an endpoint that counts one more transaction as under way if stuck,
// and on which before runs, once, when transactions are counted.
func guarded(t *testing.T, stuck bool, before func(w *tool)) (w *tool, through string) {
	t.Helper()
	w = newTool(t)
	must(t, w.publish(w.build("1", "1", "s1", "s2"), "manufacturer")...)
	must(t, w.ask("rollout", "set", "--sequence", "1", "--key", w.at("operator"), "--mode", "canary", "--label", "early")...)
	var once sync.Once
	return w, w.through(func(method string) {
		if method == "eth_getTransactionCount" && before != nil {
			once.Do(func() { before(w) })
		}
	}, stuck)
}

// through is a registry file in which the chain is reached through an endpoint, which
// calls before ahead of each call, and counts one more transaction as under way if stuck.
func (w *tool) through(before func(method string), stuck bool) (path string) {
	t := w.t
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		if err != nil {
			t.Error(err)
		}
		var call struct{ Method string }
		if err := json.Unmarshal(body, &call); err != nil {
			t.Error(err)
		}
		before(call.Method)
		resp, err := http.Post(w.url, "application/json", bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		if stuck && call.Method == "eth_getTransactionCount" && bytes.Contains(body, []byte(`"pending"`)) {
			var a struct {
				Version string          `json:"jsonrpc"`
				ID      json.RawMessage `json:"id"`
				Result  string          `json:"result"`
			}
			var n uint64
			if err := json.Unmarshal(answer, &a); err != nil {
				t.Error(err)
			}
			if _, err := fmt.Sscanf(a.Result, "0x%x", &n); err != nil {
				t.Error(err)
			}
			a.Result = fmt.Sprintf("0x%x", n+1)
			answer, _ = json.Marshal(a)
		}
		out.Header().Set("Content-Type", "application/json")
		_, _ = out.Write(answer)
	}))
	t.Cleanup(proxy.Close)
	data, err := readRegistryFile(w.registry)
	if err != nil {
		t.Fatal(err)
	}
	data.RPC = []string{proxy.URL}
	path = filepath.Join(t.TempDir(), "through.json")
	if err := data.save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// guardOnce has the guard look once, and returns what it said.
func guardOnce(t *testing.T, w *tool, registry string, from ...string) guardLine {
	t.Helper()
	args := []string{"guard", "--registry", registry, "--product", testProduct, "--sequence", "1", "--key", w.at("operator"), "--once", "--json", "--hold", "0s", "--settled", "0%"}
	for _, f := range from {
		args = append(args, "--from", f)
	}
	r := camswarm(t, args...)
	var l guardLine
	if err := json.Unmarshal([]byte(r.stdout), &l); err != nil {
		t.Fatalf("%v: %q, %q", err, r.stdout, r.stderr)
	}
	return l
}

func rolloutOf(t *testing.T, w *tool) rolloutFacts {
	t.Helper()
	return facts[struct{ Rollouts []rolloutFacts }](t, w.ask("rollout", "show")...).Rollouts[0]
}

func TestTheGuardDoesNotUndoAPause(t *testing.T) {
	pause := func(w *tool) {
		must(t, w.ask("rollout", "set", "--sequence", "1", "--key", w.at("operator"), "--mode", "paused")...)
	}
	t.Run("while seeds answer", func(t *testing.T) {
		w, through := guarded(t, false, nil)
		l := guardOnce(t, w, through, countingSeed(t, 200, 0, func() { pause(w) }))
		if r := rolloutOf(t, w); r.Mode != verify.RolloutPaused || l.Action != guard.Wait {
			t.Errorf("%+v: %+v", r, l)
		}
	})
	t.Run("before it sends", func(t *testing.T) {
		w, through := guarded(t, false, pause)
		l := guardOnce(t, w, through, countingSeed(t, 200, 0, nil))
		if r := rolloutOf(t, w); r.Mode != verify.RolloutPaused || l.Transaction != "" || !strings.Contains(l.Trouble, "nothing was sent") {
			t.Errorf("%+v: %+v", r, l)
		}
	})
	t.Run("never", func(t *testing.T) {
		w, through := guarded(t, false, nil)
		l := guardOnce(t, w, through, countingSeed(t, 200, 0, nil))
		if r := rolloutOf(t, w); r.Mode != verify.RolloutPercent || r.EndBps != 1000 || l.Transaction == "" {
			t.Errorf("%+v: %+v", r, l)
		}
	})
}

// A policy that another operator sets while the guard's step is under way is put back in
// force, and the guard ends; an answer of the chain that is lost ends no guard.
func TestTheGuardGivesBackWhatItsStepTookThePlaceOf(t *testing.T) {
	w := newTool(t)
	must(t, w.publish(w.build("1", "1", "s1", "s2"), "manufacturer")...)
	role := []string{"--account", w.at("stranger.pub"), "--operator-of", testProduct}
	must(t, w.admin("grant", role...)...)
	if err := w.chain.Advance(73 * time.Hour); err != nil {
		t.Fatal(err)
	}
	must(t, w.as("stranger", "grant", append(role, "--execute")...)...)
	set := []string{"rollout", "set", "--sequence", "1", "--mode"}
	for name, other := range map[string]struct {
		set  []string
		mode verify.RolloutMode
		ends bool
		lost string // the first answer to it after the step is
	}{
		"a pause":                             {append(set, "paused"), verify.RolloutPaused, true, ""},
		"that of one region":                  {append(set, "paused", "--region", "eu"), verify.RolloutPercent, false, ""},
		"what is no policy":                   {[]string{"rollout", "barrier", "--sequence", "1"}, verify.RolloutPercent, false, ""},
		"a pause, and the chain answers late": {append(set, "paused"), verify.RolloutPaused, true, "eth_call"},
		"that of another region, and the log answers late": {append(set, "paused", "--region", "us"), verify.RolloutPercent, false, "eth_getLogs"},
	} {
		t.Run(name, func(t *testing.T) {
			camswarm(t, w.ask(append(set, "canary", "--label", "early", "--key", w.at("operator"))...)...)
			var once, lose sync.Once
			var sent atomic.Bool
			through := w.through(func(method string) {
				if method == other.lost && sent.Load() {
					lose.Do(func() { panic(http.ErrAbortHandler) })
				}
				if method == "eth_sendRawTransaction" {
					defer sent.Store(true)
					once.Do(func() {
						if r := camswarm(t, w.ask(append(other.set, "--key", w.at("stranger"))...)...); r.code != 0 {
							t.Error(r)
						}
					})
				}
			}, false)
			r := camswarm(t, "guard", "--registry", through, "--product", testProduct, "--sequence", "1", "--key", w.at("operator"),
				"--from", countingSeed(t, 200, 0, nil), "--every", "1s", "--json", "--hold", "0s", "--settled", "0%", "--max-age", "100h", "--steps", "10%", "--until-done")
			if got := rolloutOf(t, w); got.Mode != other.mode || (r.code != 0) != other.ends || strings.Contains(r.stdout, "back in force") != other.ends {
				t.Errorf("%+v, exit code %d: %s%s", got, r.code, r.stdout, r.stderr)
			}
		})
	}
}

func TestTheGuardRefusesASourceThatIsNobodys(t *testing.T) {
	w := newTool(t)
	must(t, w.publish(w.build("1", "1", "s1", "s2"), "manufacturer")...)
	must(t, w.ask("rollout", "set", "--sequence", "1", "--key", w.at("operator"), "--mode", "all")...)
	ask := func(from string) []string {
		return w.ask("guard", "--sequence", "1", "--dry-run", "--once", "--from", from)
	}
	for _, from := range []string{w.at("nope"), "http://127.0.0.1:1", "http://127.0.0.1:1#nobody"} {
		refused(t, exitUsage, []string{"--from"}, ask(from)...)
	}
	seed := countingSeed(t, 200, 0, nil)
	_, id, _ := strings.Cut(seed, "#")
	if r := camswarm(t, ask("http://127.0.0.1:1#"+id)...); r.code != exitFailed || !strings.Contains(r.stderr, "none of the seeds") {
		t.Errorf("%+v", r)
	}
	must(t, ask(seed)...)
}

func TestAStuckTransactionHoldsUpNoHaltAndEveryStep(t *testing.T) {
	w, through := guarded(t, true, nil)
	if l := guardOnce(t, w, through, countingSeed(t, 200, 0, nil)); l.Action != guard.Widen || l.Transaction != "" || !strings.Contains(l.Trouble, "nothing was sent") || rolloutOf(t, w).Mode != verify.RolloutCanary {
		t.Errorf("it widened behind a stuck transaction: %+v", l)
	}
	if l := guardOnce(t, w, through, countingSeed(t, 100, 100, nil)); l.Action != guard.Halt || l.Transaction == "" || !rolloutOf(t, w).Halted {
		t.Errorf("the halt is behind a stuck transaction: %+v", l)
	}
}

// No seed answers before all are asked.
func TestTheGuardAsksAllSeedsAtOnce(t *testing.T) {
	w, through := guarded(t, false, nil)
	var all sync.WaitGroup
	var froms []string
	for range 3 {
		all.Add(1)
		var once sync.Once
		froms = append(froms, countingSeed(t, 10, 30, func() { once.Do(all.Done); all.Wait() }))
	}
	if l := guardOnce(t, w, through, froms...); l.Action != guard.Halt || l.Seeds != 3 || !rolloutOf(t, w).Halted {
		t.Errorf("%+v", l)
	}
}
