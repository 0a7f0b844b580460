package node_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/announce"
	"camswarm/swarm/p2p"
)

// BenchmarkThreatDenialOfService_Gossip floods a host with gossip for a minute, over
// loopback, from one identity and from fifty of one network, each of which comes back
// a tenth of a second after it was cut off. It reports the share of a core that all
// of it takes, the flooders' own included, so that the victim's is less, and how many
// messages got through to a socket.
func BenchmarkThreatDenialOfService_Gossip(b *testing.B) {
	for _, flooders := range []int{1, 50} {
		b.Run(fmt.Sprint(flooders), func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			var running sync.WaitGroup
			defer running.Wait()
			defer cancel()
			open := func() *p2p.Network {
				cfg := p2p.DefaultConfig()
				cfg.Role, cfg.Memory = string(p2p.RoleSeed), "large"
				cfg.Listen, cfg.MDNS, cfg.DHT = []string{"/ip4/127.0.0.1/tcp/0"}, false, false
				key, _, err := crypto.GenerateEd25519Key(rand.Reader)
				if err != nil {
					b.Fatal(err)
				}
				n, err := p2p.New(cfg, key, p2p.Options{})
				if err != nil {
					b.Fatal(err)
				}
				running.Go(func() { _ = n.Run(ctx); _ = n.Close() })
				return n
			}
			victim := open()
			g, err := announce.New(victim.Host(), announce.SeedConfig(), announce.Options{Budget: victim.Budget().Allow})
			if err != nil {
				b.Fatal(err)
			}
			running.Go(func() { _ = g.Run(ctx) })
			at := peer.AddrInfo{ID: victim.Host().ID(), Addrs: victim.Host().Addrs()}
			topic := "/camswarm/1/announce/none"
			many := frame(b, &pb.RPC{Control: &pb.ControlMessage{Graft: []*pb.ControlGraft{{TopicID: &topic}}}})
			var sent atomic.Int64
			for range flooders {
				h := open().Host()
				running.Go(func() {
					for ctx.Err() == nil {
						if h.Connect(ctx, at) == nil {
							if st, err := h.NewStream(ctx, at.ID, announce.MeshProtocol); err == nil {
								for err == nil && ctx.Err() == nil {
									_, err = st.Write(many)
									sent.Add(1)
								}
								_ = st.Reset()
							}
						}
						select {
						case <-ctx.Done():
						case <-time.After(100 * time.Millisecond):
						}
					}
				})
			}
			used := func() time.Duration {
				var u syscall.Rusage
				_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
				return time.Duration(u.Utime.Nano() + u.Stime.Nano())
			}
			cpu, began := used(), time.Now()
			time.Sleep(time.Minute)
			b.ReportMetric(100*float64(used()-cpu)/float64(time.Since(began)), "%core")
			b.ReportMetric(float64(sent.Load()), "messages")
		})
	}
}
