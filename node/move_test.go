package node

import (
	"strings"
	"testing"
	"time"

	"camswarm/chainwatch"
	"camswarm/verify"
)

// The rule by which a move is made, in all its cases.
func TestWhenAMoveIsMade(t *testing.T) {
	for name, c := range map[string]struct {
		standing
		follow, quiet bool
		why           string
	}{
		"new":                                     {standing{}, false, true, "no quorum of the new"},
		"the old registry agrees":                 {standing{vouched: true}, false, true, "no quorum of the new"},
		"both agree":                              {standing{confirmed: true, vouched: true}, true, true, ""},
		"the new one alone":                       {standing{confirmed: true}, false, true, "in 24h0m0s"},
		"the new one alone, nearly a day":         {standing{confirmed: true, held: moveHold - time.Hour}, false, true, "in 1h0m0s"},
		"the new one alone, a day":                {standing{confirmed: true, held: moveHold}, true, true, ""},
		"the old one alone, a day":                {standing{vouched: true, held: moveHold}, false, false, "until one does the old one counts"},
		"nobody, a week":                          {standing{held: 7 * moveHold}, false, false, "until one does the old one counts"},
		"the new one came late":                   {standing{confirmed: true, held: 7 * moveHold}, true, true, ""},
		"both agree, and it was held for a while": {standing{confirmed: true, vouched: true, held: time.Hour}, true, true, ""},
	} {
		follow, quiet := c.weigh()
		if follow != c.follow || quiet != c.quiet {
			t.Errorf("%s: follow %v, quiet %v", name, follow, quiet)
		}
		if why := c.standing.why(); !strings.Contains(why, c.why) {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// Each registry has a checkpoint and an endpoint list of its own.
func TestWhomToAskAboutARegistryAndWhatIsRemembered(t *testing.T) {
	ref := func(n byte) verify.RegistryRef {
		return verify.RegistryRef{ChainID: 1000 + uint64(n), Address: verify.Address{n + 1}}
	}
	id := verify.ProductID{1}
	v := &verify.Verifier{Registry: ref(0)}
	own := chainwatch.DefaultConfig()
	own.ChainID, own.Registry, own.QuorumStart = ref(0).ChainID, ref(0).Address.String(), 2
	own.Endpoints = []chainwatch.Endpoint{{URL: "https://own.example", Operator: "a"}, {URL: "https://own-2.example", Operator: "b"}}
	there := &verify.Move{Number: 1, From: ref(0), To: ref(1), Endpoints: []verify.MoveEndpoint{{Operator: "c", URL: "https://new.example"}}, Finality: "safe"}
	back := &verify.Move{Number: 2, From: ref(1), To: ref(0), Endpoints: []verify.MoveEndpoint{{URL: "https://back.example"}}}
	reset := &verify.Move{Number: 3, From: ref(0), To: ref(0)}
	same := ref(0)
	same.Address = verify.Address{9}
	beside := &verify.Move{Number: 1, From: ref(0), To: same}
	for name, c := range map[string]struct {
		at    verify.RegistryRef
		moves []*verify.Move
		url   string
		key   string
	}{
		"at home":         {ref(0), nil, "https://own.example", id.String()},
		"moved":           {ref(1), []*verify.Move{there}, "https://new.example", id.String() + "/" + ref(1).String()},
		"back":            {ref(0), []*verify.Move{there, back}, "https://own.example", id.String()},
		"reset":           {ref(0), []*verify.Move{there, back, reset}, "https://own.example", id.String() + "/" + ref(0).String() + "/3"},
		"on one chain":    {same, []*verify.Move{beside}, "https://own.example", id.String() + "/" + same.String()},
		"reset elsewhere": {ref(0), []*verify.Move{there, {Number: 2, From: ref(1), To: ref(1)}, {Number: 3, From: ref(1), To: ref(0)}}, "https://own.example", id.String()},
	} {
		got := chainConfig(own, v, c.at, c.moves)
		if got.ChainID != c.at.ChainID || got.Registry != c.at.Address.String() || got.Endpoints[0].URL != c.url || got.Validate() != nil {
			t.Errorf("%s: %+v, %v", name, got, got.Validate())
		}
		if foreign := c.url != "https://own.example"; foreign && (got.QuorumStart != 0 || got.Finality != "safe") || !foreign && (got.QuorumStart != 2 || got.Finality != "latest") {
			t.Errorf("%s: %+v", name, got)
		}
		if key := checkpointKey(id, c.at, v.Registry, c.moves); key != c.key {
			t.Errorf("%s: checkpoint at %s", name, key)
		}
	}
}
