package main

import (
	"context"

	"github.com/spf13/cobra"

	"vipd/cluster/conf"
	"vipd/cluster/spec"
	"vipd/cmd/vipd/nodefile"
)

func (c *ctl) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema node|spec",
		GroupID: "serve",
		Short:   "Print the JSON Schema of the node file or of the specification, for editors",
		Long: `schema prints what keys, types and values a file may have, as JSON Schema, from the code that reads it. An editor that
knows it completes keys and marks mistakes while one types; the rules that concern several values are those of vipd
--check and of vipctl apply --dry-run.

With the YAML language server, save it and name it in the file's first line:

  # yaml-language-server: $schema=/etc/vipd/spec.schema.json`,
		Example:   "  vipctl schema spec > spec.schema.json\n  vipctl schema node > node.schema.json",
		Args:      operands("node|spec"),
		ValidArgs: []string{"node", "spec"},
		RunE: c.action(func(_ context.Context, args []string) error {
			var s *conf.Schema
			switch args[0] {
			case "node":
				s = nodefile.Schema()
			case "spec":
				s = spec.Schema()
			default:
				return usagef("there are schemas of node and of spec, and none of %q", args[0])
			}
			text, err := jsonText(s)
			if err != nil {
				return err
			}
			return c.print(s, func() string { return string(text) })
		}),
	}
}
