package wire

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/lease"
)

var samples = []Message{
	lease.Renewal{Member: "node1", Epoch: 7, Seq: 300, Lease: 250 * time.Millisecond, Voters: 12},
	lease.Grant{Member: "node1", Epoch: 7, Seq: 300, Voter: "node2"},
	lease.Refusal{Member: "node1", Epoch: 7, Seq: 300, Voter: "node2", Reason: lease.OlderVoters},
	lease.Withdrawal{Member: "node1", Epoch: 7, Voter: "node2", LastTerm: 3, LastIndex: 1 << 40},
	Released{Node: "node1", Epoch: 7, Serials: []uint64{1, 1 << 63}},
	Committed{Prev: 9, Index: 12, Command: []byte(`{"v":1}`)},
	Committed{Prev: 9, Index: 12, Voters: []string{"node1", "node2"}},
	Campaign{Leader: "node3"},
	Report{Node: "node1", Epoch: 7, Seq: 1, Body: []byte("{}")},
}

func TestRoundTrip(t *testing.T) {
	for _, want := range samples {
		got, err := Parse(Marshal(want))
		if err != nil {
			t.Fatalf("parse %#v: %v", want, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after a round trip (-want +got):\n%s", diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := Marshal(samples[0])
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"empty", nil, ErrTruncated},
		{"another version", append([]byte{9}, good[1:]...), ErrVersion},
		{"unknown kind", []byte{Version, 200}, ErrKind},
		{"cut", good[:len(good)-1], ErrTruncated},
		{"too long", append(append([]byte{}, good...), 0), ErrTrailing},
		{"length beyond the end", []byte{Version, kindCampaign, 200, 1, 'x'}, ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse(tt.data); !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, m := range samples {
		f.Add(Marshal(m))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := Parse(data)
		if err != nil {
			return
		}
		second, err := Parse(Marshal(first))
		if err != nil {
			t.Fatalf("parse what marshal wrote of %#v: %v", first, err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("parse, marshal, parse differs (-first +second):\n%s", diff)
		}
	})
}
