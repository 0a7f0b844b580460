package hooks_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// fileLoader is an initramfs that asks boot/choose.sh.
type fileLoader struct{ d *device }

func newFileLoader(d *device) loader { return fileLoader{d} }

func (fileLoader) settings() string { return "\nBOOT=file\nBOOT_FILE=DIR/boot\nTRIES=2\n" }

func (l fileLoader) next() string {
	data, err := os.ReadFile(l.d.file("boot"))
	if err != nil {
		return "a"
	}
	slot, tries, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	if tries == "0" {
		return map[string]string{"a": "b", "b": "a"}[slot]
	}
	return slot
}

func (l fileLoader) start(comesUp bool) string {
	l.d.t.Helper()
	var slot string
	for range 10 {
		before, _ := os.ReadFile(l.d.file("boot"))
		slot = strings.TrimSpace(command(l.d.t, l.d.dir, filepath.Join(l.d.path, "sh"), abs("boot/choose.sh"), l.d.file("boot"), "a"))
		if comesUp || strings.HasSuffix(strings.TrimSpace(string(before)), "-") || strings.HasSuffix(l.d.read("boot"), "-") {
			break
		}
	}
	return slot
}

func abs(path string) string {
	out, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return out
}

// uboot does what U-Boot does with the variables of conf/uboot.env: it counts boots
// while upgrade_available is set, and runs altbootcmd above bootlimit. The environment
// is a real, redundant one in files.
type uboot struct{ d *device }

func newUBoot(d *device) loader {
	need(d.t, "fw_setenv", "fw_printenv")
	d.add("fw_setenv", "fw_printenv")
	var config string
	for _, name := range []string{"env-0", "env-1"} {
		must(d.t, os.WriteFile(d.file(name), make([]byte, 0x4000), 0o600))
		config += d.file(name) + " 0x0 0x4000\n"
	}
	must(d.t, os.WriteFile(d.file("fw_env.config"), []byte(config), 0o600))
	command(d.t, d.dir, "fw_setenv", "-c", d.file("fw_env.config"), "-f", abs("conf/uboot.env"), "-s", abs("conf/uboot.env"))
	return uboot{d}
}

func (uboot) settings() string { return "\nBOOT=uboot\nFW_ENV=DIR/fw_env.config\n" }

func (u uboot) get(name string) string {
	u.d.t.Helper()
	return strings.TrimSpace(command(u.d.t, u.d.dir, "/usr/bin/fw_printenv", "-c", u.d.file("fw_env.config"), "-n", name))
}

func (u uboot) set(name, value string) {
	u.d.t.Helper()
	command(u.d.t, u.d.dir, "/usr/bin/fw_setenv", "-c", u.d.file("fw_env.config"), name, value)
}

func (u uboot) next() string { return u.get("slot") }

func (u uboot) start(comesUp bool) string {
	u.d.t.Helper()
	for {
		trial := u.get("upgrade_available") == "1"
		if trial {
			count, _ := strconv.Atoi(u.get("bootcount"))
			u.set("bootcount", fmt.Sprint(count+1))
			if limit, _ := strconv.Atoi(u.get("bootlimit")); count+1 > limit {
				u.set("slot", map[string]string{"a": "b", "b": "a"}[u.get("slot")])
				u.set("upgrade_available", "0")
				u.set("bootcount", "0")
				trial = false
			}
		}
		if comesUp || !trial {
			return u.get("slot")
		}
	}
}

// raucLoader is RAUC's service with a boot loader of its own, played by the program
// that RAUC calls ("bootloader=custom") and by start.
type raucLoader struct {
	d       *device
	service *exec.Cmd
}

const raucBackend = `case $1 in
get-primary) cat DIR/primary ;;
set-primary) echo "$2" >DIR/primary.new; mv DIR/primary.new DIR/primary; echo good >"DIR/state-$2" ;;
get-state) cat "DIR/state-$2" ;;
set-state) echo "$3" >"DIR/state-$2" ;;
esac
`

