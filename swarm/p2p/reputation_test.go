package p2p

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func TestUnreadableReputationsStartAgain(t *testing.T) {
	store := &memoryBlob{data: []byte(`{"saved":1,"peers":[{"peer":"x"}]}`)}
	if n := newNet(t, netConfig(RoleCamera), Options{Reputations: store}); len(n.Reputations().All()) != 0 {
		t.Error("something was read")
	}
	store.err = context.DeadlineExceeded
	if _, err := New(netConfig(RoleCamera), testKey(t), Options{Reputations: store}); err == nil {
		t.Error("a store that fails goes unnoticed")
	}
}

func TestReputationsSurviveARestart(t *testing.T) {
	store := &memoryBlob{}
	n := newNet(t, netConfig(RoleCamera), Options{Reputations: store})
	stop := runNet(t, n)
	n.Reputations().Delivered(testPeer(1), 8<<20, time.Second)
	n.Reputations().Failed(testPeer(2))
	stop()
	n = newNet(t, netConfig(RoleCamera), Options{Reputations: store})
	if a, b := n.Reputations().Score(testPeer(1)), n.Reputations().Score(testPeer(2)); a < 3 || b > -0.9 {
		t.Errorf("scores of %v and %v", a, b)
	}
}

func TestConnectionManagerKnowsReputations(t *testing.T) {
	n, good, bad := newNet(t, netConfig(RoleCamera)), newNet(t, netConfig(RoleCamera)), newNet(t, netConfig(RoleCamera))
	n.Reputations().Delivered(good.host.ID(), 100<<20, time.Second)
	tag := func(o *Network) int {
		if i := n.host.ConnManager().GetTagInfo(o.host.ID()); i != nil {
			return i.Tags[reputationTag]
		}
		return 0
	}
	for _, o := range []*Network{good, bad} {
		if err := connectNets(t, n, o); err != nil {
			t.Fatal(err)
		}
	}
	n.Reputations().Failed(bad.host.ID())
	if tag(good) < 15 || tag(bad) != -pointsPerScore {
		t.Errorf("tagged with %d and %d", tag(good), tag(bad))
	}
	if err := n.host.Network().ClosePeer(good.host.ID()); err != nil {
		t.Fatal(err)
	}
	await(t, "the connection to close", func() bool { return !linked(n, good) && tag(good) == 0 })
	if err := connectNets(t, n, good); err != nil {
		t.Fatal(err)
	}
	if tag(good) < 15 {
		t.Errorf("tagged with %d after it came back", tag(good))
	}
}

func FuzzBans(f *testing.F) {
	var l refusals
	l.add(testPeer(1), start2027, time.Hour, "wrong bytes")
	data, err := l.encode(start2027)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`[{"peer":"","until":9223372036854775807,"span":9223372036854775807}]`))
	f.Add([]byte(fmt.Sprintf(`[{"peer":%q,"until":9223372036854775807,"span":-9223372036854775808}]`, testPeer(1))))
	f.Fuzz(func(t *testing.T, data []byte) {
		var l refusals
		if l.decode(data, start2027) != nil {
			return
		}
		for _, b := range l.list(start2027) {
			if d := b.Until.Sub(start2027); d <= 0 || d > maxBan || len(b.Reason) > maxBanReason {
				t.Errorf("%+v", b)
			}
		}
		again, err := l.encode(start2027)
		if err != nil || !json.Valid(again) || len(again) > maxBanBytes {
			t.Fatalf("%d bytes, %v", len(again), err)
		}
	})
}
