package verify_test

import (
	"testing"
	"time"

	"camswarm/verify"
)

func TestPoliciesInWords(t *testing.T) {
	for _, c := range []struct {
		policy verify.Rollout
		want   string
	}{
		{verify.Rollout{}, "paused"},
		{verify.Rollout{Mode: verify.RolloutCanary, Label: "early", Warm: true}, `canary, label "early", warming`},
		{verify.Rollout{Mode: verify.RolloutCanary, Label: "a\nb", Canaries: make([][32]byte, 3)}, `canary, 3 named and label "a\nb"`},
		{verify.Rollout{Mode: verify.RolloutPercent, Start: 86400, StartBps: 1000, EndBps: 10000, Duration: 72 * 3600}, "percent, 10% to 100% in 72h from 1970-01-02 00:00:00 UTC"},
		{verify.Rollout{Mode: verify.RolloutPercent, Start: 86400, EndBps: 1250}, "percent, 12.5% from 1970-01-02 00:00:00 UTC"},
		{verify.Rollout{Mode: verify.RolloutPercent, Start: 1 << 63, StartBps: 1, EndBps: 1, Duration: 5}, "percent, 0.01% from a far future"},
		{verify.Rollout{Mode: verify.RolloutAll, NotBefore: 86400, Halted: true}, "all cameras, not before 1970-01-02 00:00:00 UTC"},
		{verify.Rollout{Mode: 9}, "unknown mode (9)"},
	} {
		if got := c.policy.Words(); got != c.want {
			t.Errorf("%+v is %q, not %q", c.policy, got, c.want)
		}
	}
	for d, want := range map[time.Duration]string{72 * time.Hour: "72h", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", 5 * time.Second: "5s", 0: "0s", 3601 * time.Second: "1h0m1s"} {
		if got := verify.Span(d); got != want {
			t.Errorf("%v is %q, not %q", d, got, want)
		}
	}
}
