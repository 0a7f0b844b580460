package node_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/announce"
	"camswarm/swarm/p2p"
)

// floodHost is a host of ours on loopback, until the end of ctx.
func floodHost(t testing.TB, ctx context.Context, running *sync.WaitGroup) *p2p.Network {
	cfg := p2p.DefaultConfig()
	cfg.Role, cfg.Memory = string(p2p.RoleSeed), "large"
	cfg.Listen, cfg.MDNS, cfg.DHT = []string{"/ip4/127.0.0.1/tcp/0"}, false, false
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n, err := p2p.New(cfg, key, p2p.Options{})
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() { _ = n.Run(ctx); _ = n.Close() })
	return n
}

// TestFloodVictim is the victim of the benchmark below, in a process of its own: it
// prints its address and lives until its input ends.
func TestFloodVictim(t *testing.T) {
	if os.Getenv("CAMSWARM_FLOOD_VICTIM") == "" {
		t.Skip("runs only as the child of a benchmark")
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	n := floodHost(t, ctx, &running)
	g, err := announce.New(n.Host(), announce.SeedConfig(), announce.Options{Budget: n.Budget().Allow})
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() { _ = g.Run(ctx) })
	fmt.Println("victim", n.Host().Addrs()[0].String()+"/p2p/"+n.Host().ID().String())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// BenchmarkThreatDenialOfService_Gossip floods a host with gossip for a minute, over
// loopback, from one identity and from fifty of one network. Who is cut off comes back
// as soon as a seed of the default size lets a /24 connect, 40 times a second together
// (limits.go; loopback itself is exempt). It reports the share of a core that the
// victim's process takes, its start included, and how many messages the flooders wrote.
func BenchmarkThreatDenialOfService_Gossip(b *testing.B) {
	for _, flooders := range []int{1, 50} {
		b.Run(fmt.Sprint(flooders), func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			var running sync.WaitGroup
			defer running.Wait()
			defer cancel()
			victim := exec.Command(os.Args[0], "-test.run=^TestFloodVictim$", "-test.v")
			victim.Env = append(os.Environ(), "CAMSWARM_FLOOD_VICTIM=1")
			in, err := victim.StdinPipe()
			if err != nil {
				b.Fatal(err)
			}
			out, err := victim.StdoutPipe()
			if err != nil {
				b.Fatal(err)
			}
			if err := victim.Start(); err != nil {
				b.Fatal(err)
			}
			lines, addr := bufio.NewScanner(out), ""
			for addr == "" && lines.Scan() {
				addr, _ = strings.CutPrefix(lines.Text(), "victim ")
				if !strings.HasPrefix(addr, "/") {
					addr = ""
				}
			}
			at, err := peer.AddrInfoFromString(addr)
			if err != nil {
				b.Fatal(err)
			}
			go func() { _, _ = io.Copy(io.Discard, out) }()
			began := time.Now()
			topic := "/camswarm/1/announce/none"
			many := frame(b, &pb.RPC{Control: &pb.ControlMessage{Graft: []*pb.ControlGraft{{TopicID: &topic}}}})
			var sent atomic.Int64
			for range flooders {
				h := floodHost(b, ctx, &running).Host()
				running.Go(func() {
					for ctx.Err() == nil {
						if h.Connect(ctx, *at) == nil {
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
						case <-time.After(time.Duration(flooders) * time.Second / 40):
						}
					}
				})
			}
			time.Sleep(time.Minute)
			_ = in.Close()
			_ = victim.Wait()
			used := victim.ProcessState.UserTime() + victim.ProcessState.SystemTime()
			b.ReportMetric(100*float64(used)/float64(time.Since(began)), "%core")
			b.ReportMetric(float64(sent.Load()), "messages")
		})
	}
}
