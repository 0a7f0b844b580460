package main

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
	"camswarm/verify"
)

// owned is a node that notes what its owner says.
type owned struct {
	control.Backend
	mu      sync.Mutex
	status  control.Status
	busy    control.Busy
	consent control.Consent
	limits  control.LimitsChange
}

func (o *owned) Releases() ([]control.HeldRelease, error) { return nil, nil }

func (o *owned) Status() control.Status {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.status
}

func (o *owned) set(f func(*control.Status)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f(&o.status)
}

func (o *owned) Busy(b control.Busy) (control.PoliteStatus, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy = b
	return control.PoliteStatus{Serves: "nobody", Fetches: "all", Busy: []control.Lease{{Holder: b.Holder, Seconds: b.Seconds, Inhibit: b.Inhibit}}}, nil
}

func (o *owned) Consent(_ context.Context, c control.Consent) (control.ConsentStatus, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.consent = c
	return control.ConsentStatus{State: string(c.Answer)}, nil
}

func (o *owned) SetLimits(c control.LimitsChange) (control.Limits, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limits = c
	now := control.Limits{Mode: "share"}
	if c.UploadLimit != nil {
		now.UploadLimit = *c.UploadLimit
	}
	if c.QuietHours != nil {
		now.QuietHours, now.QuietMode = *c.QuietHours, *c.QuietMode
	}
	return now, nil
}

func startOwned(t *testing.T) (o *owned, socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), control.SocketName)
	o = &owned{}
	running(t, socket, control.NewServer(socket, o, nil, slog.New(slog.DiscardHandler)).Run)
	return o, socket
}

func TestBusyReachesTheNode(t *testing.T) {
	o, socket := startOwned(t)
	out := must(t, "busy", "--socket", socket, "--for", "45s", "--inhibit")
	if o.busy != (control.Busy{Seconds: 45, Holder: "camswarm", Inhibit: true}) || !strings.Contains(out, "camswarm for 45s") {
		t.Errorf("asked %+v, says %q", o.busy, out)
	}
	if got := facts[control.PoliteStatus](t, "busy", "--socket", socket, "--holder", "rtsp", "--end"); o.busy != (control.Busy{Holder: "rtsp"}) || got.Serves != "nobody" {
		t.Errorf("asked %+v, says %+v", o.busy, got)
	}
	for _, args := range [][]string{{"--for", "11m"}, {"--for", "0"}, {"--end", "--inhibit"}} {
		if r := camswarm(t, append([]string{"busy", "--socket", socket}, args...)...); r.code != exitUsage {
			t.Errorf("%v: exit code %d, %s", args, r.code, r.stderr)
		}
	}
}

