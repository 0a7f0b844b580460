package nearest

import "testing"

func TestTo(t *testing.T) {
	known := []string{"status", "stop", "upload_limit", "all", "s3", "flash-crowd", "role"}
	for written, want := range map[string]string{
		"stauts": "status", "status": "status", "statuses": "status", "al": "all", "s33": "s3", "rol": "role",
		"flash_crowd": "flash-crowd", "upload": "upload_limit",
		"foo": "", "": "", "u": "", "x": "", "entirely-other": "",
	} {
		if got := To(written, known); got != want {
			t.Errorf("%q is taken for %q, not %q", written, got, want)
		}
	}
	if got := To("a", nil); got != "" {
		t.Errorf("%q of nothing", got)
	}
}
