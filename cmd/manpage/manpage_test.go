package manpage

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

func TestPage(t *testing.T) {
	root := &cobra.Command{Use: "tool", Short: "Do - things", Long: "tool does.\n\n  a: 1\n\n  b: \\n\n\n.It is\nplain.", Run: func(*cobra.Command, []string) {}}
	root.PersistentFlags().StringP("output", "o", "table", "the `form`")
	child := &cobra.Command{Use: "go NAME", Short: "Go", Example: "  tool go there", Run: func(*cobra.Command, []string) {}}
	child.Flags().Bool("fast", false, "in haste")
	root.AddCommand(child, &cobra.Command{Use: "secret", Hidden: true, Run: func(*cobra.Command, []string) {}})
	want := `.TH TOOL 8 "" "vipd 1.0" "vipd"
.SH NAME
tool \- Do \- things
.SH SYNOPSIS
.B tool
.SH DESCRIPTION
tool does.
.PP
.PP
.nf
  a: 1

  b: \en

.fi
.PP
\&.It is
plain.
.SH OPTIONS
.TP
.B \-o, \-\-output FORM
the form (default table)
.SH COMMANDS
.SS go
.B tool go NAME [flags]
.PP
Go.
.PP
.TP
.B \-\-fast
in haste
.PP
.PP
.nf
  tool go there
.fi
`
	if diff := cmp.Diff(want, Page(root, 8, "1.0")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
