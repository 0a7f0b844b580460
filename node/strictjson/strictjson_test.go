package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"camswarm/node/strictjson"
)

type sample struct {
	A int            `json:"a"`
	B map[string]int `json:"b"`
	C []sample       `json:"c"`
}

func TestThreatImgFormat_KeysOfJSONStandOnce(t *testing.T) {
	for text, says := range map[string]string{
		`{"a":1,"b":{"x":1},"c":[{"a":1},{"a":2}]}`: "",
		` {} `:                  "",
		`{"a":1,"a":2}`:         "stands twice",
		`{"a":1,"A":2}`:         "stands twice",
		`{"a":1,"\u0061":1}`:    "stands twice",
		`{"b":{"x":1,"x":1}}`:   "stands twice",
		`{"c":[{"a":1,"a":1}]}`: "stands twice",
		`{"z":1}`:               "unknown field",
		`{"a":1}{`:              "follow",
		`{"a":1} x`:             "follow",
		`{"a":1`:                "EOF",
		``:                      "EOF",
		`{"c":` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100) + `}`: "nested",
	} {
		var v sample
		err := strictjson.Decode(strings.NewReader(text), &v)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

// What is taken comes back alike when it is encoded and decoded again, and is what
// encoding/json reads.
func FuzzDecode(f *testing.F) {
	f.Add(`{"a":1,"b":{"x":1},"c":[{"a":1}]}`)
	f.Add(`{"a":1,"a":2}`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		var v, plain sample
		if strictjson.Decode(strings.NewReader(text), &v) != nil {
			return
		}
		if err := json.Unmarshal([]byte(text), &plain); err != nil {
			t.Fatalf("taken, and encoding/json refuses it: %v", err)
		}
		first, _ := json.Marshal(v)
		second, _ := json.Marshal(plain)
		if string(first) != string(second) {
			t.Fatalf("%s and %s", first, second)
		}
		var again sample
		if err := strictjson.Decode(strings.NewReader(string(first)), &again); err != nil {
			t.Fatalf("its own encoding %s is refused: %v", first, err)
		}
	})
}
