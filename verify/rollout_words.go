package verify

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Words says for people what a policy lets happen, such as `canary, label "early",
// warming`. A halt is no part of a policy and is not told.
func (r Rollout) Words() string {
	s := r.Mode.String()
	switch r.Mode {
	case RolloutCanary:
		var who []string
		if n := len(r.Canaries); n > 0 {
			who = append(who, strconv.Itoa(n)+" named")
		}
		if r.Label != "" {
			who = append(who, fmt.Sprintf("label %q", r.Label))
		}
		s += ", " + strings.Join(who, " and ")
	case RolloutPercent:
		s += ", " + percent(r.EndBps)
		if r.Duration > 0 && r.StartBps != r.EndBps {
			s = fmt.Sprintf("percent, %s to %s in %s", percent(r.StartBps), percent(r.EndBps), Span(time.Duration(r.Duration)*time.Second))
		}
		s += " from " + date(r.Start)
	case RolloutAll:
		s = "all cameras"
	}
	if r.Warm {
		s += ", warming"
	}
	if r.NotBefore > 0 {
		s += ", not before " + date(r.NotBefore)
	}
	return s
}

// percent writes basis points.
func percent(bps uint16) string { return strconv.FormatFloat(float64(bps)/100, 'f', -1, 64) + "%" }

func date(t uint64) string {
	if t > 1<<40 { // the contract takes any number
		return "a far future"
	}
	return time.Unix(int64(t), 0).UTC().Format("2006-01-02 15:04:05 UTC")
}

// Span writes a time without the units that are zero at its end: 72h, 1m30s.
func Span(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
