package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"vipd/cluster/conf"
	"vipd/cluster/spec"
	"vipd/cluster/state"
	"vipd/cmd/vipctl/importer"
	"vipd/vrrp/keepalived"
)

// imported is the result of import in JSON and YAML.
type imported struct {
	Groups   []state.Group `json:"groups"`
	Checks   []state.Check `json:"checks,omitempty"`
	Report   []directive   `json:"report"`
	Warnings []string      `json:"warnings,omitempty"`
}

// directive is a line of the report.
type directive struct {
	File      string             `json:"file"`
	Line      int                `json:"line"`
	Directive string             `json:"directive"`
	Verdict   keepalived.Verdict `json:"verdict"`
	Text      string             `json:"text,omitempty"`
}

func (c *ctl) importCommand() *cobra.Command {
	var nodes []string
	var out, report string
	cmd := &cobra.Command{
		Use:     "import FILE | import --node NAME=FILE ...",
		GroupID: "serve",
		Short:   "Make a specification of keepalived's configuration",
		Long: `import reads keepalived.conf as keepalived does, includes and all, and prints what vipctl apply takes, to
standard output or to a file. It asks no daemon and changes nothing.

With --node, once for each node, the files of several nodes become one specification with each node's priority. A
file without a node holds for all nodes alike.

Standard error, or the file of --report, gets a line for each directive: kept, translated, not needed (and why), or
unsupported (and what to do). Nothing is left out silently. The specification holds keepalived's password, if
there is one, so a file made here is readable by its owner only.

A file that keepalived would refuse is refused, with the line, and the exit code is 1.`,
		Example: "  vipctl import /etc/keepalived/keepalived.conf > vips.yaml\n" +
			"  vipctl import --node web1=web1.conf --node web2=web2.conf --out vips.yaml --report report.txt",
		RunE: c.action(func(_ context.Context, args []string) error {
			sources, err := importSources(args, nodes)
			if err != nil {
				return err
			}
			result, err := importer.Import(nil, sources...)
			if err != nil {
				return err
			}
			return c.printImport(result, out, report)
		}),
	}
	cmd.Flags().StringArrayVar(&nodes, "node", nil, "NAME=FILE: a node and its file; may be given several times")
	cmd.Flags().StringVar(&out, "out", "", "write the specification to this file")
	cmd.Flags().StringVar(&report, "report", "", "write the report to this file")
	return cmd
}

// importSources reads the command line.
func importSources(args, nodes []string) ([]importer.Source, error) {
	switch {
	case len(args)+len(nodes) == 0:
		return nil, usagef("import needs a file, or --node NAME=FILE for each node")
	case len(args) > 1:
		return nil, usagef("import takes one FILE; for several nodes say --node NAME=FILE for each")
	case len(args) == 1 && len(nodes) > 0:
		return nil, usagef("say --node NAME=FILE for %s too: whose file is it?", args[0])
	case len(args) == 1:
		name, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("find this host's name: %w", err)
		}
		return []importer.Source{{File: args[0], ID: shortName(name)}}, nil
	}
	var sources []importer.Source
	for _, n := range nodes {
		name, file, ok := strings.Cut(n, "=")
		if !ok || file == "" {
			return nil, usagef("--node %s: write it as NAME=FILE", n)
		}
		if err := conf.CheckNode(name); err != nil {
			return nil, usagef("--node %s: %w", n, err)
		}
		sources = append(sources, importer.Source{Node: name, ID: shortName(name), File: file})
	}
	return sources, nil
}

// shortName is what keepalived compares lines that begin with @ with.
func shortName(host string) string {
	name, _, _ := strings.Cut(host, ".")
	return name
}

func (c *ctl) printImport(r importer.Result, out, report string) error {
	text, err := spec.Marshal(r.Spec)
	if err != nil {
		return err
	}
	if report != "" {
		if err := os.WriteFile(report, []byte(reportText(r)), 0o644); err != nil {
			return err // it names what was done, and to which file
		}
	} else if c.format == "" {
		fmt.Fprint(c.stderr, reportText(r))
	}
	if out != "" {
		return writeSecret(out, text)
	}
	return c.print(importedOf(r), func() string { return string(text) })
}

// writeSecret writes a file that only its owner reads, whatever its mode was.
func writeSecret(file string, text []byte) error {
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	return os.Chmod(file, 0o600)
}

func reportText(r importer.Result) string {
	var b strings.Builder
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "%s:%d: warning: %s\n", w.File, w.Line, w.Text)
	}
	for _, e := range r.Report {
		fmt.Fprintln(&b, e)
	}
	fmt.Fprintf(&b, "directives: %d kept, %d translated, %d not needed, %d unsupported\n", r.Report.Count(keepalived.Kept),
		r.Report.Count(keepalived.Translated), r.Report.Count(keepalived.NotNeeded), r.Report.Count(keepalived.Unsupported))
	return b.String()
}

func importedOf(r importer.Result) imported {
	out := imported{Groups: r.Spec.Groups, Checks: r.Spec.Checks, Report: []directive{}}
	for _, e := range r.Report {
		out.Report = append(out.Report, directive(e))
	}
	for _, w := range r.Warnings {
		out.Warnings = append(out.Warnings, w.String())
	}
	return out
}
