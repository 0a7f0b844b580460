package tokens

import "time"

// Limit is what a Bucket holds when it is full, and what it regains in a second.
type Limit struct{ Burst, PerSecond float64 }

// Bucket is a token bucket. The zero value is full. Its times come from the caller; a
// clock that goes back neither fills nor empties it. It has no lock of its own.
type Bucket struct {
	spent float64
	at    time.Time
}

// refill lets the bucket run full until now.
func (b *Bucket) refill(now time.Time, l Limit) {
	if !b.at.IsZero() {
		b.spent = max(0, b.spent-max(0, now.Sub(b.at).Seconds())*l.PerSecond)
	}
	b.at = now
}

// Take takes up to n and returns how much there was.
func (b *Bucket) Take(now time.Time, n float64, l Limit) float64 {
	b.refill(now, l)
	n = max(0, min(n, l.Burst-b.spent))
	b.spent += n
	return n
}

// Spend takes n, or nothing if there is less, and tells which.
func (b *Bucket) Spend(now time.Time, n float64, l Limit) bool {
	b.refill(now, l)
	if b.spent+n > l.Burst {
		return false
	}
	b.spent += n
	return true
}

// Give puts n back.
func (b *Bucket) Give(n float64) { b.spent = max(0, b.spent-n) }
