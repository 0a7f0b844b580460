package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"camswarm/cmd/internal/version"
	"camswarm/node"
	"camswarm/node/control"
)

// The exit codes. A service manager should restart after every one but 64 and 78
// (of sysexits.h), which nothing else than these mistakes ends with: a panic and
// SIGABRT, which a watchdog sends, end a Go program with 2.
const (
	exitOK     = 0  // stopped by SIGINT or SIGTERM
	exitFailed = 1  // the node could not start or go on
	exitUsage  = 64 // EX_USAGE: the command line is wrong
	exitConfig = 78 // EX_CONFIG: the configuration is wrong
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills at once
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	code := runReloading(ctx, hup, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program without SIGHUP; it returns its exit code.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	return runReloading(ctx, nil, args, getenv, stdout, stderr)
}

// runReloading is the program; whatever comes from hup makes it read the
// configuration again.
func runReloading(ctx context.Context, hup <-chan os.Signal, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	fail := func(code int, format string, a ...any) int {
		line := strings.ReplaceAll(fmt.Sprintf(format, a...), "\n", "; ")
		fmt.Fprintf(stderr, "camswarmd: %s\n", line)
		return code
	}
	flags := flag.NewFlagSet("camswarmd", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	config := flags.String("config", "", "configuration `file` (TOML)")
	check := flags.Bool("check", false, "check the configuration and exit")
	accept := flags.Bool("accept-registry", false, "let the node follow another registry than before, as the configuration says, and exit")
	format := flags.String("log-format", "text", "text or json")
	level := flags.String("log-level", "info", "debug, info, warn or error")
	showVersion := flags.Bool("version", false, "print the version and exit")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, `camswarmd runs one camera or seed node.

Usage: camswarmd --config FILE [--check | --accept-registry] [--log-format text|json] [--log-level LEVEL] [--version]

'camswarm provision' writes the configuration; 'camswarm status' and 'camswarm
doctor' ask a running node. It exits with 0 when it is stopped by SIGINT or
SIGTERM, 1 when it cannot go on, 64 when the command line is wrong and 78 when
the configuration is. SIGHUP makes it take over the limits and the mode of the
configuration's [exchange] section, all of [polite] and gateway.rate; everything
else waits for the next start.
On SIGTERM it first finishes what it is sending, for at most exchange.drain.

Example: camswarmd --config cam1/camswarmd.toml

`)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return exitOK
	} else if err != nil {
		return fail(exitUsage, "%v (see camswarmd --help)", err)
	}
	if *showVersion {
		fmt.Fprintf(stdout, "%s (%s)\n", version.Of("camswarmd", release), builds[node.Build])
		return exitOK
	}
	if flags.NArg() > 0 {
		return fail(exitUsage, "unexpected argument %q (see camswarmd --help)", flags.Arg(0))
	}
	if *config == "" {
		return fail(exitUsage, "name a configuration with --config; 'camswarm provision' writes one")
	}
	log, err := newLogger(stderr, *format, *level)
	if err != nil {
		return fail(exitUsage, "%v", err)
	}
	cfg, err := node.LoadConfig(*config)
	if err != nil {
		return fail(exitConfig, "%v", err)
	}
	socket := filepath.Join(cfg.StateDir, control.SocketName)
	if err := control.CheckPath(socket); err != nil {
		return fail(exitConfig, "%v", err)
	}
	if *check {
		if err := cfg.CheckFiles(); err != nil {
			return fail(exitConfig, "%v", err)
		}
		for _, r := range cfg.RaiseLimits() {
			fmt.Fprintf(stderr, "camswarmd: %s\n", r)
		}
		fmt.Fprintf(stdout, "%s is good: %s of %s, state in %s\n", *config, cfg.Role, products(&cfg), cfg.StateDir)
		return exitOK
	}
	if err := setMemory(cfg.Network, getenv); err != nil {
		return fail(exitConfig, "%v", err)
	}
	options := []node.Option{node.WithLogger(log)}
	if *accept {
		options = append(options, node.WithAcceptedRegistry())
	}
	n, err := node.New(cfg, options...)
	if errors.Is(err, node.ErrConfig) {
		return fail(exitConfig, "%v", err)
	}
	if err != nil {
		return fail(exitFailed, "%v", err)
	}
	if *accept {
		if err := n.Close(); err != nil {
			return fail(exitFailed, "%v", err)
		}
		fmt.Fprintf(stdout, "from the next start the node follows the registry of %s\n", *config)
		return exitOK
	}
	life := ctx                                                   // ends with a signal
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // ends when the node has drained
	notify := newNotifier(getenv)
	defer context.AfterFunc(life, func() {
		if err := notify.send("STOPPING=1"); err != nil {
			log.Warn("cannot notify the service manager", "err", err)
		}
		n.Drain(ctx)
		cancel()
	})()
	var reloads sync.WaitGroup
	reloads.Go(func() { reloadOn(ctx, hup, *config, cfg, n.Reconfigure, log) })
	err = serve(ctx, n, notify, socket, log)
	cancel()
	reloads.Wait()
	if err != nil {
		return fail(exitFailed, "%v", err)
	}
	log.Info("stopped", "cause", context.Cause(life))
	return exitOK
}

// products names what a node follows.
func products(cfg *node.Config) string {
	var names []string
	for i := range cfg.Products {
		names = append(names, cfg.Products[i].Name)
	}
	return strings.Join(names, ", ")
}

// serve runs the node and keeps the service manager informed until ctx ends.
func serve(ctx context.Context, n *node.Node, notify notifier, socket string, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		notify.watch(ctx, log, func(ctx context.Context) error { return answers(ctx, n, socket) })
	})
	err := n.Run(ctx)
	cancel()
	wg.Wait()
	return err
}

// answers has every loop of the node take a turn, and asks for the status through its
// own control socket: what looks online and does nothing fails one or the other.
func answers(ctx context.Context, n *node.Node, socket string) error {
	if err := n.Alive(ctx); err != nil {
		return err
	}
	c, err := control.Dial(socket)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Status(ctx)
	return err
}

// newLogger writes to w, which is stderr: a service manager keeps that.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var opts slog.HandlerOptions
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %q: choose debug, info, warn or error", level)
	}
	opts.Level = l
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &opts)), nil
	}
	return nil, fmt.Errorf("--log-format %q: choose text or json", format)
}

// builds says in words which build this is.
var builds = map[string]string{"all": "for cameras and seeds", "camera": "camera build"}

// release is the version that a release build is given by -ldflags. The build
// knows no other, so that its bytes do not depend on a repository's tags.
var release string
