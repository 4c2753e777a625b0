package lab

import (
	"slices"
	"time"
)

// Transit is how frames travel over a cable, each way.
type Transit struct {
	// Each frame takes Delay, and up to Jitter more; they stay in order.
	Delay, Jitter time.Duration
	// Overtake is how many of a thousand frames take no time, and so come before those that were sent earlier.
	Overtake uint32
	// Twice is how many of a thousand frames come twice.
	Twice uint32
}

// inTransit bounds the frames that are under way; further ones are lost.
const inTransit = 4096

// frame is one that is under way.
type frame struct {
	data []byte
	due  time.Time
}

// lane has the frames of one direction, the next one first.
type lane struct {
	transit Transit
	// below draws a number from 0 to below n.
	below  func(n int64) int64
	frames []frame
	last   time.Time // when the last of those that stay in order arrives
}

// send takes a frame.
func (l *lane) send(data []byte, now time.Time) {
	due := now
	if !l.happens(l.transit.Overtake) {
		due = now.Add(l.transit.Delay + time.Duration(l.below(int64(l.transit.Jitter)+1)))
		if due.Before(l.last) {
			due = l.last
		}
		l.last = due
	}
	l.insert(frame{data, due})
	if l.happens(l.transit.Twice) {
		l.insert(frame{data, due.Add(time.Duration(l.below(int64(l.transit.Delay) + 1)))})
	}
}

func (l *lane) happens(perMille uint32) bool { return l.below(1000) < int64(perMille) }

func (l *lane) insert(f frame) {
	if len(l.frames) >= inTransit {
		return
	}
	at, _ := slices.BinarySearchFunc(l.frames, f.due, func(f frame, due time.Time) int {
		if f.due.After(due) {
			return 1
		}
		return -1
	})
	l.frames = slices.Insert(l.frames, at, f)
}

// arrived takes out what has arrived.
func (l *lane) arrived(now time.Time) [][]byte {
	var data [][]byte
	n := 0
	for n < len(l.frames) && !l.frames[n].due.After(now) {
		data = append(data, l.frames[n].data)
		n++
	}
	l.frames = slices.Delete(l.frames, 0, n)
	return data
}
