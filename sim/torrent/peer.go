package torrent

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// peer is a neighbour of a client, and guarded by its lock.
type peer struct {
	c    *Client
	conn io.ReadWriteCloser
	wake sync.Cond // the sender waits

	have       []bool
	wanted     int       // pieces that it has and the client has not
	asking     bool      // the client said that it is interested
	interested bool      // the peer did
	choked     bool      // by the peer
	choking    bool      // the client chokes it
	served     time.Time // when it was chosen last

	out      map[block]bool // asked of it
	queue    []request      // it asked for
	control  []byte         // to be said
	down, up rate
	ended    bool
	left     bool
}

type request struct {
	block
	length int
}

// end closes the connection. The client is locked.
func (p *peer) end() {
	if !p.ended {
		p.ended = true
		_ = p.conn.Close()
		p.wake.Broadcast()
	}
}

func (p *peer) leave() {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.end()
	if !p.left {
		p.left = true
		p.c.gone(p)
	}
}

// say has a message sent before the blocks that wait.
func (p *peer) say(m []byte) {
	p.control = append(p.control, m...)
	p.wake.Broadcast()
}

// interest tells the peer whether it has something that is missing.
func (p *peer) interest() {
	want := p.c.wants && p.wanted > 0
	if want == p.asking {
		return
	}
	p.asking = want
	if want {
		p.say(message(interestedMessage))
		p.ask()
	} else {
		p.say(message(notInterestedMessage))
	}
}

// choke stops or starts to serve it.
func (p *peer) choke(stop bool) {
	if stop == p.choking {
		return
	}
	p.choking = stop
	if stop {
		p.queue = nil
		p.say(message(chokeMessage))
	} else {
		p.say(message(unchokeMessage))
	}
}

// ask keeps as many requests at the peer as are allowed.
func (p *peer) ask() {
	for !p.choked && p.asking && !p.ended && len(p.out) < p.c.cfg.Requests {
		b, ok := p.c.next(p)
		if !ok {
			return
		}
		g := p.c.pieces[b.piece]
		if g.asked[b.n]++; g.asked[b.n] == 1 {
			p.c.unasked--
		}
		p.out[b] = true
		p.say(message(requestMessage, b.piece, b.n*RequestBytes, p.c.info.blockLen(b.piece, b.n)))
	}
}

// release gives up what was asked of the peer.
func (p *peer) release() {
	for b := range p.out {
		if g := p.c.pieces[b.piece]; g != nil && !g.got[b.n] {
			if g.asked[b.n]--; g.asked[b.n] == 0 {
				p.c.unasked++
			}
		}
	}
	clear(p.out)
}

// send greets the peer and sends what there is to say and to give.
func (p *peer) send() error {
	c := p.c
	if _, err := p.conn.Write(greeting(c.hash, c.id)); err != nil {
		return err
	}
	data := make([]byte, 13+RequestBytes)
	for {
		c.mu.Lock()
		for !p.ended && len(p.control) == 0 && len(p.queue) == 0 {
			p.wake.Wait()
		}
		if p.ended {
			c.mu.Unlock()
			return nil
		}
		out := p.control
		p.control = nil
		var r request
		if len(out) == 0 {
			r, p.queue = p.queue[0], p.queue[1:]
		}
		c.mu.Unlock()
		if len(out) == 0 {
			out = append(data[:0], pieceHead(r.block, r.length)...)
			out = out[:13+r.length]
			if _, err := c.file.ReadAt(out[13:], int64(r.piece*c.info.PieceBytes+r.n*RequestBytes)); err != nil && err != io.EOF {
				return err
			}
		}
		if _, err := p.conn.Write(out); err != nil {
			return err
		}
		if r.length > 0 {
			c.mu.Lock()
			p.up.add(r.length)
			c.stats.Sent += int64(r.length)
			if c.cfg.Choking == Credit {
				c.choose()
			}
			c.mu.Unlock()
		}
	}
}

// receive handles what the peer sends.
func (p *peer) receive() error {
	c := p.c
	r := bufio.NewReaderSize(p.conn, 4<<10)
	if err := greeted(r, c.hash); err != nil {
		return err
	}
	c.mu.Lock()
	if p.ended {
		c.mu.Unlock()
		return nil
	}
	c.joined(p)
	c.mu.Unlock()
	most := max(9+RequestBytes, 1+(len(c.have)+7)/8)
	var buf []byte
	for {
		var err error
		if buf, err = read(r, buf, most); err != nil {
			return err
		}
		if len(buf) == 0 {
			continue
		}
		c.mu.Lock()
		err = p.handle(buf)
		c.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// handle handles one message. The client is locked.
func (p *peer) handle(m []byte) error {
	c := p.c
	bad := fmt.Errorf("%w: message %d of %d bytes", ErrProtocol, m[0], len(m))
	switch m[0] {
	case chokeMessage:
		p.choked = true
		p.release()
		c.askAll()
	case unchokeMessage:
		p.choked = false
		p.ask()
	case interestedMessage, notInterestedMessage:
		p.interested = m[0] == interestedMessage
		if !p.choking || c.cfg.Choking != TitForTat {
			c.choose()
		}
	case haveMessage:
		n, ok := number(m, 0)
		if !ok || n >= len(c.have) {
			return bad
		}
		p.has(n)
	case bitfieldMessage:
		if len(m) != 1+(len(c.have)+7)/8 {
			return bad
		}
		for n := range c.have {
			if m[1+n/8]&(0x80>>(n%8)) != 0 {
				p.has(n)
			}
		}
	case requestMessage, cancelMessage:
		r, err := p.requested(m)
		if err != nil {
			return errors.Join(bad, err)
		}
		if m[0] == cancelMessage {
			for i, o := range p.queue {
				if o == r {
					p.queue = append(p.queue[:i:i], p.queue[i+1:]...)
					break
				}
			}
		} else if !p.choking && c.have[r.piece] && len(p.queue) < maxQueue {
			p.queue = append(p.queue, r)
			p.wake.Broadcast()
		}
	case pieceMessage:
		piece, ok := number(m, 0)
		begin, also := number(m, 1)
		if !ok || !also || piece >= len(c.have) || begin%RequestBytes != 0 || begin >= c.info.pieceLen(piece) || len(m)-9 != c.info.blockLen(piece, begin/RequestBytes) {
			return bad
		}
		if err := c.got(p, block{piece, begin / RequestBytes}, m[9:]); err != nil {
			return err
		}
		if c.cfg.Choking == Credit {
			c.choose()
		}
	}
	return nil // others are of extensions
}

// maxQueue is how many requests of a peer wait.
const maxQueue = 2000

// has notes that the peer has a piece.
func (p *peer) has(n int) {
	if p.have[n] {
		return
	}
	p.have[n] = true
	p.c.spread[n]++
	if !p.c.have[n] {
		p.wanted++
		p.interest()
		p.ask()
	}
	if p.c.cfg.Choking == Credit {
		p.c.choose()
	}
}

// requested reads a request, which must be for one block as all clients ask.
func (p *peer) requested(m []byte) (request, error) {
	piece, ok := number(m, 0)
	begin, also := number(m, 1)
	length, too := number(m, 2)
	if !ok || !also || !too || piece >= len(p.c.have) || begin%RequestBytes != 0 || begin >= p.c.info.pieceLen(piece) || length != p.c.info.blockLen(piece, begin/RequestBytes) {
		return request{}, fmt.Errorf("a request for %d bytes at %d of piece %d", length, begin, piece)
	}
	return request{block{piece, begin / RequestBytes}, length}, nil
}