func TestConsentReachesTheNode(t *testing.T) {
	o, socket := startOwned(t)
	if out := must(t, "consent", "list", "--socket", socket); !strings.Contains(out, "no release waits") {
		t.Errorf("says %q", out)
	}
	if r := camswarm(t, "consent", "accept", "--socket", socket); r.code != exitFailed || !strings.Contains(r.stderr, "no release waits") {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
	id := verify.Product{Vendor: "acme.example", Name: "cam-1"}.ID()
	waiting := func(name string, seq uint64) control.ProductStatus {
		return control.ProductStatus{ID: id, Name: name, Chain: control.ChainStatus{Registry: verify.RegistryRef{ChainID: 4690, Address: verify.Address{1}}}, Target: &control.TargetStatus{Sequence: seq, Version: "7.0", Consent: &control.ConsentStatus{State: "wanted"}}}
	}
	o.set(func(s *control.Status) { s.Products = []control.ProductStatus{waiting("acme.example/cam-1", 7)} })
	if got := facts[[]consentFacts](t, "consent", "list", "--socket", socket); len(got) != 1 || got[0].Sequence != 7 || got[0].State != "wanted" {
		t.Errorf("lists %+v", got)
	}
	for _, c := range []struct {
		args []string
		want control.Consent
	}{
		{[]string{"accept"}, control.Consent{Product: id, Sequence: 7, Answer: control.AnswerNow}},
		{[]string{"refuse", "acme.example/cam-1"}, control.Consent{Product: id, Sequence: 7, Answer: control.AnswerNever}},
		{[]string{"later", "--for", "2h"}, control.Consent{Product: id, Sequence: 7, Answer: control.AnswerLater, Seconds: 7200}},
	} {
		got := facts[consentFacts](t, append(append([]string{"consent"}, c.args...), "--socket", socket)...)
		if o.consent != c.want || got.State != string(c.want.Answer) {
			t.Errorf("%v: %+v, says %+v", c.args, o.consent, got)
		}
	}
	if r := camswarm(t, "consent", "accept", "acme.example/other", "--socket", socket); r.code != exitFailed {
		t.Errorf("an unknown product: exit code %d", r.code)
	}
	o.set(func(s *control.Status) { s.Products = append(s.Products, waiting("acme.example/cam-2", 3)) })
	if r := camswarm(t, "consent", "accept", "--socket", socket); r.code != exitUsage {
		t.Errorf("several wait: exit code %d", r.code)
	}
	if r := camswarm(t, "consent", "later", "--for", "1s", "--socket", socket); r.code != exitUsage {
		t.Errorf("too soon: exit code %d", r.code)
	}
}

func TestLimitsReachTheNode(t *testing.T) {
	o, socket := startOwned(t)
	out := must(t, "limits", "--socket", socket, "--metered=false", "--quiet-hours", "07:00-23:00", "--quiet-mode", "off", "--keep")
	c := o.limits
	if c.Metered == nil || *c.Metered || *c.QuietHours != "07:00-23:00" || *c.QuietMode != "off" || !c.Keep || c.Reset || c.Mode != nil || c.UploadLimit != nil {
		t.Errorf("asked %+v", c)
	}
	if !strings.Contains(out, "quiet hours 07:00-23:00: mode off") {
		t.Errorf("says %q", out)
	}
	if r := camswarm(t, "limits", "--socket", socket, "--mode", "lan"); r.code != exitUsage || !strings.Contains(r.stderr, `--mode "lan": did you mean "lan-only"?`) {
		t.Errorf("exit code %d, says %q", r.code, r.stderr)
	}
	o.set(func(s *control.Status) {
		s.Polite = control.PoliteStatus{Serves: "nobody", Fetches: "all", Reasons: []string{"busy"}, Busy: []control.Lease{{Holder: "rtsp"}}}
	})
	if r := camswarm(t, "limits", "--socket", socket, "--upload-limit", "100kbit/s"); !strings.Contains(r.stdout, "now it serves nobody, fetches from all, because of busy (rtsp)") {
		t.Errorf("says %q, %q", r.stdout, r.stderr)
	}
	if r := camswarm(t, "limits", "--socket", socket, "--upload-limit", "63kbit/s"); r.code != exitUsage || !strings.Contains(r.stderr, "64 kbit/s") {
		t.Errorf("exit code %d, says %q", r.code, r.stderr)
	}
}

// lineWriter hands on what is written, which is whole lines.
type lineWriter chan<- string

func (w lineWriter) Write(b []byte) (int, error) {
	w <- string(b)
	return len(b), nil
}

// With --watch each change is a line, and a node that is gone is no end.
func TestStatusWatch(t *testing.T) {
	o, socket := startOwned(t)
	o.set(func(s *control.Status) { s.Role, s.Peers = "camera", 1 })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines := make(chan string, 16)
	done := make(chan struct{})
	go func() {
		defer close(done)
		cli.Run(ctx, newRootCommand(), []string{"status", "--socket", socket, "--watch"}, strings.NewReader(""), lineWriter(lines), io.Discard)
	}()
	next := func(part string) {
		t.Helper()
		select {
		case line := <-lines:
			if !strings.Contains(line, part) {
				t.Fatalf("says %q, want %q", line, part)
			}
		case <-time.After(5 * time.Minute): // for a machine that stands still
			t.Fatal("says nothing")
		}
	}
	next("camera, 1 peer")
	o.set(func(s *control.Status) { s.Peers = 2 })
	next("camera, 2 peers")
	cancel()
	<-done
	if len(lines) > 0 {
		t.Errorf("says %q although nothing has changed", <-lines)
	}
}
