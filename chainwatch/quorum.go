package chainwatch

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"camswarm/verify"
)

// Answer is what one endpoint said in one look.
type Answer struct {
	Endpoint int         // index in Config.Endpoints
	Operator string      // the group it votes in
	View     verify.View // what it says
	Content  [32]byte    // digest over everything in the answer but block and time
}

// Known is what a device already holds true when it weighs new answers.
type Known struct {
	// Checkpoint is the highest revision ever accepted; Rev 0: none.
	Checkpoint Checkpoint
	// View is the view in force, stops included, and Content its digest before
	// any stop; nil if none was accepted since the device started.
	View    *verify.View
	Content [32]byte
	// Expect is the least chain time to expect now, in seconds since 1970: the
	// time a quorum confirmed earlier plus the time that passed since on the
	// device's monotonic clock. 0: unknown. The wall clock has no part in it: a
	// camera's may be wrong by decades in either direction.
	Expect uint64
	// MaxStale is Config.MaxStale.
	MaxStale time.Duration
}

// Outcome is what a set of answers amounts to.
type Outcome struct {
	// Accepted is the view that a start quorum confirmed, or nil. Its Block and
	// Time are the median of its voters' and never go backwards.
	Accepted *verify.View
	Content  [32]byte // of Accepted
	Votes    int      // operators that said exactly this

	// Effective is what the device should act on from now on: Accepted, or else
	// the view in force, with every stop applied that a stop quorum asks for.
	// nil: these answers change nothing.
	Effective *verify.View
	Stopped   bool // Effective is held back by a stop quorum

	// Flags says, by endpoint, what is wrong with an answer.
	Flags map[int]*verify.Error
	// Higher lists endpoints that report a revision above Accepted without
	// enough votes. A moment after a change that is the normal state of the
	// fastest endpoint, so they are worth asking once more.
	Higher []int
	// Err says why nothing was accepted; nil exactly if Accepted is set.
	Err *verify.Error
}

