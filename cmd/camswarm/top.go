package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"camswarm/announce/beacon"
	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
)

// topView is what one frame of `top` shows.
type topView struct {
	at     time.Time
	status control.Status
	peers  []control.PeerStatus
	fleet  beacon.Fleet // of a seed that counts
	err    error        // the node does not answer
}

// facts are the view as JSON.
func (v topView) facts() any {
	return struct {
		Status control.Status       `json:"status"`
		Peers  []control.PeerStatus `json:"peers"`
		Fleet  beacon.Fleet         `json:"fleet"`
	}{v.status, v.peers, v.fleet}
}

func newTopCommand() *cobra.Command {
	var (
		socket string
		every  time.Duration
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch a running camswarmd",
		Long: `Shows what a node does, and redraws it until it is interrupted: releases, the
chain, bytes by distance and second, its busiest peers, alarms; of a seed that
counts (beacons.count) how releases fare. Where the output is no terminal it is
printed once, and so it is as JSON. Colours are left out if NO_COLOR is set.`,
		Example: `  camswarm top --socket seed`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < 200*time.Millisecond {
				return cli.Usagef("--every %v: at least 200ms", every)
			}
			out := cmd.OutOrStdout()
			now := lookAt(cmd.Context(), socket)
			if now.err != nil {
				return now.err
			}
			if asJSON {
				return cli.PrintFacts(cmd, true, now.facts(), nil)
			}
			if !cli.IsTerminal(out) {
				_, err := io.WriteString(out, topText(now, now))
				return err
			}
			return watchTop(cmd.Context(), out, now, every, func() topView { return lookAt(cmd.Context(), socket) })
		},
	}
	addSocket(cmd, &socket)
	cmd.Flags().DurationVar(&every, "every", 2*time.Second, "how often it is redrawn")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// lookAt asks the node.
func lookAt(ctx context.Context, socket string) (v topView) {
	v.at = time.Now()
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	v.err = withNode(socket, func(c *control.Client) (err error) {
		if v.status, err = c.Status(ctx); err != nil {
			return err
		}
		if v.peers, err = c.Peers(ctx); err != nil {
			return err
		}
		var refused *control.Error
		if v.fleet, err = c.Fleet(ctx); errors.As(err, &refused) { // a camera, or an older node
			return nil
		}
		return err
	})
	return v
}

// The codes of terminals (ECMA-48, and DEC's for the second screen).
const (
	topEnter = "\x1b[?1049h\x1b[?25l" // the second screen, without a cursor
	topLeave = "\x1b[?25h\x1b[?1049l"
)

// watchTop draws frames until ctx ends.
func watchTop(ctx context.Context, out io.Writer, now topView, every time.Duration, look func() topView) error {
	screen, colour := cli.Raw(out), os.Getenv("NO_COLOR") == ""
	defer cli.AtOnce(ctx, func() { _, _ = io.WriteString(screen, topLeave) })()
	if _, err := io.WriteString(screen, topEnter); err != nil {
		return err
	}
	defer func() { _, _ = io.WriteString(screen, topLeave) }()
	last := now
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		width, height := cli.Size(out)
		text := topText(now, last)
		if now.err != nil {
			text = topText(last, last) + "\nALARM " + now.err.Error() + "\n"
		}
		if _, err := io.WriteString(screen, topFrame(text, width, height, colour)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if now.err == nil {
			last = now
		}
		now = look()
	}
}

// topFrame is the bytes that draw a text over what is on the screen. What comes of a
// node is shown without its control characters.
func topFrame(text string, width, height int, colour bool) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) > height {
		lines = append(lines[:height-1:height-1], "…")
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		line = cli.Visible(line)
		if utf8.RuneCountInString(line) > width {
			line = string([]rune(line)[:width-1]) + "…"
		}
		switch {
		case !colour:
		case strings.HasPrefix(line, "ALARM"):
			line = "\x1b[31m" + line + "\x1b[0m"
		case i == 0 || strings.HasSuffix(line, ":"):
			line = "\x1b[1m" + line + "\x1b[0m"
		}
		b.WriteString(line + "\x1b[K")
	}
	b.WriteString("\x1b[J")
	return b.String()
}

