package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/rpc"

	"camswarm/chainwatch/internal/web"
)

// Redacted returns an endpoint's URL without what may be a credential: user info, the
// query, and path segments of 16 or more bytes, where providers put API keys.
func Redacted(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "(unreadable url)"
	}
	return web.Redact(u)
}

// endpoint is a connection whose errors hold no credentials of its URL.
type endpoint struct {
	*rpc.Client
	url string
}

// CallContext is that of rpc.Client.
func (e endpoint) CallContext(ctx context.Context, result any, method string, args ...any) error {
	return e.clean(e.Client.CallContext(ctx, result, method, args...))
}

// clean drops from an error the URL that net/http puts there, and from a server's
// error page what it repeats of it.
func (e endpoint) clean(err error) error {
	page, ok := errors.AsType[rpc.HTTPError](err)
	if !ok {
		return web.WithoutURL(err)
	}
	body := string(page.Body)
	for _, secret := range secrets(e.url) {
		body = strings.ReplaceAll(body, secret, "***")
	}
	return fmt.Errorf("%s: %s", page.Status, web.Printable(body))
}

// secrets are the parts of a URL that Redacted leaves out.
func secrets(endpoint string) (out []string) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return []string{endpoint}
	}
	if password, ok := u.User.Password(); ok {
		out = append(out, base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)), password)
	}
	out = append(out, u.User.Username(), u.RawQuery)
	for _, values := range u.Query() {
		out = append(out, values...)
	}
	for segment := range strings.SplitSeq(u.EscapedPath(), "/") {
		if len(segment) >= 16 {
			out = append(out, segment)
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}
