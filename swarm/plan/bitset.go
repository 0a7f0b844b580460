package plan

import "math/bits"

// Bitset is a set of small integers. Its length is fixed by NewBitset.
type Bitset []uint64

func NewBitset(n int) Bitset { return make(Bitset, (n+63)/64) }

func (b Bitset) Has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }
func (b Bitset) Set(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b Bitset) Clear(i int)    { b[i>>6] &^= 1 << (i & 63) }

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
