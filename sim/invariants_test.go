package sim

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"

	"camswarm/node/install"
	"camswarm/verify"
)

// A fault breaks one promise of a small run that keeps all of them otherwise.
type fault struct {
	breaks   string // the invariant that must name it
	says     string // and a word of the detail
	scenario func(*Scenario)
	tamper   func(*testing.T, *run)
	phase    map[string]func(*testing.T, *run) // done once in a phase of the run
}

// Each promise is broken once, by a node, a peer or an operator as it should not be,
// and the run fails by the promise's name.
func TestEveryInvariantNoticesItsFault(t *testing.T) {
	if testing.Short() {
		t.Skip("whole runs")
	}
	first := func(r *run) *member { return r.cameraMembers()[0] }
	installer := func(f func(m *member) install.Installer) func(*testing.T, *run) {
		return func(_ *testing.T, r *run) { first(r).installer = f(first(r)) }
	}
	faults := map[string]fault{
		"nobody checked the image": {breaks: onlyVerified, tamper: installer(func(m *member) install.Installer {
			return installing{m, func(ctx context.Context, _ *verify.Image) error { return m.Install(ctx, new(verify.Image)) }}
		})},
		"nobody published the image": {breaks: onlyPublished, tamper: func(_ *testing.T, r *run) {
			r.script.releases[0].Record.ImageSHA256[0]++ // the chain's answers are recorded and stay
		}},
		"one operator is enough for a node": {breaks: lastLook, says: "no quorum", tamper: func(_ *testing.T, r *run) {
			first(r).trusts = 1
		}},
		"an install waits for too long": {breaks: lastLook, says: "no quorum", tamper: installer(func(m *member) install.Installer {
			return installing{m, func(ctx context.Context, img *verify.Image) error {
				time.Sleep(lookAge + time.Second)
				return m.Install(ctx, img)
			}}
		}), scenario: func(s *Scenario) { s.Limit = 5 * time.Minute }},
		"a quorum has it paused": {breaks: lastLook, says: "does not have it installed", scenario: func(s *Scenario) { s.Stop.Kind = "pause" },
			tamper: installer(func(m *member) install.Installer {
				return installing{m, func(ctx context.Context, img *verify.Image) error {
					for operator := range m.run.s.Chain.Operators/2 + 1 {
						m.heard.note(operator, m.run.script.stopped)
					}
					return m.Install(ctx, img)
				}}
			})},
		"a release is installed twice": {breaks: neverBack, tamper: installer(func(m *member) install.Installer {
			return installing{m, func(ctx context.Context, img *verify.Image) error {
				return errors.Join(m.Install(ctx, img), m.Install(ctx, img))
			}}
		})},
		"an image does not boot": {breaks: noRollback, tamper: installer(func(m *member) install.Installer { return notBooting{m} })},
		"an old release stays": {breaks: onlyLatest, says: "release 0", phase: map[string]func(*testing.T, *run){
			"settling": func(t *testing.T, r *run) { mkdir(t, filepath.Join(r.dir, first(r).actor.name, "releases", "p", "0")) },
		}},
		"a poisoner passes for honest": {breaks: notAccused, scenario: func(s *Scenario) { s.Hostile.Poisoners = 2 }, phase: map[string]func(*testing.T, *run){
			"settling": func(_ *testing.T, r *run) {
				for _, a := range r.cast.hostile {
					a.role = roleCamera
				}
			},
		}},
		"a state directory is lost": {breaks: startsAgain, scenario: func(s *Scenario) { s.Churn = Churn{Leave: 0.3, Back: 2 * time.Second} },
			tamper: func(t *testing.T, r *run) {
				for _, m := range r.cameraMembers() {
					m.meta = &closing{dssync.MutexWrap(datastore.NewMapDatastore()), func() error {
						dir := filepath.Join(r.dir, m.actor.name)
						if err := os.RemoveAll(dir); err != nil {
							t.Error(err)
						}
						return os.WriteFile(dir, nil, 0o600)
					}}
				}
			}},
		"a disk fails at the end": {breaks: stops, scenario: func(s *Scenario) { s.Churn = Churn{Leave: 0.3} },
			tamper: func(_ *testing.T, r *run) {
				for _, m := range r.cameraMembers() {
					if m.actor.leaves >= 0 {
						m.meta = &closing{dssync.MutexWrap(datastore.NewMapDatastore()), func() error { return errors.New("the disk failed") }}
					}
				}
			}},
		"the operator announces another product": {breaks: announces, scenario: func(s *Scenario) {
			s.Rollout = []Step{{Mode: "percent", Percent: 100}, {At: 8 * time.Second, Mode: "all"}}
		}, phase: map[string]func(*testing.T, *run){"settling": func(_ *testing.T, r *run) { r.script.product = verify.Product{} }}},
		"a camera is cut off": {breaks: stopReaches, scenario: func(s *Scenario) { s.Stop.Kind = "pause" }, phase: map[string]func(*testing.T, *run){
			"settling": func(_ *testing.T, r *run) {
				cut := first(r).actor.index
				r.net.Cut(func(a, b int) bool { return a == cut || b == cut })
			},
		}},
		"an answer was not recorded": {breaks: recorded, scenario: func(s *Scenario) {
			s.Rollout = []Step{{Mode: "percent", Percent: 100}, {At: 8 * time.Second, Mode: "all"}}
		}, phase: map[string]func(*testing.T, *run){"settling": func(_ *testing.T, r *run) { r.script.history.states[len(r.script.history.states)-1] = nil }}},
	}
	for name, f := range faults {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) { f.play(t) })
	}
	var broken []string
	for _, f := range faults {
		broken = append(broken, f.breaks)
	}
	for _, promise := range invariants {
		if !slices.Contains(broken, promise) {
			t.Errorf("nothing breaks %q", promise)
		}
	}
}

func (f fault) play(t *testing.T) {
	s, err := Load("flash-crowd")
	if err != nil {
		t.Fatal(err)
	}
	s.Nodes, s.Links, s.ImageBytes, s.WarmUp, s.Limit = 3, "fast", 1_000_000, 20*time.Second, time.Minute
	s.Stop.Idle = time.Second
	if f.scenario != nil {
		f.scenario(s)
	}
	var played *run
	o := Options{Dir: t.TempDir(), tamper: func(r *run) {
		played = r
		if f.tamper != nil {
			f.tamper(t, r)
		}
	}}
	o.Progress = func(p Progress) {
		if act := f.phase[p.Phase]; act != nil {
			delete(f.phase, p.Phase)
			act(t, played)
		}
	}
	rep, err := Run(context.Background(), s, o)
	if err != nil && rep == nil && len(played.violations) == 0 {
		t.Fatal(err)
	}
	for _, v := range played.violations {
		if v.Invariant == f.breaks && strings.Contains(v.Detail, f.says) {
			if rep != nil && !rep.Failed() {
				t.Error("the run has not failed")
			}
			return
		}
	}
	t.Errorf("%q was not noticed; %v, %v", f.breaks, played.violations, err)
}

func mkdir(t *testing.T, dir string) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Error(err)
	}
}

// installing does something else than its member when it is handed an image.
type installing struct {
	*member
	install func(context.Context, *verify.Image) error
}

func (i installing) Install(ctx context.Context, img *verify.Image) error { return i.install(ctx, img) }

// notBooting finds that no image boots.
type notBooting struct{ *member }

func (notBooting) Confirm(context.Context, verify.Release) (install.Outcome, error) {
	return install.Failed, nil
}

// closing does something when the node lets go of it.
type closing struct {
	*dssync.MutexDatastore
	close func() error
}

func (c *closing) Close() error { return c.close() }
