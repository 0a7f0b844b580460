package plan

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what happens into the scenarios of testdata")

// TestScenarios runs the files of testdata: what happens to a Planner or a Lender,
// and what it does about it. A file is lines of these kinds:
//
//	# a comment
//	planner units=8 size=32768     the first line; or lender units=8 size=32768 open=2
//	1.5s  a has 0-3,5              an event at a time; peers have names of one letter
//	          ask a for 3          what it leads to, indented
//
// Events of a planner, of peer a:
//
//	a joins | a is interested | a has 0-3 | a has all | a has none | a leaves
//	a is known as good, 1s per MiB | a is known as bad
//	a has sent 4000 bytes          in all
//	a sends 3 | a denies 3 | a sends wrong bytes
//
// and of ourselves:
//
//	we have 3 | we lose 3 | we may get 65536 bytes per second | we pause | we resume
//	we wait                        until this time, looking at the clock as a fetch does
//
// Events of a lender: a joins, is interested, leaves, has …; a lends; a is barred;
// a asks for 3; a withdraws 3; we have 3; we lose 3; and
//
//	a may know?                    what is said to a when its stream opens
//	we look                        what is told to whom
//
// With -update the results are written; read the difference.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := runScenario(string(data))
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, have := strings.Split(string(data), "\n"), strings.Split(got, "\n")
			for i := range min(len(want), len(have)) {
				if want[i] != have[i] {
					t.Fatalf("%s:%d: it should be\n%s\nit is\n%s", path, i+1, want[i], have[i])
				}
			}
			if len(want) != len(have) {
				t.Errorf("%s: %d lines, it should be %d", path, len(have), len(want))
			}
		})
	}
}

// A stage is what a scenario plays with.
type stage interface {
	// event takes part in the scenario and says what came of it.
	event(now time.Duration, words []string) ([]string, error)
}

const indent = "          "

// runScenario returns the scenario with what really happens in it.
func runScenario(text string) (string, error) {
	var out []string
	var s stage
	var last time.Duration
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		bad := func(err error) error { return fmt.Errorf("line %d: %q: %w", i+1, line, err) }
		switch {
		case len(words) == 0 || words[0][0] == '#':
			out = append(out, line)
		case strings.HasPrefix(line, " "): // what should happen
		case s == nil:
			var err error
			if s, err = newStage(words); err != nil {
				return "", bad(err)
			}
			out = append(out, line)
		default:
			now, err := time.ParseDuration(words[0])
			if err == nil && now < last {
				err = fmt.Errorf("time goes back")
			}
			if err != nil {
				return "", bad(err)
			}
			last = now
			results, err := s.event(now, words[1:])
			if err != nil {
				return "", bad(err)
			}
			out = append(out, line)
			for _, r := range results {
				out = append(out, indent+r)
			}
		}
	}
	return strings.Join(out, "\n"), nil
}

func newStage(words []string) (stage, error) {
	numbers := map[string]int{"units": 8, "size": 32 << 10, "open": 2, "seed": 1}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		n, err := strconv.Atoi(value)
		if _, known := numbers[name]; err != nil || !known {
			return nil, fmt.Errorf("%q is not a setting", w)
		}
		numbers[name] = n
	}
	sizes := slices.Repeat([]int32{int32(numbers["size"])}, numbers["units"])
	rng := rand.New(rand.NewPCG(uint64(numbers["seed"]), 1))
	switch words[0] {
	case "planner":
		return &planStage{NewPlanner(DefaultPlannerConfig(), sizes, rng), 0}, nil
	case "lender":
		cfg := DefaultLenderConfig()
		cfg.Open = numbers["open"]
		return &lendStage{NewLender(cfg, sizes, rng), numbers["units"]}, nil
	}
	return nil, fmt.Errorf("begin with planner or lender")
}

func peerNamed(word string) (PeerKey, bool) {
	return PeerKey(word[0]-'a') + 1, len(word) == 1 && word[0] >= 'a' && word[0] <= 'z'
}

func name(k PeerKey) string { return string(rune('a' + k - 1)) }

// listed reads 0-3,5.
func listed(word string) (units []int, err error) {
	for part := range strings.SplitSeq(word, ",") {
		lo, hi, span := strings.Cut(part, "-")
		first, err := strconv.Atoi(lo)
		if err != nil {
			return nil, err
		}
		last := first
		if span {
			if last, err = strconv.Atoi(hi); err != nil {
				return nil, err
			}
		}
		for u := first; u <= last; u++ {
			units = append(units, u)
		}
	}
	return units, nil
}

var errUnknownEvent = fmt.Errorf("no such event")

type planStage struct {
	p   *Planner
	now time.Duration
}

