package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"

	"camswarm/node/control"
	"camswarm/node/metastore"
	"camswarm/swarm"
	"camswarm/swarm/units"
)

// line is an exchange that does as it is told.
type line struct {
	mu sync.Mutex
	is told
}

// told is what a line was told.
type told struct {
	up, down     int64
	serve, fetch swarm.Scope
	cuts         int
}

func (l *line) now() told {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.is
}

func (l *line) SetLimits(up, down int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.is.up, l.is.down = up, down
	return nil
}

func (l *line) SetMode(modes ...swarm.Mode) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.is.serve, l.is.fetch = swarm.Scopes(modes...)
	return nil
}

func (l *line) Scopes() (serve, fetch swarm.Scope) { is := l.now(); return is.serve, is.fetch }

func (l *line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.is.cuts++
}

// inQuiet runs f in virtual time that begins at clock, with a polite that runs.
func inQuiet(t *testing.T, clock string, cfg PoliteConfig, f func(p *polite, l *line, known *atomic.Bool)) {
	t.Helper()
	store := dssync.MutexWrap(datastore.NewMapDatastore())
	synctest.Test(t, func(t *testing.T) {
		at, err := time.Parse(time.RFC3339, clock)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(at))
		var known atomic.Bool
		known.Store(true)
		l := &line{is: told{serve: swarm.ScopeAll, fetch: swarm.ScopeAll}}
		c := Config{Exchange: swarm.ExchangeConfig{Mode: swarm.ModeShare}, Polite: cfg}
		p := newPolite(&c)
		p.exchange, p.clock, p.kept = l, func() (time.Time, bool) { return time.Now().UTC(), known.Load() }, metastore.ValueAt(store, "kept")
		p.changed, p.log = func(control.PoliteStatus) {}, slog.New(slog.DiscardHandler)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.run(ctx) }()
		synctest.Wait()
		f(p, l, &known)
		cancel()
		<-done
	})
}

