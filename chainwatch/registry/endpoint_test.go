package registry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestThreatEndpointSecrets: neither a fault of an endpoint nor its error page, which may
// repeat what it was asked for, shows the credentials of its URL.
func TestThreatEndpointSecrets(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "not here: "+r.URL.Path+" "+r.URL.RawQuery+" "+r.Header.Get("Authorization"), http.StatusForbidden)
	}
	refusing := httptest.NewServer(http.HandlerFunc(answer))
	defer refusing.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":"0x1"}`)
	}))
	defer other.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, server := range []string{refusing.URL, other.URL, gone.URL} {
		url := strings.Replace(server, "http://", "http://user:PASSWORD@", 1) + "/v3/0123456789abcdefKEY?apikey=QUERYKEY"
		_, err := Dial(t.Context(), url, 4690)
		if err == nil {
			t.Fatal("it was connected to")
		}
		for _, secret := range []string{"PASSWORD", "dXNlcjpQQVNTV09SRA==", "0123456789abcdefKEY", "QUERYKEY"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s is in %q", secret, err)
			}
		}
		if !strings.Contains(err.Error(), strings.TrimPrefix(server, "http://")) {
			t.Errorf("which endpoint it is does not stand in %q", err)
		}
	}
}
