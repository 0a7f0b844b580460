package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// The bench's Internet. The ranges are public by their numbers, since a node takes
// private and documentation ranges for what they are; nothing leaves the namespace.
const (
	internet  = "45.83.0.1"
	internet6 = "2a0f:83::1"
	// An address of the Internet is one alone: what shares a prefix with a node is
	// on its local network.
	everybody  = "45.83.0.0/16"
	everybody6 = "2a0f:83::/64"
	chainPort  = 8545
	nodePort   = 4417
)

// A kind of place that cameras stand at.
type kind struct {
	name  string
	about string
	// rules are for nft on the router that has the public address.
	rules func(s *site) string
	// homes: each camera has a router of its own, which keeps ports, behind that one.
	homes bool
	// isolated: the cameras of one router do not see each other.
	isolated bool
	public   bool   // no router at all
	no4, v6  bool   // without IPv4; with IPv6, behind a firewall that lets nothing in
	maps     string // the protocol by which it forwards ports, or opens pinholes for IPv6, on request, as the status names it
	blocked  bool   // UDP does not get out
}

// firewall is what a router of every kind does: it drops what nobody asked for,
// before that is tracked, and counts where its side opens connections to.
func firewall(s *site) string {
	udp := ""
	if s.kind.blocked {
		udp = "meta l4proto udp drop;"
	}
	apart := ""
	if s.kind.isolated {
		apart = `iifname "lan*" oifname "lan*" ct status dnat accept; iifname "lan*" oifname "lan*" ct state new drop;`
	}
	pinholes, opened := "", ""
	if s.kind.v6 && s.kind.maps != "" {
		pinholes, opened = "chain miniupnpd { }", "jump miniupnpd;"
	}
	return fmt.Sprintf(`
table inet filter {
  %s
  set dials4 { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; size 65535; }
  set dials6 { type ipv6_addr . inet_service; flags dynamic,timeout; timeout 60s; size 65535; }
  chain input { type filter hook input priority 0; policy accept; iifname "wan" ct state new drop; }
  chain forward { type filter hook forward priority 0; policy accept;
    %s %s
    iifname "lan*" ct state new meta nfproto ipv4 add @dials4 { ip daddr . th dport };
    iifname "lan*" ct state new meta nfproto ipv6 add @dials6 { ip6 daddr . th dport };
    iifname "wan" ct status dnat accept; %s iifname "wan" ct state new drop; }
}`, pinholes, udp, apart, opened)
}

// keepsPort and random are the two ways in which Linux masquerades.
func keepsPort(*site) string { return masquerade("") }
func random(*site) string    { return masquerade("fully-random") }

func masquerade(how string) string {
	return `
table ip nat { chain post { type nat hook postrouting priority 100; oifname "wan" masquerade ` + how + `; }
}`
}

// cone gives each camera one port for everybody, and passes on what comes to it.
func cone(s *site) string { return portOfItsOwn(s, `iifname "wan"`, "") }

// hairpin does the same for what comes from inside.
func hairpin(s *site) string {
	return portOfItsOwn(s, fmt.Sprintf(`ip daddr %s`, s.public), `oifname "lan*"`)
}

// carrier gives each home one port for everybody, as RFC 6888 asks of a carrier,
// lets in who was asked alone, and lets its homes meet (hairpin).
func carrier(s *site) string {
	return portOfItsOwn(s, fmt.Sprintf(`iifname "lan" ip daddr %s`, s.public), `oifname "lan*"`)
}

func portOfItsOwn(s *site, in, back string) string {
	var pre, post strings.Builder
	for k := range s.cameras {
		outside, inside := nodePort+k, s.behind(k)
		for _, proto := range []string{"udp", "tcp"} {
			fmt.Fprintf(&pre, "    %s %s dport %d dnat to %s:%d;\n", in, proto, outside, inside, nodePort)
		}
		fmt.Fprintf(&post, "    oifname \"wan\" ip saddr %s udp sport %d snat to %s:%d;\n", inside, nodePort, s.public, outside)
		if back != "" {
			fmt.Fprintf(&post, "    %s ct status dnat ip saddr %s udp sport %d snat to %s:%d;\n", back, inside, nodePort, s.public, outside)
		}
	}
	if back != "" {
		fmt.Fprintf(&post, "    %s ct status dnat ip saddr { 192.168.0.0/16, 100.64.0.0/10 } masquerade;\n", back)
	}
	return fmt.Sprintf(`
table ip nat {
  chain pre { type nat hook prerouting priority -100;
%s  }
  chain post { type nat hook postrouting priority 100;
%s    oifname "wan" masquerade; }
}`, pre.String(), post.String())
}

