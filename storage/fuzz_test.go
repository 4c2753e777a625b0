package storage

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzSmallFiles: what identity and hold are read from is refused, or is the same after it was written again.
func FuzzSmallFiles(f *testing.F) {
	text, err := json.Marshal(exampleIdentity())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"epoch":1,"start":"s","until":5,"boot":"b","addresses":["192.0.2.1"]}`))
	f.Add([]byte(`{} {}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if id, err := parseIdentity(data); err == nil {
			text, err := json.Marshal(id)
			if err != nil {
				t.Fatal(err)
			}
			again, err := parseIdentity(text)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, "identity", text, must(json.Marshal(again)))
		}
		if hold, err := parseHold(data); err == nil {
			text, err := json.Marshal(hold)
			if err != nil {
				t.Fatal(err)
			}
			again, err := parseHold(text)
			if err != nil || !bytes.Equal(text, must(json.Marshal(again))) {
				t.Fatalf("%s: %v", text, err)
			}
		}
	})
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}