// topText is a frame in words; rates are those since last.
func topText(now, last topView) string {
	var b bytes.Buffer
	s := now.status
	fmt.Fprintf(&b, "%s  %s  up %v  %s\n%s\n", now.at.UTC().Format("15:04:05"), s.Role, time.Duration(s.UptimeSeconds)*time.Second, count(s.Peers, "peer", "peers"), s.PeerID)
	for _, a := range s.Alarms {
		fmt.Fprintf(&b, "ALARM %s: %s\n", cli.Line(a.Name), cli.Line(a.Message))
	}
	if held := heldBack(s); held != "" {
		fmt.Fprintf(&b, "polite     %s\n", held)
	}
	for _, p := range s.Products {
		head := cli.Line(p.Name)
		if p.Region != "" {
			head += " in " + cli.Line(string(p.Region))
		}
		fmt.Fprintf(&b, "\n%s:\n", head)
		fmt.Fprintf(&b, "chain      revision %d, newest release %d, quorum %s, confirmed %d s ago\n", p.Chain.Rev, p.Chain.Latest, cli.Line(p.Chain.Quorum), p.Chain.AgeSeconds)
		if i := p.Installed; i != nil {
			fmt.Fprintf(&b, "installed  release %d (%s)\n", i.Sequence, cli.Line(i.Version))
		}
		if t := p.Target; t != nil {
			fmt.Fprintf(&b, "next       release %d: %s, %s\n", t.Sequence, t.State, t.Reason)
			if t.LastError != "" {
				fmt.Fprintf(&b, "           last error: %s\n", cli.Line(t.LastError))
			}
			if g := t.Progress; g != nil && g.Bytes < g.TotalBytes {
				fmt.Fprintf(&b, "           %s of %s at %s/s\n", byteCount(g.Bytes), byteCount(g.TotalBytes), byteCount(g.BytesPerSecond))
			}
		}
		for _, r := range now.fleet.Reports {
			if r.Product == p.ID {
				fmt.Fprintf(&b, "fleet      %s this seed\n", count(r.Cameras, "camera tells", "cameras tell"))
				printReleases(&b, r)
			}
		}
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\npeers\tsent\t/s\treceived\t/s\t")
	seconds := max(now.at.Sub(last.at).Seconds(), 1)
	for _, tier := range s.Traffic.Tiers {
		before := tier
		for _, o := range last.status.Traffic.Tiers {
			if o.Tier == tier.Tier {
				before = o
			}
		}
		rate := func(n, was int64) string { return byteCount(int64(float64(max(n-was, 0)) / seconds)) }
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", tier.Tier, byteCount(tier.SentBytes), rate(tier.SentBytes, before.SentBytes),
			byteCount(tier.ReceivedBytes), rate(tier.ReceivedBytes, before.ReceivedBytes))
	}
	_ = t.Flush()
	fmt.Fprintf(&b, "%s refused, %s twice; %s of releases, %s free\n\n", byteCount(s.Traffic.WrongBytes), byteCount(s.Traffic.DuplicateBytes), byteCount(s.Disk.UsedBytes), byteCount(s.Disk.FreeBytes))
	peers := slices.Clone(now.peers)
	slices.SortStableFunc(peers, func(a, b control.PeerStatus) int {
		return cmp.Compare(b.SentBytes+b.ReceivedBytes, a.SentBytes+a.ReceivedBytes)
	})
	printPeers(&b, "busiest", peers[:min(len(peers), 10)])
	return b.String()
}

// printPeers prints a table of peers, each by the end of its ID, within 80 columns.
func printPeers(w io.Writer, head string, peers []control.PeerStatus) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, head+"\trole\ttier\tvia\tms\tsent\treceived\twrong\tscore")
	for _, p := range peers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%.1f\n", p.ID[max(0, len(p.ID)-12):], cmp.Or(p.Role, "-"), p.Tier, p.Via, p.LatencyMS,
			byteCount(p.SentBytes), byteCount(p.ReceivedBytes), byteCount(p.WrongBytes), p.Score)
	}
	_ = t.Flush()
}
