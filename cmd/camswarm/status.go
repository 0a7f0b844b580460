package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/report/format"
)

// statusEvery is how often --wait looks.
const statusEvery = 200 * time.Millisecond

func newStatusCommand() *cobra.Command {
	var (
		socket  string
		waits   []string
		timeout time.Duration
		watch   bool
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what a running camswarmd does",
		Long: `Shows identity, addresses, chain view, releases and traffic of a node on this
machine. With --wait it waits until the node got there, and prints one line:

  ready        it answers
  peers=N      it is connected to at least N peers
  held=N       it holds release N, whole and checked
  installed=N  it runs release N or a later one, confirmed
  gone=N       it holds nothing of release N`,
		Example: `  camswarm status --socket cam1
  camswarm status --socket cam1 --watch
  camswarm status --socket cam1 --wait installed=2 --wait gone=1 --timeout 1m --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conditions, err := parseConditions(waits)
			if err != nil {
				return err
			}
			if timeout <= 0 {
				return cli.Usagef("--timeout must be positive")
			}
			if watch {
				if len(conditions) > 0 || cmd.Flags().Changed("timeout") {
					return cli.Usagef("--watch goes with neither --wait nor --timeout")
				}
				return watchStatus(cmd, socket, asJSON)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			s, err := waitForStatus(ctx, socket, conditions, func(lack string) {
				cli.Note(cmd, "%s yet; waiting up to %v", lack, timeout)
			})
			if err != nil {
				return err
			}
			return cli.PrintFacts(cmd, asJSON, s, func(w io.Writer) {
				if len(conditions) > 0 {
					fmt.Fprintln(w, summary(s))
					return
				}
				printStatus(w, s)
			})
		},
	}
	addSocket(cmd, &socket)
	cmd.Flags().StringArrayVar(&waits, "wait", nil, "wait until ready, peers=N, held=N, installed=N or gone=N; may be repeated")
	cmd.Flags().BoolVar(&watch, "watch", false, "print a line whenever something changed, until interrupted; with --json a document each time")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// watchStatus prints where a node stands whenever that has changed, until the command
// is interrupted. A node that restarts is waited for.
func watchStatus(cmd *cobra.Command, socket string, asJSON bool) error {
	last := ""
	for first := true; ; first = false {
		ctx, cancel := context.WithTimeout(cmd.Context(), controlTimeout)
		s, err := waitForStatus(ctx, socket, nil, nil)
		cancel()
		line := ""
		switch {
		case cmd.Context().Err() != nil:
			return cmd.Context().Err()
		case err == nil:
			line = watched(s)
		case first || !errors.Is(err, control.ErrNotRunning):
			return err
		default:
			line = "it does not answer"
		}
		if line != last {
			last = line
			if asJSON && err == nil {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(s)
			} else if !asJSON {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", time.Now().Format(time.TimeOnly), cli.Line(line))
			}
			if err != nil && !errors.Is(err, control.ErrNotRunning) {
				return err
			}
		}
		select {
		case <-cmd.Context().Done():
			return cmd.Context().Err()
		case <-time.After(watchEvery):
		}
	}
}

// watchEvery is how often --watch looks.
const watchEvery = time.Second

// watched is what --watch tells a change by.
func watched(s control.Status) string {
	line := summary(s)
	for _, p := range s.Products {
		if t := p.Target; t != nil && t.Progress != nil && t.Progress.Bytes < t.Progress.TotalBytes {
			line += fmt.Sprintf("; %s of %s at %s/s", byteCount(t.Progress.Bytes), byteCount(t.Progress.TotalBytes), byteCount(t.Progress.BytesPerSecond))
		}
	}
	if held := heldBack(s); held != "" {
		line += "; " + held
	}
	for _, a := range s.Alarms {
		line += "; ALARM " + a.Name
	}
	return line
}

// condition is something --wait waits for.
type condition struct {
	text  string
	holds func(control.Status) bool
}

func parseConditions(texts []string) ([]condition, error) {
	var list []condition
	for _, text := range texts {
		name, number, hasNumber := strings.Cut(text, "=")
		n, err := strconv.ParseUint(number, 10, 64)
		makers := map[string]func(control.Status) bool{
			"peers":     func(s control.Status) bool { return uint64(s.Peers) >= n },
			"held":      func(s control.Status) bool { return holds(s, n) },
			"installed": func(s control.Status) bool { return installed(s, n) },
			"gone":      func(s control.Status) bool { return gone(s, n) },
		}
		holds, known := makers[name]
		switch {
		case text == "ready":
			holds = func(control.Status) bool { return true }
		case !known || !hasNumber || err != nil:
			return nil, cli.Usagef("--wait %q: write ready, peers=N, held=N, installed=N or gone=N", text)
		}
		list = append(list, condition{text, holds})
	}
	return list, nil
}

func holds(s control.Status, seq uint64) bool {
	for _, p := range s.Products {
		for _, h := range p.Held {
			if h.Sequence == seq && h.State >= control.StateVerified && h.State <= control.StateConfirmed {
				return true
			}
		}
	}
	return false
}

func installed(s control.Status, seq uint64) bool {
	for _, p := range s.Products {
		if p.Installed == nil || p.Installed.Sequence < seq || !p.Installed.Confirmed {
			return false
		}
	}
	return len(s.Products) > 0
}

func gone(s control.Status, seq uint64) bool {
	for _, p := range s.Products {
		for _, h := range p.Held {
			if h.Sequence == seq {
				return false
			}
		}
	}
	return true
}

// waitForStatus asks until every condition holds, and says what lacks whenever that
// changes. Without conditions a node that does not answer is an error at once.
func waitForStatus(ctx context.Context, socket string, conditions []condition, say func(lack string)) (control.Status, error) {
	for said := ""; ; {
		var s control.Status
		err := withNode(socket, func(c *control.Client) (err error) {
			s, err = c.Status(ctx)
			return err
		})
		missing := ""
		if err == nil {
			for _, c := range conditions {
				if !c.holds(s) {
					missing = c.text
					break
				}
			}
			if missing == "" {
				return s, nil
			}
		} else if len(conditions) == 0 || !errors.Is(err, control.ErrNotRunning) && ctx.Err() == nil {
			return s, err
		}
		lack := "no node answers at " + socketPath(socket)
		if err == nil {
			lack = "the node has not got to " + missing
		}
		if lack != said && ctx.Err() == nil {
			say(lack)
			said = lack
		}
		select {
		case <-ctx.Done():
			switch {
			case errors.Is(ctx.Err(), context.Canceled):
				err = ctx.Err()
			case err == nil:
				err = fmt.Errorf("%s did not come about in time; the node says: %s", missing, summary(s))
			}
			return s, err
		case <-time.After(statusEvery):
		}
	}
}

// summary says in one line where a node stands.
func summary(s control.Status) string {
	var parts []string
	for _, p := range s.Products {
		part := p.Name
		switch {
		case p.Installed != nil:
			part += fmt.Sprintf(" runs release %d", p.Installed.Sequence)
		case s.Role == string(node.RoleCamera):
			part += " runs the factory image"
		}
		for _, h := range p.Held {
			part += fmt.Sprintf(", holds %d (%s)", h.Sequence, h.State)
		}
		if t := p.Target; t != nil {
			part += fmt.Sprintf(", goes to %d: %s", t.Sequence, t.Reason)
			if t.LastError != "" {
				part += " (" + t.LastError + ")"
			}
		}
		if p.Chain.Quorum != "ok" {
			part += ", chain: " + p.Chain.Quorum
		}
		parts = append(parts, part)
	}
	return fmt.Sprintf("%s, %s; %s", s.Role, count(s.Peers, "peer", "peers"), strings.Join(parts, "; "))
}

// lacks says why a fetch cannot go on for want of peers; "": it can.
func lacks(s control.Status, t *control.TargetStatus) string {
	switch g := t.Progress; {
	case !t.Fetch || t.State > control.StateFetching || g != nil && (g.Bytes == g.TotalBytes || g.BytesPerSecond > 0):
		return ""
	case s.Peers == 0:
		return "no peer to get it from"
	case g == nil:
		return "none of " + count(s.Peers, "peer", "peers") + " has sent anything of it yet"
	}
	return ""
}

// printStatus prints a status within 80 columns; what does not fit goes on below.
func printStatus(out io.Writer, s control.Status) {
	w := new(bytes.Buffer)
	build := ""
	if s.Build == "camera" {
		build = " (camera build)"
	}
	fmt.Fprintf(w, "%s %s, up %v, version %s%s\n", s.Role, s.PeerID, time.Duration(s.UptimeSeconds)*time.Second, s.Version, build)
	fmt.Fprintf(w, "DID        %s\n", s.DID)
	for _, a := range s.ListenAddrs {
		fmt.Fprintf(w, "address    %s\n", a)
	}
	fmt.Fprintf(w, "peers      %d\n", s.Peers)
	found := ""
	if s.Memory.Auto {
		found = ", found out by itself"
	}
	fmt.Fprintf(w, "memory     made for a device of %d MB%s\n", s.Memory.DeviceBytes>>20, found)
	fmt.Fprintf(w, "reach      %s\n", s.Reach.Words)
	if s.Reach.Tried > 0 {
		fmt.Fprintf(w, "           %d of %s at a relay became direct connections\n", s.Reach.Punched, count(s.Reach.Tried, "appointment", "appointments"))
	}
	if r := s.Relay; r != nil {
		fmt.Fprintf(w, "relay      %d of %s taken; %d of %s at once now, %d kept, %d refused, %s carried\n", r.Places, count(r.MaxPlaces, "place", "places"),
			r.Appointments, count(r.MaxAppointments, "appointment", "appointments"), r.Kept, r.Refused, byteCount(r.Bytes))
	}
	fmt.Fprintf(w, "traffic    sent %s, received %s (%s from seeds, %s from cameras, %s from origins, %s twice, %s wrong)\n",
		byteCount(s.Traffic.SentBytes), byteCount(s.Traffic.ReceivedBytes), byteCount(s.Traffic.FromSeeds),
		byteCount(s.Traffic.FromPeers), byteCount(s.Traffic.FromOrigins), byteCount(s.Traffic.DuplicateBytes), byteCount(s.Traffic.WrongBytes))
	if held := heldBack(s); held != "" {
		fmt.Fprintf(w, "polite     %s\n", held)
	}
	fmt.Fprintf(w, "disk       %s used, %s free\n", byteCount(s.Disk.UsedBytes), byteCount(s.Disk.FreeBytes))
	for _, p := range s.Products {
		fmt.Fprintf(w, "\n%s", p.Name)
		if p.Region != "" {
			fmt.Fprintf(w, " in %s", p.Region)
		}
		fmt.Fprintln(w)
		c := p.Chain
		fmt.Fprintf(w, "chain      revision %d, block %d, newest release %d, quorum %s\n", c.Rev, c.Block, c.Latest, c.Quorum)
		if c.Paused {
			fmt.Fprintln(w, "           the registry is PAUSED")
		}
		if c.Witnesses != nil {
			fmt.Fprintf(w, "witnesses  %s\n", witnessLine(c))
		}
		if i := p.Installed; i != nil {
			state := "confirmed"
			if !i.Confirmed {
				state = "not confirmed yet"
			}
			fmt.Fprintf(w, "installed  release %d (%s), %s\n", i.Sequence, cli.Line(i.Version), state)
		} else if s.Role == string(node.RoleCamera) {
			fmt.Fprintln(w, "installed  the factory image")
		}
		if l := p.Seeds; l != nil {
			named := "none for this region, only those of the configuration"
			if n := len(l.Addrs); n > 0 {
				named = fmt.Sprintf("%d for this region, beside those of the configuration", n)
			}
			fmt.Fprintf(w, "seeds      release %d names %s\n", l.Release, named)
		}
		if t := p.Target; t != nil {
			fmt.Fprintf(w, "next       release %d (%s): %s, %s\n", t.Sequence, cli.Line(t.Version), t.State, t.Reason)
			if g := t.Progress; g != nil && g.Bytes < g.TotalBytes {
				fmt.Fprintf(w, "           %s of %s at %s/s from %s\n", byteCount(g.Bytes), byteCount(g.TotalBytes), byteCount(g.BytesPerSecond), count(g.Peers, "peer", "peers"))
			}
			if why := lacks(s, t); why != "" && t.LastError == "" {
				fmt.Fprintf(w, "           %s ('camswarm doctor' says more)\n", why)
			}
			if c := t.Consent; c != nil {
				how := ""
				if c.State == "wanted" {
					how = " ('camswarm consent accept', 'later' or 'refuse')"
				}
				fmt.Fprintf(w, "           the owner's consent: %s%s\n", c.State, how)
			}
			if t.LastError != "" {
				fmt.Fprintf(w, "           last error: %s\n", cli.Line(t.LastError))
			}
		}
		if i := p.IPNS; i != nil {
			fmt.Fprintf(w, "IPNS       %s: %s for release %d\n", i.Name, i.State, i.Release)
			if i.Detail != "" {
				fmt.Fprintf(w, "           %s\n", cli.Line(i.Detail))
			}
		}
		for _, h := range p.Held {
			in := ""
			if h.Slot != "" {
				in = ", its image in " + cli.Line(h.Slot)
			}
			fmt.Fprintf(w, "held       release %d (%s): %s, %s on disk%s\n", h.Sequence, cli.Line(h.Version), h.State, byteCount(h.Bytes), in)
		}
	}
	for _, a := range s.Alarms {
		fmt.Fprintf(w, "\nALARM %s: %s\n", a.Name, a.Message)
	}
	for line := range strings.Lines(w.String()) {
		label := ""
		if len(line) > statusLabel && line[statusLabel-1] == ' ' {
			label, line = line[:statusLabel], line[statusLabel:]
		}
		line = strings.TrimSuffix(line, "\n")
		fmt.Fprintln(out, label+format.Wrap(line, cli.DefaultWidth-statusLabel, strings.Repeat(" ", statusLabel)))
	}
}

// statusLabel is the width of what stands before each fact of a status.
const statusLabel = len("installed  ")

func newPeersCommand() *cobra.Command {
	var socket string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "peers",
		Short: "Show the peers of a running camswarmd and what passed between them",
		Long: `Shows each peer by the end of its ID. With --json it shows whole IDs, addresses
and what came twice as well.`,
		Example: `  camswarm peers --socket cam1
  camswarm peers --socket cam1 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withNode(socket, func(c *control.Client) error {
				ctx, cancel := context.WithTimeout(cmd.Context(), controlTimeout)
				defer cancel()
				peers, err := c.Peers(ctx)
				if err != nil {
					return err
				}
				return cli.PrintFacts(cmd, asJSON, peers, func(w io.Writer) {
					printPeers(w, "peer", peers)
				})
			})
		},
	}
	addSocket(cmd, &socket)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
