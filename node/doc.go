// Package node joins the mechanisms into one camera or seed: it is the only
// package that knows all of them, and the only one that programs need. This
// embeds a camera with an installer of its own (see [install.Installer]):
//
//	cfg, err := node.LoadConfig("/etc/camswarm/camswarmd.toml")
//	if err != nil {
//		return err
//	}
//	n, err := node.New(cfg, node.WithInstaller(flash), node.WithLogger(slog.Default()))
//	if err != nil {
//		return err
//	}
//	return n.Run(ctx) // until ctx ends
//
// pipeline.go is the one forward flow: a gossiped announcement is a hint, the
// chain's view is the truth, then manifest, blocks, image, install,
// confirmation, collection. The mechanisms stay blind to one another: announce
// and chainwatch know no blocks, swarm knows no firmware, gc knows no network.
package node
