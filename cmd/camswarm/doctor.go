package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/chainwatch"
	"camswarm/cmd/internal/cli"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/swarm"
	"camswarm/swarm/p2p"
)

// Levels of a finding.
const (
	levelOK   = "ok"
	levelWarn = "warn"
	levelBad  = "bad"
)

// finding is one line of `doctor`.
type finding struct {
	Topic   string `json:"topic"`
	Level   string `json:"level"` // ok, warn or bad
	Message string `json:"message"`
}

// Thresholds of the examination.
const (
	// udpBuffer is what quic-go asks for; with less the kernel drops packets of
	// fast transfers.
	udpBuffer = 7 << 20
	// clockFloor is before this program was written (2026-01-01): a clock below
	// it cannot be right.
	clockFloor = 1767225600
	// chainClockSkew is how far the device's clock may be from the chain's.
	chainClockSkew = 5 * time.Minute
	// staleView is how old a quorum view may be before it is worth a word: a
	// camera looks daily.
	staleView = 36 * time.Hour
	// manyAppointments without a hole are no accident: seven of ten open
	// (arXiv 2510.27500).
	manyAppointments = 10
)

func newDoctorCommand() *cobra.Command {
	var socket string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine a running camswarmd and say what to mend",
		Long: `Looks at the node's chain endpoints, witnesses, clock, disk, peers, NAT,
releases, limits, install hook, listen addresses and UDP buffers, and explains what is
wrong. The exit code is 1 if something is bad.`,
		Example: `  camswarm doctor --socket cam1`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), controlTimeout)
			defer cancel()
			var status control.Status
			var peers []control.PeerStatus
			err := withNode(socket, func(c *control.Client) (err error) {
				if _, err = c.Releases(ctx); err != nil { // has the disk and the install hook looked at now
					return err
				}
				if status, err = c.Status(ctx); err != nil {
					return err
				}
				peers, err = c.Peers(ctx)
				return err
			})
			if err != nil {
				return err
			}
			findings := examine(status, peers, time.Now(), readSysctl)
			return printFindings(cmd, asJSON, findings)
		},
	}
	addSocket(cmd, &socket)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// readSysctl reads a number from /proc/sys.
func readSysctl(name string) (int64, error) {
	data, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
}

// examineReach says what stands between a camera and others, and whether those
// behind NATs can meet at a seed.
func examineReach(add func(topic, level, format string, args ...any), s control.Status) {
	r := s.Reach
	overQUIC := func(a string) bool { return strings.Contains(a, "/quic-v1") }
	switch {
	case s.Relay != nil && !slices.ContainsFunc(s.ListenAddrs, overQUIC):
		add("reach", levelWarn, "this seed is reached nowhere over QUIC, so cameras behind NATs cannot meet through it: leave network.listen out, or add an address such as /ip4/0.0.0.0/udp/4417/quic-v1")
	case s.Role != string(node.RoleCamera):
	case r.NAT == p2p.NATSymmetric, r.Tried >= manyAppointments && r.Punched == 0:
		add("reach", levelWarn, "%s: %d of %d appointments became connections. An IPv6 address, a router that keeps ports, or a forwarded UDP port mends it; see docs/REACH.md", r.Words, r.Punched, r.Tried)
	case r.Tried == 0:
		add("reach", levelOK, "%s", r.Words)
	default:
		add("reach", levelOK, "%s; %d of %d appointments became connections", r.Words, r.Punched, r.Tried)
	}
}

