package verify

import "errors"

// Error is the refusal of something that came from outside. Attack is a stable
// snake_case word for metrics and tests, the names of THREATS; Hard says that
// an honest sender could not have sent it, so the sender may be penalised. A
// soft error means: ignore it now, it may become right later.
type Error struct {
	Attack string
	Hard   bool
	Err    error
}

func (e *Error) Error() string { return e.Attack + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// IsHard reports whether err holds a hard Error.
func IsHard(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Hard
}

// AttackName returns the Attack of the Error in err, or "".
func AttackName(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Attack
	}
	return ""
}
