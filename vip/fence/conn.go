package fence

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
)

// sendBuffer lets one transaction carry tens of thousands of addresses. Without the capability to force it the kernel
// caps it at net.core.wmem_max.
const sendBuffer = 4 << 20

// A conn is a netlink connection that is dialled when first needed and after each error, since an error may leave
// unread answers behind. It lasts because closing one costs milliseconds.
type conn struct {
	netns int
	nft   *nftables.Conn
}

func (c *conn) dial() (*nftables.Conn, error) {
	if c.nft != nil {
		return c.nft, nil
	}
	nft, err := nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(c.netns),
		nftables.WithSockOptions(func(nl *netlink.Conn) error { return nl.SetWriteBuffer(sendBuffer) }))
	if err != nil {
		return nil, fmt.Errorf("connect to nftables: %w", err)
	}
	c.nft = nft
	return nft, nil
}

// commit sends what build queues as one transaction: all of it takes effect at once, or nothing.
func (c *conn) commit(build func(*nftables.Conn) error) error {
	return c.do(func(nft *nftables.Conn) error {
		if err := build(nft); err != nil {
			return err
		}
		return nft.Flush()
	})
}

func (c *conn) do(fn func(*nftables.Conn) error) error {
	nft, err := c.dial()
	if err != nil {
		return err
	}
	if err := fn(nft); err != nil {
		c.close()
		return err
	}
	return nil
}

func (c *conn) close() {
	if c.nft != nil {
		_ = c.nft.CloseLasting() // it is replaced because it failed
		c.nft = nil
	}
}
