package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"vipd/cmd/manpage"
)

// manCommand is for packaging, and hidden.
func (c *ctl) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man",
		Short: "Print the manual page",
		Long: `man prints vipctl's manual page, which says what the commands' --help says, for groff's man macros. Packages
have it installed already.`,
		Example: "  vipctl man | man -l -",
		Hidden:  true,
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.begun = true
			cmd.Root().InitDefaultCompletionCmd()
			if _, err := fmt.Fprint(c.stdout, manpage.Page(cmd.Root(), 8, version)); err != nil {
				return fmt.Errorf("print the manual page: %w", err)
			}
			return nil
		},
	}
}
