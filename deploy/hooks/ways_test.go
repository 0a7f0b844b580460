package hooks_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"camswarm/verify"
)

// loopDevices makes the slots real block devices, where the machine has them.
func loopDevices(d *device) string {
	need(d.t, "losetup")
	settings := "WRITE=block\n"
	for _, slot := range []string{"a", "b"} {
		out, err := exec.Command("losetup", "--find", "--show", d.file("slot-"+slot)).Output()
		if err != nil {
			d.t.Skipf("this machine gives out no loop device: %v", err)
		}
		device := strings.TrimSpace(string(out))
		d.t.Cleanup(func() { _ = exec.Command("losetup", "--detach", device).Run() })
		settings += fmt.Sprintf("SLOT_%s=%s\n", strings.ToUpper(slot), device)
	}
	return settings
}

// ubootTools stands for U-Boot's own fw_setenv, which reads "name value" from a script
// and takes "name=value" for a name.
func ubootTools(d *device) string {
	real := filepath.Join(d.dir, "fw_setenv.real")
	must(d.t, os.Symlink("/usr/bin/fw_setenv", real))
	d.script("fw_setenv", fmt.Sprintf(`! grep -q = "$4" || exit 1
sed 's/ /=/' "$4" >%[1]s.script
exec %[1]s -c "$2" -s %[1]s.script
`, real))
	return partitions
}

// No emulated flash is at hand in CI, so that the programs of mtd-utils are played by
// scripts that take the same arguments and write to the slots' files.
func ubiStub(d *device) string {
	d.script("ubiupdatevol", `[ "$1" = -s ] && [ "$4" = - ] || exit 1
head -c "$2" >"$3.new"
[ "$(wc -c <"$3.new")" = "$2" ] || exit 1
dd if="$3.new" of="$3" conv=notrunc 2>/dev/null
`)
	return strings.Replace(partitions, "block", "ubi", 1)
}

func norStub(d *device) string {
	d.script("flash_erase", `[ "$1 $3 $4" = "-q 0 0" ] || exit 1
tr '\0' '\377' </dev/zero | head -c 1048576 >"$2"
`)
	return strings.Replace(partitions, "block", "mtd", 1)
}

func nandStub(d *device) string {
	settings := norStub(d) + "NAND=yes\n"
	d.script("nandwrite", `[ "$1 $2 $4" = "-q -p -" ] || exit 1
dd of="$3" conv=notrunc 2>/dev/null
`)
	d.script("nanddump", `[ "$1 $2 $3" = "-q --bb=skipbad -l" ] || exit 1
head -c $((($4 + 2047) / 2048 * 2048)) "$5"
`)
	return settings
}

// raucBundle makes a bundle whose one image is the firmware.
func raucBundle(d *device, sequence uint64) (*verify.Image, []byte) {
	d.t.Helper()
	data, content := firmware(sequence), d.file(fmt.Sprint("content-", sequence))
	must(d.t, os.Mkdir(content, 0o700),
		os.WriteFile(filepath.Join(content, "rootfs.img"), data, 0o600),
		os.WriteFile(filepath.Join(content, "manifest.raucm"), []byte("[update]\ncompatible=cam-1\nversion=1\n[bundle]\nformat=plain\n[image.rootfs]\nfilename=rootfs.img\n"), 0o600))
	bundle := fmt.Sprint("image-", sequence)
	command(d.t, d.dir, "rauc", "bundle", "--cert=cert.pem", "--key=key.pem", content, bundle)
	return imageOf(d.t, sequence, d.file(bundle)), data
}

func swupdateSettings(d *device) string {
	need(d.t, "swupdate", "openssl", "cpio")
	d.add("swupdate")
	certificate(d)
	return "WRITE=swupdate\nSWUPDATE='swupdate -k DIR/cert.pem -H cam-1:rev-b -M -m -i'\nSLOT_A=stable,copy-a\nSLOT_B=stable,copy-b\n"
}

// swupdateImage makes a signed .swu whose one image is the firmware.
func swupdateImage(d *device, sequence uint64) (*verify.Image, []byte) {
	d.t.Helper()
	data := firmware(sequence)
	description := "software = {\n version = \"1.0.0\";\n hardware-compatibility: [ \"rev-b\" ];\n stable = {\n"
	for _, slot := range []string{"a", "b"} {
		description += fmt.Sprintf("  copy-%s: { images: ( { filename = \"rootfs.img\"; device = \"%s\"; type = \"raw\"; sha256 = \"%x\"; installed-directly = true; } ); };\n",
			slot, d.file("slot-"+slot), sha256.Sum256(data))
	}
	must(d.t, os.WriteFile(d.file("rootfs.img"), data, 0o600), os.WriteFile(d.file("sw-description"), []byte(description+" };\n};\n"), 0o600))
	command(d.t, d.dir, "openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer", "cert.pem", "-inkey", "key.pem",
		"-outform", "DER", "-nosmimecap", "-binary")
	swu := fmt.Sprint("image-", sequence)
	command(d.t, d.dir, "sh", "-c", "printf '%s\\n' sw-description sw-description.sig rootfs.img | cpio --quiet -o -H crc >"+swu)
	return imageOf(d.t, sequence, d.file(swu)), data
}
