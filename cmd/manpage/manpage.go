// Package manpage writes manual pages of commands, from what their --help says.
package manpage

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Page is a manual page in troff's man macros (groff_man(7)), with all subcommands in it.
func Page(root *cobra.Command, section int, version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s %d \"\" \"vipd %s\" \"vipd\"\n", strings.ToUpper(root.Name()), section, escape(version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", root.Name(), escape(root.Short))
	b.WriteString(".SH SYNOPSIS\n")
	synopsis(&b, root)
	b.WriteString(".SH DESCRIPTION\n")
	text(&b, root.Long)
	flags(&b, ".SH OPTIONS\n", root.LocalFlags())
	if children := commands(root); len(children) > 0 {
		b.WriteString(".SH COMMANDS\n")
		for _, c := range children {
			command(&b, c)
		}
	}
	return b.String()
}

// command writes the section of a subcommand, and of those below it.
func command(b *strings.Builder, c *cobra.Command) {
	_, path, _ := strings.Cut(c.CommandPath(), " ")
	fmt.Fprintf(b, ".SS %s\n", escape(path))
	synopsis(b, c)
	b.WriteString(".PP\n")
	if c.Long == "" {
		text(b, c.Short+".")
	} else {
		text(b, c.Long)
	}
	flags(b, ".PP\n", c.LocalNonPersistentFlags())
	if c.Example != "" {
		b.WriteString(".PP\n")
		text(b, c.Example)
	}
	for _, child := range commands(c) {
		command(b, child)
	}
}

func commands(c *cobra.Command) []*cobra.Command {
	var shown []*cobra.Command
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() {
			shown = append(shown, child)
		}
	}
	return shown
}

func synopsis(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, ".B %s\n", escape(c.UseLine()))
}

func flags(b *strings.Builder, head string, set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		b.WriteString(head)
		head = ""
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		kind, usage := pflag.UnquoteUsage(f)
		if kind != "" {
			name += " " + strings.ToUpper(kind)
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && !strings.Contains(usage, "default") {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", escape(name), escape(usage))
	})
}

// text writes paragraphs. Lines that are indented stay as they are, between the others.
func text(b *strings.Builder, long string) {
	verbatim := false
	for line := range strings.SplitSeq(strings.TrimSpace("x" + long)[1:], "\n") {
		indented := strings.HasPrefix(line, " ")
		switch {
		case indented && !verbatim:
			b.WriteString(".PP\n.nf\n")
		case verbatim && !indented && line != "":
			b.WriteString(".fi\n.PP\n")
		}
		if indented || line != "" {
			verbatim = indented
		}
		switch {
		case line == "" && !verbatim:
			b.WriteString(".PP\n")
		default:
			b.WriteString(escape(line) + "\n")
		}
	}
	if verbatim {
		b.WriteString(".fi\n")
	}
}

// escape has troff print a line as it is: a dash is the one to type, and nothing at the line's begin is a request.
func escape(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	return line
}