const raucSystem = `[system]
compatible=cam-1
bootloader=custom
statusfile=DIR/status
[handlers]
bootloader-custom-backend=DIR/backend
[keyring]
path=DIR/cert.pem
[slot.rootfs.0]
device=DIR/slot-a
type=raw
bootname=A
[slot.rootfs.1]
device=DIR/slot-b
type=raw
bootname=B
`

const raucBus = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=DIR/bus</listen><auth>EXTERNAL</auth><policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/><allow send_type="method_call"/></policy></busconfig>
`

func newRAUC(d *device) loader {
	need(d.t, "rauc", "dbus-daemon", "openssl", "mksquashfs")
	d.add("rauc")
	in := func(text string) []byte { return []byte(strings.ReplaceAll(text, "DIR", d.dir)) }
	must(d.t,
		os.WriteFile(d.file("backend"), append([]byte("#!/bin/sh\n"), in(raucBackend)...), 0o755),
		os.WriteFile(d.file("system.conf"), in(raucSystem), 0o600),
		os.WriteFile(d.file("bus.conf"), in(raucBus), 0o600),
		os.WriteFile(d.file("primary"), []byte("A\n"), 0o600),
		os.WriteFile(d.file("state-A"), []byte("good\n"), 0o600),
		os.WriteFile(d.file("state-B"), []byte("bad\n"), 0o600))
	certificate(d)
	bus := exec.Command("dbus-daemon", "--config-file="+d.file("bus.conf"), "--nofork", "--print-address")
	out, err := bus.StdoutPipe()
	must(d.t, err, bus.Start())
	d.t.Cleanup(func() { _ = bus.Process.Kill(); _ = bus.Wait() })
	_, err = out.Read(make([]byte, 256)) // it listens
	must(d.t, err)
	l := &raucLoader{d: d}
	d.t.Cleanup(l.stop)
	l.serve("A")
	return l
}

// certificate makes a key that signs bundles, and what they are checked with.
func certificate(d *device) {
	d.t.Helper()
	command(d.t, d.dir, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
		"-days", "3650", "-subj", "/CN=cam-1", "-addext", "extendedKeyUsage=emailProtection")
}

func (l *raucLoader) stop() {
	if l.service != nil {
		_ = l.service.Process.Kill()
		_ = l.service.Wait()
	}
}

// serve restarts RAUC's service, on a device that runs a slot.
func (l *raucLoader) serve(name string) {
	l.d.t.Helper()
	l.stop()
	l.service = exec.Command("rauc", "--conf="+l.d.file("system.conf"), "--mount="+l.d.file("mnt"), "--override-boot-slot="+name, "service")
	l.service.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS=unix:path="+l.d.file("bus"))
	must(l.d.t, l.service.Start())
	for { // until it answers
		cmd := exec.Command("rauc", "status")
		cmd.Env = l.service.Env
		if cmd.Run() == nil {
			return
		}
	}
}

func (*raucLoader) settings() string {
	return "\nWRITE=rauc\nBOOT=rauc\nSLOT_A=rootfs.0\nSLOT_B=rootfs.1\nexport DBUS_SYSTEM_BUS_ADDRESS=unix:path=DIR/bus\n"
}

func (l *raucLoader) next() string {
	primary := l.d.read("primary")
	if l.d.read("state-"+primary) == "bad" {
		primary = map[string]string{"A": "B", "B": "A"}[primary]
	}
	return strings.ToLower(primary)
}

func (l *raucLoader) start(comesUp bool) string {
	l.d.t.Helper()
	before := strings.Contains(l.d.read("cmdline"), "slot=a")
	if next := l.next(); !comesUp && before != (next == "a") { // it used up its tries
		must(l.d.t, os.WriteFile(l.d.file("state-"+strings.ToUpper(next)), []byte("bad\n"), 0o600))
	}
	slot := l.next()
	l.serve(strings.ToUpper(slot))
	return slot
}