func (s *planStage) event(now time.Duration, words []string) ([]string, error) {
	what := strings.Join(words[1:], " ")
	number := 0
	for _, w := range words {
		if n, err := strconv.Atoi(w); err == nil {
			number = n
		}
	}
	var acts []Action
	p := s.p
	before := s.now
	s.now = now
	key, isPeer := peerNamed(words[0])
	switch {
	case words[0] == "we":
		switch {
		case strings.HasPrefix(what, "have "):
			acts = p.Received(now, -1, number)
		case strings.HasPrefix(what, "lose "):
			acts = p.Lost(now, number)
		case strings.HasPrefix(what, "may get "):
			acts = p.SetRate(now, int64(number))
		case what == "pause":
			acts = p.Pause(now, true)
		case what == "resume":
			acts = p.Pause(now, false)
		case what == "wait":
			return s.wait(before, now), nil
		default:
			return nil, errUnknownEvent
		}
	case !isPeer:
		return nil, errUnknownEvent
	case what == "joins":
		p.PeerJoined(now, key)
	case what == "is interested":
		p.PeerInterested(now, key)
	case what == "is known as bad":
		p.PeerKnown(now, key, false, true, 0)
	case strings.HasPrefix(what, "is known as good, "):
		pace, err := time.ParseDuration(words[5])
		if err != nil {
			return nil, err
		}
		p.PeerKnown(now, key, true, false, pace)
	case what == "has all":
		acts = p.PeerHasAll(now, key)
	case what == "has none":
		acts = p.PeerHasNone(now, key)
	case strings.HasPrefix(what, "has sent "):
		p.Progress(now, key, int64(number))
	case strings.HasPrefix(what, "has "):
		units, err := listed(words[2])
		if err != nil {
			return nil, err
		}
		acts = p.PeerHas(now, key, units...)
	case what == "leaves":
		acts = p.PeerGone(now, key)
	case what == "sends wrong bytes":
		acts = p.Wrong(now, key)
	case strings.HasPrefix(what, "sends "):
		acts = p.Received(now, key, number)
	case strings.HasPrefix(what, "denies "):
		acts = p.DontHave(now, key, number)
	default:
		return nil, errUnknownEvent
	}
	return s.said(acts), nil
}

// wait looks at the clock as often as the Planner asks for it.
func (s *planStage) wait(from, to time.Duration) (out []string) {
	for {
		d, ok := s.p.Next(from)
		if !ok || from+d > to {
			return out
		}
		from += d
		for _, line := range s.said(s.p.Tick(from)) {
			out = append(out, fmt.Sprintf("%v: %s", from, line))
		}
	}
}

func (s *planStage) said(acts []Action) (out []string) {
	for _, a := range acts {
		if a.Cancel {
			out = append(out, fmt.Sprintf("withdraw %d from %s", a.Unit, name(a.Peer)))
		} else {
			out = append(out, fmt.Sprintf("ask %s for %d", name(a.Peer), a.Unit))
		}
	}
	for _, k := range s.p.Failures() {
		out = append(out, "a failure of "+name(k))
	}
	if s.p.Missing() == 0 {
		out = append(out, "all is here")
	}
	return out
}

type lendStage struct {
	l     *Lender
	units int
}

func (s *lendStage) event(now time.Duration, words []string) ([]string, error) {
	what := strings.Join(words[1:], " ")
	var units []int
	if len(words) > 2 && words[2] == "all" {
		for u := range s.units {
			units = append(units, u)
		}
	} else if len(words) > 2 {
		units, _ = listed(words[len(words)-1])
	}
	l := s.l
	key, isPeer := peerNamed(words[0])
	switch {
	case words[0] == "we":
		switch {
		case what == "look":
			return s.told(l.Offers(now)), nil
		case words[1] == "have":
			for _, u := range units {
				l.Has(u)
			}
		case words[1] == "lose":
			l.Lost(units[0])
		default:
			return nil, errUnknownEvent
		}
	case !isPeer:
		return nil, errUnknownEvent
	case what == "joins":
		l.PeerJoined(key)
	case what == "is interested":
		l.PeerInterested(key)
	case what == "is barred":
		l.PeerBarred(key, true)
	case what == "lends":
		l.PeerLends(key, true)
	case what == "leaves":
		l.PeerGone(key)
	case what == "has none":
		l.PeerHasNone(key)
	case words[1] == "has":
		l.PeerHas(now, key, units...)
	case words[1] == "asks":
		l.Asked(now, key, units[0])
	case words[1] == "withdraws":
		l.Cancelled(now, key, units[0])
	case what == "may know?":
		told, all, lends := l.Disclose(now, key)
		switch {
		case all:
			return []string{"all"}, nil
		case lends:
			return []string{strings.TrimSpace(fmt.Sprintln(told, "and more later"))}, nil
		}
		return []string{fmt.Sprint(told)}, nil
	default:
		return nil, errUnknownEvent
	}
	return nil, nil
}

func (s *lendStage) told(offers []Offer) (out []string) {
	for _, o := range offers {
		if o.All {
			out = append(out, fmt.Sprintf("tell %s of all", name(o.Peer)))
		} else {
			out = append(out, fmt.Sprintf("tell %s of %d", name(o.Peer), o.Unit))
		}
	}
	return out
}
