//go:build camera

package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestCameraBuildIsForCamerasAlone holds that whoever starts the camera build as
// something that it is not hears which build is needed, before anything is written.
func TestCameraBuildIsForCamerasAlone(t *testing.T) {
	for _, tc := range []struct{ what, config, says string }{
		{"a seed", strings.Replace(config, `role = "camera"`, `role = "seed"`, 1), "a seed needs the build for all roles"},
		{"a DHT client", strings.Replace(config, "dht = false", "dht = true", 1), "leave it out"},
		{"a reader of IPNS", config + "\n[ipns]\ncheck = true\n", "leave it out"},
	} {
		for _, args := range [][]string{{"--check"}, nil} {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append(args, "--config", writeConfig(t, tc.config)), noEnv, &stdout, &stderr)
			if code != exitConfig || !strings.Contains(stderr.String(), "camera build") || !strings.Contains(stderr.String(), tc.says) {
				t.Errorf("%s: exit code %d, %q; want %d and %q", tc.what, code, stderr.String(), exitConfig, tc.says)
			}
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"--version"}, noEnv, &stdout, &stderr); code != exitOK || !strings.Contains(stdout.String(), "camera build") {
		t.Errorf("--version: exit code %d, %q", code, stdout.String())
	}
}