// denial_of_service: a program that streams dies, or means harm, and never gives the
// line back. Its lease ends by itself; others cannot be shut out beyond their number.
func TestThreatDenialOfService_BusyForEver(t *testing.T) {
	cfg := DefaultPoliteConfig()
	inQuiet(t, "2026-11-28T12:00:00Z", cfg, func(p *polite, l *line, _ *atomic.Bool) {
		s, err := p.busy(control.Busy{Seconds: 30, Holder: "rtsp", Inhibit: true})
		if err != nil || l.now().serve != swarm.ScopeNone || l.now().fetch != swarm.ScopeAll || l.now().down != 8000 || l.now().cuts != 1 {
			t.Fatalf("busy: %+v, %+v, %v", s, l.now(), err) // before the answer
		}
		if holder, _ := p.inhibited(); holder != "rtsp" {
			t.Errorf("installs are inhibited by %q", holder)
		}
		time.Sleep(20 * time.Second)
		if _, err := p.busy(control.Busy{Seconds: control.MaxLeaseSeconds, Holder: "other"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		if holder, _ := p.inhibited(); holder != "" || l.now().serve != swarm.ScopeNone {
			t.Errorf("the first lease has ended, the second has not: inhibited by %q, %+v", holder, l.now())
		}
		time.Sleep(control.MaxLeaseSeconds * time.Second)
		synctest.Wait()
		if l.now().serve != swarm.ScopeAll || l.now().down != 0 {
			t.Errorf("after the last lease: %+v", l.now())
		}
		for i := range control.MaxLeases {
			if _, err := p.busy(control.Busy{Seconds: 10, Holder: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.busy(control.Busy{Seconds: 10, Holder: "one too many"}); !errors.Is(err, control.ErrLeases) {
			t.Errorf("one too many: %v", err)
		}
		if _, err := p.busy(control.Busy{Holder: "3"}); err != nil || len(p.state.Load().leases) != control.MaxLeases-1 {
			t.Errorf("a lease does not end: %v, %d left", err, len(p.state.Load().leases))
		}
	})
	cfg.BusyDownload = 0
	inQuiet(t, "2026-11-28T12:00:00Z", cfg, func(p *polite, l *line, _ *atomic.Bool) {
		if _, err := p.busy(control.Busy{Seconds: 30}); err != nil || l.now().fetch != swarm.ScopeNone {
			t.Errorf("with busy_download 0: %+v, %v", l.now(), err)
		}
	})
}

// Quiet hours begin and end by the minute, and do not hold while the time is not known.
func TestQuietHours(t *testing.T) {
	cfg := DefaultPoliteConfig()
	cfg.QuietHours = "07:00-23:00"
	inQuiet(t, "2026-11-28T06:30:00Z", cfg, func(p *polite, l *line, known *atomic.Bool) {
		at := func(text string, want swarm.Scope) {
			t.Helper()
			clock, err := time.Parse("15:04:05", text)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now().UTC()
			until := time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, time.UTC).Sub(now)
			if until < 0 {
				until += 24 * time.Hour
			}
			time.Sleep(until)
			synctest.Wait()
			if l.now().fetch != want || l.now().serve != want {
				t.Errorf("at %s: %v, %v", text, l.now().serve, l.now().fetch)
			}
		}
		at("06:59:59", swarm.ScopeAll)
		at("07:00:01", swarm.ScopeNone)
		if _, s := p.status(); !slices.Equal(s.Reasons, []string{"quiet_hours"}) || s.Fetches != "nobody" || s.LocalTime == "" {
			t.Errorf("status %+v", s)
		}
		at("22:59:59", swarm.ScopeNone)
		at("23:00:01", swarm.ScopeAll)
		at("07:00:01", swarm.ScopeNone)

		known.Store(false)
		at("09:00:00", swarm.ScopeAll)
		known.Store(true)
		at("09:02:00", swarm.ScopeNone)

		mode, none := swarm.ModeLAN, ""
		if _, err := p.change(t.Context(), control.LimitsChange{QuietMode: &mode}); err != nil || l.now().fetch != swarm.ScopeNear {
			t.Errorf("another quiet mode: %+v, %v", l.now(), err)
		}
		if _, err := p.change(t.Context(), control.LimitsChange{QuietHours: &none}); err != nil || l.now().fetch != swarm.ScopeAll {
			t.Errorf("no quiet hours: %+v, %v", l.now(), err)
		}
	})
}

// What is kept holds over restarts until the configuration says something else; what
// is not kept ends with the node.
func TestLimitsAreKept(t *testing.T) {
	inQuiet(t, "2026-11-28T12:00:00Z", DefaultPoliteConfig(), func(p *polite, l *line, _ *atomic.Bool) {
		ctx := t.Context()
		restart := func(config control.Limits) control.Limits {
			p.state.Store(&courtesy{cfg: p.state.Load().cfg, config: config, set: config})
			if err := p.load(ctx); err != nil {
				t.Fatal(err)
			}
			return p.state.Load().set
		}
		was := p.state.Load().config
		up, slow, yes := units.Rate(16000), units.Rate(8000), true
		if _, err := p.change(ctx, control.LimitsChange{Metered: &yes, UploadLimit: &up, Keep: true}); err != nil || l.now().up != 16000 || l.now().serve != swarm.ScopeNear {
			t.Fatalf("%+v, %v", l.now(), err)
		}
		if _, err := p.change(ctx, control.LimitsChange{UploadLimit: &slow}); err != nil || l.now().up != 8000 {
			t.Fatalf("%+v, %v", l.now(), err)
		}
		low := units.Rate(7999)
		if _, err := p.change(ctx, control.LimitsChange{DownloadLimit: &low}); !errors.Is(err, control.ErrWrongLimit) {
			t.Errorf("%v for %s", err, low)
		}
		if got := restart(was); got.UploadLimit != up || !got.Metered {
			t.Errorf("after a restart: %+v", got)
		}
		edited := was
		edited.DownloadLimit = 1000
		if got := restart(edited); got != edited {
			t.Errorf("the configuration was edited: %+v", got)
		}
		restart(was)
		cfg := Config{Exchange: swarm.ExchangeConfig{Mode: swarm.ModeShare}, Polite: p.state.Load().cfg}
		if got, err := p.configure(ctx, &cfg); err != nil || got != was || l.now().up != 0 || l.now().serve != swarm.ScopeAll {
			t.Errorf("SIGHUP: %+v, %+v, %v", got, l.now(), err)
		}
		if got := restart(was); got != was {
			t.Errorf("what was kept came back after SIGHUP: %+v", got)
		}
		old := was
		old.UploadLimit, old.Metered = 4000, true
		set := old
		set.DownloadLimit, set.QuietHours = 1000, "07:00-23:00"
		older, _ := json.Marshal(keptLimits{Config: old, Set: set})
		if err := p.kept.Save(ctx, older); err != nil {
			t.Fatal(err)
		}
		old.UploadLimit = swarm.MinLimit // what 4000 of a configuration counts as
		set.UploadLimit, set.DownloadLimit = swarm.MinLimit, swarm.MinLimit
		if got := restart(old); got != set {
			t.Errorf("kept by an earlier version, which took less: %+v", got)
		}
		bad := "7-23"
		if _, err := p.change(ctx, control.LimitsChange{QuietHours: &bad}); !errors.Is(err, control.ErrWrongLimit) {
			t.Errorf("hours %q: %v", bad, err)
		}
		if err := p.kept.Save(ctx, []byte(`{"config":{},"set":{"uploadLimit":-1}}`)); err != nil {
			t.Fatal(err)
		}
		if got := restart(was); got != was {
			t.Errorf("damaged: %+v", got)
		}
	})
}

// What is set lower than all there is shows among the reasons, so that nobody looks for
// the fault elsewhere.
func TestReasonsNameModeAndLimits(t *testing.T) {
	inQuiet(t, "2026-11-28T12:00:00Z", DefaultPoliteConfig(), func(p *polite, _ *line, _ *atomic.Bool) {
		off, slow, share, unlimited := swarm.ModeOff, units.Rate(8000), swarm.ModeShare, units.Rate(0)
		for _, tc := range []struct {
			change control.LimitsChange
			want   []string
		}{
			{control.LimitsChange{DownloadLimit: &slow}, []string{"limit"}},
			{control.LimitsChange{Mode: &off}, []string{"mode", "limit"}},
			{control.LimitsChange{DownloadLimit: &unlimited}, []string{"mode"}},
			{control.LimitsChange{Mode: &share}, []string{}},
		} {
			if _, err := p.change(t.Context(), tc.change); err != nil {
				t.Fatal(err)
			}
			if _, s := p.status(); !slices.Equal(s.Reasons, tc.want) {
				t.Errorf("reasons %v, want %v", s.Reasons, tc.want)
			}
		}
	})
}
