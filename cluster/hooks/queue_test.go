package hooks

import (
	"fmt"
	"strings"
	"testing"
)

// What is said of a group, when scripts end, and what is run: "M5" is MASTER with serial 5, "." the end of what runs.
func TestQueue(t *testing.T) {
	roles := map[byte]Role{'M': Master, 'B': Backup, 'F': Fault, 'S': Stop}
	for _, tt := range []struct{ name, in, runs string }{
		{"one after the other", "B1 . M2 . B3 .", "B1 M2<B B3<M"},
		{"said again", "B1 . B1 B1 M2 . M2", "B1 M2<B"},
		{"a serial alone is news of a master", "M2 . M4 . B4 . B6", "M2 M4<M B4<M"},
		{"waits for the script before", "M2 B3", "M2"},
		{"and then runs", "M2 B3 . .", "M2 B3<M"},
		{"the newest alone waits", "M2 B3 F3 B3 M4 B5 . .", "M2 B5<M+4"},
		{"back to what was told", "B1 M2 B3 . .", "B1"},
		{"master again with another token", "M2 B3 M4 . .", "M2 M4<M+1"},
		{"back, and then on", "B1 M2 B3 . M4 .", "B1 M4<B+1"},
		{"the last word", "M2 S2 . .", "M2 S2<M"},
		{"the last word first", "S1 B1 .", "B1"},
		{"and after it", "M2 . S2 . B3 .", "M2 S2<M B3<S"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var q queue
			var runs []string
			running := false
			for _, word := range strings.Fields(tt.in) {
				var next *Moment
				if word == "." {
					running = false
					next = q.ended()
				} else {
					m := Moment{Role: roles[word[0]]}
					fmt.Sscan(word[1:], &m.Serial)
					next = q.say(m)
				}
				if next == nil {
					continue
				}
				if running {
					t.Fatalf("%v is run while another runs", next)
				}
				running = true
				text := fmt.Sprintf("%c%d", next.Role[0], next.Serial)
				if next.Previous != "" {
					text += "<" + string(next.Previous[0])
				}
				if next.Skipped > 0 {
					text += fmt.Sprintf("+%d", next.Skipped)
				}
				runs = append(runs, text)
			}
			if got := strings.Join(runs, " "); got != tt.runs {
				t.Errorf("runs %q, want %q", got, tt.runs)
			}
		})
	}
}
