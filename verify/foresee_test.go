package verify_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"camswarm/verify"
)

func TestForesee(t *testing.T) {
	const now = 1_790_000_000
	all := verify.Rollout{Mode: verify.RolloutAll}
	later := verify.Rollout{Mode: verify.RolloutAll, NotBefore: now + 60}
	latest := verify.Rollout{Mode: verify.RolloutAll, NotBefore: now + 90}
	barred := offered(rel(9, all), rel(7, later), rel(6, verify.Rollout{}))
	barred.Barrier = 7
	for name, c := range map[string]struct {
		view *verify.View
		want []verify.Step
		last string
	}{
		"nothing":              {offered(), nil, verify.ReasonNoRelease},
		"at once":              {offered(rel(6, all)), []verify.Step{{Sequence: 6, At: now}}, verify.ReasonCurrent},
		"later":                {offered(rel(6, later)), []verify.Step{{Sequence: 6, At: now + 60}}, verify.ReasonCurrent},
		"one after the other":  {offered(rel(7, latest), rel(6, later)), []verify.Step{{Sequence: 6, At: now + 60}, {Sequence: 7, At: now + 90}}, verify.ReasonCurrent},
		"by way of a barrier":  {barred, []verify.Step{{Sequence: 7, At: now + 60}, {Sequence: 9, At: now + 60}}, verify.ReasonCurrent},
		"older now, newer not": {offered(rel(7, verify.Rollout{}), rel(6, all)), []verify.Step{{Sequence: 6, At: now}}, verify.ReasonModePaused},
	} {
		t.Run(name, func(t *testing.T) {
			steps, last := verify.Foresee(c.view, verify.Device{Installed: 5}, now)
			if !reflect.DeepEqual(steps, c.want) || last.Reason != c.last {
				t.Errorf("foresees %v and %q, want %v and %q", steps, last.Reason, c.want, c.last)
			}
		})
	}
}

// What is foreseen comes true: a device that asks Choose every second installs the
// same releases in the same seconds.
func TestForeseenComesTrue(t *testing.T) {
	const now, span = 1_790_000_000, 400
	random := rand.New(rand.NewPCG(4, 1))
	for i := range 300 {
		view := offered()
		for seq := uint64(9); seq > 5; seq-- {
			view.Candidates = append(view.Candidates, rel(seq, verify.Rollout{
				Mode: verify.RolloutMode(random.IntN(4)), Halted: random.IntN(5) == 0, Warm: random.IntN(2) == 0,
				NotBefore: now + uint64(random.IntN(span)), Start: now - 50 + uint64(random.IntN(200)), Duration: uint32(random.IntN(200)),
				StartBps: uint16(random.IntN(3000)), EndBps: uint16(3000 + random.IntN(7001)), Label: "early",
			}))
		}
		view.Barrier = uint64(random.IntN(3)) * 4
		dev := verify.Device{DID: fmt.Sprintf("did:io:0x%040x", i), Installed: uint64(4 + random.IntN(4))}
		if random.IntN(2) == 0 {
			dev.Label = "early"
		}
		foreseen, _ := verify.Foresee(view, dev, now)
		var came []verify.Step
		for at := uint64(now); at <= now+span+1; at++ {
			for c := verify.Choose(view, dev, at); c.Install; c = verify.Choose(view, dev, at) {
				came = append(came, verify.Step{Sequence: c.Sequence, At: at})
				dev.Installed = c.Sequence
			}
		}
		if !reflect.DeepEqual(foreseen, came) {
			t.Fatalf("view %+v: foreseen %v, came %v", view.Candidates, foreseen, came)
		}
	}
}
