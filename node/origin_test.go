package node

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"camswarm/swarm/plan"
	"camswarm/verify"
)

func originManifest() *verify.Manifest {
	return &verify.Manifest{
		Product: verify.Product{Vendor: "acme.example", Name: "cam-1"}, Sequence: 7, Version: "1.2 rc/1",
		Image: verify.ImageInfo{Size: 100, BlockSize: 64, Blocks: make([][32]byte, 2), Root: verify.RawCID([32]byte{1})},
		Origins: []verify.Origin{
			{URL: "https://all.example/{sequence}"}, {Region: "eu", URL: "https://eu.example/x"}, {Region: "us", URL: "https://us.example/x"},
		},
	}
}

// A node asks what its owner has named first, then those of its region, then those of
// all.
func TestOriginsOfARelease(t *testing.T) {
	cfg := DefaultOriginConfig()
	cfg.URLs = []string{"http://box.lan/{vendor}/{name}/{version}/{sha256}?sig=secret", "https://gw.example/ipfs/{block}?format=raw", "https://gw.example/ipfs/{root}"}
	o := &origins{cfg: cfg, log: slog.New(slog.DiscardHandler)}
	names := func(region verify.Region) (out []string) {
		for _, s := range o.of(originManifest(), region).Sources {
			out = append(out, s.String())
		}
		return out
	}
	own := "http://box.lan/acme.example/cam-1/1.2%20rc%2F1/" + strings.Repeat("0", 64) + " https://gw.example/ipfs/{block} https://gw.example/ipfs/" + originManifest().Image.Root.String()
	for region, want := range map[verify.Region]string{
		"eu": own + " https://eu.example/x https://all.example/7", "": own + " https://all.example/7",
	} {
		if got := strings.Join(names(region), " "); got != want {
			t.Errorf("region %q:\n%s, want\n%s", region, got, want)
		}
	}
	o.cfg.Named = false
	if got := strings.Join(names("eu"), " "); got != own {
		t.Errorf("without named ones: %s", got)
	}
	o.cfg.Policy = OriginNever
	if got := names("eu"); len(got) > 0 {
		t.Errorf("never: %q", got)
	}
}

func TestOriginConfig(t *testing.T) {
	for _, c := range []struct {
		text string
		says string // "": valid
	}{
		{`policy = "fallback"`, ""},
		{"policy = \"share\"\nshare = 0.5\ngrace = \"3s\"\nmin_rate = \"1Mbit/s\"\nurls = [\"https://a.example/{sequence}\"]\nnamed = false", ""},
		{`policy = "always"`, "never"},
		{`share = 1.5`, "0 to 1"},
		{`share = nan`, "0 to 1"},
		{`grace = "-1s"`, "negative"},
		{`urls = ["https://a.example/{seq}"]`, "{sequence}"},
		{`urls = ["https://u:p@a.example/x"]`, "presigned"},
		{`urls = ["ftp://a.example/x"]`, "https://"},
		{`urls = [` + strings.Repeat(`"https://a.example/x",`, 9) + `]`, "at most 8"},
	} {
		cfg := DefaultConfig(RoleCamera)
		err := decodeOrigin(c.text, &cfg)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
	fallback, share, fastest := DefaultOriginConfig(), DefaultOriginConfig(), DefaultOriginConfig()
	fallback.Policy, share.Policy, fastest.Policy = OriginFallback, OriginShare, OriginFastest
	for _, c := range []struct {
		cfg  OriginConfig
		want plan.OriginConfig
	}{
		{fallback, plan.OriginConfig{After: 5 * time.Second, Below: 250_000, Spread: originSpread}},
		{share, plan.OriginConfig{Share: 0.4, After: 5 * time.Second, Below: 250_000, Spread: originSpread}},
		{fastest, plan.OriginConfig{Share: 1, After: 5 * time.Second, Below: 250_000, Spread: originSpread}},
	} {
		if got := c.cfg.budget(); got != c.want {
			t.Errorf("%s: %+v", c.cfg.Policy, got)
		}
	}
}

// decodeOrigin reads an [origin] section over the defaults.
func decodeOrigin(text string, cfg *Config) error {
	var v struct {
		Origin *OriginConfig `toml:"origin"`
	}
	v.Origin = &cfg.Origin
	if _, err := toml.Decode("[origin]\n"+text, &v); err != nil {
		return err
	}
	return cfg.Origin.Validate()
}

// With lan_only no origin on the Internet is asked; a node that closes leaves no
// connection to one.
func TestOriginsLANOnlyAndClose(t *testing.T) {
	states := make(chan http.ConnState, 16)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) { states <- state }
	s.Start()
	defer s.Close()
	o := &origins{cfg: DefaultOriginConfig(), local: true, log: slog.New(slog.DiscardHandler)}
	if _, err := o.clientFor("http://203.0.113.1/x").Get("http://203.0.113.1/x"); err == nil || !strings.Contains(err.Error(), "local network") {
		t.Errorf("the Internet was asked: %v", err)
	}
	resp, err := o.clientFor(s.URL).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for state := range states {
		if state == http.StateIdle {
			break
		}
	}
	o.close()
	select {
	case state := <-states:
		if state != http.StateClosed {
			t.Errorf("the connection is %v", state)
		}
	case <-time.After(20 * time.Second): // it would be kept for 30
		t.Error("the connection stays")
	}
}