// examine draws conclusions from what a node says of itself and what this
// machine shows. It is pure but for sysctl.
func examine(s control.Status, peers []control.PeerStatus, now time.Time, sysctl func(string) (int64, error)) []finding {
	var out []finding
	add := func(topic, level, format string, args ...any) {
		out = append(out, finding{topic, level, fmt.Sprintf(format, args...)})
	}
	add("node", levelOK, "%s, up %v, version %s", s.Role, time.Duration(s.UptimeSeconds)*time.Second, s.Version)

	examineClock(add, s, now)
	for _, p := range s.Products {
		examineProduct(add, s, p)
		examineWitnesses(add, p)
	}
	examinePeers(add, s, peers)
	examineReach(add, s)
	if held := heldBack(s); held != "" {
		level := levelOK
		if nobody := swarm.ScopeNone.String(); s.Polite.Fetches == nobody || s.Role == string(node.RoleSeed) && s.Polite.Serves == nobody {
			level = levelWarn
		}
		add("polite", level, "%s; 'camswarm limits' shows and changes it", held)
	}

	switch d := s.Disk; {
	case d.ReserveBytes == 0:
		add("disk", levelWarn, "no reserve is held: it was given up because the disk was full, or storage.reserve_bytes is 0; %s are free", byteCount(d.FreeBytes))
	case d.QuotaBytes > 0 && d.UsedBytes > d.QuotaBytes:
		add("disk", levelBad, "releases use %s, more than the quota of %s: raise storage.quota_bytes to at least two images", byteCount(d.UsedBytes), byteCount(d.QuotaBytes))
	default:
		add("disk", levelOK, "releases use %s, %s are free", byteCount(d.UsedBytes), byteCount(d.FreeBytes))
	}
	var udpSettings []string
	if slices.ContainsFunc(s.ListenAddrs, func(a string) bool { return strings.Contains(a, "/quic-v1") }) {
		udpSettings = []string{"net.core.rmem_max", "net.core.wmem_max"}
	}
	for _, name := range udpSettings {
		if n, err := sysctl(name); err == nil && n < udpBuffer {
			add("udp", levelWarn, "%s is %d; QUIC asks for %d and loses packets of fast transfers with less: sysctl -w %s=%d", name, n, udpBuffer, name, udpBuffer)
		} else if err == nil {
			add("udp", levelOK, "%s is %d", name, n)
		} else if !errors.Is(err, os.ErrNotExist) {
			add("udp", levelWarn, "%s cannot be read: %v", name, err)
		}
	}
	for _, a := range s.Alarms {
		add("alarm", levelBad, "%s: %s", a.Name, a.Message)
	}
	return out
}

type adder func(topic, level, format string, args ...any)

func examineClock(add adder, s control.Status, now time.Time) {
	if now.Unix() < clockFloor {
		add("clock", levelWarn, "the clock says %s; the node reckons by the chain's time and joins over TCP, but QUIC waits for a sane clock: run an NTP client", now.UTC().Format(time.DateTime))
		return
	}
	for _, p := range s.Products {
		if p.Chain.BlockTime.IsZero() || p.Chain.AgeSeconds < 0 {
			continue
		}
		skew := now.Sub(p.Chain.BlockTime.Add(time.Duration(p.Chain.AgeSeconds) * time.Second))
		if skew.Abs() > chainClockSkew {
			add("clock", levelWarn, "the clock is %v away from the chain's: run an NTP client, or the endpoints lag", skew.Round(time.Second))
			return
		}
	}
	add("clock", levelOK, "sane")
}

func examineProduct(add adder, s control.Status, p control.ProductStatus) {
	c := p.Chain
	switch age := time.Duration(c.AgeSeconds) * time.Second; {
	case c.AgeSeconds < 0:
		add("chain", levelBad, "%s: no view of registry %s was ever accepted: %s", p.Name, c.Registry, c.Quorum)
	case c.Quorum != "ok":
		add("chain", levelBad, "%s: no new view for %v: %s; the node keeps serving and installs nothing new", p.Name, age, c.Quorum)
	case age > staleView:
		add("chain", levelWarn, "%s: the view is %v old; see product.chain.poll", p.Name, age)
	case c.By == "witnesses":
		add("chain", levelOK, "%s: revision %d by the word of witnesses; the own quorum spoke %v ago", p.Name, c.Rev, age)
	default:
		add("chain", levelOK, "%s: revision %d accepted %v ago", p.Name, c.Rev, age)
	}
	operators := map[string]bool{}
	for _, e := range c.Endpoints {
		operators[strings.ToLower(strings.TrimSpace(e.Operator))] = true
		level, text := examineEndpoint(c, e)
		add("endpoint", level, "%s", text)
	}
	if n := len(operators); n < 3 {
		add("quorum", levelWarn, "%s: %s of %s; with fewer than 3 independent operators one that lies or is down can delay every update",
			p.Name, count(len(c.Endpoints), "endpoint", "endpoints"), count(n, "operator", "operators"))
	}
	switch i, t := p.Installed, p.Target; {
	case c.Paused:
		add("release", levelWarn, "%s: the registry is paused by its operator", p.Name)
	case t != nil && t.LastError != "":
		add("release", levelWarn, "%s: release %d: %s; last error: %s", p.Name, t.Sequence, t.Reason, t.LastError)
	case t != nil && lacks(s, t) != "":
		add("release", levelWarn, "%s: on the way to release %d, but %s; is a seed that holds it among its peers?", p.Name, t.Sequence, lacks(s, t))
	case t != nil:
		add("release", levelOK, "%s: on the way to release %d: %s, %s", p.Name, t.Sequence, t.State, t.Reason)
	case i != nil && !i.Confirmed:
		add("release", levelWarn, "%s: release %d is installed and not yet confirmed", p.Name, i.Sequence)
	case i != nil:
		add("release", levelOK, "%s: runs release %d (%s)", p.Name, i.Sequence, i.Version)
	case s.Role == string(node.RoleSeed):
		add("release", levelOK, "%s: holds %s", p.Name, count(len(p.Held), "release", "releases"))
	default:
		add("release", levelOK, "%s: runs its factory image", p.Name)
	}
}

