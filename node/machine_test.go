package node

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/verify"
	"camswarm/verify/sign"
)

var update = flag.Bool("update", false, "write what came out of the scripts of testdata/follower into them")

// Each file of testdata/follower tells a story: lines of events, each followed by
// what the machine wants done, after "> ".
//
//	node camera|seed [2=verified …]   what a former run left, by release
//	view 3=all 2=paused … [rev=n]     the chain offers these, newest first; all, paused, warm or halted
//	envelope 3 [as=1] [min=2] [rotated]
//	                                  an announcement brought release 3, with the image of release 1,
//	                                  for devices that run 2 or newer, signed with the rotated keys
//	end fetch 3 [words]               a job ended: ok, cancelled, full (no space), or with an error
//	                                  that the words name (see outcome)
//	queue 3, turn 3                   the job of release 3 waits for the node's install turn, or has it
//	damage 3                          blocks of its image went bad on disk
//	provide 3, remove 3, retry        requests
//	wait 10s                          time passes
//	restart                           the node ends and starts again; the clock stands still meanwhile
//	records                           shows the catalog
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/follower/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := newTheatre(t).play(string(script))
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if got != string(script) {
				t.Errorf("%s comes out otherwise; if that is meant, run go test ./node -run TestScenarios -update and read the diff\n%s", path, got)
			}
		})
	}
}

// A theatre is a machine and the world that a script makes up around it.
type theatre struct {
	t       *testing.T
	m       *machine
	now     time.Time
	view    *verify.View
	signers []*sign.Key // the pinned one, and the one it was rotated to
	turned  *verify.Rotation
	product verify.Product
	chain   verify.RegistryRef
	made    map[uint64]*verify.Signed
	tasks   map[uint64]task // of running jobs, by sequence
	out     strings.Builder
}

func newTheatre(t *testing.T) *theatre {
	s := &theatre{t: t, now: time.Unix(1_800_000_000, 0), product: verify.Product{Vendor: "acme.example", Name: "cam-1"},
		made: map[uint64]*verify.Signed{}, tasks: map[uint64]task{}}
	s.chain.ChainID, s.chain.Address[0] = 4690, 1
	for i := range 2 {
		k, err := sign.New(verify.EdDSA, bytes.Repeat([]byte{byte(i + 1)}, 32))
		s.must(err)
		s.signers = append(s.signers, k)
	}
	s.turned = &verify.Rotation{Registry: s.chain, Epoch: 2, From: s.keys(0), To: s.keys(1)}
	for _, k := range s.signers {
		s.must(k.SignRotation(s.turned))
	}
	return s
}

func (s *theatre) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *theatre) keys(i int) verify.KeySet {
	return verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{s.signers[i].Public()}}
}

func (s *theatre) start(role Role, left map[uint64]record) {
	v := &verify.Verifier{Product: s.product, Registry: s.chain, Pinned: s.keys(0), Trust: new(verify.Trust)}
	s.m = newMachine(rules{
		verifier: v, device: verify.Device{DID: "did:key:z6Mk", Seed: role == RoleSeed}, retryAfter: 10 * time.Second, confirmIn: time.Hour,
		policy: policy{attempts: 2, section: "now"}, refused: func(uint64, stage, error) {},
	}, slog.New(slog.DiscardHandler), left, verify.KeySet{})
}

// release makes the envelope of a release; the same one each time.
func (s *theatre) release(seq uint64, words ...string) *verify.Signed {
	if made := s.made[seq]; made != nil {
		return made
	}
	m := &verify.Manifest{Product: s.product, Sequence: seq, Version: fmt.Sprintf("%d.0", seq), Component: "firmware", Registry: s.chain}
	image, signer := seq, 0
	var rotations []*verify.Rotation
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		n, _ := strconv.ParseUint(value, 10, 64)
		switch key {
		case "as":
			image = n
		case "min":
			m.MinSequence = n
		case "rotated":
			signer, rotations = 1, []*verify.Rotation{s.turned}
		default:
			s.t.Fatalf("unknown word %q", w)
		}
	}
	var err error
	m.Image, err = verify.DescribeImage(strings.NewReader(fmt.Sprintf("image of release %d", image)), 0)
	s.must(err)
	e, err := sign.NewEnvelope(m)
	s.must(err)
	e.Rotations = rotations
	s.must(s.signers[signer].Sign(e))
	data, err := e.Encode()
	s.must(err)
	signed, err := s.m.verifier.CheckSigned(data)
	s.must(err)
	s.made[seq] = signed
	return signed
}

// recorded is what the chain says of a release.
func (s *theatre) recorded(seq uint64) verify.Release {
	signed := s.release(seq)
	m := signed.Manifest()
	return verify.Release{Product: s.product.ID(), Sequence: seq, Version: m.Version, ImageSize: m.Image.Size, ImageSHA256: m.Image.SHA256, Envelope: signed.Digest()}
}

