package figure

import (
	"fmt"
	"testing"

	"camswarm/sim/baseline"
)

// TestEveryBaselineHasALookOfItsOwn holds lines of one figure apart. The poll is
// beyond the time axis of all others and may share one.
func TestEveryBaselineHasALookOfItsOwn(t *testing.T) {
	of := map[string]string{}
	for _, key := range baseline.Names() {
		k := baselineLook(key)
		look := fmt.Sprint(k.Color, k.Dashes, k.shape)
		if other, ok := of[look]; ok && key != "poll" && other != "poll" {
			t.Errorf("%s looks like %s", key, other)
		}
		of[look] = key
	}
}
