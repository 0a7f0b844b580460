package links

import "time"

// Uploads is what became of the video that nodes upload: packets of all of them.
type Uploads struct {
	Sent, Lost int64
	// Median and P95 are how long packets took to leave the node's line, 0 to
	// slowest, to a millisecond.
	Median, P95 time.Duration
}

const (
	frameRate   = 15   // a second
	videoPacket = 1200 // bytes, and headers
	slowest     = 10 * time.Second
)

// uploads are the videos of a network.
type uploads struct {
	since Uploads                           // the last look
	took  [slowest / time.Millisecond]int64 // packets, by milliseconds
	sink  int                               // node that gets them, in no topology
}

// startUploads makes every node with a video send a frame at regular times, all of its
// packets at once, to a server that is near.
func (c *core) startUploads() {
	c.uploads.sink = len(c.nodes)
	c.nodes = append(c.nodes, &coreNode{})
	for i, n := range c.nodes[:c.uploads.sink] {
		if n.Video == 0 {
			continue
		}
		path := &path{src: i, dst: c.uploads.sink, delay: int64(time.Millisecond)}
		every := int64(time.Second) / frameRate
		owed := 0.0
		var frame func()
		at := every * int64(i%16) / 16 // not all at one moment
		frame = func() {
			for owed += n.Video / 8 / frameRate; owed > 0; owed -= videoPacket {
				c.uploads.since.Sent++
				c.advance(&packet{path: path, stage: stageUp, size: videoPacket + overhead, video: true, born: at}, c.now)
			}
			at += every
			c.push(event{at: at, f: frame})
		}
		c.push(event{at: at, f: frame})
	}
	c.arm()
}

func (u *uploads) arrived(p *packet, t int64) {
	took := time.Duration(t - p.born - p.path.delay)
	u.took[min(took/time.Millisecond, slowest/time.Millisecond-1)]++
}

// Uploads returns what became of the videos since it was called last.
func (c *core) Uploads() Uploads {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run()
	u := c.uploads.since
	all := int64(0)
	for _, n := range c.uploads.took {
		all += n
	}
	there := int64(0)
	for ms, n := range c.uploads.took {
		before := there
		there += n
		if at := time.Duration(ms) * time.Millisecond; n > 0 {
			if before < (all+1)/2 && there >= (all+1)/2 {
				u.Median = at
			}
			if before < (95*all+99)/100 && there >= (95*all+99)/100 {
				u.P95 = at
			}
		}
	}
	c.uploads.since, c.uploads.took = Uploads{}, [len(c.uploads.took)]int64{}
	return u
}