var kinds = []kind{
	{name: "none", about: "a public address, no router", public: true},
	{name: "port", about: "masquerade that keeps the port where it can: most home routers", rules: keepsPort},
	{name: "random", about: "masquerade to a random port for each peer: symmetric", rules: random},
	{name: "cone", about: "full cone: one port for everybody, and everything that comes to it is passed on", rules: cone},
	{name: "isolated", about: "full cone whose cameras do not see each other", rules: cone, isolated: true},
	{name: "hairpin", about: "the same with hairpin: its cameras meet at the public address", rules: hairpin, isolated: true},
	{name: "double", about: "homes behind one router more, all keeping ports", rules: keepsPort, homes: true},
	{name: "cgnat", about: "homes behind a carrier's NAT as RFC 6888 asks for: one port for everybody, hairpin", rules: carrier, homes: true},
	{name: "carrier", about: "homes behind a carrier's symmetric NAT", rules: random, homes: true},
	{name: "upnp", about: "symmetric, but miniupnpd maps ports by UPnP", rules: random, maps: "UPnP"},
	{name: "pcp", about: "symmetric, but miniupnpd maps ports by PCP", rules: random, maps: "PCP"},
	{name: "natpmp", about: "symmetric, but miniupnpd maps ports by NAT-PMP, and hears no PCP", rules: random, maps: "NAT-PMP"},
	{name: "v6", about: "IPv6 alone, behind a firewall that lets nothing in", v6: true, no4: true},
	{name: "pinhole", about: "the same, but miniupnpd opens pinholes by PCP", v6: true, no4: true, maps: "PCP"},
	{name: "dual", about: "IPv4 behind a symmetric NAT, IPv6 behind a firewall", rules: random, v6: true},
	{name: "tcp", about: "keeps ports, and lets no UDP out", rules: keepsPort, blocked: true},
}

func kindOf(name string) (kind, error) {
	for _, k := range kinds {
		if k.name == name {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("no kind of place is called %q", name)
}

func kindsHelp() string {
	var b strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&b, "  %-9s %s\n", k.name, k.about)
	}
	return b.String()
}

// A site is one public address (or none) and the cameras behind it.
type site struct {
	kind    kind
	index   int // from 1
	cameras int
	public  string // IPv4
}

// parseSite reads "port" or "port:2".
func parseSite(text string, index int) (*site, error) {
	name, count, many := strings.Cut(text, ":")
	k, err := kindOf(name)
	if err != nil {
		return nil, err
	}
	s := &site{kind: k, index: index, cameras: 1, public: fmt.Sprintf("45.83.1.%d", index)}
	if many {
		if s.cameras, err = strconv.Atoi(count); err != nil || s.cameras < 1 || s.cameras > 20 || k.public && s.cameras > 1 {
			return nil, fmt.Errorf("%q: a kind, or a kind and a number of cameras such as port:2", text)
		}
	}
	return s, nil
}

// behind is camera k's address as the public router sees it.
func (s *site) behind(k int) string {
	switch {
	case s.kind.homes:
		return fmt.Sprintf("100.64.0.%d", 2+k)
	case s.kind.isolated:
		return fmt.Sprintf("192.168.%d.2", 1+k)
	}
	return fmt.Sprintf("192.168.1.%d", 2+k)
}

func (s *site) camera(k int) string { return fmt.Sprintf("c%d-%d", s.index, k+1) }
func (s *site) router() string      { return fmt.Sprintf("r%d", s.index) }

