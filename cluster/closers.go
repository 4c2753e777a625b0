package cluster

import (
	"errors"
	"net"
)

// closers are what has been opened and has to be closed.
type closers []func() error

func (c *closers) add(closer func() error) { *c = append(*c, closer) }

// close closes all, the last opened first.
func (c *closers) close() error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		errs = append(errs, (*c)[i]())
	}
	*c = nil
	return errors.Join(errs...)
}

// unlessClosed passes an error on unless it says that something was closed before.
func unlessClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
