package nodefile

import (
	"fmt"
	"os"
	"os/user"
	"strconv"

	"vipd/cluster/api"
	"vipd/cluster/conf"
)

// checkMode reports what is wrong with a socket's mode, as a Problem.
func checkMode(text string) error {
	mode, err := strconv.ParseUint(text, 8, 32)
	switch {
	case err != nil || mode > 0o777:
		return conf.Problem{Text: fmt.Sprintf("%q is no mode", conf.Short(text)), Remedy: `write it in octal and in quotes, as "0660"`}
	case mode&0o600 != 0o600:
		return conf.Problem{Text: fmt.Sprintf("%q shuts the owner out", text), Remedy: `let the owner read and write, as "0660" does`}
	}
	return nil
}

// Access says who may do what at the socket.
func (f File) Access() (api.Access, error) {
	mode, err := strconv.ParseUint(f.SocketMode, 8, 32)
	if err != nil {
		return api.Access{}, fmt.Errorf("read socket_mode: %w", err) // the node file was checked; this cannot be
	}
	a := api.Access{Mode: os.FileMode(mode), CommandName: f.CommandGroup}
	if a.Owner, err = userNumber("socket_owner", f.SocketOwner); err != nil {
		return api.Access{}, err
	}
	if a.Group, err = groupNumber("socket_group", f.SocketGroup); err != nil {
		return api.Access{}, err
	}
	a.Command, err = groupNumber("command_group", f.CommandGroup)
	return a, err
}

// userNumber returns the number of a user that is named or numbered; nil for none.
func userNumber(key, name string) (*uint32, error) {
	return numberOf(key, name, func() (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
}

func groupNumber(key, name string) (*uint32, error) {
	return numberOf(key, name, func() (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
}

func numberOf(key, name string, lookup func() (string, error)) (*uint32, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // as documented
	}
	n, err := number(name)
	if err == nil {
		return &n, nil
	}
	id, err := lookup()
	if err == nil {
		n, err = number(id)
	}
	if err != nil {
		return nil, fmt.Errorf("%s of the node file: %w; name one of this host, or give its number", key, err)
	}
	return &n, nil
}
