package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"camswarm/announce/beacon"
	"camswarm/announce/guard"
	"camswarm/chainwatch/registry/bindings"
	"camswarm/cmd/internal/cli"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

// A releaseDay is a fleet in three regions with a seed each, on a development chain,
// whose every camera tells how it is, and the operator at the command line.
type releaseDay struct {
	*localnet.Network
	t        *testing.T
	ctx      context.Context
	registry string // file
	operator string // key file

	mu       sync.Mutex
	bad      uint64              // release that comes up nowhere
	installs map[string][]uint64 // by camera
}

const dayPatience = 4 * time.Minute // a hang is a bug, slowness is none

func startReleaseDay(t *testing.T, cameras, canaries int) *releaseDay {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a whole deployment; left out with -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*dayPatience)
	d := &releaseDay{t: t, ctx: ctx, installs: map[string][]uint64{}}
	dir := t.TempDir()
	early := 0
	n, err := localnet.Start(ctx, localnet.Config{
		Dir: dir, Cameras: cameras, Regions: []verify.Region{"eu", "us", "asia"},
		Configure: func(member string, c *node.Config) {
			c.Beacons.Spread, c.Beacons.MinGroup = 0, 3
			if c.Role == node.RoleSeed {
				c.HTTP.Listen = "127.0.0.1:0"
				return
			}
			c.Beacons.Tell = true
			if early < canaries {
				c.Products[0].Label = "early"
				early++
			}
		},
		Options: func(m *localnet.Member) []node.Option {
			if m.Config.Role == node.RoleSeed {
				return nil
			}
			return []node.Option{node.WithInstaller(&install.FileInstaller{Dir: m.Slot, Check: func(_ context.Context, r verify.Release) (install.Outcome, error) {
				d.mu.Lock()
				defer d.mu.Unlock()
				d.installs[m.Name] = append(d.installs[m.Name], r.Sequence)
				if r.Sequence == d.bad {
					return install.Failed, nil
				}
				return install.Confirmed, nil
			}})}
		},
	})
	t.Cleanup(func() {
		cancel()
		if n != nil {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Network = n
	d.registry, d.operator = filepath.Join(dir, "registry.json"), filepath.Join(dir, "operator.key")
	file := registryFile{ChainID: n.Chain.ChainID(), Address: n.Registry.Address(), RPC: []string{n.Chain.URL()}}
	d.must(errors.Join(file.save(d.registry), n.Operator.Save(d.operator)))
	d.until("every seed listens", func() bool {
		return !slices.ContainsFunc(n.Seeds, func(m *localnet.Member) bool { return m.Node.HTTPAddr() == nil })
	})
	return d
}

func (d *releaseDay) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *releaseDay) until(what string, ok func() bool) {
	d.t.Helper()
	for end := time.Now().Add(dayPatience); ; time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(end) || d.ctx.Err() != nil {
			for _, m := range d.Members() {
				s := m.Node.Status()
				d.t.Logf("%s: %d peers, installed %+v, target %+v, alarms %+v", m.Name, s.Peers, s.Products[0].Installed, s.Products[0].Target, s.Alarms)
			}
			d.t.Fatalf("never came: %s", what)
		}
	}
}

// froms are the seeds as --from takes them: over HTTP, by their peer ids.
func (d *releaseDay) froms() (flags []string) {
	for _, m := range d.Seeds {
		flags = append(flags, "--from", fmt.Sprintf("http://%s#%s", m.Node.HTTPAddr(), m.Node.Host().ID()))
	}
	return flags
}

// camswarm runs a command line.
func (d *releaseDay) camswarm(args ...string) (code int, stdout string) {
	d.t.Helper()
	var out, errs bytes.Buffer
	code = cli.Run(d.ctx, newRootCommand(), args, strings.NewReader(""), &out, &errs)
	d.t.Logf("camswarm %s\n%s%s(%d)", strings.Join(args, " "), &out, &errs, code)
	return code, out.String()
}

// guard runs the guard over a release, and returns what it decided.
func (d *releaseDay) guard(sequence uint64, more ...string) (code int, lines []guardLine) {
	d.t.Helper()
	args := slices.Concat([]string{"guard", "--registry", d.registry, "--product", d.Product.String(), "--sequence", fmt.Sprint(sequence), "--json",
		"--bound", "50%", "--confidence", "80%", "--min-sample", "3", "--settled", "50%", "--hold", "1s", "--every", "1s", "--max-age", "10m", "--counting", "0"}, d.froms(), more)
	code, out := d.camswarm(args...)
	for line := range strings.Lines(out) {
		var l guardLine
		d.must(json.Unmarshal([]byte(line), &l))
		lines = append(lines, l)
	}
	return code, lines
}

