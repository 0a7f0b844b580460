package main

import (
	"testing"

	"camswarm/verify"
)

// The honest release reaches every camera in hostile company, nothing else is
// installed, and each attack was really tried and is counted by what stopped it.
func TestHostileDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a whole deployment; left out with -short")
	}
	report := facts[demoReport](t, "demo", "--hostile", "--cameras", "3")
	if !report.OK || len(report.Releases) != 2 || report.Releases[1].Installed != 3 {
		t.Errorf("%+v", report)
	}
	missing := map[string]bool{
		verify.AttackArbitrary: true, verify.AttackKeyCompromise: true, verify.AttackWrongSoftware: true, verify.AttackFastForward: true,
		verify.AttackRollback: true, "gossip_replay": true, "gossip_flood": true, "rpc_single_liar": true, "poisoned_peer": true, "drop_request": true,
	}
	for _, a := range report.Attacks {
		delete(missing, a.Name)
		if a.Tried == 0 || a.StoppedBy[0].Count == 0 {
			t.Errorf("%s: tried %d times, stopped by %+v", a.Name, a.Tried, a.StoppedBy)
		}
	}
	if len(missing) > 0 {
		t.Errorf("no report on %v", missing)
	}
}

// An image that was not published is noticed in the slot of a camera.
func TestForeignImageIsNoticed(t *testing.T) {
	c := newCompany(&demo{})
	c.published[[32]byte{1}] = true
	path := t.TempDir() + "/firmware.img"
	if err := generateImage(path, 1); err != nil {
		t.Fatal(err)
	}
	c.inspect("camera-1", path)
	if len(c.foreign) != 1 {
		t.Errorf("%v", c.foreign)
	}
	sum, err := imageDigest(path)
	if err != nil {
		t.Fatal(err)
	}
	c.published[sum] = true
	c.inspect("camera-2", path)
	if len(c.foreign) != 1 {
		t.Errorf("%v", c.foreign)
	}
}
