package report_test

import (
	"bytes"
	"io"
	"reflect"
	"testing"

	"camswarm/sim/report"
	"camswarm/sim/report/reporttest"
)

// FuzzDecode feeds the decoder of reports, which are read from files: what it
// takes must come back the same, and every output must be able to show it.
func FuzzDecode(f *testing.F) {
	for _, r := range append(reporttest.Odd(), reporttest.Made("lan", 2, 1), reporttest.Broken()) {
		var b bytes.Buffer
		if err := r.Encode(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(`{"schema":1,"perNode":[{"role":"camera","verifiedSeconds":1e10,"progressSeconds":[-1,0,1]}],"baselines":{"x":{"seconds":[1e-300,1e9]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := report.Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := r.Encode(&b); err != nil {
			t.Fatal(err)
		}
		again, err := report.Decode(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatalf("what was encoded is refused: %v", err)
		}
		var c bytes.Buffer
		if err := again.Encode(&c); err != nil || !bytes.Equal(b.Bytes(), c.Bytes()) {
			t.Fatalf("encoding is not stable: %v", err)
		}
		if !reflect.DeepEqual(r.Metrics(), again.Metrics()) {
			t.Fatal("metrics changed on the way")
		}
		for _, write := range []func(io.Writer) error{r.Table, r.CSV, report.Compare(r, again).Table} {
			if err := write(io.Discard); err != nil {
				t.Fatal(err)
			}
		}
	})
}
