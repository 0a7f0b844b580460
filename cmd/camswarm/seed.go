package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"camswarm/announce"
	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
	"camswarm/verify"
)

// defaultSocket is where camswarmd listens when its configuration leaves
// state_dir at its default.
const defaultSocket = "/var/lib/camswarm/" + control.SocketName

// announceTimeout bounds the wait for a peer that hears an announcement.
const announceTimeout = 20 * time.Second

// socketPath finds a control socket: path itself, or in a state directory, or
// in a directory made by `provision`.
func socketPath(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path
	}
	if in := filepath.Join(path, "state"); isDir(in) {
		path = in
	}
	return filepath.Join(path, control.SocketName)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// withNode connects to a node's control socket.
func withNode(path string, work func(*control.Client) error) error {
	c, err := control.Dial(socketPath(path))
	if err != nil {
		return err
	}
	defer c.Close()
	return work(c)
}

// addSocket gives a command the flag --socket.
func addSocket(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "socket", defaultSocket, "the node's control socket, state directory or provisioned directory")
}

// seedFlag is --seed of commands that change the chain: nodes to tell of it.
type seedFlag struct{ sockets []string }

func (f *seedFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.sockets, "seed", nil, "a seed's control socket or directory: let it tell cameras to look now; may be repeated")
}

// hint makes the seeds announce that the chain has changed, without an
// envelope, so that cameras look now instead of with their next poll. What was
// done on chain stands whether or not that succeeds.
func (f *seedFlag) hint(cmd *cobra.Command, product verify.ProductID) func(context.Context, *registry.Registry) error {
	if len(f.sockets) == 0 {
		return nil
	}
	tell := func(ctx context.Context, reg *registry.Registry) error {
		view, err := reg.Check(ctx, product, "")
		if err != nil {
			return fmt.Errorf("the change is on chain, but cameras were not told to look: %w", err)
		}
		a := announce.Announcement{Product: product, Sequence: view.Latest, Rev: view.Rev, Block: view.RevBlock}
		for _, socket := range f.sockets {
			heard, err := announceBy(ctx, socket, a)
			if err != nil {
				return fmt.Errorf("the change is on chain, but %s did not tell cameras to look: %w", socket, err)
			}
			if !heard {
				cli.Note(cmd, "%s has no peer to tell; cameras will see the change when they next look at the chain", socket)
			}
		}
		return nil
	}
	return func(ctx context.Context, reg *registry.Registry) error {
		return cli.Remains(tell(ctx, reg), "the change is on chain, but cameras were not told to look")
	}
}

// announceBy makes a seed announce; heard is false when it found no peer to
// hear it in time.
func announceBy(ctx context.Context, socket string, a announce.Announcement) (heard bool, err error) {
	actx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	err = withNode(socket, func(c *control.Client) error { return c.Announce(actx, a) })
	if err != nil && ctx.Err() == nil && errors.Is(actx.Err(), context.DeadlineExceeded) {
		return false, nil
	}
	return err == nil, err
}

// provideTo hands a release to a seed, with progress on a terminal.
func provideTo(ctx context.Context, cmd *cobra.Command, socket string, r *releaseFiles) (control.Provided, error) {
	f, err := openRegular(r.image)
	if err != nil {
		return control.Provided{}, err
	}
	defer func() { _ = f.Close() }()
	size := int64(r.manifest.Image.Size)
	p := newProgress(cmd.ErrOrStderr(), "handing the image to "+socket, size)
	defer p.end()
	var provided control.Provided
	err = withNode(socket, func(c *control.Client) error {
		provided, err = c.Provide(ctx, r.raw, io.TeeReader(f, p), size)
		return err
	})
	if err != nil {
		return provided, fmt.Errorf("seed %s: %w", socket, err)
	}
	return provided, nil
}
