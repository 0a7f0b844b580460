package node_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/verify"
)

// flashInstaller stands for an integrator's own: it writes the inactive slot of
// a device with two, and asks the boot loader what came up.
type flashInstaller struct{ device string }

func (f flashInstaller) Install(_ context.Context, img *verify.Image) error {
	if !img.Valid() {
		return install.ErrNoImage
	}
	slot, err := os.OpenFile(f.device, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = slot.Close() }()
	if _, err := img.WriteTo(slot); err != nil { // every block is hashed before it is written
		return err
	}
	return slot.Sync()
}

func (f flashInstaller) Confirm(context.Context, verify.Release) (install.Outcome, error) {
	return install.Confirmed, nil // ask the boot loader here
}

func (f flashInstaller) Rollback(context.Context, verify.Release) error { return nil }

// A camera's firmware embeds the node, with an installer of its own.
func Example() {
	cfg, err := node.LoadConfig("/etc/camswarm/camswarmd.toml")
	if err != nil {
		log.Fatal(err)
	}
	camera, err := node.New(cfg,
		node.WithInstaller(flashInstaller{device: "/dev/mmcblk0p3"}),
		node.WithLogger(slog.Default()))
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := camera.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// A node of a program's own is started, asked over its control socket, and stopped by its
// context. This one is alone: it listens nowhere, and its chain does not answer.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "camera-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cfg, err := node.ParseConfig(fmt.Appendf(nil, `
role = "camera"
state_dir = %q

[network]
listen = []
dht = false
mdns = false

[[product]]
name = "acme.example/cam-1"
threshold = 1
keys = ["z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"]

[product.chain]
chain_id = 4690
registry = "0x0a7e595c7889df3652a19af52c18377bf17e027d"
endpoints = [{ url = "http://127.0.0.1:1" }]
`, dir))
	if err != nil {
		log.Fatal(err)
	}
	camera, err := node.New(cfg, node.WithInstaller(flashInstaller{device: "/dev/mmcblk0p3"}))
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- camera.Run(ctx) }()

	socket := filepath.Join(dir, control.SocketName)
	client, err := control.Dial(socket)
	for errors.Is(err, control.ErrNotRunning) { // not yet
		time.Sleep(10 * time.Millisecond)
		client, err = control.Dial(socket)
	}
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	status, err := client.Status(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Role, "of", status.Products[0].Name, "runs as", status.DID == camera.DID())
	stop()
	fmt.Println("stopped:", <-done)
	// Output:
	// camera of acme.example/cam-1 runs as true
	// stopped: <nil>
}

// A configuration is TOML; what it does not name has a default of its role.
func ExampleParseConfig() {
	cfg, err := node.ParseConfig([]byte(`
role = "camera"

[[product]]
name = "acme.example/cam-1"
region = "eu-west"
threshold = 1
keys = ["z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"]

[product.chain]
chain_id = 4690
registry = "0x0a7e595c7889df3652a19af52c18377bf17e027d"
endpoints = [
  { url = "https://rpc.one.example", operator = "one" },
  { url = "https://rpc.two.example", operator = "two" },
  { url = "https://rpc.three.example", operator = "three" },
]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	p := cfg.Products[0]
	fmt.Println(p.Name, p.Region, "quorum", p.Chain.Thresholds().Start, "poll", p.Chain.Poll)
	// Output: acme.example/cam-1 eu-west quorum 2 poll 24h0m0s
}