// examineEndpoint says what one endpoint says, and what to do about it.
func examineEndpoint(c control.ChainStatus, e control.EndpointStatus) (level, text string) {
	text, level = fmt.Sprintf("%s (%s): %s", e.URL, e.Operator, e.State), levelOK
	if e.State != string(chainwatch.StateOK) && e.State != string(chainwatch.StateUnknown) {
		level = levelWarn
	}
	if e.LastOK.IsZero() {
		text += ", never answered"
	} else {
		text += fmt.Sprintf(", revision %d at block %d", e.Rev, e.Block)
		switch behind := c.BlockTime.Sub(e.BlockTime).Round(time.Second); {
		case e.BlockTime.IsZero():
			level, text = levelWarn, text+" of an impossible time"
		case c.BlockTime.IsZero():
		case behind > chainClockSkew:
			text += fmt.Sprintf(", %v behind the quorum", behind)
		case behind < -chainClockSkew:
			level, text = levelWarn, text+fmt.Sprintf(", %v ahead of the quorum", -behind)
		}
	}
	if e.LastError != "" {
		text += ": " + e.LastError
	}
	switch chainwatch.State(e.State) {
	case chainwatch.StateContradict:
		text += "; it has no say until it agrees again: ask its operator, or replace it"
	case chainwatch.StateBehind:
		text += "; it has no say in what is new until it has caught up: replace it if it does not"
	case chainwatch.StateAhead:
		text += "; its news is asked for again at once, and believed when others confirm it"
	case chainwatch.StateSlow:
		text += "; it is not waited for"
	case chainwatch.StateFailing:
		if !e.RetryAt.IsZero() {
			text += "; asked again after " + e.RetryAt.UTC().Format(time.TimeOnly) + " UTC"
		}
	}
	if e.Warning != "" {
		level, text = levelWarn, text+"; "+e.Warning
	}
	return level, text
}

func examinePeers(add adder, s control.Status, peers []control.PeerStatus) {
	tiers := map[string]int{}
	seeds := 0
	for _, p := range peers {
		tiers[p.Tier]++
		if p.Role == string(node.RoleSeed) {
			seeds++
		}
		if p.WrongBytes > 0 {
			add("peers", levelWarn, "%s sent %s of wrong blocks and is avoided", p.ID, byteCount(p.WrongBytes))
		}
	}
	switch {
	case len(peers) == 0:
		text := "no peer is connected: name the region's seeds in network.peers, and let UDP and TCP port 4417 out (and in, on a seed)"
		if s.Private != nil {
			text += "; in a private swarm also look whether this node was put out ('camswarm members show LIST') or has another fleet's credential"
		}
		add("peers", levelBad, "%s", text)
	case seeds == 0 && s.Role == string(node.RoleCamera):
		add("peers", levelWarn, "%s, none of them a seed: updates come only when another camera has them", count(len(peers), "peer", "peers"))
	default:
		var parts []string
		for tier, n := range tiers {
			parts = append(parts, fmt.Sprintf("%d %s", n, tier))
		}
		add("peers", levelOK, "%s (%s), %s among them", count(len(peers), "peer", "peers"), strings.Join(slices.Sorted(slices.Values(parts)), ", "), count(seeds, "seed", "seeds"))
	}
	if len(s.ListenAddrs) == 0 {
		add("network", levelWarn, "the node listens nowhere: it can fetch, and cannot be asked")
	}
}
