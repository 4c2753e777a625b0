package lab

import "slices"

// hostPair is the direction from one host to another.
type hostPair struct{ from, to *Host }

// Partition divides the network, on both networks if there are two: hosts of
// different sides no longer reach each other. Whoever is in no side, usually
// the client, reaches everyone. A later Partition replaces an earlier one; the
// change is atomic.
func (l *Lab) Partition(sides ...[]*Host) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.split)
	for i, a := range sides {
		for _, b := range slices.Concat(sides[i+1:]...) {
			for _, h := range a {
				l.split[hostPair{h, b}] = true
				l.split[hostPair{b, h}] = true
			}
		}
	}
	return l.applyFilter()
}

// Block loses everything that one host sends to another, in this direction only.
func (l *Lab) Block(from, to *Host) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocked[hostPair{from, to}] = true
	return l.applyFilter()
}

// Unblock undoes [Lab.Block].
func (l *Lab) Unblock(from, to *Host) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.blocked, hostPair{from, to})
	return l.applyFilter()
}

// Heal ends the partition and all blocks. Damaged cables stay damaged, see
// [Port.Mend].
func (l *Lab) Heal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.split)
	clear(l.blocked)
	return l.applyFilter()
}
