package page

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"camswarm/announce/beacon"
	"camswarm/node/control"
	"camswarm/verify"
)

func shown(t *testing.T, d Data) (body string, h http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(func() (Data, error) { return d, nil }).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String(), w.Header()
}

func full() Data {
	return Data{
		Now: time.Unix(1_800_000_000, 0),
		Status: control.Status{PeerID: "12D3Koo", Role: "seed", Peers: 3, UptimeSeconds: 61,
			Alarms:  []control.Alarm{{Name: "origin_fails", Message: "it does"}},
			Traffic: control.TrafficStatus{Tiers: []control.TierTraffic{{Tier: "region", SentBytes: 1_234_567}}}},
		Products: []Product{{Name: "acme.example/cam-1", Region: "eu",
			Rollout: []verify.Candidate{
				{Release: verify.Release{Sequence: 3, Version: "3.0"}, Rollout: verify.Rollout{Mode: verify.RolloutPercent, EndBps: 1000, StartBps: 1000}},
				{Release: verify.Release{Sequence: 2, Version: "2.0"}, Rollout: verify.Rollout{Mode: verify.RolloutCanary, Label: "early", Halted: true}}},
			Fleet: &beacon.Report{Cameras: 12, MinGroup: 5, Rows: []beacon.Row{
				{Region: "*", Label: "*", Running: 1, Release: 2, State: beacon.StateRolledBack, Cameras: 3},
				{Region: "eu", Running: 3, Release: 3, State: beacon.StateConfirmed, Cameras: 9}}}}},
		Attacks: []Attack{{"blocks", "poisoned_peer", 7}},
	}
}

func TestThePageShowsWhatItIsHanded(t *testing.T) {
	body, _ := shown(t, full())
	for _, want := range []string{"origin_fails", "percent, 10% from 1970-01-01 00:00:00 UTC", `<span class="bad">halted</span> (canary, label &#34;early&#34;)`, "12 cameras tell", "9 run it", "3 of 3 failed",
		"others", "1.2 MB", "poisoned_peer", ">7<", "1m1s"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if body, _ := shown(t, Data{Products: []Product{{Name: "p"}}}); !strings.Contains(body, "none since the start") || !strings.Contains(body, "no release is on offer") || !strings.Contains(body, "no alarms") {
		t.Error("an idle seed's page lacks its words")
	}
}

// page_endless: a page has a bound whatever cameras make up, hides no release of the chain
// behind theirs, and is made anew only so often.
func TestThreatPageEndless(t *testing.T) {
	d, asked := full(), 0
	d.Products[0].Fleet.Latest = 3
	for i := range 5000 {
		d.Products[0].Fleet.Rows = append(d.Products[0].Fleet.Rows, beacon.Row{Region: fmt.Sprint("made-up-", i), Release: uint64(100 + i), State: beacon.StateFailed, Cameras: 1})
	}
	var body string
	synctest.Test(t, func(*testing.T) {
		h := Handler(func() (Data, error) { asked++; return d, nil })
		for range 50 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			body = w.Body.String()
			time.Sleep(maxAge / 10)
		}
	})
	if asked != 5 {
		t.Errorf("it was made %d times in %v", asked, 5*maxAge)
	}
	if len(body) > 64<<10 || !strings.Contains(body, "5000 of 5000 failed") || !strings.Contains(body, "not on chain") || !strings.Contains(body, ">release 3<") || strings.Contains(body, "release 100") {
		t.Errorf("a page of %d bytes: %.3000s", len(body), body)
	}
}

// page_script: what peers, the chain or an operator wrote is text on the page, and
// neither a script nor anything from elsewhere can be loaded by it.
func TestThreatPageScript(t *testing.T) {
	const evil = `<script src="https://evil.example/x.js"></script>`
	d := full()
	d.Status.Alarms[0].Message, d.Attacks[0].Name, d.Products[0].Rollout[0].Version, d.Products[0].Rollout[1].Rollout.Label = evil, evil, evil, evil
	d.Products[0].Fleet.Rows[1].Region, d.Status.Version, d.Products[0].Name = evil, evil, evil
	body, h := shown(t, d)
	if strings.Contains(body, "<script") || !strings.Contains(body, "&lt;script") {
		t.Error("a script of others is on the page")
	}
	style := body[strings.Index(body, "<style>")+len("<style>") : strings.Index(body, "</style>")]
	if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") || !strings.Contains(csp, "'sha256-"+digest(style)+"'") || strings.Contains(csp, "unsafe") {
		t.Errorf("the policy is %q", csp)
	}
	for _, outside := range []string{" src=", " href=", "url(", "@import", " style=", "<link"} {
		if clean, _ := shown(t, full()); strings.Contains(clean, outside) {
			t.Errorf("the page loads something: %s", outside)
		}
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", h)
	}
}

func TestAPageWithoutDataSaysSo(t *testing.T) {
	w := httptest.NewRecorder()
	Handler(func() (Data, error) { return Data{}, errors.New("no") }).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("%d", w.Code)
	}
}
