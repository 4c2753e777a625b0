package gossip

// window tells which counters of a sender were seen, so that a datagram that was recorded and sent again says nothing.
// As in RFC 6479: what is further behind than the window is taken for seen. The network may change the order of some
// datagrams; it does not of that many.
type window struct {
	newest uint64
	seen   [windowBits/64 + 1]uint64 // a ring; the newest counter's word is not full yet, so there is one more
}

const windowBits = 1024

// take notes a counter; false if it was seen, or may have been.
func (w *window) take(counter uint64) bool {
	if counter+windowBits <= w.newest {
		return false
	}
	if counter > w.newest {
		for word := w.newest/64 + 1; word <= counter/64 && word <= w.newest/64+uint64(len(w.seen)); word++ {
			w.seen[word%uint64(len(w.seen))] = 0
		}
		w.newest = counter
	}
	word, bit := &w.seen[counter/64%uint64(len(w.seen))], uint64(1)<<(counter%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}
