package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
	"vipd/cluster/backup"
)

// kept is the result of backup in JSON and YAML.
type kept struct {
	File    string   `json:"file"`
	Bytes   int      `json:"bytes"`
	Cluster string   `json:"cluster"`
	Index   uint64   `json:"index"`
	Groups  int      `json:"groups"`
	Checks  int      `json:"checks"`
	Secrets []string `json:"withheld,omitempty"` // groups whose password is not in the file
}

func (c *ctl) backupCommand() *cobra.Command {
	var force, secrets bool
	cmd := &cobra.Command{
		Use:     "backup FILE",
		GroupID: "serve",
		Short:   "Write what the cluster serves to a file",
		Long: `backup writes groups, checks and profile to a file with a checksum, for vipctl restore, and beside them, to
look up, who was a member. - is standard output.

The cluster's secret is never in it: nodes that join anew get it by a token. Passwords of VRRP are left out, and
restore keeps those that the cluster has; with --secrets they are in the file. Only its owner can read it.

The file is complete and on the disk when backup returns, and was read back; after an error there is none, or
the old one. A file that is there is not replaced without --force.`,
		Example: "  vipctl backup vipd-$(date +%F).backup\n  vipctl backup --secrets - | age -r KEY > vipd.backup.age",
		Args:    operands("FILE"),
		RunE: c.action(func(ctx context.Context, args []string) error {
			b, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (backup.Backup, error) {
				return client.Backup(ctx, api.BackupRequest{Secrets: secrets})
			})
			if err != nil {
				return err
			}
			text, err := b.Marshal()
			if err != nil {
				return err
			}
			if args[0] == "-" {
				_, err := c.stdout.Write(text)
				return err
			}
			if err := keepFile(args[0], text, force); err != nil {
				return err
			}
			k := kept{args[0], len(text), b.Cluster, b.Index, len(b.Groups), len(b.Checks), b.Withheld}
			return c.print(k, func() string { return keptText(k) })
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	cmd.Flags().BoolVar(&secrets, "secrets", false, "with the passwords of VRRP")
	return cmd
}

func keptText(k kept) string {
	text := fmt.Sprintf("%s: cluster %s at index %d, groups: %d, checks: %d\n", k.File, k.Cluster, k.Index, k.Groups, k.Checks)
	if len(k.Secrets) > 0 {
		text += "without the VRRP passwords of " + strings.Join(k.Secrets, ", ") + "; --secrets includes them\n"
	}
	return text
}

// keepFile writes a backup under a name of its own first, reads it back, and then gives it the name it should have.
func keepFile(name string, text []byte, replace bool) (err error) {
	if _, err := os.Lstat(name); err == nil && !replace {
		return fmt.Errorf("%s is there already; name another file, or say --force to replace it", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // mode 0600
	if err != nil {
		var path *os.PathError // of a name that nobody gave
		if errors.As(err, &path) {
			err = path.Err
		}
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	written, err := os.ReadFile(f.Name())
	if err == nil {
		_, err = backup.Parse(name, written)
	}
	if err != nil {
		return fmt.Errorf("read back what was written: %w", err)
	}
	give := os.Link // unlike a rename it replaces nothing
	if replace {
		give = os.Rename
	}
	if err := give(f.Name(), name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (c *ctl) restoreCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:     "restore FILE",
		GroupID: "serve",
		Short:   "Have the cluster serve what a backup says",
		Long: `restore replaces all that the cluster serves, and its profile, with what vipctl backup wrote; - is standard
input. It is one change: all of it comes about, or nothing. The file is checked before anything is touched; one
that was cut off or changed, or that a later vipd made, is refused. --dry-run prints what would change.

The cluster may be a new one, founded with vipctl init, or the one that the backup is of. Members, and who of
them is drained, stay as they are. Serials and epochs go on above those of the backup and of the cluster, so
that a fencing token never becomes smaller. A group that both have stays where it is.

All nodes have to run a vipd that knows restore.`,
		Example: "  vipctl restore vipd.backup --dry-run\n  vipctl restore vipd.backup\n  age -d vipd.backup.age | vipctl restore -",
		Args:    operands("FILE"),
		RunE: c.action(func(ctx context.Context, args []string) error {
			b, err := c.readBackup(args[0])
			if err != nil {
				return err
			}
			send := order[api.RestoreResult]
			if dry {
				send = ask[api.RestoreResult]
			}
			result, err := send(ctx, c, func(ctx context.Context, client *api.Client) (api.RestoreResult, error) {
				return client.Restore(ctx, api.RestoreRequest{Backup: b, DryRun: dry})
			})
			if err != nil {
				return err
			}
			return c.print(result, func() string { return restoreText(b, result, paintFor(c.stdout)) })
		}),
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only print what would change")
	return cmd
}

func (c *ctl) readBackup(file string) (backup.Backup, error) {
	in, name := c.stdin, "standard input"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return backup.Backup{}, err // it names what was done, and to which file
		}
		defer f.Close()
		in, name = f, file
	}
	text, err := io.ReadAll(io.LimitReader(in, 2*backup.MaxSize)) // what is larger is refused by its size
	if err != nil {
		return backup.Backup{}, fmt.Errorf("read %s: %w", name, err)
	}
	return backup.Parse(name, text)
}

func restoreText(b backup.Backup, r api.RestoreResult, p paint) string {
	text := fmt.Sprintf("backup of cluster %s, made %s on %s\n", b.Cluster, b.Made.Format(time.RFC3339), b.By)
	if r.Voting != nil {
		text += fmt.Sprintf("~ voters: limit %d (0: none), replaced after %v\n", r.Voting.Limit, r.Voting.Patience())
	}
	if r.Profile != nil {
		text += fmt.Sprintf("~ profile %s → %s\n", profileText(r.Profile.From), profileText(r.Profile.To))
	}
	if r.LastSerial != 0 {
		text += fmt.Sprintf("~ serials go on above %d\n", r.LastSerial)
	}
	return text + applyText(r.ApplyResult, p)
}