func (d *releaseDay) fleet() beacon.Report {
	d.t.Helper()
	facts, err := gatherFleet(d.ctx, slices.DeleteFunc(d.froms(), func(s string) bool { return s == "--from" }))
	d.must(err)
	if len(facts.Products) != 1 {
		d.t.Fatalf("%+v", facts)
	}
	return facts.Products[0]
}

// publish publishes a release to canaries, and waits until every region is warm.
func (d *releaseDay) publish(sequence uint64, policy verify.Rollout) *localnet.Release {
	d.t.Helper()
	data := make([]byte, 100_000)
	_, _ = rand.NewChaCha8([32]byte{byte(sequence)}).Read(data)
	path := filepath.Join(d.t.TempDir(), fmt.Sprint(sequence))
	d.must(os.WriteFile(path, data, 0o600))
	r, err := d.Build(path, sequence, fmt.Sprintf("%d.0", sequence))
	d.must(err)
	d.must(d.Publish(d.ctx, r, policy))
	d.must(d.Announce(d.ctx, r))
	d.until(fmt.Sprintf("every region is warm with release %d", sequence), func() bool {
		return !slices.ContainsFunc(d.Seeds, func(m *localnet.Member) bool {
			held, err := m.Node.Releases()
			d.must(err)
			return !slices.ContainsFunc(held, func(h control.HeldRelease) bool {
				return h.Sequence == sequence && h.State >= control.StateVerified
			})
		})
	})
	return r
}

// running counts the cameras that run a release by their own word.
func (d *releaseDay) running(sequence uint64) (n int) {
	for _, m := range d.Cameras {
		if i := m.Node.Status().Products[0].Installed; i != nil && i.Confirmed && i.Sequence == sequence {
			n++
		}
	}
	return n
}

// tried are the cameras that ever installed a release.
func (d *releaseDay) tried(sequence uint64) (names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, list := range d.installs {
		if slices.Contains(list, sequence) {
			names = append(names, name)
		}
	}
	return names
}

// policies are those that the chain recorded for a release, oldest first, with the
// share of each, and its halts.
func (d *releaseDay) policies(sequence uint64) (out []string) {
	d.t.Helper()
	events, err := d.Registry.History(d.ctx, d.Product.ID(), 0)
	d.must(err)
	for _, e := range events {
		switch detail := e.Detail.(type) {
		case *bindings.FirmwareRegistryRolloutSet:
			if e.Sequence == sequence {
				out = append(out, fmt.Sprint(verify.RolloutMode(detail.Policy.Mode), " ", detail.Policy.EndBps))
			}
		case *bindings.FirmwareRegistryHaltedSet:
			if e.Sequence == sequence {
				out = append(out, fmt.Sprint("halted ", detail.Halted))
			}
		}
	}
	return out
}

// metric sums up a metric of the seeds, as Prometheus would read it.
func (d *releaseDay) metric(name string) (sum float64) {
	d.t.Helper()
	for _, m := range d.Seeds {
		resp, err := http.Get(fmt.Sprintf("http://%s/metrics", m.Node.HTTPAddr()))
		d.must(err)
		data, err := io.ReadAll(resp.Body)
		d.must(errors.Join(err, resp.Body.Close()))
		for line := range strings.Lines(string(data)) {
			if rest, ok := strings.CutPrefix(line, name); ok && (rest[0] == ' ' || rest[0] == '{') {
				var v float64
				_, err := fmt.Sscan(rest[strings.LastIndexByte(strings.TrimSpace(rest), ' ')+1:], &v)
				d.must(err)
				sum += v
			}
		}
	}
	return sum
}

// page is what a seed shows to people.
func (d *releaseDay) page(m *localnet.Member) string {
	d.t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://%s/", m.Node.HTTPAddr()))
	d.must(err)
	data, err := io.ReadAll(resp.Body)
	d.must(errors.Join(err, resp.Body.Close()))
	if resp.StatusCode != http.StatusOK {
		d.t.Fatalf("the page: %s", resp.Status)
	}
	return string(data)
}

// shoot has a browser look at the page, if CAMSWARM_SCREENSHOTS names a directory for
// what it sees (from the root, or from this package) and CAMSWARM_BROWSER a Chromium.
func (d *releaseDay) shoot(m *localnet.Member, name string) {
	d.t.Helper()
	dir, browser := os.Getenv("CAMSWARM_SCREENSHOTS"), os.Getenv("CAMSWARM_BROWSER")
	if dir == "" || browser == "" {
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, time.Minute)
	defer cancel()
	file := filepath.Join(dir, name+".png")
	out, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,1060", "--user-data-dir="+d.t.TempDir(),
		"--screenshot="+file, fmt.Sprintf("http://%s/", m.Node.HTTPAddr())).CombinedOutput()
	if err == nil {
		_, err = os.Stat(file) // a browser ends well without one
	}
	if err != nil {
		d.t.Fatalf("%v: %s", err, out)
	}
	if strings.Contains(string(out), "Content Security Policy") {
		d.t.Errorf("the browser holds the page's policy against it: %s", out)
	}
}

