package plan

import "math/bits"

// Bitset is a set of small integers. Its length is fixed by NewBitset.
type Bitset []uint64

// NewBitset returns an empty set for the integers 0 to n-1.
func NewBitset(n int) Bitset { return make(Bitset, (n+63)/64) }

// Has reports whether i is a member.
func (b Bitset) Has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }

// Set makes i a member.
func (b Bitset) Set(i int) { b[i>>6] |= 1 << (i & 63) }

// Clear makes i no member.
func (b Bitset) Clear(i int) { b[i>>6] &^= 1 << (i & 63) }

// Count returns the number of members.
func (b Bitset) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Each calls f for every member in ascending order.
func (b Bitset) Each(f func(i int)) {
	for w, word := range b {
		for word != 0 {
			f(w<<6 + bits.TrailingZeros64(word))
			word &= word - 1
		}
	}
}

// members returns the members in ascending order.
func (b Bitset) members() []int {
	out := make([]int, 0, b.Count())
	b.Each(func(i int) { out = append(out, i) })
	return out
}

// add makes the members of o members too.
func (b Bitset) add(o Bitset) {
	for w, word := range o {
		b[w] |= word
	}
}

// addBut does so for those that are not in but.
func (b Bitset) addBut(o, but Bitset) {
	for w, word := range o {
		b[w] |= word &^ but[w]
	}
}

// exceeds reports whether b has a member that o has not.
func (b Bitset) exceeds(o Bitset) bool {
	for w, word := range b {
		if word&^o[w] != 0 {
			return true
		}
	}
	return false
}
