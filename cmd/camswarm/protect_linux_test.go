package main

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"camswarm/verify/sign"
)

// A protected key signs with its passphrase from a file, for every command that
// takes one, and tells nothing without it.
func TestThreatKeyExposure_ProtectedKeysSign(t *testing.T) {
	w := newTool(t)
	w.write("passphrase", []byte("several words here\n"))
	w.write("wrong", []byte("other words here\n"))
	w.write("plain", []byte("several words here\n"))
	cheap := []string{"--work-factor", "14", "--passphrase-file", w.at("passphrase")}
	for _, name := range []string{"s1", "manufacturer"} {
		if out := must(t, append([]string{"keys", "protect", w.at(name)}, cheap...)...); !strings.Contains(out, "protected by a passphrase") {
			t.Errorf("protected: %s", out)
		}
	}
	must(t, append([]string{"keys", "new", "--protect", "--out", w.at("fresh")}, cheap...)...)
	refused(t, exitFailed, []string{"exists already"}, append([]string{"keys", "new", "--protect", "--out", w.at("fresh")}, cheap...)...)
	refused(t, exitFailed, []string{"protected by a passphrase already"}, append([]string{"keys", "protect", w.at("s1")}, cheap...)...)

	dir := w.build("1", "1", "s2")
	signs := []string{"release", "sign", dir, "--key", w.at("s1")}
	refused(t, exitFailed, []string{"wrong passphrase", w.at("s1")}, append(signs, "--passphrase-file", w.at("wrong"))...)
	if err := os.Chmod(w.at("plain"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, exitFailed, []string{"chmod 600"}, append(signs, "--passphrase-file", w.at("plain"))...)
	must(t, append(signs, "--passphrase-file", w.at("passphrase"))...)
	must(t, append(w.publish(dir, "manufacturer"), "--passphrase-file", w.at("passphrase"))...)
	must(t, append([]string{"registry", "move", "new", "--from", w.registry, "--to", w.registry, "--out", w.at("reset")}, w.signers()...)...)
	refused(t, exitFailed, []string{"wrong passphrase"}, "registry", "move", "sign", w.at("reset"), "--key", w.at("s1"), "--passphrase-file", w.at("wrong"))
	must(t, "registry", "move", "sign", w.at("reset"), "--key", w.at("s1"), "--passphrase-file", w.at("passphrase"))
	// The public half is known without it.
	if f := facts[keyFacts](t, "keys", "show", w.at("s1")); f.PublicKey != publicKey(t, w.at("s1.pub")) {
		t.Errorf("shown %+v", f)
	}
	if err := os.Remove(w.at("fresh.pub")); err != nil {
		t.Fatal(err)
	}
	refused(t, exitFailed, []string{"public half"}, "keys", "show", w.at("fresh"))

	must(t, "keys", "unprotect", w.at("s1"), "--passphrase-file", w.at("passphrase"))
	refused(t, exitFailed, []string{"not protected"}, "keys", "unprotect", w.at("s1"), "--passphrase-file", w.at("passphrase"))
	must(t, "release", "verify", dir, "--config", provisioned(t, w))
}

func provisioned(t *testing.T, w *tool) string {
	t.Helper()
	must(t, append(w.ask("provision", "--dir", w.at("cam"), "--role", "camera", "--listen", "/ip4/127.0.0.1/tcp/0"), w.signers()...)...)
	return w.at("cam")
}

// terminal starts a command with a terminal of its own and returns what a person
// has in hand.
func terminal(t *testing.T, args ...string) (*os.File, *exec.Cmd) {
	t.Helper()
	hand, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminals can be made here: %v", err)
	}
	t.Cleanup(func() { _ = hand.Close() })
	if err := unix.IoctlSetPointerInt(int(hand.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skip(err)
	}
	n, err := unix.IoctlGetInt(int(hand.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skip(err)
	}
	tty, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = tty.Close() }()
	cmd := exec.Command(buildBinaries(t)+"/camswarm", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return hand, cmd
}

// expect reads a terminal until words appear.
func expect(t *testing.T, hand io.Reader, words string) string {
	t.Helper()
	var all strings.Builder
	b := make([]byte, 1)
	for !strings.Contains(all.String(), words) {
		if _, err := hand.Read(b); err != nil {
			t.Fatalf("%v before %q came:\n%s", err, words, all.String())
		}
		all.Write(b)
	}
	return all.String()
}

// At a terminal the passphrase is asked for twice, is not shown, and an
// interruption leaves a terminal that shows what is typed.
func TestPassphraseAtTheTerminal(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/signer.key"
	hand, cmd := terminal(t, "keys", "new", "--protect", "--work-factor", "14", "--out", path)
	shown := expect(t, hand, "new passphrase of "+path+": ")
	shown += typed(t, hand, "several words here\n", "the same again: ")
	shown += typed(t, hand, "several words here\n", "algorithm")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(shown, "several") {
		t.Errorf("the passphrase was shown:\n%s", shown)
	}
	if _, err := sign.LoadProtected(path, []byte("several words here")); err != nil {
		t.Error(err)
	}

	hand, cmd = terminal(t, "keys", "unprotect", path)
	expect(t, hand, "passphrase of "+path+": ")
	state := func() *unix.Termios {
		s, err := unix.IoctlGetTermios(int(hand.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for state().Lflag&unix.ECHO != 0 {
		time.Sleep(time.Millisecond) // until it reads
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	expect(t, hand, "interrupted")
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("interrupted: %v", err)
	}
	if state().Lflag&unix.ECHO == 0 {
		t.Error("the terminal shows nothing of what is typed any more")
	}
}

// typed waits until a terminal does not echo, types a line, and waits for words.
func typed(t *testing.T, hand *os.File, line, words string) string {
	t.Helper()
	for {
		s, err := unix.IoctlGetTermios(int(hand.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if s.Lflag&unix.ECHO == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := io.WriteString(hand, line); err != nil {
		t.Fatal(err)
	}
	return expect(t, hand, words)
}
