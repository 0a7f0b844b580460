package verify

// Step is a release that a device will be eligible to install, and from when.
type Step struct {
	Sequence uint64
	At       uint64 // seconds since 1970
}

// Foresee tells what [Choose] will answer to a device as time passes and the view
// stays as it is: the releases that it becomes eligible to install from now on, in
// their order, and the choice that it is left with. The device is taken to install
// each one in the second in which it becomes eligible.
func Foresee(view *View, dev Device, now uint64) (steps []Step, last Choice) {
	for {
		last = Choose(view, dev, now)
		switch {
		case last.Install:
			steps = append(steps, Step{Sequence: last.Sequence, At: now})
			dev.Installed = last.Sequence
		case last.NextAt > now:
			now = last.NextAt
		default:
			return steps, last
		}
	}
}