// Decide weighs the answers of one look. It is pure. The rules, and why:
//
//  1. One vote per operator: endpoints of one operator fall together. An
//     operator whose endpoints say different things of one revision has no vote
//     at all, since one of them lies and nobody can tell which.
//  2. A vote is for a revision and its whole content. The contract counts every
//     change, so honest endpoints at one revision agree in everything but the
//     head block. An operator behind (or with a lagging second server) votes for
//     what it has; that is no vote against anything newer.
//  3. A stale answer has no vote to start anything: its head is older by MaxStale
//     than the median operator's head (which honest operators, being the
//     majority, bracket) or than Known.Expect. A frozen server may well agree
//     with others, but it cannot know that nothing has changed since. This is
//     what keeps a set of frozen endpoints from passing for a chain without news.
//  4. The highest revision with need.Start votes is accepted. need.Start is more
//     than half, so there is never more than one content to choose from, and
//     fewer liars than need.Start can never bring anything about.
//  5. Nothing below the checkpoint's revision is ever accepted (rollback), nor
//     another digest or content at the same revision (rpc_fork): either means
//     that a quorum once lied, or that the chain was reset. The device holds.
//  6. Stopping needs only need.Stop operators, counted for each effect alone
//     (registry paused; a release halted, paused, revoked or gone), among answers
//     above the revision in force. Waiting costs an honest operator minutes;
//     installing a recalled firmware costs cameras. A stop only ever takes away:
//     the view in force, paused or with that release halted. It leaves the
//     checkpoint alone, and the next start quorum settles it either way, so that
//     need.Stop liars can hold a device up while they last and no longer.
func Decide(answers []Answer, need Thresholds, known Known) Outcome {
	out := Outcome{Flags: map[int]*verify.Error{}}
	disowned := contradictions(answers, out.Flags)
	reference := max(medianTime(answers, disowned), known.Expect)
	stale := func(a Answer) bool {
		limit := uint64(known.MaxStale / time.Second)
		return limit > 0 && reference > limit && a.View.Time < reference-limit
	}

	fresh, all := map[ballot]*votes{}, map[ballot]*votes{}
	operators := map[string]bool{}
	for _, a := range answers {
		operators[a.Operator] = true
		if disowned[a.Operator] {
			continue
		}
		cast(all, a)
		if stale(a) {
			out.Flags[a.Endpoint] = verify.Soft("rpc_stale_head", "its head is %d s behind; it has no vote", reference-a.View.Time)
			continue
		}
		cast(fresh, a)
	}

	winner, tie := highest(fresh, need.Start)
	won := winner
	if won == nil { // to say why not
		won, tie = highest(all, need.Start)
	}
	switch {
	case len(operators) < need.Start:
		out.Err = verify.Soft("rpc_down_all", "only %d operators gave a usable answer, %d must agree", len(operators), need.Start)
	case tie:
		out.Err = verify.Soft("rpc_no_quorum", "two contents of one revision have %d votes each; quorum_start is too small", need.Start)
	case won == nil:
		out.Err = verify.Soft("rpc_no_quorum", "%d operators answered, but no %d of them say the same", len(operators), need.Start)
	case won.rev < known.Checkpoint.Rev:
		out.Err = verify.Soft("rollback", "%d operators report revision %d, but revision %d was accepted before; if the registry was really deployed anew, remove this device's chain checkpoint",
			len(won.answers), won.rev, known.Checkpoint.Rev)
	case won.rev == known.Checkpoint.Rev && won.first().Digest != known.Checkpoint.Digest,
		known.View != nil && won.rev == known.View.Rev && won.content != known.Content:
		out.Err = verify.Soft("rpc_fork", "%d operators report another history at revision %d than was accepted before; if the registry was really deployed anew, remove this device's chain checkpoint",
			len(won.answers), won.rev)
	case winner == nil:
		out.Err = verify.Soft("indefinite_freeze", "%d operators agree, but not %d of them have a head as recent as it must be by now; endpoints or the chain stand still", len(won.answers), need.Start)
	default:
		out.Accepted, out.Content, out.Votes = winner.view(known), winner.content, len(winner.answers)
	}

	base := out.Accepted
	if base == nil {
		base = known.View
	}
	if stopped := applyStops(base, answers, disowned, need.Stop); stopped != nil {
		out.Effective, out.Stopped = stopped, true
	} else {
		out.Effective = out.Accepted
	}
	flagOthers(&out, answers, known)
	return out
}

// ballot is what an answer votes for.
type ballot struct {
	rev     uint64
	content [32]byte
}

// votes collects, for one ballot, each operator's answer with the newest head.
type votes struct {
	ballot
	answers map[string]verify.View
}

func (v *votes) first() verify.View {
	for _, view := range v.answers {
		return view
	}
	return verify.View{}
}

func cast(tally map[ballot]*votes, a Answer) {
	b := ballot{a.View.Rev, a.Content}
	v := tally[b]
	if v == nil {
		v = &votes{ballot: b, answers: map[string]verify.View{}}
		tally[b] = v
	}
	if old, ok := v.answers[a.Operator]; !ok || a.View.Time > old.Time {
		v.answers[a.Operator] = a.View
	}
}

// view returns what the voters agree on, at the median of their heads: half of
// the voters may lie about the time without moving it beyond an honest one.
func (v *votes) view(known Known) *verify.View {
	heads := slices.SortedFunc(maps.Values(v.answers), func(a, b verify.View) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Block, b.Block))
	})
	view := heads[(len(heads)-1)/2]
	view.Block, view.Time = max(view.Block, known.Checkpoint.Block), max(view.Time, known.Checkpoint.Time)
	if known.View != nil {
		view.Block, view.Time = max(view.Block, known.View.Block), max(view.Time, known.View.Time)
	}
	return &view
}

