package p2p

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
)

func TestConfigSaysWhatToMend(t *testing.T) {
	const id = "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"role":              {func(c *Config) { c.Role = "relay" }, `write "camera" or "seed"`},
		"listen garbage":    {func(c *Config) { c.Listen = []string{"0.0.0.0:4417"} }, "is not a multiaddr"},
		"listen websocket":  {func(c *Config) { c.Listen = []string{"/ip4/0.0.0.0/tcp/1/ws"} }, "quic-v1"},
		"listen name":       {func(c *Config) { c.Listen = []string{"/dns4/a.example/tcp/1"} }, "quic-v1"},
		"listen host only":  {func(c *Config) { c.Listen = []string{"/ip4/0.0.0.0"} }, "quic-v1"},
		"advertise":         {func(c *Config) { c.Advertise = []string{"x"} }, "advertise"},
		"peer without id":   {func(c *Config) { c.Peers = []string{"/ip4/192.0.2.1/tcp/4417"} }, "/p2p/PEER-ID"},
		"peer without addr": {func(c *Config) { c.Peers = []string{"/p2p/" + id} }, "no address"},
		"region":            {func(c *Config) { c.Region = "eu west" }, "without blanks"},
		"memory":            {func(c *Config) { c.Memory = "much" }, "64MB, 128MB, 256MB, large"},
		"memory too small":  {func(c *Config) { c.Memory = "16MB" }, "least"},
		"memory negative":   {func(c *Config) { c.Memory = "-1" }, "is not a size"},
		"memory overflow":   {func(c *Config) { c.Memory = "9999999999999GB" }, "is not a size"},
		"too few":           {func(c *Config) { c.MaxConnections = 3 }, "max_connections"},
		"too many":          {func(c *Config) { c.MaxConnections = 1 << 20 }, "max_connections"},
		"mesh order":        {func(c *Config) { c.MeshLow, c.MeshHigh = 10, 9 }, "must not decrease"},
		"mesh over max":     {func(c *Config) { c.MeshHigh = 17 }, "must not decrease"},
		"dial timeout":      {func(c *Config) { c.DialTimeout = 0 }, "dial_timeout"},
		"dial rate":         {func(c *Config) { c.DialRate = 0 }, "dial_rate"},
		"port mapping":      {func(c *Config) { c.PortMapping = "yes" }, `"off" or "auto"`},
		"mapping in a LAN":  {func(c *Config) { c.PortMapping, c.LANOnly = PortMappingAuto, true }, "one of them only"},
		"mdns interfaces":   {func(c *Config) { c.MDNS, c.MDNSInterfaces = false, []string{"eth0"} }, "mdns is off"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			c.change(&cfg)
			err := cfg.Validate()
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if _, err := New(cfg, testKey(t), Options{}); !errors.Is(err, ErrConfig) {
				t.Errorf("NewNetwork: %v", err)
			}
		})
	}
	for _, role := range []string{"", RoleCamera, RoleSeed} {
		cfg := DefaultConfig()
		cfg.Role = role
		if err := cfg.Validate(); err != nil {
			t.Errorf("the defaults of %q: %v", role, err)
		}
	}
	cfg := DefaultConfig()
	cfg.Peers = []string{"/ip4/192.0.2.1/tcp/4417/p2p/" + id, "/dns4/seed.example/udp/4417/quic-v1/p2p/" + id}
	if infos, err := parsePeers(cfg.Peers); err != nil || len(infos) != 1 || len(infos[0].Addrs) != 2 {
		t.Errorf("two addresses of one peer: %v, %v", infos, err)
	}
}

func TestMemoryClassesGiveFiniteLimits(t *testing.T) {
	var last Limits
	for _, memory := range []string{"32MB", "64MB", "128MB", "256MB", "large"} {
		for _, role := range []string{RoleCamera, RoleSeed} {
			cfg := DefaultConfig()
			cfg.Role, cfg.Memory = role, memory
			l, err := LimitsFor(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if role == RoleCamera {
				if l.Connections != 16 || l.MeshLow != 10 || l.MeshHigh != 14 {
					t.Errorf("%s camera: %+v", memory, l)
				}
				if l.Memory < last.Memory || l.Streams < last.Streams || l.StreamWindow < last.StreamWindow {
					t.Errorf("%s gives less than the class below: %+v", memory, l)
				}
				last = l
				// What is reserved for windows must leave room on the device, and
				// hold a few streams to each neighbour.
				device, _ := parseMemory(memory)
				if l.Memory > device*5/8 || l.Streams < 5*l.Connections {
					t.Errorf("%s camera: %+v", memory, l)
				}
			}
			finite(t, memory+" "+role, reflect.ValueOf(l.resourceLimits().ToPartialLimitConfig()))
		}
	}
	if a, b := mustLimits(t, "128MB"), mustLimits(t, "134217728"); a != b {
		t.Errorf("128MB is %+v, as many bytes are %+v", a, b)
	}
}

func mustLimits(t *testing.T, memory string) Limits {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Memory = memory
	l, err := LimitsFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// finite walks every limit there is, so that none is left to a default.
func finite(t *testing.T, what string, v reflect.Value) {
	t.Helper()
	switch limits := v.Interface().(type) {
	case rcmgr.ResourceLimits:
		r := reflect.ValueOf(limits)
		for i := range r.NumField() {
			n, blocked := r.Field(i).Int(), int64(rcmgr.BlockAllLimit)
			if n == int64(rcmgr.Unlimited) || n == int64(rcmgr.DefaultLimit) || n > 1<<31-1 || n < 0 && n != blocked {
				t.Errorf("%s: %s is %d", what, r.Type().Field(i).Name, n)
			}
		}
		return
	}
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			finite(t, what+" "+v.Type().Field(i).Name, v.Field(i))
		}
	}
}

func TestDefaultsAreGentle(t *testing.T) {
	cfg := DefaultConfig()
	if cfg.DialTimeout != 3*time.Second || cfg.DialRate > 5 {
		t.Errorf("%+v", cfg)
	}
}
