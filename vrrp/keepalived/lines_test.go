package keepalived

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mapFiles is files in memory.
type mapFiles map[string]string

func (m mapFiles) ReadFile(name string) ([]byte, error) {
	text, ok := m[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (m mapFiles) Glob(pattern string) (out []string, err error) {
	for name := range m {
		if ok, err := path.Match(pattern, name); err != nil {
			return nil, err
		} else if ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// linesOf preprocesses text and returns the lines as keepalived's parser gets them.
func linesOf(id string, files mapFiles) (lines []string, refused Refused) {
	p := newPreprocessor(Options{ID: id, Files: files})
	if err := p.file("/etc/k.conf", 0); err != nil {
		return []string{err.Error()}, nil
	}
	for _, l := range p.out {
		lines = append(lines, l.text)
	}
	return lines, p.refused
}

func TestLines(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"comments", "a # b\n! c\n  d ! e\n f \"g # h\" # i\n\n", []string{"a", "d", `f "g # h"`}},
		{"conditions", "@main a\n@other b\n@^main c\n@^other d\n@main\te\n@main", []string{"a", "d", "e"}},
		{"definitions", "$A=1\na $A b\nx${A}y\n$B=\nz${B}z\n$UNDEF ${UNDEF} $Ab", []string{"a 1 b", "x1y", "zz", "$UNDEF ${UNDEF} $Ab"}},
		{"recursive, at the time of use", "$BASE=10.2.${SUB}\n$SUB=0\n${BASE}.100/32\n$SUB=10\n${BASE}.100/32", []string{"10.2.0.100/32", "10.2.10.100/32"}},
		{"condition on a definition", "@main $P=240\n@other $P=200\npriority $P", []string{"priority 240"}},
		{"condition in a definition", "$IF=@other\n$IF priority 240\n$IF2=@main \n${IF2} priority 1", []string{"priority 1"}},
		{"several lines", "$X= \\\n a ${N} { \\\n @main b \\\n @other c \\\n }\n$N=1\n$X\n$N=2\n$X", []string{"a 1 {", "b", "}", "a 2 {", "b", "}"}},
		{"sequence", "~SEQ(N, 0, 3) 10.0.${N}.1", []string{"10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1"}},
		{"sequence with a step", "~SEQ(N, 168, 2, 172) n${N}", []string{"n168", "n170", "n172"}},
		{"sequence with an end only", "~SEQ(N, 2) $N", []string{"1", "2"}},
		{"sequence downwards", "~SEQ(N, 2, 0) $N", []string{"2", "1", "0"}},
		{"hexadecimal", "~SEQx(S, 0x90, 0x10, 0xb0) fe80::${S}", []string{"fe80::90", "fe80::a0", "fe80::b0"}},
		{"list", "~LST({IP, IP1}, {10,1},{20,4}) 192.168.${IP}.${IP1}", []string{"192.168.10.1", "192.168.20.4"}},
		{"nested", "~LST(A, 1, 2) ~SEQ(B, 5, 6) ${A}.${B}", []string{"1.5", "1.6", "2.5", "2.6"}},
		{"predefined", "${_INSTANCE} ${_PWD} a${_HASH}b${_BANG} ${_RANDOM 5 9}", []string{"main /etc a#b! 5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, refused := linesOf("main", mapFiles{"/etc/k.conf": tt.in})
			if len(refused) > 0 {
				t.Fatal(refused)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestIncludes(t *testing.T) {
	files := mapFiles{
		"/etc/k.conf":       "a\ninclude d/*.conf\ninclude {x,y/{1,2}}.inc\nz ${_PWD}",
		"/etc/d/1.conf":     "one ${_PWD}\ninclude ../e.conf",
		"/etc/d/2.conf":     "two",
		"/etc/d/no.txt":     "never",
		"/etc/e.conf":       "e",
		"/etc/x.inc":        "x",
		"/etc/y/2.inc":      "y2",
		"/etc/loop.conf":    "include loop.conf",
		"/etc/demand.conf":  "includea absent*",
		"/etc/nothing.conf": "include absent*\nb",
	}
	got, refused := linesOf("", files)
	if diff := cmp.Diff([]string{"a", "one /etc/d", "e", "two", "x", "y2", "z /etc"}, got); diff != "" || len(refused) > 0 {
		t.Errorf("%v (-want +got):\n%s", refused, diff)
	}
	for name, want := range map[string]string{"/etc/loop.conf": "nested deeper", "/etc/demand.conf": "matches no file"} {
		if _, err := Read(name, Options{Files: files}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	if _, err := Read("/etc/absent.conf", Options{Files: files}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
	c, err := Read("/etc/nothing.conf", Options{Files: files})
	if err != nil || len(c.Warnings) != 2 { // the include, and b which is no keyword
		t.Errorf("a plain include of nothing: %v, %v", c, err)
	}
}

func TestEndlessDefinitionsAreRefused(t *testing.T) {
	for _, text := range []string{"$A=$A\n$A", "$A=${A}${A}x\n${A}", "~SEQ(N, 1, 0, 5) $N", "~SEQ(N) x", "~LST(A) x", "~FOO(1) x", "~SEQ(A,1", "~SEQ(A,0,2000000000) b",
		"~SEQ(A,1,90000) ~SEQ(B,1,90000) ~SEQ(C,1,90000) @never x"} {
		if _, refused := linesOf("", mapFiles{"/etc/k.conf": text}); len(refused) == 0 {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestWords(t *testing.T) {
	tests := []struct {
		in   string
		want []word
	}{
		{`a  b	c`, []word{{"a", false}, {"b", false}, {"c", false}}},
		{`abcd" efg h jkl "mnop`, []word{{"abcd efg h jkl mnop", false}}},
		{`abcd "efg h" ''`, []word{{"abcd", false}, {"efg h", false}, {"", false}}},
		{`"it's" 'say "x"'`, []word{{"it's", false}, {`say "x"`, false}}},
		{`"\a\n\101\x41\cA\q\\\""`, []word{{"\a\nAA\x01q\\\"", false}}},
		{`x{ a }`, []word{{"x", false}, {"{", true}, {"a", false}, {"}", true}}},
		{`"{" ${U}x`, []word{{"{", false}, {"${U}x", false}}},
	}
	for _, tt := range tests {
		got, err := splitWords(tt.in)
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(word{})); diff != "" || err != "" {
			t.Errorf("%s: %s (-want +got):\n%s", tt.in, err, diff)
		}
	}
	if _, err := splitWords(`a "b`); err == "" {
		t.Error("an open quote was accepted")
	}
}

func TestCommand(t *testing.T) {
	for in, want := range map[string][]string{
		`/bin/a 'one arg' two`: {"/bin/a", "one arg", "two"},
		`/bin/a`:               {"/bin/a"},
		`  /bin/a ''  b`:       {"/bin/a", "", "b"},
	} {
		if diff := cmp.Diff(want, command([]string{in})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}
