package hooks_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"camswarm/node/install"
	"camswarm/verify"
)

const menderModules = "/usr/share/mender/modules/v3/"

// menderArtifact makes an artifact of format 3 for the module single-file, as
// mender-artifact lays it out.
func menderArtifact(d *device, sequence uint64, text string) *verify.Image {
	d.t.Helper()
	root := d.file(fmt.Sprint("artifact-", sequence))
	for path, content := range map[string]string{
		"version":                       `{"format":"mender","version":3}`,
		"header/header-info":            `{"payloads":[{"type":"single-file"}],"artifact_provides":{"artifact_name":"1"},"artifact_depends":{"device_type":["cam-1"]}}`,
		"header/headers/0000/type-info": `{"type":"single-file"}`,
		"payload/dest_dir":              d.file("app"),
		"payload/filename":              "program",
		"payload/permissions":           "755",
		"payload/program":               text,
	} {
		path = filepath.Join(root, path)
		must(d.t, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644))
	}
	command(d.t, root, "sh", "-c", `set -e
mkdir data
tar -czf header.tar.gz -C header header-info headers
tar -czf data/0000.tar.gz -C payload dest_dir filename permissions program
sha256sum version header.tar.gz data/0000.tar.gz >manifest
tar -cf ../image-`+fmt.Sprint(sequence)+` version manifest header.tar.gz data/0000.tar.gz`)
	return imageOf(d.t, sequence, d.file(fmt.Sprint("image-", sequence)))
}

// TestMenderModuleSingleFile drives the real module of the Debian package
// mender-client, with a real artifact: install, confirmation, roll-back.
func TestMenderModuleSingleFile(t *testing.T) {
	d := newDevice(t, "mender", nil, "")
	need(t, menderModules+"single-file")
	conf := d.read("conf")
	must(t, os.WriteFile(d.file("conf"), []byte("MODULE="+menderModules+"single-file\nARTIFACT=yes\nHEALTHY='! grep -q bad "+d.file("app/program")+"'\n"+conf+"\n"), 0o600),
		os.Mkdir(d.file("app"), 0o755), os.WriteFile(d.file("app/program"), []byte("first"), 0o644))
	i := d.installer()
	program := func(want string) {
		t.Helper()
		if got := d.read("app/program"); got != want {
			t.Fatalf("the device has %q, want %q", got, want)
		}
	}
	confirm := func(img *verify.Image, want install.Outcome) {
		t.Helper()
		if got, err := i.Confirm(t.Context(), img.Release()); got != want || err != nil {
			t.Fatalf("confirm: %v, %v; want %v", got, err, want)
		}
	}

	good := menderArtifact(d, 1, "second")
	for range 2 { // the node may not have written down that the first succeeded
		must(t, i.Install(t.Context(), good))
		program("second")
	}
	confirm(good, install.Confirmed)
	confirm(good, install.Confirmed)
	if _, err := os.Stat(d.file("state/mender")); err == nil {
		t.Error("the module's files are still there")
	}

	bad := menderArtifact(d, 2, "bad")
	must(t, i.Install(t.Context(), bad))
	program("bad")
	confirm(bad, install.Failed)
	for range 2 {
		must(t, i.Rollback(t.Context(), bad.Release()))
		program("second")
	}
}

// recorder is an update module for a whole image: it takes its payload as a stream,
// needs a restart, and writes down how it is called.
const recorder = `echo "$1" >>DIR/calls
[ "$PWD" = "$2" ] || [ "$1" = SupportsRollback ] || exit 1
case $1 in
SupportsRollback) echo Yes ;;
NeedsArtifactReboot) echo Automatic ;;
Download)
	file=$(cat stream-next)
	[ "$file" = streams/rootfs ] || exit 1
	cat "$file" >DIR/slot-b
	[ -z "$(cat stream-next)" ]
	;;
ArtifactInstall) echo b >DIR/selected ;;
ArtifactVerifyReboot) grep -q slot=b DIR/cmdline ;;
ArtifactRollback) echo a >DIR/selected ;;
ArtifactVerifyRollbackReboot) grep -q slot=a DIR/cmdline ;;
esac
`

// TestMenderProtocol holds the order in which a module's states are called to that of
// Mender's update module protocol, version 3.
func TestMenderProtocol(t *testing.T) {
	for _, feed := range []install.Feed{install.FeedStdin, install.FeedFile} {
		t.Run(string(feed), func(t *testing.T) {
			d := newDevice(t, "mender", nil, "MODULE=DIR/module\nPAYLOAD=rootfs\n")
			must(t, os.WriteFile(d.file("module"), []byte("#!"+filepath.Join(d.path, "sh")+"\n"+strings.ReplaceAll(recorder, "DIR", d.dir)), 0o755))
			d.feed = feed
			i := d.installer()
			called := func(want string) {
				t.Helper()
				data, _ := os.ReadFile(d.file("calls"))
				_ = os.Remove(d.file("calls"))
				if got := strings.Join(strings.Fields(string(data)), " "); got != want {
					t.Fatalf("the module was called with\n%s\nwant\n%s", got, want)
				}
			}
			img, data := d.image(1)
			must(t, i.Install(t.Context(), img))
			called("SupportsRollback Download ArtifactInstall NeedsArtifactReboot")
			if !d.holds("b", data) {
				t.Fatal("the module did not get the image")
			}
			if got, err := i.Confirm(t.Context(), img.Release()); got != install.Pending || err != nil {
				t.Fatalf("confirm before the restart: %v, %v", got, err)
			}
			called("")
			d.runs("b")
			must(t, i.Install(t.Context(), img)) // the node did not write it down
			called("ArtifactVerifyReboot")
			if got, err := i.Confirm(t.Context(), img.Release()); got != install.Confirmed || err != nil {
				t.Fatalf("confirm: %v, %v", got, err)
			}
			called("ArtifactVerifyReboot ArtifactCommit Cleanup")

			d.runs("a")
			img, _ = d.image(2)
			must(t, i.Install(t.Context(), img))
			called("SupportsRollback Download ArtifactInstall NeedsArtifactReboot")
			d.runs("a") // the boot loader fell back
			if got, err := i.Confirm(t.Context(), img.Release()); got != install.Failed || err != nil {
				t.Fatalf("confirm: %v, %v", got, err)
			}
			called("ArtifactVerifyReboot")
			if err := i.Rollback(t.Context(), img.Release()); !errors.Is(err, install.ErrTryLater) {
				t.Fatalf("roll-back: %v", err)
			}
			called("ArtifactRollback")
			d.runs("a")
			must(t, i.Rollback(t.Context(), img.Release()), i.Rollback(t.Context(), img.Release()))
			called("ArtifactVerifyRollbackReboot ArtifactFailure Cleanup")
		})
	}
}

// TestMenderModuleWithoutRollbackIsRefused, and nothing of it is called then.
func TestMenderModuleWithoutRollbackIsRefused(t *testing.T) {
	d := newDevice(t, "mender", nil, "MODULE=DIR/module\nPAYLOAD=rootfs\n")
	must(t, os.WriteFile(d.file("module"), []byte("#!"+filepath.Join(d.path, "sh")+"\necho $1 >>"+d.file("calls")+"\n"), 0o755))
	img, data := d.image(1)
	out, err := d.run("install", img, data)
	if err == nil || !strings.Contains(string(out), "cannot roll back") || d.read("calls") != "SupportsRollback" {
		t.Errorf("%v\n%s", err, out)
	}
}
