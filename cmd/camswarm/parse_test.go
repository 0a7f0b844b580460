package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/announce/guard"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/swarm"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

func FuzzParseRegistryFile(f *testing.F) {
	f.Add([]byte(registryJSON))
	f.Add([]byte(`{"chainId":4689,"address":"io1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqd4uu2x","rpc":["https://babel-api.mainnet.iotex.io"],"deployBlock":0}`))
	f.Add([]byte(`{"chainId":0}`))
	f.Add([]byte(`{"rpc":["http://[::1"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRegistryFile(data)
		if err != nil {
			return
		}
		if r.ref().Validate() != nil || len(r.RPC) == 0 || checkURLs(r.RPC) != nil {
			t.Errorf("accepted %+v", r)
		}
	})
}

func TestTimesAreReadAsPeopleWriteThem(t *testing.T) {
	now := time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	for text, want := range map[string]int64{
		"": 0, "now": now.Unix(), "+90m": now.Unix() + 5400, "2026-03-02": now.Unix() + 20*3600,
		"2026-03-01T05:00:00+01:00": now.Unix(),
	} {
		if got, err := parseTime("start", text, now); err != nil || int64(got) != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"+", "+-1h", "90m", "1.3.2026", "1969-01-01", "-1h"} {
		if got, err := parseTime("start", text, now); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

func TestPercentagesAreReadExactly(t *testing.T) {
	written := func(bps uint16) string { return guard.Share(float64(bps) / verify.MaxBps).String() }
	for text, want := range map[string]uint16{"0%": 0, "10%": 1000, "12.5%": 1250, "0.01%": 1, "99.99%": 9999, "100%": 10000} {
		got, err := parsePercent("from", text)
		if err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
		if back, err := parsePercent("from", written(got)); err != nil || back != got {
			t.Errorf("%d is printed as %q, which is read as %d, %v", got, written(got), back, err)
		}
	}
	for bps := range uint16(10001) {
		if back, err := parsePercent("from", written(bps)); err != nil || back != bps {
			t.Fatalf("%d is printed as %q, which is read as %d, %v", bps, written(bps), back, err)
		}
	}
	for _, text := range []string{"", "%", "-1%", "100.01%", "0.001%", "NaN%", "1e9%", "ten", "10", "0.1"} {
		if got, err := parsePercent("from", text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

// TestDoctorNamesWhatIsWrong goes through the ailments that people report.
func TestDoctorNamesWhatIsWrong(t *testing.T) {
	now := time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	healthy := func() control.Status {
		return control.Status{
			Role: string(node.RoleCamera), ListenAddrs: []string{"/ip4/192.0.2.1/tcp/4417", "/ip4/192.0.2.1/udp/4417/quic-v1"}, Peers: 2,
			Disk: control.DiskStatus{UsedBytes: 6 << 20, FreeBytes: 1 << 30, ReserveBytes: 1 << 20},
			Products: []control.ProductStatus{{
				Name: testProduct, Installed: &control.InstalledStatus{Sequence: 2, Version: "1.2", Confirmed: true},
				Chain: control.ChainStatus{Rev: 9, BlockTime: now.Add(-time.Hour), AgeSeconds: 3600, Quorum: "ok", Endpoints: []control.EndpointStatus{
					{URL: "https://a", Operator: "a", State: "ok"}, {URL: "https://b", Operator: "b", State: "ok"}, {URL: "https://c", Operator: "c", State: "ok"},
				}},
			}},
		}
	}
	peers := []control.PeerStatus{{ID: "s", Role: string(node.RoleSeed), Tier: "region"}, {ID: "c", Role: string(node.RoleCamera), Tier: "lan"}}
	buffers := func(string) (int64, error) { return udpBuffer, nil }
	for name, tc := range map[string]struct {
		change func(*control.Status)
		peers  []control.PeerStatus
		now    time.Time
		sysctl func(string) (int64, error)
		topic  string
		level  string
		says   string
	}{
		"healthy":       {level: levelOK},
		"clock at 1970": {now: time.Unix(1000, 0), topic: "clock", level: levelWarn, says: "NTP"},
		"clock off":     {now: now.Add(time.Hour), topic: "clock", level: levelWarn, says: "1h0m0s"},
		"no quorum":     {change: func(s *control.Status) { s.Products[0].Chain.Quorum = "2 of 3 endpoints failed" }, topic: "chain", level: levelBad, says: "2 of 3 endpoints failed"},
		"never a view":  {change: func(s *control.Status) { s.Products[0].Chain.AgeSeconds = -1 }, topic: "chain", level: levelBad, says: "no view"},
		"stale view": {change: func(s *control.Status) {
			c := &s.Products[0].Chain
			c.AgeSeconds = 100 * 3600
			c.BlockTime = now.Add(-100 * time.Hour)
		}, topic: "chain", level: levelWarn, says: "100h"},
		"failing endpoint": {change: func(s *control.Status) {
			e := &s.Products[0].Chain.Endpoints[1]
			e.State, e.LastError = "failing", "429"
		}, topic: "endpoint", level: levelWarn, says: "429"},
		"plain http":        {change: func(s *control.Status) { s.Products[0].Chain.Endpoints[1].Warning = "plain http" }, topic: "endpoint", level: levelWarn, says: "plain http"},
		"one endpoint":      {change: func(s *control.Status) { c := &s.Products[0].Chain; c.Endpoints = c.Endpoints[:1] }, topic: "quorum", level: levelWarn, says: "fewer than 3"},
		"no peers":          {change: func(s *control.Status) { s.Peers = 0 }, peers: []control.PeerStatus{}, topic: "peers", level: levelBad, says: "4417"},
		"no seed":           {peers: peers[1:], topic: "peers", level: levelWarn, says: "none of them a seed"},
		"poisoned peer":     {peers: append(slices.Clone(peers), control.PeerStatus{ID: "evil", WrongBytes: 65536}), topic: "peers", level: levelWarn, says: "evil"},
		"listens nowhere":   {change: func(s *control.Status) { s.ListenAddrs = nil }, topic: "network", level: levelWarn, says: "nowhere"},
		"disk was full":     {change: func(s *control.Status) { s.Disk.ReserveBytes = 0 }, topic: "disk", level: levelWarn, says: "reserve"},
		"over quota":        {change: func(s *control.Status) { s.Disk.QuotaBytes = 1 << 20 }, topic: "disk", level: levelBad, says: "quota"},
		"small UDP buffers": {sysctl: func(string) (int64, error) { return 212992, nil }, topic: "udp", level: levelWarn, says: "sysctl -w"},
		"no QUIC":           {change: func(s *control.Status) { s.ListenAddrs = s.ListenAddrs[:1] }, sysctl: func(string) (int64, error) { return 212992, nil }, level: levelOK},
		"seed without QUIC": {change: func(s *control.Status) {
			s.Role, s.Relay, s.ListenAddrs = "seed", new(p2p.RelayStatus), s.ListenAddrs[:1]
		}, topic: "reach", level: levelWarn, says: "udp/4417/quic-v1"},
		"alone in private": {
			change: func(s *control.Status) { s.Peers, s.Private = 0, new(control.PrivateStatus) }, peers: []control.PeerStatus{},
			topic: "peers", level: levelBad, says: "members show LIST",
		},
		"no sysctl there":   {sysctl: func(string) (int64, error) { return 0, os.ErrNotExist }, level: levelOK},
		"unreadable sysctl": {sysctl: func(string) (int64, error) { return 0, errors.New("denied") }, topic: "udp", level: levelWarn, says: "denied"},
		"paused registry":   {change: func(s *control.Status) { s.Products[0].Chain.Paused = true }, topic: "release", level: levelWarn, says: "paused"},
		"failing fetch": {change: func(s *control.Status) {
			s.Products[0].Target = &control.TargetStatus{Sequence: 3, LastError: "disk full"}
		}, topic: "release", level: levelWarn, says: "disk full"},
		"unconfirmed": {change: func(s *control.Status) { s.Products[0].Installed.Confirmed = false }, topic: "release", level: levelWarn, says: "not yet confirmed"},
		"mode off": {change: func(s *control.Status) {
			s.Limits.Mode, s.Polite = swarm.ModeOff, control.PoliteStatus{Serves: "nobody", Fetches: "nobody", Reasons: []string{"mode"}}
		}, topic: "polite", level: levelWarn, says: "fetches from nobody, because of mode off"},
		"quiet seed": {change: func(s *control.Status) {
			s.Role, s.Limits.QuietHours = "seed", "07:00-23:00"
			s.Polite = control.PoliteStatus{Serves: "nobody", Fetches: "lan", Reasons: []string{"quiet_hours"}}
		}, topic: "polite", level: levelWarn, says: "because of quiet hours 07:00-23:00"},
		"low limit": {change: func(s *control.Status) {
			s.Polite = control.PoliteStatus{Serves: "all", Fetches: "all", UploadLimit: 8000, Reasons: []string{"limit"}}
		}, level: levelOK},
		"alarm of the node": {change: func(s *control.Status) {
			s.Alarms = []control.Alarm{{Name: "revoked", Message: "release 2 runs and is revoked"}}
		}, topic: "alarm", level: levelBad, says: "revoked"},
		"factory image only": {change: func(s *control.Status) { s.Products[0].Installed = nil }, level: levelOK},
	} {
		t.Run(name, func(t *testing.T) {
			s := healthy()
			if tc.change != nil {
				tc.change(&s)
			}
			if tc.peers == nil {
				tc.peers = peers
			}
			if tc.now.IsZero() {
				tc.now = now
			}
			if tc.sysctl == nil {
				tc.sysctl = buffers
			}
			var wrong []finding
			for _, f := range examine(s, tc.peers, tc.now, tc.sysctl) {
				if f.Level != levelOK {
					wrong = append(wrong, f)
				}
			}
			if tc.level == levelOK {
				if len(wrong) > 0 {
					t.Errorf("found %v", wrong)
				}
				return
			}
			if !slices.ContainsFunc(wrong, func(f finding) bool {
				return f.Topic == tc.topic && f.Level == tc.level && strings.Contains(f.Message, tc.says)
			}) {
				t.Errorf("found %v; want a %s about %s that says %q", wrong, tc.level, tc.topic, tc.says)
			}
			for _, f := range wrong {
				if f.Topic != tc.topic {
					t.Errorf("also found %v", f)
				}
			}
		})
	}
}

// A version is what the manufacturer's account wrote, line breaks included: none
// of them makes a row of its own in a list.
func TestTextsFromTheChainStayInTheirLine(t *testing.T) {
	const version = "1.0\n9\t9.9\tnewest\x1b[2K"
	var b strings.Builder
	logFacts{Releases: []releaseRow{{Sequence: 1, Version: version}}, Events: []eventRow{{Text: "release 1 published: " + version}}}.print(&b)
	checkFacts{Verdict: verdictCurrent, Release: &releaseRow{Version: version}}.print(&b)
	if n := strings.Count(b.String(), "\n"); n != 6 || strings.Contains(b.String(), "\x1b") || strings.Count(b.String(), `1.0\n9\t9.9`) != 3 {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}

// TestLoneOperator: one operator is worth a warning, unless it is this machine.
func TestLoneOperator(t *testing.T) {
	for _, c := range []struct {
		urls []string
		want string
	}{
		{[]string{"https://rpc.one.example"}, "rpc.one.example"},
		{[]string{"https://rpc.one.example/a", "https://rpc.one.example:8545/b"}, "rpc.one.example"},
		{[]string{"http://192.0.2.7:8545"}, "192.0.2.7"},
		{[]string{"https://rpc.one.example", "https://rpc.two.example"}, ""},
		{[]string{"http://127.0.0.1:8545"}, ""},
		{[]string{"http://[::1]:8545", "http://[::1]:8546"}, ""},
		{[]string{"http://localhost:8545"}, ""},
		{nil, ""},
	} {
		if got := loneOperator(endpointsOf(c.urls)); got != c.want {
			t.Errorf("%v: the only operator is %q, want %q", c.urls, got, c.want)
		}
	}
}

// TestProgressEndsWithTheFetch: what is fetched whole has no progress, and one
// peer is no peers.
func TestProgressEndsWithTheFetch(t *testing.T) {
	show := func(got int64) string {
		var b strings.Builder
		g := &control.Progress{Bytes: got, TotalBytes: 6_200_000, Peers: 1}
		printStatus(&b, control.Status{Products: []control.ProductStatus{{Target: &control.TargetStatus{Sequence: 3, Progress: g}}}})
		return b.String()
	}
	if s := show(3_100_000); !strings.Contains(s, "from 1 peer\n") {
		t.Errorf("half fetched: %s", s)
	}
	if s := show(6_200_000); strings.Contains(s, "from 1 peer") {
		t.Errorf("all fetched: %s", s)
	}
}