// play plays a script and returns it with what came out.
func (s *theatre) play(script string) string {
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, ">") {
			continue
		}
		s.out.WriteString(line)
		if words := strings.Fields(line); len(words) > 0 && !strings.HasPrefix(line, "#") {
			s.event(words)
		}
	}
	return s.out.String()
}

func (s *theatre) event(words []string) {
	s.t.Helper()
	seq := uint64(0)
	if len(words) > 1 {
		seq, _ = strconv.ParseUint(words[len(words)-1], 10, 64)
	}
	switch words[0] {
	case "node":
		s.tasks, s.view = map[uint64]task{}, nil
		left := map[uint64]record{}
		s.start(Role(words[1]), nil)
		for _, w := range words[2:] {
			number, state, _ := strings.Cut(w, "=")
			n, err := strconv.ParseUint(number, 10, 64)
			s.must(err)
			name, failed, _ := strings.Cut(state, ",")
			rec := record{Release: s.recorded(n)}
			s.must(rec.State.UnmarshalText([]byte(name)))
			if failed != "" {
				rec.FailedWith, rec.Attempts, rec.LastError = failed, 2, "boom"
			}
			left[n] = rec
		}
		s.start(Role(words[1]), left)
	case "view":
		s.look(words[1:])
	case "envelope":
		seq, _ = strconv.ParseUint(words[1], 10, 64)
		delete(s.made, seq)
		s.m.addEnvelope(s.release(seq, words[2:]...))
	case "make": // without bringing it
		seq, _ = strconv.ParseUint(words[1], 10, 64)
		delete(s.made, seq)
		s.release(seq, words[2:]...)
		return
	case "end":
		seq, err := strconv.ParseUint(words[2], 10, 64)
		s.must(err)
		t, ok := s.tasks[seq]
		if !ok || string(t.stage) != words[1] {
			s.t.Fatalf("%v: what runs is %q", words, t.stage)
		}
		s.finish(t, s.outcome(t, words[3:]))
	case "turn":
		s.m.turn(turnNews{seq, s.tasks[seq].id, true})
	case "queue":
		s.m.turn(turnNews{seq, s.tasks[seq].id, false})
	case "damage":
		s.m.damage(s.release(seq).Manifest().Image.Root)
	case "provide":
		s.m.request(&request{stage: stageProvide, sequence: seq, signed: s.release(seq)})
	case "remove":
		s.m.request(&request{stage: stageRemove, sequence: seq})
	case "retry":
		s.m.request(&request{stage: stageReset})
	case "wait":
		d, err := time.ParseDuration(words[1])
		s.must(err)
		s.now = s.now.Add(d)
	case "restart":
		s.tasks, s.view = map[uint64]task{}, nil
		role := RoleCamera
		if s.m.device.Seed {
			role = RoleSeed
		}
		s.start(role, s.m.records)
	case "records":
		for _, r := range sorted(s.m.records) {
			fmt.Fprintf(&s.out, "> %d %s", r.Release.Sequence, r.State)
			if r.Attempts > 0 {
				fmt.Fprintf(&s.out, ", %d failed: %s", r.Attempts, r.LastError)
			}
			fmt.Fprintln(&s.out)
		}
		return
	default:
		s.t.Fatalf("unknown event %v", words)
	}
	s.step()
}

// step lets the machine step and writes down what it wants.
func (s *theatre) step() []action {
	before := s.m.choice
	todo, wait := s.m.step(s.view, s.now)
	if c := s.m.choice; c != before {
		fmt.Fprintf(&s.out, "> chosen %d: %s\n", c.Sequence, c.Reason)
	}
	for _, a := range todo {
		switch {
		case a.begin != nil:
			s.tasks[a.begin.release.Sequence] = *a.begin
			overdue := ""
			if a.begin.overdue {
				overdue = ", overdue"
			}
			fmt.Fprintf(&s.out, "> begin %s %d%s\n", a.begin.stage, a.begin.release.Sequence, overdue)
		case a.answer != nil:
			fmt.Fprintf(&s.out, "> answer %s %d: %v\n", a.answer.stage, cmp.Or(a.answer.sequence, uint64(len(a.reply.started))), a.reply.err)
		default:
			for seq, t := range s.tasks {
				if t.id == a.cancel {
					fmt.Fprintf(&s.out, "> cancel %s %d\n", t.stage, seq)
				}
			}
		}
	}
	if reason, _ := s.m.trouble(); reason != "" {
		fmt.Fprintf(&s.out, "> waits: %s\n", reason)
	}
	if wait != idle {
		fmt.Fprintf(&s.out, "> again in %v\n", wait)
	}
	return todo
}

