package node_test

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/node"
)

// unsaved is a datastore that could not write what it was given last.
type unsaved struct{ datastore.Batching }

func (unsaved) Close() error { return syscall.EROFS }

// A node that was told to end and could not keep what it had to keep says so.
func TestRunReturnsWhatCouldNotBeKept(t *testing.T) {
	cfg, err := node.ParseConfig([]byte(`
role = "camera"
[network]
listen = ["/ip4/127.0.0.1/tcp/0"]
mdns = false
dht = false
[[product]]
name = "acme.example/cam-1"
threshold = 1
keys = ["z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"]
[product.chain]
chain_id = 31337
registry = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
[[product.chain.endpoints]]
url = "http://127.0.0.1:1"
`))
	if err != nil {
		t.Fatal(err)
	}
	cfg.StateDir = filepath.Join(t.TempDir(), "state")
	for _, disk := range []error{nil, syscall.EROFS} {
		var data datastore.Batching = dssync.MutexWrap(datastore.NewMapDatastore())
		if disk != nil {
			data = unsaved{data}
		}
		n, err := node.New(cfg, node.WithoutControl(), node.WithDatastore(data), node.WithRegistry(prometheus.NewRegistry()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		end()
		if err := n.Run(ctx); !errors.Is(err, disk) {
			t.Errorf("Run returned %v, want %v", err, disk)
		}
	}
}
