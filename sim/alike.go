package sim

import "math"

// alike returns after how many seconds each camera would have the image, in the order
// of cameras, if at every moment each node's uplink served alike all those of its
// neighbours that still lack some of it, and nothing came twice or too late: what a
// scheme can reach over these connections in which nobody serves one neighbour before
// another. Infinite for a camera that nothing reaches; nil with an origin.
func (c *cast) alike(mesh [][2]int, imageBytes int64) []float64 {
	if c.origin > 0 {
		return nil
	}
	neighbours := make([][]int, len(c.actors))
	for _, pair := range mesh {
		neighbours[pair[0]] = append(neighbours[pair[0]], pair[1])
		neighbours[pair[1]] = append(neighbours[pair[1]], pair[0])
	}
	left := make([]float64, len(c.actors)) // bits that are lacking
	for _, a := range c.cameras {
		left[a.index] = float64(imageBytes) * 8
	}
	done := make([]float64, len(c.actors))
	for now := 0.0; ; {
		rates := c.sharedAlike(neighbours, left)
		next := math.Inf(1)
		for i, bits := range left {
			if bits > 0 {
				next = min(next, bits/rates[i])
			}
		}
		if math.IsInf(next, 1) {
			break
		}
		now += next
		for i, bits := range left {
			if bits == 0 {
				continue
			}
			if left[i] -= rates[i] * next; left[i] <= bits*1e-9 {
				left[i], done[i] = 0, now
			}
		}
	}
	out := make([]float64, len(c.cameras))
	for i, a := range c.cameras {
		if out[i] = done[a.index]; left[a.index] > 0 {
			out[i] = math.Inf(1)
		}
	}
	return out
}

// sharedAlike is at how many bits a second each node receives: an uplink's equal share
// from each neighbour, and of what full downlinks do not take an equal share again.
func (c *cast) sharedAlike(neighbours [][]int, left []float64) []float64 {
	rates := make([]float64, len(c.actors))
	full := make([]bool, len(c.actors))
	from := make([]float64, len(c.actors)) // what full ones take of each uplink
	for {
		share := make([]float64, len(c.actors))
		for _, a := range c.actors {
			wanting := 0
			for _, n := range neighbours[a.index] {
				if left[n] > 0 && !full[n] {
					wanting++
				}
			}
			if wanting > 0 && a.honest() {
				share[a.index] = max(a.line.Up-from[a.index], 0) / float64(wanting)
			}
		}
		over := -1
		for _, a := range c.cameras {
			i := a.index
			if left[i] == 0 || full[i] {
				continue
			}
			rates[i] = 0
			for _, n := range neighbours[i] {
				rates[i] += share[n]
			}
			if rates[i] > a.line.Down && (over < 0 || rates[i]/a.line.Down > rates[over]/c.actors[over].line.Down) {
				over = i
			}
		}
		if over < 0 {
			return rates
		}
		full[over] = true
		for _, n := range neighbours[over] {
			from[n] += share[n] * c.actors[over].line.Down / rates[over]
		}
		rates[over] = c.actors[over].line.Down
	}
}