// setUp makes the Internet: a bridge with the seed's addresses. The namespaces'
// names live on a file system of this process alone.
func setUp() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("reach", "/run/netns", "tmpfs", 0, ""); err != nil {
		return err
	}
	if err := command("", "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"); err != nil {
		return err
	}
	return ip("link set lo up", "link add wan type bridge", "addr add "+internet+"/32 dev wan",
		"addr add "+internet6+"/128 dev wan nodad", "link set wan up", "route add "+everybody+" dev wan", "-6 route add "+everybody6+" dev wan")
}

// build makes the site's routers and cameras' namespaces. dir is for what a router
// keeps. It returns the processes that run on its router.
func (s *site) build(dir string) ([]*exec.Cmd, error) {
	if s.kind.public {
		ns := s.camera(0)
		if err := namespace(ns); err != nil {
			return nil, err
		}
		return nil, ip(append(toInternet(ns, "eth0", s.index), in(ns, "addr add "+s.public+"/32 dev eth0"), in(ns, "route add default dev eth0"))...)
	}
	r := s.router()
	if err := namespace(r); err != nil {
		return nil, err
	}
	steps := toInternet(r, "wan", s.index)
	if !s.kind.no4 {
		steps = append(steps, in(r, "addr add "+s.public+"/16 dev wan"), in(r, "route add default via "+internet))
	}
	if s.kind.v6 {
		steps = append(steps,
			in(r, fmt.Sprintf("addr add 2a0f:83::%x/64 dev wan nodad", 0x100+s.index)), in(r, "-6 route add default via "+internet6),
			fmt.Sprintf("-6 route add 2a0f:83:%x::/64 via 2a0f:83::%x", s.index, 0x100+s.index))
	}
	if err := ip(steps...); err != nil {
		return nil, err
	}
	if err := routes(r, firewall(s), s.kind.rules, s); err != nil {
		return nil, err
	}
	if !s.kind.isolated {
		lan := "192.168.1.1/24"
		if s.kind.homes {
			lan = "100.64.0.1/24"
		}
		steps := []string{in(r, "link add lan type bridge"), in(r, "link set lan up")}
		if !s.kind.no4 {
			steps = append(steps, in(r, "addr add "+lan+" dev lan"))
		}
		if s.kind.v6 {
			steps = append(steps, in(r, fmt.Sprintf("addr add 2a0f:83:%x::1/64 dev lan nodad", s.index)))
		}
		if err := ip(steps...); err != nil {
			return nil, err
		}
	}
	for k := range s.cameras {
		if err := s.connect(k); err != nil {
			return nil, err
		}
	}
	if s.kind.maps == "" {
		return nil, nil
	}
	return s.mapPorts(dir)
}

// connect puts camera k behind the site's router.
func (s *site) connect(k int) error {
	r, c := s.router(), s.camera(k)
	if err := namespace(c); err != nil {
		return err
	}
	if s.kind.homes {
		home := fmt.Sprintf("h%d-%d", s.index, k+1)
		if err := namespace(home); err != nil {
			return err
		}
		steps := append(join(r, home, "wan", fmt.Sprintf("lan%d", k+1), true),
			in(home, "addr add "+s.behind(k)+"/24 dev wan"), in(home, "route add default via 100.64.0.1"))
		steps = append(steps, join(home, c, "eth0", "lan", false)...)
		steps = append(steps, in(home, "addr add 192.168.1.1/24 dev lan"),
			in(c, "addr add 192.168.1.2/24 dev eth0"), in(c, "route add default via 192.168.1.1"))
		if err := ip(steps...); err != nil {
			return err
		}
		return routes(home, firewall(&site{}), keepsPort, s)
	}
	steps := join(r, c, "eth0", fmt.Sprintf("lan%d", k+1), !s.kind.isolated)
	via := "192.168.1.1"
	if s.kind.isolated {
		via = fmt.Sprintf("192.168.%d.1", 1+k)
		steps = append(steps, in(r, fmt.Sprintf("addr add %s/24 dev lan%d", via, k+1)))
	}
	if !s.kind.no4 {
		steps = append(steps, in(c, "addr add "+s.behind(k)+"/24 dev eth0"), in(c, "route add default via "+via))
	}
	if s.kind.v6 {
		steps = append(steps, in(c, fmt.Sprintf("addr add 2a0f:83:%x::%x/64 dev eth0 nodad", s.index, 2+k)),
			in(c, fmt.Sprintf("-6 route add default via 2a0f:83:%x::1", s.index)))
	}
	return ip(steps...)
}

