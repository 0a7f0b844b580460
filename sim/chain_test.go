package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"camswarm/chainwatch"
	"camswarm/verify"
)

// An endpoint serves as many connections as it has slots, and refuses the others as
// a gateway does; a moment later there is room again.
func TestEndpointsRefuseWhatTheyHaveNoSlotsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &chain{history: &history{registry: verify.RegistryRef{ChainID: 4690}}, start: time.Now(), servers: make([]server, 1),
			model: Chain{Operators: 1, RTTMin: 40 * time.Millisecond, RTTMax: 40 * time.Millisecond, Server: 10 * time.Millisecond, Handshake: 5 * time.Millisecond, Slots: 3}}
		call := func() error {
			_, dial := c.endpoints(rand.New(rand.NewPCG(1, 1)), &heard{last: map[heardFrom]time.Time{}}, Camera{})
			caller, err := dial(chainwatch.Endpoint{URL: "https://operator-1.example"})
			if err != nil {
				return err
			}
			_, err = caller.Call(context.Background(), "eth_chainId")
			return err
		}
		crowd := func(n int) (answered, refused int64) {
			var ok, no atomic.Int64
			var all sync.WaitGroup
			began := time.Now()
			for range n {
				all.Go(func() {
					err := call()
					var retry *chainwatch.RetryError
					switch {
					case err == nil:
						ok.Add(1)
					case errors.As(err, &retry) && verify.AttackName(err) == "rpc_rate_limited":
						no.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			all.Wait()
			if took := time.Since(began); took != 135*time.Millisecond { // three round trips, server and handshake
				t.Errorf("it took %v", took)
			}
			return ok.Load(), no.Load()
		}
		for range 2 {
			if ok, no := crowd(10); ok != 3 || no != 7 {
				t.Errorf("%d answered and %d refused", ok, no)
			}
		}
		if l := c.load(); l.answered != 6 || l.refused != 14 || l.most != 3 || c.servers[0].serving != 0 {
			t.Errorf("%+v", l)
		}
		c.model.Slots = 0
		if ok, _ := crowd(500); ok != 500 {
			t.Errorf("%d of 500 answered", ok)
		}
	})
}