// Release day: three regions, whose seeds are warm before a camera installs; canaries go
// first; a release that comes up nowhere reaches nobody else, because the guard halts it;
// the next goes to 10, 50 and 100 % by the guard's plan. What the chain, the seeds and
// the cameras say of it agrees.
func TestReleaseDay(t *testing.T) {
	const cameras, canaries = 12, 3
	d := startReleaseDay(t, cameras, canaries)
	d.publish(1, verify.Rollout{Mode: verify.RolloutAll})
	d.until("all run release 1, and the seeds count it", func() bool {
		return d.running(1) == cameras && d.fleet().Of(1).States[beacon.StateConfirmed] == cameras
	})

	d.mu.Lock()
	d.bad = 2
	d.mu.Unlock()
	first := verify.Rollout{Mode: verify.RolloutCanary, Label: "early", Warm: true}
	d.publish(2, first)
	code, said := d.guard(2, "--key", d.operator)
	last := said[len(said)-1]
	if code != exitHalted || last.Action != guard.Halt || last.Transaction == "" || last.Failed != canaries || last.Tried != canaries {
		t.Fatalf("the guard ended with %d, saying %+v", code, last)
	}
	halted, err := d.Registry.Halted(d.ctx, d.Product.ID(), 2)
	d.must(err)
	if tried := d.tried(2); !halted || len(tried) != canaries {
		t.Errorf("halted: %v; %v installed release 2", halted, tried)
	}
	d.until("the page shows the halt", func() bool {
		page := d.page(d.Seed)
		return strings.Contains(page, "halted</span>") && strings.Contains(page, "1 of 1 failed")
	})
	d.shoot(d.Seed, "page-halted")
	d.until("all run release 1 again", func() bool { return d.running(1) == cameras })
	if _, said := d.guard(2, "--dry-run", "--once"); len(said) != 1 || said[0].Action != guard.Done || !strings.Contains(said[0].Reason, "halted") {
		t.Errorf("a guard that comes later: %+v", said)
	}

	d.publish(3, first)
	code, said = d.guard(3, "--key", d.operator, "--until-done")
	var steps []uint16
	for _, l := range said {
		if l.Action == guard.Widen {
			steps = append(steps, l.To)
		}
		if l.Action == guard.Halt {
			t.Errorf("halted: %+v", l)
		}
	}
	if code != 0 || !slices.Equal(steps, []uint16{1000, 5000, 10000}) {
		t.Fatalf("the guard ended with %d after the steps %v", code, steps)
	}
	d.until("all run release 3, and the seeds count it", func() bool {
		return d.running(3) == cameras && d.fleet().Of(3).States[beacon.StateConfirmed] == cameras
	})

	// The chain has what was done and nothing else; nobody ever ran what was halted.
	if got := d.policies(3); !slices.Equal(got, []string{"canary 0", "percent 1000", "percent 5000", "all 0"}) {
		t.Errorf("the chain recorded %q", got)
	}
	if got := d.policies(2); !slices.Equal(got, []string{"canary 0", "halted true"}) {
		t.Errorf("the chain recorded %q of release 2", got)
	}
	r := d.fleet()
	if c := r.Of(2); r.Cameras != cameras || c.Running != 0 || len(c.States) != 0 || r.Of(3).Running != cameras || r.Of(3).Failed() != 0 {
		t.Errorf("the seeds count %+v", r)
	}
	for _, row := range r.Rows {
		if row.Label == "early" {
			t.Errorf("one canary of a region can be told from the others: %+v", row)
		}
	}
	if n := d.metric("camswarm_beacon_cameras"); n != cameras {
		t.Errorf("the metrics count %v cameras", n)
	}
	for _, m := range d.Seeds {
		d.until("the page of "+m.Name+" shows that all run release 3", func() bool {
			page := d.page(m)
			return strings.Contains(page, fmt.Sprintf("%d run it", cameras/3)) && strings.Contains(page, "all cameras, warming")
		})
	}
	d.shoot(d.Seed, "page-done")
	if code, out := d.camswarm(append([]string{"fleet"}, d.froms()...)...); code != 0 || !strings.Contains(out, fmt.Sprintf("%d cameras tell 3 of 3 seeds", cameras)) {
		t.Errorf("camswarm fleet: %d, %s", code, out)
	}
}
