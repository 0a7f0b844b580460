package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipfs/boxo/pinning/remote/client/openapi"
	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// Limits of what is asked of a pinning service.
const (
	pinTimeout   = 30 * time.Second // of one request
	pinReply     = 1 << 20          // bytes of a reply
	pinPoll      = 250 * time.Millisecond
	pinPollMost  = 10 * time.Second
	pinOrigins   = 20  // multiaddrs, as the API allows
	pinNameBytes = 255 // likewise
)

// pinFlags are those of `release publish` that name a pinning service.
type pinFlags struct {
	services []string
	token    string
	wait     time.Duration
}

func (f *pinFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.services, "pin", nil, "URL of a pinning service (IPFS Pinning Service API) that is to keep the release directory; may be repeated")
	fl.StringVar(&f.token, "pin-token", "", "file of mode 0600 with the service's access token")
	fl.DurationVar(&f.wait, "pin-wait", time.Minute, "how long to wait until it is pinned; 0: only ask for it")
}

// check says what is wrong with the flags, and reads the token.
func (f *pinFlags) check() (token string, err error) {
	if len(f.services) == 0 {
		return "", nil
	}
	for _, s := range f.services {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
			return "", cli.Usagef("--pin %s: write the service's endpoint, such as https://pin.example/psa, without credentials or a query", s)
		}
		if u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
			return "", cli.Usagef("--pin %s: the token would travel in the clear; write https", s)
		}
	}
	if f.token == "" {
		return "", cli.Usagef("--pin needs the service's access token: --pin-token FILE, of mode 0600")
	}
	secret, err := sign.ReadLine(f.token, "the token's file")
	if err != nil {
		return "", fmt.Errorf("--pin-token: %w", err)
	}
	token = strings.TrimSpace(string(secret))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("--pin-token: %s holds no token of one line of ASCII", f.token)
	}
	return token, nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// pinnedBy is what a pinning service says of a release.
type pinnedBy struct {
	Service string `json:"service"`
	CID     string `json:"cid"`
	Request string `json:"request"` // by which the service knows it
	Status  string `json:"status"`  // "queued", "pinning" or "pinned"
	Before  bool   `json:"before"`  // a former run had asked for it
}

// pin asks every service for the release directory that seeds serve, and waits until
// they have it.
func (f *pinFlags) pin(ctx context.Context, token string, r *releaseFiles, seeds []string) (out []pinnedBy, err error) {
	var origins []string
	for _, socket := range seeds {
		err := withNode(socket, func(c *control.Client) error {
			s, err := c.Status(ctx)
			origins = append(origins, s.ListenAddrs...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	root := verify.Directory(r.manifest.Image, r.raw, verify.FileRef{}).CID.String()
	name := fmt.Sprintf("%s %d (%s)", r.manifest.Product, r.manifest.Sequence, r.manifest.Version)
	pin := openapi.NewPin(root)
	pin.SetName(name[:min(len(name), pinNameBytes)])
	pin.SetOrigins(slices.Clip(origins[:min(len(origins), pinOrigins)]))
	pin.SetMeta(map[string]string{"product": r.manifest.Product.String(), "sequence": strconv.FormatUint(r.manifest.Sequence, 10)})
	for _, service := range f.services {
		p, err := pinAt(ctx, service, token, *pin, f.wait)
		if err != nil {
			return out, fmt.Errorf("pinning service %s: %w", service, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// pinAt asks one service.
func pinAt(ctx context.Context, service, token string, pin openapi.Pin, wait time.Duration) (out pinnedBy, err error) {
	defer func() { // the service may repeat what it was sent
		out.Request = strings.ReplaceAll(out.Request, token, "***")
		if err != nil && strings.Contains(err.Error(), token) {
			err = errors.New(strings.ReplaceAll(err.Error(), token, "***"))
		}
	}()
	config := openapi.NewConfiguration()
	config.UserAgent = "camswarm"
	config.AddDefaultHeader("Authorization", "Bearer "+token)
	config.Servers = openapi.ServerConfigurations{{URL: strings.TrimSuffix(service, "/")}}
	config.HTTPClient = &http.Client{Timeout: pinTimeout, Transport: bounded{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("it redirects; name the address that it leads to")
		}}
	pins := openapi.NewAPIClient(config).PinsApi
	out = pinnedBy{Service: service, CID: pin.GetCid()}
	known, _, err := pins.PinsGet(ctx).Cid([]string{pin.GetCid()}).Status([]openapi.Status{openapi.QUEUED, openapi.PINNING, openapi.PINNED}).Execute()
	if err != nil {
		return out, explainPin(err)
	}
	var status openapi.PinStatus
	if results := known.GetResults(); len(results) > 0 {
		status, out.Before = results[0], true
	} else if status, _, err = pins.PinsPost(ctx).Pin(pin).Execute(); err != nil {
		return out, explainPin(err)
	}
	deadline := time.Now().Add(wait)
	for every := pinPoll; ; every = min(2*every, pinPollMost) {
		if at := status.GetPin(); at.GetCid() != pin.GetCid() {
			return out, fmt.Errorf("it speaks of %q, asked for was %s", at.GetCid(), pin.GetCid())
		}
		out.Request, out.Status = status.GetRequestid(), string(status.GetStatus())
		switch status.GetStatus() {
		case openapi.PINNED:
			return out, nil
		case openapi.QUEUED, openapi.PINNING:
		case openapi.FAILED:
			return out, fmt.Errorf("it could not pin %s: %v", pin.GetCid(), status.GetInfo())
		default:
			return out, fmt.Errorf("its status is %q, which the API does not know", status.GetStatus())
		}
		if time.Until(deadline) < every {
			return out, nil
		}
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-time.After(every):
		}
		if status, _, err = pins.PinsRequestidGet(ctx, out.Request).Execute(); err != nil {
			return out, explainPin(err)
		}
	}
}

// explainPin tells what a service said of its refusal.
func explainPin(err error) error {
	var api openapi.GenericOpenAPIError
	if !errors.As(err, &api) {
		return err
	}
	if f, ok := api.Model().(openapi.Failure); ok {
		e := f.GetError()
		return fmt.Errorf("%s: %s", e.GetReason(), e.GetDetails())
	}
	return fmt.Errorf("%w: %.200q", err, api.Body())
}

// bounded bounds what is read of replies.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, pinReply)
	}
	return resp, err
}
