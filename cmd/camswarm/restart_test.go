package main

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"camswarm/node/control"
)

// TestKilledMidFetchResumes kills a camera, then the seed, in the middle of a
// fetch with kill -9. Each goes on where it was: what the camera receives in all
// is one image and what was in flight, not one image for each life.
func TestKilledMidFetchResumes(t *testing.T) {
	bin := buildBinaries(t)
	w := newTool(t)
	const (
		imageBytes  = 8 << 20
		uploadLimit = "2097152" // bytes per second: about four seconds for an image
		half        = imageBytes / 2
		// Blocks on the wire and blocks received but not yet on disk may be
		// fetched twice; half an image may not.
		slack = imageBytes / 4
	)
	provision := func(dir, role string, more ...string) string {
		must(t, append(append(w.ask("provision", "--dir", w.at(dir), "--role", role), w.signers()...), more...)...)
		return w.at(dir)
	}
	seedDir := provision("seed", "seed", "--listen", fixedAddress(t))
	camDir := provision("cam", "camera", "--listen", "/ip4/127.0.0.1/tcp/0", "--seed", seedDir)
	config, err := os.OpenFile(filepath.Join(seedDir, configFile), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.WriteString("\n[exchange]\nupload_limit = " + uploadLimit + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := config.Close(); err != nil {
		t.Fatal(err)
	}

	seed := startNode(t, bin, seedDir)
	cam := startNode(t, bin, camDir)
	must(t, "status", "--socket", camDir, "--wait", "peers=1")

	publish := func(sequence string) {
		t.Helper()
		image := make([]byte, imageBytes)
		_, _ = rand.Read(image)
		dir := w.at("release-" + sequence)
		must(t, w.ask("release", "build", writeFile(t, w.at("fw-"+sequence), image), "--sequence", sequence, "--version", "1."+sequence, "--out", dir)...)
		must(t, "release", "sign", dir, "--key", w.at("s1"))
		must(t, "release", "sign", dir, "--key", w.at("s2"))
		must(t, append(w.publish(dir, "manufacturer"), "--seed", seedDir)...)
		must(t, w.ask("rollout", "set", "--sequence", sequence, "--mode", "all", "--key", w.at("operator"), "--seed", seedDir)...)
	}

	// The camera dies with half of release 1.
	publish("1")
	atDeath := waitForBytes(t, camDir, half)
	cam.kill()
	cam = startNode(t, bin, camDir)
	resumed := waitForBytes(t, camDir, 1)
	if resumed < atDeath-slack {
		t.Errorf("the camera had %d bytes when it was killed, and went on from %d", atDeath, resumed)
	}
	s := facts[control.Status](t, "status", "--socket", camDir, "--wait", "installed=1")
	sent := facts[control.Status](t, "status", "--socket", seedDir).Traffic.SentBytes
	if sent > imageBytes+slack {
		t.Errorf("the seed sent %d bytes for an image of %d: the camera began anew", sent, imageBytes)
	}

	// The seed dies when the camera has half of release 2.
	before := s.Traffic.ReceivedBytes
	publish("2")
	atDeath = waitForBytes(t, camDir, half)
	seed.kill()
	seed = startNode(t, bin, seedDir)
	if resumed = waitForBytes(t, camDir, 1); resumed < atDeath {
		t.Errorf("the camera had %d bytes when the seed was killed, then %d", atDeath, resumed)
	}
	s = facts[control.Status](t, "status", "--socket", camDir, "--wait", "installed=2", "--wait", "gone=1")
	if got := s.Traffic.ReceivedBytes - before; got > imageBytes+slack {
		t.Errorf("the camera received %d bytes for an image of %d", got, imageBytes)
	}
	cam.stop()
	seed.stop()
}

// waitForBytes waits until the node has fetched at least so many bytes of its
// target, or has all of it, and returns how many it has.
func waitForBytes(t *testing.T, dir string, bytes int64) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var have int64
	fetched := condition{"so many bytes of the image", func(s control.Status) bool {
		target := s.Products[0].Target
		if target == nil || target.Progress == nil {
			return false
		}
		have = target.Progress.Bytes
		return have >= bytes
	}}
	if _, err := waitForStatus(ctx, dir, []condition{fetched}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	return have
}
