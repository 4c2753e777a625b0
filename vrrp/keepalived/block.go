package keepalived

import "strings"

// node is a directive: its words, and what is between its braces if it has any.
type node struct {
	Pos
	words    []string
	block    bool
	children []*node
}

// keyword is the directive's name.
func (n *node) keyword() string { return n.words[0] }

// args are the words after the name.
func (n *node) args() []string { return n.words[1:] }

// text is the directive as one line, without secrets.
func (n *node) text() string { return redact(strings.Join(n.words, " ")) }

// redact hides the password, and a key of auth_hmac, which reports and errors must not repeat.
func redact(text string) string {
	fields := strings.Fields(text)
	for i, f := range fields[:max(len(fields)-1, 0)] {
		if f == "auth_pass" || i == 0 && f == "key" {
			return strings.Join(fields[:i+1], " ") + " ***"
		}
	}
	return text
}

// treeBuilder makes the tree of blocks. A brace may stand on its directive's line or on the next one, and
// what follows it on the line is a line of its own.
type treeBuilder struct {
	problems
	root  *node
	stack []*node
	last  *node // the directive that a brace on the next line would belong to
}

func buildTree(lines []line, p problems) (*node, problems) {
	root := &node{block: true}
	b := treeBuilder{problems: p, root: root, stack: []*node{root}}
	for _, l := range lines {
		words, err := splitWords(l.text)
		switch {
		case err != "":
			b.refuse(l.Pos, "%s: %s", err, redact(l.text))
		case strings.HasSuffix(l.text, `\`):
			b.refuse(l.Pos, "only definitions may continue on the next line: %s", redact(l.text))
		default:
			b.line(l.Pos, words)
		}
	}
	for _, open := range b.stack[1:] {
		b.refuse(open.Pos, "%s: the block is not closed", open.text())
	}
	return root, b.problems
}

func (b *treeBuilder) top() *node { return b.stack[len(b.stack)-1] }

func (b *treeBuilder) line(at Pos, words []word) {
	var plain []string
	flush := func() {
		if len(plain) > 0 {
			b.last = &node{Pos: at, words: plain}
			b.top().children = append(b.top().children, b.last)
			plain = nil
		}
	}
	for _, w := range words {
		switch {
		case !w.brace:
			plain = append(plain, w.text)
		case w.text == "{":
			flush()
			b.open(at)
		default:
			flush()
			b.close(at)
		}
	}
	flush()
}

func (b *treeBuilder) open(at Pos) {
	if b.last == nil || b.last.block {
		b.refuse(at, "unexpected {")
		b.last = &node{Pos: at, words: []string{"{"}}
	}
	b.last.block = true
	b.stack = append(b.stack, b.last)
	b.last = nil
}

func (b *treeBuilder) close(at Pos) {
	b.last = nil
	if len(b.stack) == 1 {
		b.refuse(at, "extra }")
		return
	}
	b.stack = b.stack[:len(b.stack)-1]
}
