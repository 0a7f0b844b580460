//go:build camera

package control

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// TestMetricsOfACameraReadAsThoseOfASeed holds the camera build's own handler to the one
// that it stands for.
func TestMetricsOfACameraReadAsThoseOfASeed(t *testing.T) {
	r := prometheus.NewRegistry()
	n := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "n_total", Help: "With \\ and\nlines."}, []string{"of"})
	n.WithLabelValues(`a "b"`).Add(3)
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h_seconds", Buckets: []float64{0.1, 1}})
	h.Observe(0.5)
	r.MustRegister(n, h)
	get := func(h http.Handler) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w
	}
	got, want := get(metricsHandler(r)), get(promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	if got.Body.String() != want.Body.String() || got.Body.Len() < 100 {
		t.Errorf("got\n%s\nwant\n%s", got.Body, want.Body)
	}
	if got, want := got.Header().Get("Content-Type"), want.Header().Get("Content-Type"); got != want {
		t.Errorf("Content-Type is %q, want %q", got, want)
	}
	bad := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("no") })
	if w := get(metricsHandler(bad)); w.Code != http.StatusInternalServerError {
		t.Errorf("a registry that fails gave %d", w.Code)
	}
}
