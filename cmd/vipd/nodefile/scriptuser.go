package nodefile

import (
	"fmt"
	"os/user"
	"strconv"
	"syscall"
)

// ScriptCredential returns the rights of scripts; nil are the daemon's own.
func (f File) ScriptCredential() (*syscall.Credential, error) {
	if f.ScriptUser == "" {
		return nil, nil //nolint:nilnil // as documented
	}
	u, err := user.Lookup(f.ScriptUser)
	if err != nil {
		return nil, fmt.Errorf("look up user %s: %w", f.ScriptUser, err)
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("look up the groups of %s: %w", f.ScriptUser, err)
	}
	c := &syscall.Credential{}
	if c.Uid, err = number(u.Uid); err == nil {
		c.Gid, err = number(u.Gid)
	}
	for _, id := range ids {
		gid, convErr := number(id)
		if convErr != nil {
			err = convErr
		}
		c.Groups = append(c.Groups, gid)
	}
	if err != nil {
		return nil, fmt.Errorf("look up user %s: %w", f.ScriptUser, err)
	}
	return c, nil
}

func number(id string) (uint32, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	return uint32(n), err //nolint:gosec // it has 32 bits
}
