package importer

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/spec"
	"vipd/vrrp/keepalived"
)

var update = flag.Bool("update", false, "rewrite testdata with what the importer says now")

// samples are the reader's own files.
const samples = "../../../vrrp/keepalived/testdata/"

// Whole files: the specification and the report are what testdata has, and vipd takes the specification.
func TestImport(t *testing.T) {
	for _, tt := range []struct {
		name    string
		sources []Source
	}{
		{"tutorial", []Source{{Node: "web1", ID: "web1", File: samples + "tutorial/web1.conf"}, {Node: "web2", ID: "web2", File: samples + "tutorial/web2.conf"}}},
		{"one", []Source{{ID: "web1", File: samples + "tutorial/web1.conf"}}},
		{"big", []Source{{Node: "lb1", ID: "lb1", File: samples + "big/keepalived.conf"}, {Node: "lb2", ID: "lb2", File: samples + "big/keepalived.conf"}}},
		{"haproxy", []Source{{Node: "lb1", ID: "lb1", File: "testdata/haproxy-a.conf"}, {Node: "lb2", ID: "lb2", File: "testdata/haproxy-b.conf"}}},
		{"router", []Source{{ID: "fw1", File: "testdata/router.conf"}}},
		{"dual", []Source{{ID: "ns1", File: "testdata/dual.conf"}}},
		{"vyos", []Source{{ID: "vyos", File: "testdata/vyos.conf"}}},
		{"site", []Source{{Node: "web1", ID: "web1", File: "testdata/site/keepalived.conf"}, {Node: "web2", ID: "web2", File: "testdata/site/keepalived.conf"}}},
		{"odd", []Source{{Node: "a", ID: "a", File: "testdata/odd-a.conf"}, {Node: "b", ID: "b", File: "testdata/odd-b.conf"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Import(nil, tt.sources...)
			if err != nil {
				t.Fatal(err)
			}
			text, err := spec.Marshal(r.Spec)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := spec.Parse("imported", text); err != nil {
				t.Fatalf("vipd refuses the specification: %v\n%s", err, text)
			}
			var b strings.Builder
			b.Write(text)
			for _, w := range r.Warnings {
				b.WriteString("warning: " + w.String() + "\n")
			}
			if _, err := r.Report.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, strings.ReplaceAll(b.String(), samples, ""))
		})
	}
}

func golden(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// The pair of files that everybody starts from is taken over in full.
func TestTutorialIsTakenOverInFull(t *testing.T) {
	r, err := Import(nil, Source{Node: "web1", ID: "web1", File: samples + "tutorial/web1.conf"}, Source{Node: "web2", ID: "web2", File: samples + "tutorial/web2.conf"})
	if err != nil || r.Report.Count(keepalived.Unsupported) > 0 {
		t.Errorf("%v: %v", err, r.Report)
	}
}

// Every unsupported directive says what to do, or at least why.
func TestUnsupportedSaysMore(t *testing.T) {
	for _, file := range []string{samples + "big/keepalived.conf", "testdata/odd-a.conf", "testdata/haproxy-a.conf", "testdata/router.conf", "testdata/dual.conf", "testdata/vyos.conf", "testdata/site/keepalived.conf"} {
		r, err := Import(nil, Source{Node: "lb1", ID: "lb1", File: file})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range r.Report {
			if e.Verdict == keepalived.Unsupported && e.Text == "" {
				t.Errorf("%v: without a reason", e)
			}
		}
	}
}

// memory is a file system of a test.
type memory struct{ fstest.MapFS }

func (m memory) Glob(pattern string) ([]string, error) {
	return fs.Glob(m.MapFS, strings.TrimPrefix(pattern, "/"))
}
func (m memory) ReadFile(name string) ([]byte, error) {
	return fs.ReadFile(m.MapFS, strings.TrimPrefix(name, "/"))
}

// What cannot be taken over names the file and the line.
func TestImportRefuses(t *testing.T) {
	instance := func(lines string) string {
		return "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n" + lines + "\n}\n"
	}
	for _, tt := range []struct{ name, text, want string }{
		{"keepalived refuses it", "vrrp_instance VI_1 {\n interface eth0\n virtual_ipaddress {\n  10.0.0.1\n }\n}\n", "/k.conf:1: vrrp_instance VI_1 has no valid virtual_router_id"},
		{"vipd refuses it", instance(" virtual_ipaddress {\n  10.0.0.0/24\n }"), "/k.conf:1: groups[VI_1].addresses[0]: 10.0.0.0/24 is the network's own address: choose a unicast address of a host, as 192.168.1.100/24"},
		{"AH", instance(" virtual_ipaddress {\n  10.0.0.1\n }\n authentication {\n  auth_type AH\n  auth_pass a\n }"), "/k.conf:1: AH is not spoken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Import(memory{fstest.MapFS{"k.conf": {Data: []byte(tt.text)}}}, Source{File: "/k.conf"})
			if err == nil || !strings.HasPrefix(err.Error(), strings.SplitN(tt.want, ": AH", 2)[0]) || tt.name != "AH" && err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