func (s *theatre) look(words []string) {
	v := &verify.View{Registry: s.chain, Product: s.product.ID(), Rev: 1, Block: 1, Time: uint64(s.now.Unix()), Keys: s.keys(0)}
	if s.view != nil {
		v.Rev, v.Block = s.view.Rev+1, s.view.Block+1
	}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		if key == "rotated" {
			v.Keys = s.keys(1)
			continue
		}
		seq, err := strconv.ParseUint(key, 10, 64)
		s.must(err)
		c := verify.Candidate{Release: s.recorded(seq)}
		switch value {
		case "all":
			c.Rollout.Mode = verify.RolloutAll
		case "warm":
			c.Rollout.Warm = true
		case "halted":
			c.Rollout.Mode, c.Rollout.Halted = verify.RolloutAll, true
		case "paused":
		default:
			s.t.Fatalf("unknown rollout %q", value)
		}
		v.Latest = max(v.Latest, seq)
		v.Candidates = append(v.Candidates, c)
	}
	s.view = v
}

// outcome makes a result of a script's words.
func (s *theatre) outcome(t task, words []string) result {
	r := result{signed: nil}
	switch what := strings.Join(words, " "); what {
	case "ok", "":
		switch t.stage {
		case stageManifest:
			r.signed = s.release(t.release.Sequence)
		case stageServe:
			r.custody, r.signed = handedOver, s.release(t.release.Sequence)
		case stageProvide:
			r.custody, r.signed = handedOver, t.signed
		case stageWithdraw, stageRemove:
			r.custody = takenBack
		case stageAdopt:
			s.must(s.m.verifier.Adopt(t.approved.Rotations()))
			r.kept = t.approved.Keys()
		case stageInstall:
			r.called, r.at = true, s.m.chainTime(s.now)
		case stageConfirm:
			r.outcome = install.Confirmed
		}
	case "missing": // blocks, of an image that is served
		r = s.outcome(t, nil)
		r.missing = true
	case "cancelled":
		r.err, r.cancelled = errors.New("context canceled"), true
	case "pending":
		r.err = errPending
	case "rolled back":
		r.outcome, r.overdue = install.Failed, t.overdue
	case "not started":
		r.called, r.err = true, fmt.Errorf("hook: %w", install.ErrNotStarted)
	case "later":
		r.called, r.err = true, install.ErrTryLater
	case "refused": // by the installer
		r.called, r.err = true, errors.New("exit status 1")
	case "outside the window":
		r.notBefore, r.reason = s.now.Add(time.Hour), reasonWindow
	case "another choice":
		r.notBefore = s.now.Add(time.Second)
	case "image changed":
		r.err, r.custody = &imageError{errors.New("block 1 is another one")}, takenBack
	case "image changed under the installer":
		r.called, r.err, r.custody = true, &imageError{errors.New("block 1 changed while it was read")}, takenBack
	case "image wrong":
		r.err, r.custody = &imageError{&verify.Error{Attack: verify.AttackImageSHA, Err: errors.New("another digest")}}, takenBack
	case "envelope unusable":
		r.err = errEnvelope
	case "full":
		r.err, r.free = syscall.ENOSPC, 1000
	case "no more space":
		r.err = errNoMoreSpace
	default:
		r.err = errors.New(what)
	}
	return r
}

// finish ends a job as follower.carryOut does.
func (s *theatre) finish(t task, r result) {
	delete(s.tasks, t.release.Sequence)
	if rec, changed := s.m.after(t, r); changed {
		r.record = &rec
		if rec.State != t.record.State {
			fmt.Fprintf(&s.out, "> %d is %s\n", rec.Release.Sequence, rec.State)
		}
	}
	s.m.ended(t, r, s.now)
}