// highest returns the ballot with the highest revision among those with at
// least need votes; tie reports that two contents share it.
func highest(tally map[ballot]*votes, need int) (best *votes, tie bool) {
	for _, v := range tally {
		switch {
		case len(v.answers) < need || best != nil && v.rev < best.rev:
		case best != nil && v.rev == best.rev:
			tie = true
		default:
			best, tie = v, false
		}
	}
	if tie {
		return nil, true
	}
	return best, false
}

// contradictions returns the operators that say two things of one revision.
func contradictions(answers []Answer, flags map[int]*verify.Error) map[string]bool {
	type key struct {
		operator string
		rev      uint64
	}
	said := map[key][32]byte{}
	disowned := map[string]bool{}
	for _, a := range answers {
		k := key{a.Operator, a.View.Rev}
		if content, ok := said[k]; ok && content != a.Content {
			disowned[a.Operator] = true
		}
		said[k] = a.Content
	}
	for _, a := range answers {
		if disowned[a.Operator] {
			flags[a.Endpoint] = verify.Soft("rpc_single_liar", "endpoints of operator %q contradict one another; it has no vote", a.Operator)
		}
	}
	return disowned
}

// medianTime returns the lower median of the operators' newest heads.
func medianTime(answers []Answer, disowned map[string]bool) uint64 {
	newest := map[string]uint64{}
	for _, a := range answers {
		if !disowned[a.Operator] {
			newest[a.Operator] = max(newest[a.Operator], a.View.Time)
		}
	}
	if len(newest) == 0 {
		return 0
	}
	return slices.Sorted(maps.Values(newest))[(len(newest)-1)/2]
}

// applyStops returns base as the stop quorum wants it, or nil if it changes
// nothing.
func applyStops(base *verify.View, answers []Answer, disowned map[string]bool, need int) *verify.View {
	if base == nil {
		return nil
	}
	quorum := func(stops func(v *verify.View) bool) bool {
		voters := map[string]bool{}
		for _, a := range answers {
			if !disowned[a.Operator] && a.View.Rev > base.Rev && stops(&a.View) {
				voters[a.Operator] = true
			}
		}
		return len(voters) >= need
	}
	stopped, changed := *base, false
	stopped.Candidates = slices.Clone(base.Candidates)
	if !base.Paused && quorum(func(v *verify.View) bool { return v.Paused }) {
		stopped.Paused, changed = true, true
	}
	for i, c := range base.Candidates {
		if c.Rollout.Halted {
			continue
		}
		if quorum(func(v *verify.View) bool {
			n, ok := v.Candidate(c.Sequence)
			return !ok || n.Revoked || n.Rollout.Halted || n.Rollout.Mode == verify.RolloutPaused && c.Rollout.Mode != verify.RolloutPaused
		}) {
			stopped.Candidates[i].Rollout.Halted, changed = true, true
		}
	}
	if !changed {
		return nil
	}
	return &stopped
}

// flagOthers says what is wrong with answers that differ from the truth, as far
// as it is known.
func flagOthers(out *Outcome, answers []Answer, known Known) {
	truth, content := out.Accepted, out.Content
	if truth == nil && known.View != nil {
		truth, content = known.View, known.Content
	}
	for _, a := range answers {
		if out.Flags[a.Endpoint] != nil {
			continue
		}
		switch rev := a.View.Rev; {
		case truth != nil && rev == truth.Rev && a.Content != content,
			rev == known.Checkpoint.Rev && a.View.Digest != known.Checkpoint.Digest:
			out.Flags[a.Endpoint] = verify.Soft("rpc_single_liar", "it says something else of revision %d than the quorum", rev)
		case truth != nil && rev < truth.Rev:
			out.Flags[a.Endpoint] = verify.Soft("rpc_stale_head", "it is at revision %d, the quorum at %d", rev, truth.Rev)
		case rev < known.Checkpoint.Rev:
			out.Flags[a.Endpoint] = verify.Soft("rpc_stale_head", "it is at revision %d, behind %d which was accepted before", rev, known.Checkpoint.Rev)
		case out.Accepted != nil && rev > out.Accepted.Rev:
			out.Higher = append(out.Higher, a.Endpoint)
		}
	}
}
