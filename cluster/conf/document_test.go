package conf

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddPointsAtTheNearestKey(t *testing.T) {
	var v server
	d := Decode("f", []byte("port: 1\nlinks:\n  up:\n  - x\n  - y\n"), &v)
	d.Add("links.up[1].target", "leads nowhere", "try north")
	d.Add("port", "too low", "")
	d.Add("name", "missing", "add one")
	want := "f:1: name: missing: add one\n" +
		"f:1: port: too low\n" +
		"f:5: links.up[1].target: leads nowhere: try north"
	if diff := cmp.Diff(want, d.Err().Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A value that could not be read is reported once, and so is a key that was mistyped.
func TestAddDropsWhatFollowsFromAnotherProblem(t *testing.T) {
	var v server
	d := Decode("f", []byte("port: x\ntags: [1, a]\nnme: a\n"), &v)
	for _, key := range []string{"port", "port.low", "tags", "tags[0]", "name"} {
		d.Add(key, "follows", "")
	}
	d.Add("tags[1]", "does not follow", "")
	want := "f:1: port: `x` is not a whole number: write decimal digits\n" +
		"f:2: tags[0]: `1` is not text: put it in quotes: \"1\"\n" +
		"f:2: tags[1]: does not follow\n" +
		"f:3: nme: unknown key: did you mean `name`? known keys: name, port, enabled, timeout, limit, tags, weights, links, log"
	if diff := cmp.Diff(want, d.Err().Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDocumentWithoutFile(t *testing.T) {
	var d Document
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
	d.Add("groups[web].name", "also "+d.Where("groups[db].name"), "")
	if got, want := d.Err().Error(), "groups[web].name: also at groups[db].name"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestProblemStaysOnOneLine(t *testing.T) {
	p := Problem{File: "f", Line: 3, Key: "a", Text: "x\x1b[2Jy\nz"}
	if got, want := p.Error(), "f:3: a: x\ufffd[2Jy\ufffdz"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDurationString(t *testing.T) {
	for _, text := range []string{"0s", "50ms", "1.5s", "10s", "1m", "1m30s", "1h", "1h0m1s", "10m", "20h", "2h10m"} {
		var d Duration
		if err := d.ParseScalar(text); err != nil || d.String() != text {
			t.Errorf("%s is read and written as %s, %v", text, d, err)
		}
	}
	var zero Duration = 1
	if err := zero.ParseScalar("0"); err != nil || zero != 0 {
		t.Errorf("0 is read as %v, %v", zero, err)
	}
}

func TestCheckNames(t *testing.T) {
	long := "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
	for _, name := range []string{"a", "node1", "db-2.example", "A", long} {
		if err := CheckNode(name); err != nil {
			t.Errorf("node %q: %v", name, err)
		}
	}
	for _, name := range []string{"", "-a", "a-", "a..b", ".a", "a.", "a_b", "a b", "ä", "a\n", long + "l"} {
		if CheckNode(name) == nil {
			t.Errorf("node %q is accepted", name)
		}
	}
	for _, name := range []string{"a", "eth0", "bond0.100", "br-lan_0@x", "abcdefghijklmno"} {
		if err := CheckInterface(name); err != nil {
			t.Errorf("interface %q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "a b", "a:0", "a\t", "ä", "abcdefghijklmnop"} {
		if CheckInterface(name) == nil {
			t.Errorf("interface %q is accepted", name)
		}
	}
}
