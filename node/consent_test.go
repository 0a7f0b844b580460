package node_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/localnet"
)

// recordHalt records a release that is rolled out, halted, and rolled out again.
func recordHalt(t *testing.T, image []byte) (rec *recording, r *localnet.Release) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs whole nodes; left out with -short")
	}
	path := filepath.Join(t.TempDir(), "image.bin")
	must(t, os.WriteFile(path, image, 0o600))
	rec = newRecording(t, func(a *localnet.Authority, keep func()) {
		keep()
		r = named(t, a, path, 1, "")
		_, err := a.Registry.Publish(t.Context(), a.Manufacturer, r.Record)
		must(t, err)
		must(t, a.SetRollout(t.Context(), 1, toAllNow))
		keep()
		for _, halted := range []bool{true, false} {
			_, err := a.Registry.SetHalted(t.Context(), a.Operator, a.Product.ID(), 1, halted)
			must(t, err)
			keep()
		}
	})
	return rec, r
}

// UPD.UNAPPROVED: the owner's consent allows nothing by itself. Given before a stop,
// over a restart and while an inhibit file holds the install up, it does not take the
// place of the look at the chain.
func TestThreatUpdUnapproved_Consent(t *testing.T) {
	rec, r := recordHalt(t, imageOf(t, 1, 200_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		inhibit := filepath.Join(w.dir, "recording")
		w.alter = func(_ string, c *node.Config) {
			c.Install.Consent, c.Install.InhibitFile = "ask", inhibit
		}
		seed, camera := w.add(node.RoleSeed), w.add(node.RoleCamera)
		target := func() control.TargetStatus {
			if tg := camera.Status().Products[0].Target; tg != nil {
				return *tg
			}
			return control.TargetStatus{}
		}
		give := func(a control.Answer, seconds int64) (control.ConsentStatus, error) {
			return camera.Consent(w.ctx, control.Consent{Product: rec.Product.ID(), Sequence: 1, Answer: a, Seconds: seconds})
		}
		if _, err := give(control.AnswerNow, 0); !errors.Is(err, control.ErrConsent) {
			t.Errorf("an answer that nobody waits for: %v", err)
		}
		w.release(seed, r, 1)
		w.until("the owner is asked", func() bool {
			tg := target()
			return tg.Consent != nil && tg.Consent.State == "wanted" && strings.Contains(tg.Reason, "consent")
		})
		time.Sleep(3 * time.Hour)
		if camera.runs() != 0 {
			t.Fatal("installed without consent")
		}
		s, err := give(control.AnswerLater, 3600)
		must(t, err)
		if s.State != "later" || s.Until.IsZero() {
			t.Errorf("later: %+v", s)
		}
		w.until("it says later", func() bool { return strings.Contains(target().Reason, "later") })
		time.Sleep(62 * time.Minute)
		w.until("the owner is asked again", func() bool { return target().Consent.State == "wanted" })
		_, err = give(control.AnswerNever, 0)
		must(t, err)
		time.Sleep(2 * time.Hour)
		if camera.runs() != 0 {
			t.Fatal("installed although the owner does not want it")
		}

		must(t, os.WriteFile(inhibit, nil, 0o600))
		s, err = give(control.AnswerNow, 0)
		must(t, err)
		if s.State != "now" {
			t.Errorf("now: %+v", s)
		}
		w.until("the inhibit file holds it up", func() bool { return strings.Contains(target().Reason, "inhibit_file") })
		must(t, camera.stop())
		w.start(camera)
		w.set(2) // halted
		time.Sleep(time.Minute)
		w.announce(seed, r)
		time.Sleep(time.Hour)
		must(t, os.Remove(inhibit))
		time.Sleep(3 * time.Hour)
		if camera.runs() != 0 {
			t.Fatal("an old consent outlived a halt")
		}
		w.set(3)
		camera.Look()
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })
		w.slotHolds(camera, r)
		if n := camera.Status().Installs; n.Installed != 1 || n.Confirmed != 1 || n.Failed != 0 {
			t.Errorf("counted: %+v", n)
		}
	})
}

// While a program streams with inhibit no install starts; the maintenance window is
// that of the configured zone, by the chain's time on a device whose clock stands at
// 1970.
func TestWindowByTheChainsTime(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 1, 200_000))
	clock := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)    // of the device, wrong
	chain := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) // 13:00 in Berlin
	rec.inBubble(t, clock, chain, func(w *world) {
		w.alter = func(_ string, c *node.Config) {
			c.Install.Window, c.TimeZone = "14:00-15:00", "CET-1CEST,M3.5.0,M10.5.0/3"
		}
		seed, camera := w.add(node.RoleSeed), w.add(node.RoleCamera)
		w.release(seed, r[0], 1)
		w.until("the window is waited for", func() bool {
			tg := camera.Status().Products[0].Target
			return tg != nil && strings.Contains(tg.Reason, "window")
		})
		if s := camera.Status().Polite; !strings.HasPrefix(s.LocalTime, "2026-11-28T13:0") {
			t.Errorf("local time %q", s.LocalTime)
		}
		if _, err := camera.Busy(control.Busy{Seconds: 600, Holder: "rtsp", Inhibit: true}); err != nil {
			t.Fatal(err)
		}
		for range 7 { // 13:05 to 14:10
			time.Sleep(550 * time.Second)
			if _, err := camera.Busy(control.Busy{Seconds: 600, Holder: "rtsp", Inhibit: true}); err != nil {
				t.Fatal(err)
			}
		}
		if camera.runs() != 0 {
			t.Fatal("installed before the window, or while inhibited")
		}
		w.until("the stream is waited for", func() bool {
			return strings.Contains(camera.Status().Products[0].Target.Reason, "rtsp")
		})
		time.Sleep(10 * time.Minute)
		w.until("release 1 runs once the lease has ended", func() bool { return camera.runs() == 1 })
		w.slotHolds(camera, r[0])
	})
}

// What a camera did is told, and counted over restarts, by tier and outcome.
func TestEventsAndCounters(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 1, 400_000))
	rec.inBubble(t, chainNow, chainNow, func(w *world) {
		seed, camera := w.add(node.RoleSeed), w.add(node.RoleCamera)
		w.release(seed, r[0], 1)
		w.until("release 1 runs", func() bool { return camera.runs() == 1 })
		events := func() string {
			var kinds []string
			for _, e := range camera.Events().Last() {
				if e.Kind != control.EventLimits && e.Kind != control.EventRefused {
					kinds = append(kinds, string(e.Kind))
				}
			}
			return strings.Join(kinds, " ")
		}
		if got := events(); !strings.HasSuffix(got, "verified installing installed confirmed") {
			t.Errorf("events: %s", got)
		}
		time.Sleep(5 * time.Minute) // it may have asked for the release before it heard of it
		w.announce(seed, r[0])
		w.until("the announcement is told", func() bool { return strings.Contains(events(), "announced") })
		total := func() (n int64) {
			for _, tier := range camera.Status().Traffic.Tiers {
				n += tier.ReceivedBytes
			}
			return n
		}
		image, err := os.ReadFile(r[0].Path)
		must(t, err)
		if got := total(); got < int64(len(image)) {
			t.Errorf("%d bytes by tier", got)
		}
		was := total()
		must(t, camera.stop())
		w.start(camera)
		if n := camera.Status().Installs; n.Installed != 1 || n.Confirmed != 1 || total() != was {
			t.Errorf("after a restart: %+v, %d bytes of %d", n, total(), was)
		}
	})
}