// Whatever comes in whatever order, no two jobs of a product use the installer,
// none begins to install while an installed release waits for its confirmation,
// and what is confirmed is what was written last and whole.
func TestNoConfirmationOfAMixedSlot(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := newTheatre(t)
		s.start(RoleCamera, nil)
		const releases = 5
		for seq := uint64(1); seq <= releases; seq++ {
			s.release(seq)
		}
		var (
			slot      uint64 // what was written last
			whole     bool   // by an install that ended well
			confirmed []uint64
			latest    = uint64(1)
		)
		check := func() {
			users := 0
			for _, t := range s.tasks {
				if t.stage.usesInstaller() {
					users++
				}
			}
			if users > 1 {
				t.Fatalf("seed %d: %d jobs use the installer\n%s", seed, users, s.out.String())
			}
		}
		step := func() {
			for _, a := range s.step() {
				if a.begin == nil {
					continue
				}
				switch b := a.begin; b.stage {
				case stageInstall:
					for _, r := range s.m.records {
						if r.State == control.StateInstalled {
							t.Fatalf("seed %d: release %d is installed beside %d, which is not confirmed\n%s", seed, b.release.Sequence, r.Release.Sequence, s.out.String())
						}
					}
				case stageConfirm:
					if slot != b.release.Sequence || !whole {
						t.Fatalf("seed %d: release %d is to be confirmed, and the slot holds %d (whole: %v)\n%s", seed, b.release.Sequence, slot, whole, s.out.String())
					}
				}
			}
			check()
		}
		for range 150 {
			switch n := rnd.IntN(10); {
			case n < 2: // the chain moves
				latest = min(latest+uint64(rnd.IntN(2)), releases)
				var words []string
				for seq := latest; seq > 0 && latest-seq < 3; seq-- {
					words = append(words, fmt.Sprintf("%d=%s", seq, []string{"all", "all", "all", "warm", "halted"}[rnd.IntN(5)]))
				}
				s.look(words)
			case n < 3:
				s.now = s.now.Add(time.Duration(rnd.IntN(1000)) * time.Second)
			case n < 4 && rnd.IntN(4) == 0: // power is lost: half a slot, no jobs, and what was recorded
				for _, job := range s.tasks {
					if job.stage == stageInstall && rnd.IntN(2) == 0 {
						slot, whole = job.release.Sequence, rnd.IntN(2) == 0
					}
				}
				s.tasks = map[uint64]task{}
				s.start(RoleCamera, s.m.records)
				s.view = nil
			default:
				if len(s.tasks) == 0 {
					break
				}
				var running []uint64
				for seq := range s.tasks {
					running = append(running, seq)
				}
				slices.Sort(running)
				job := s.tasks[running[rnd.IntN(len(running))]]
				words := []string{"ok", "ok", "ok", "cancelled", "it failed"}
				switch job.stage {
				case stageInstall:
					words = []string{"ok", "ok", "refused", "later", "image changed", "image changed under the installer", "another choice"}
				case stageConfirm:
					words = []string{"ok", "pending", "rolled back", "it failed"}
				}
				r := s.outcome(job, []string{words[rnd.IntN(len(words))]})
				if job.stage == stageInstall && r.called {
					slot, whole = job.release.Sequence, r.err == nil
				}
				s.finish(job, r)
				if job.stage == stageConfirm && r.err == nil && r.outcome == install.Confirmed {
					confirmed = append(confirmed, job.release.Sequence)
				}
			}
			step()
		}
		if !slices.IsSorted(confirmed) {
			t.Fatalf("seed %d: confirmed %v", seed, confirmed)
		}
	}
}

// The catalog of a device that lives for years stays small: the oldest records
// without bytes are forgotten, and old failures once something newer runs.
func TestRetiredRecordsAreForgottenInTime(t *testing.T) {
	s := newTheatre(t)
	left := map[uint64]record{}
	for seq := uint64(1); seq <= maxRetiredRecords+6; seq++ {
		left[seq] = record{Release: rel(seq), State: control.StateRetired}
	}
	left[5] = record{Release: rel(5), State: control.StateFailed, Attempts: 2, Gone: true}
	last := uint64(maxRetiredRecords + 6)
	left[last] = record{Release: rel(last), State: control.StateConfirmed}
	left[last+1] = record{Release: rel(last + 1), State: control.StateFailed, Attempts: 2, Gone: true}
	s.start(RoleCamera, left)
	for range 2 {
		for _, a := range s.step() {
			if a.begin != nil {
				s.finish(*a.begin, s.outcome(*a.begin, nil))
			}
		}
	}
	if _, left := s.m.records[5]; left || len(s.m.records) != maxRetiredRecords+2 {
		t.Errorf("%d records are left, the old failure among them: %v", len(s.m.records), left)
	}
	if s.m.records[last+1].State != control.StateFailed || s.m.records[last].State != control.StateConfirmed {
		t.Error("what is new was forgotten")
	}
}

// A digest of the section names what installs, and nothing else.
func TestInstallSectionDigest(t *testing.T) {
	one := InstallConfig{Command: []string{"/bin/hook"}, Timeout: time.Minute, Attempts: 3}
	two := one
	two.Window, two.InhibitFile, two.Attempts, two.RetryAfter = "02:00-05:00", "/run/busy", 5, time.Hour
	if one.digest() != two.digest() {
		t.Error("when installs happen changes the digest")
	}
	two.Command = []string{"/bin/hook", ""}
	if one.digest() == two.digest() {
		t.Error("another command has the same digest")
	}
	if sum := sha256.Sum256(nil); one.digest() == fmt.Sprintf("%x", sum[:4]) {
		t.Error("the digest is of nothing")
	}
}
