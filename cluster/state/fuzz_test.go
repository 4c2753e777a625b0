package state

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecodeCommand: whatever is in the log, it is refused or applied, and is the same after it was written again.
func FuzzDecodeCommand(f *testing.F) {
	for _, cmd := range founded() {
		text, err := cmd.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{
		`{"v":1,"at":"2026-01-02T12:00:00Z","assign":{"moves":[{"groups":[{"g":"web","s":1}],"to":"a","epoch":1,"reason":"x"}]}}`,
		`{"v":1,"at":"2026-01-02T12:00:00Z","expire":{"dead":[{"node":"a","epoch":1}],"moves":[{"groups":[{"g":"db","s":2}],"to":"b","epoch":2,"reason":""}]}}`,
		`{"v":4,"at":"2026-01-02T12:00:00Z","restore":{"groups":[{"name":"x"}],"profile":{"renew":80000000,"lease":250000000,"margin":10000000},"last_serial":9}}`,
	} {
		f.Add([]byte(text))
	}
	base := New()
	for i, cmd := range founded() {
		base, _ = base.Apply(uint64(i+1), cmd)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cmd, err := DecodeCommand(data)
		if err != nil {
			return
		}
		text, err := cmd.Encode()
		if err != nil {
			return // a time that JSON does not have, say
		}
		again, err := DecodeCommand(text)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		// What both lead to is compared, since an empty list may be a missing one.
		one, _ := base.Apply(100, cmd)
		two, _ := base.Apply(100, again)
		if d := cmp.Diff(encoded(t, one), encoded(t, two)); d != "" {
			t.Fatalf("(-read +written and read)\n%s", d)
		}
	})
}

// FuzzDecode: whatever is in a snapshot, it is refused, or can be gone on from.
func FuzzDecode(f *testing.F) {
	s := New()
	for i, cmd := range founded() {
		s, _ = s.Apply(uint64(i+1), cmd)
		var b bytes.Buffer
		if err := s.Encode(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(`{"format":1,"nodes":{"a":null},"groups":{"web":null},"assignments":{"web":null},"debts":{"1":null},"checks":{"c":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		for i, cmd := range founded() {
			s, _ = s.Apply(s.Index+uint64(i), cmd)
		}
		for name := range s.Nodes {
			s.TenancyOf(name, 1, func(uint64) bool { return false })
			s, _ = s.Apply(s.Index+1, Command{Expire: &Expire{Dead: []Tenure{{name, s.Nodes[name].Epoch}}}})
		}
		for name := range s.Groups {
			s, _ = s.Apply(s.Index+1, Command{Assign: &Assign{Moves: []Move{{Groups: []Expected{{name, s.Assignments[name].Serial}}}}}})
		}
		encoded(t, s)
	})
}

func encoded(t *testing.T, s *State) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