// mapPorts runs miniupnpd on the site's router.
func (s *site) mapPorts(dir string) ([]*exec.Cmd, error) {
	r := s.router()
	tables := `
table inet miniupnpd {
  chain forward { type filter hook forward priority 1; policy accept; jump miniupnpd; }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority -110; policy accept; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority 90; policy accept; jump postrouting_miniupnpd; }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
}`
	if s.kind.maps == "NAT-PMP" { // which is version 0 of the same
		tables += `
table inet versions { chain input { type filter hook input priority 0; policy accept; udp dport 5351 @th,64,8 != 0 drop; }
}`
	}
	if err := inside(r, tables, "nft", "-f", "-"); err != nil {
		return nil, err
	}
	yes := map[bool]string{true: "yes", false: "no"}
	table := "miniupnpd"
	if s.kind.v6 { // a pinhole is a rule before the one that drops
		table = "filter"
	}
	conf := fmt.Sprintf(`ext_ifname=wan
listening_ip=lan
port=5000
enable_upnp=%s
enable_natpmp=%s
secure_mode=yes
system_uptime=yes
notify_interval=30
uuid=5b8c1e0a-0000-4000-8000-0000000000%02x
upnp_table_name=%s
upnp_nat_table_name=miniupnpd
allow 1024-65535 192.168.1.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
`, yes[s.kind.maps == "UPnP"], yes[s.kind.maps != "UPnP"], s.index, table)
	path := filepath.Join(dir, r+".conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("ip", "netns", "exec", r, "miniupnpd", "-d", "-f", path, "-P", filepath.Join(dir, r+".pid"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	logs, err := os.Create(filepath.Join(dir, r+".log"))
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = logs, logs
	return []*exec.Cmd{cmd}, cmd.Start()
}

func namespace(ns string) error {
	return ip("netns add "+ns, in(ns, "link set lo up"))
}

// routes makes a router of a namespace.
func routes(ns, filter string, rules func(*site) string, s *site) error {
	if rules != nil {
		filter += rules(s)
	}
	if err := inside(ns, filter, "nft", "-f", "-"); err != nil {
		return err
	}
	return inside(ns, "", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
}

// toInternet are the steps that connect a namespace to the Internet.
func toInternet(ns, name string, index int) []string {
	port := fmt.Sprintf("v%d", index)
	return []string{"link add " + port + " type veth peer name " + name + " netns " + ns,
		"link set " + port + " master wan", "link set " + port + " up", in(ns, "link set "+name+" up")}
}

// join are the steps that connect two namespaces: a link called inner in ns and
// outer at the router, there in its bridge or not.
func join(router, ns, inner, outer string, bridged bool) []string {
	steps := []string{"link add " + inner + " netns " + ns + " type veth peer name " + outer + " netns " + router,
		in(ns, "link set "+inner+" up"), in(router, "link set "+outer+" up")}
	if bridged {
		steps = append(steps, in(router, "link set "+outer+" master lan"))
	}
	return steps
}

// in is an ip command inside a namespace.
func in(ns, step string) string { return "-n " + ns + " " + step }

func ip(steps ...string) error {
	for _, s := range steps {
		if err := command("", "ip", strings.Fields(s)...); err != nil {
			return err
		}
	}
	return nil
}

func inside(ns, stdin, name string, args ...string) error {
	return command(stdin, "ip", append([]string{"netns", "exec", ns, name}, args...)...)
}

func command(stdin, name string, args ...string) error {
	_, err := output(stdin, name, args...)
	return err
}

func output(stdin, name string, args ...string) ([]byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(bad.Bytes()))
	}
	return out.Bytes(), nil
}
