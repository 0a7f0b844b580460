package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/ipfs/boxo/pinning/remote/client/openapi"

	"camswarm/verify"
)

// A pinner is a service that implements version 1.0 of the IPFS Pinning Service API
// (https://ipfs.github.io/pinning-services-api-spec/), as far as it speaks of adding and
// finding pins. A pin is queued, pinning after the first look at it, then pinned.
type pinner struct {
	t     *testing.T
	token string

	mu   sync.Mutex
	pins []map[string]any // PinStatus

	fails bool // every pin
	huge  bool // endless replies
	asked []string
}

func (p *pinner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, r.Method+" "+r.URL.Path)
	reply := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	failure := func(status int, reason, details string) {
		reply(status, map[string]any{"error": map[string]string{"reason": reason, "details": details}})
	}
	if p.huge {
		w.Header().Set("Content-Type", "application/json")
		for range 64 {
			if _, err := fmt.Fprintf(w, "%s", strings.Repeat(" ", 64<<10)); err != nil {
				return
			}
		}
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+p.token {
		failure(http.StatusUnauthorized, "UNAUTHORIZED", "Access token is missing or invalid")
		return
	}
	id, one := strings.CutPrefix(r.URL.Path, "/psa/pins/")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/psa/pins":
		wanted := strings.Split(r.URL.Query().Get("status"), ",")
		found := []map[string]any{}
		for _, s := range p.pins {
			for _, state := range wanted {
				if s["status"] == state && strings.Contains(r.URL.Query().Get("cid"), s["pin"].(map[string]any)["cid"].(string)) {
					found = append(found, s)
				}
			}
		}
		reply(http.StatusOK, map[string]any{"count": len(found), "results": found})
	case r.Method == http.MethodPost && r.URL.Path == "/psa/pins":
		var pin map[string]any
		if err := json.NewDecoder(r.Body).Decode(&pin); err != nil || pin["cid"] == nil {
			failure(http.StatusBadRequest, "BAD_REQUEST", "no Pin")
			return
		}
		s := map[string]any{"requestid": fmt.Sprintf("request-%d", len(p.pins)+1), "status": "queued", "created": "2026-07-27T17:32:28Z", "pin": pin, "delegates": []string{}}
		p.pins = append(p.pins, s)
		reply(http.StatusAccepted, s)
	case r.Method == http.MethodGet && one:
		for _, s := range p.pins {
			if s["requestid"] != id {
				continue
			}
			switch {
			case p.fails:
				s["status"], s["info"] = "failed", map[string]string{"status_details": "no provider"}
			case s["status"] == "queued":
				s["status"] = "pinning"
			default:
				s["status"] = "pinned"
			}
			reply(http.StatusOK, s)
			return
		}
		failure(http.StatusNotFound, "NOT_FOUND", "The specified resource was not found")
	default:
		failure(http.StatusNotFound, "NOT_FOUND", r.URL.Path)
	}
}

// TestReleaseIsPinned: a service is asked once, told where to fetch from, and waited
// for; running the command again finds the pin.
func TestReleaseIsPinned(t *testing.T) {
	bin := buildBinaries(t)
	w := newTool(t)
	dir := w.build("1", "pinned", "s1", "s2")
	service := &pinner{t: t, token: "secret-token"}
	server := httptest.NewServer(service)
	defer server.Close()
	writeFile(t, w.at("token"), []byte("secret-token\n"))
	must(t, append(w.ask("provision", "--dir", w.at("seed"), "--role", "seed", "--listen", "/ip4/127.0.0.1/tcp/0"), w.signers()...)...)
	startNode(t, bin, w.at("seed"))
	must(t, "status", "--socket", w.at("seed"), "--wait", "ready")

	publish := append(w.publish(dir, "manufacturer"), "--seed", w.at("seed"), "--no-announce", "--pin", server.URL+"/psa", "--pin-token", w.at("token"))
	first := facts[publishFacts](t, publish...)
	r, err := openRelease(dir)
	if err != nil {
		t.Fatal(err)
	}
	root := verify.Directory(r.manifest.Image, r.raw, verify.FileRef{}).CID.String()
	if len(first.Pins) != 1 || first.Pins[0].Status != "pinned" || first.Pins[0].CID != root || first.Pins[0].Before {
		t.Errorf("published with %+v", first.Pins)
	}
	pin := service.pins[0]["pin"].(map[string]any)
	if origins, _ := json.Marshal(pin["origins"]); !strings.Contains(string(origins), "/ip4/127.0.0.1/tcp/") || !strings.Contains(string(origins), "/p2p/") || pin["name"] != testProduct+" 1 (1.1)" {
		t.Errorf("asked for %v", pin)
	}
	again := facts[publishFacts](t, publish...)
	if len(again.Pins) != 1 || !again.Pins[0].Before || again.Pins[0].Status != "pinned" || len(service.pins) != 1 {
		t.Errorf("again: %+v", again.Pins)
	}
}

// TestPinningMistakes: what is wrong is said before anything is published, and what a
// service refuses afterwards.
func TestPinningMistakes(t *testing.T) {
	w := newTool(t)
	dir := w.build("1", "pinned", "s1", "s2")
	service := &pinner{t: t, token: "secret-token", fails: true}
	server := httptest.NewServer(service)
	defer server.Close()
	writeFile(t, w.at("token"), []byte("secret-token\n"))
	writeFile(t, w.at("wrong"), []byte("other-token\n"))
	writeFile(t, w.at("open"), []byte("secret-token\n"))
	if err := os.Chmod(w.at("open"), 0o644); err != nil {
		t.Fatal(err)
	}
	publish := func(url, token string) []string {
		return append(w.publish(dir, "manufacturer"), "--pin", url, "--pin-token", w.at(token))
	}
	for _, url := range []string{"http://pin.example/psa", "https://me:secret@pin.example", "pin.example", "https://pin.example/?key=secret"} {
		refused(t, exitUsage, []string{"--pin"}, publish(url, "token")...)
	}
	refused(t, exitUsage, []string{"--pin-token"}, append(w.publish(dir, "manufacturer"), "--pin", server.URL+"/psa")...)
	refused(t, exitFailed, []string{"chmod 600"}, publish(server.URL+"/psa", "open")...)
	if len(service.asked) > 0 {
		t.Errorf("the service was asked %v", service.asked)
	}
	again := []string{"run the same command again"}
	refused(t, exitFailed, append(again, "UNAUTHORIZED"), publish(server.URL+"/psa", "wrong")...)
	refused(t, exitFailed, append(again, "no provider"), publish(server.URL+"/psa", "token")...)
	refused(t, exitFailed, append(again, "NOT_FOUND"), publish(server.URL+"/other", "token")...)
	elsewhere := httptest.NewServer(http.RedirectHandler(server.URL, http.StatusTemporaryRedirect))
	defer elsewhere.Close()
	refused(t, exitFailed, append(again, "it redirects"), publish(elsewhere.URL+"/psa", "token")...)
	service.huge = true
	refused(t, exitFailed, append(again, "too large"), publish(server.URL+"/psa", "token")...)
}

// TestThreatPinTokenEchoed: a service that repeats the header does not have the token shown.
func TestThreatPinTokenEchoed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "you said "+r.Header.Get("Authorization"), http.StatusUnauthorized)
	}))
	defer server.Close()
	_, err := pinAt(t.Context(), server.URL, "secret-token", *openapi.NewPin("bafkqaaa"), 0)
	if err == nil || strings.Contains(err.Error(), "secret-token") || !strings.Contains(err.Error(), "you said") {
		t.Errorf("it says %v", err)
	}
}
