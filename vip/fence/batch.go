package fence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A batch is a transaction on sets, written by hand: the library asks for an acknowledgement of each message and reads
// each with two system calls, two dozen for one renewal of the lease.
type batch struct{ messages []netlink.Message }

// add queues elements with these keys; a timeout of 0 is none.
func (b *batch) add(s *nftables.Set, keys []byte, timeout time.Duration) {
	b.queue(unix.NFT_MSG_NEWSETELEM, netlink.Create, s, keys, timeout)
}

// remove queues the removal of elements; the kernel refuses the transaction if one is not there.
func (b *batch) remove(s *nftables.Set, keys []byte) {
	b.queue(unix.NFT_MSG_DELSETELEM, 0, s, keys, 0)
}

// flush queues the removal of all elements.
func (b *batch) flush(s *nftables.Set) { b.queue(unix.NFT_MSG_DELSETELEM, 0, s, nil, 0) }

func (b *batch) queue(kind uint16, flags netlink.HeaderFlags, s *nftables.Set, keys []byte, timeout time.Duration) {
	ae := netlink.NewAttributeEncoder()
	ae.ByteOrder = binary.BigEndian
	ae.String(unix.NFTA_SET_ELEM_LIST_TABLE, s.Table.Name)
	ae.String(unix.NFTA_SET_ELEM_LIST_SET, s.Name)
	if len(keys) > 0 {
		ae.Nested(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func(list *netlink.AttributeEncoder) error {
			for _, key := range keys {
				list.Nested(unix.NFTA_LIST_ELEM, element(key, timeout))
			}
			return nil
		})
	}
	b.messages = append(b.messages, message(unix.NFNL_SUBSYS_NFTABLES<<8|kind, flags, byte(s.Table.Family), 0, encoded(ae)))
}

func element(key byte, timeout time.Duration) func(*netlink.AttributeEncoder) error {
	return func(e *netlink.AttributeEncoder) error {
		e.Nested(unix.NFTA_SET_ELEM_KEY, func(k *netlink.AttributeEncoder) error {
			k.Bytes(unix.NFTA_DATA_VALUE, []byte{key})
			return nil
		})
		if timeout > 0 {
			e.Uint64(unix.NFTA_SET_ELEM_TIMEOUT, uint64(timeout.Milliseconds()))
		}
		return nil
	}
}

func encoded(ae *netlink.AttributeEncoder) []byte {
	data, err := ae.Encode()
	if err != nil {
		panic("encode a set: " + err.Error()) // it is of names and numbers of this package's own
	}
	return data
}

// message is a netlink message with nfnetlink's header (struct nfgenmsg).
func message(kind uint16, flags netlink.HeaderFlags, family byte, resource uint16, data []byte) netlink.Message {
	header := binary.BigEndian.AppendUint16([]byte{family, unix.NFNETLINK_V0}, resource)
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request | flags},
		Data:   append(header, data...),
	}
}

// A batchConn sends batches. Like conn it is dialled when first needed and after each error.
type batchConn struct {
	netns  int
	nl     *netlink.Conn
	raw    syscall.RawConn
	seq    uint32
	answer [4096]byte
}

func (c *batchConn) dial() error {
	if c.nl != nil {
		return nil
	}
	nl, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: c.netns})
	if err != nil {
		return fmt.Errorf("connect to nftables: %w", err)
	}
	if c.raw, err = nl.SyscallConn(); err != nil {
		return errors.Join(fmt.Errorf("connect to nftables: %w", err), nl.Close())
	}
	c.nl = nl
	return nil
}

func (c *batchConn) close() {
	if c.nl != nil {
		_ = c.nl.Close() // it is replaced because it failed, or no more needed
		c.nl = nil
	}
}

// commit sends a batch: all of it takes effect at once, or nothing. Only the last message is to be acknowledged,
// which the kernel does after the whole is in force; refusals it sends for any.
func (c *batchConn) commit(b batch) error {
	if err := c.dial(); err != nil {
		return err
	}
	data, last, err := c.marshal(b)
	if err == nil {
		controlErr := c.raw.Control(func(fd uintptr) {
			if err = sendto(int(fd), data); err == nil {
				err = c.result(int(fd), last)
			}
		})
		err = errors.Join(err, controlErr)
	}
	if err != nil {
		c.close()
	}
	return err
}

// marshal frames the messages and returns the number of the last one.
func (c *batchConn) marshal(b batch) (data []byte, last uint32, err error) {
	b.messages[len(b.messages)-1].Header.Flags |= netlink.Acknowledge
	all := append([]netlink.Message{message(unix.NFNL_MSG_BATCH_BEGIN, 0, 0, unix.NFNL_SUBSYS_NFTABLES, nil)}, b.messages...)
	all = append(all, message(unix.NFNL_MSG_BATCH_END, 0, 0, unix.NFNL_SUBSYS_NFTABLES, nil))
	for _, m := range all {
		c.seq++
		m.Header.Sequence = c.seq
		m.Header.Length = uint32(unix.NLMSG_HDRLEN + len(m.Data)) // attributes are padded already
		part, err := m.MarshalBinary()
		if err != nil {
			return nil, 0, fmt.Errorf("encode a transaction: %w", err)
		}
		data = append(data, part...)
	}
	return data, c.seq - 1, nil
}

var errNoAnswer = errors.New("nftables did not answer")

// result reads what the kernel said, all of which is there when sending returns: the first refusal, or nil if the
// message with this number was acknowledged.
func (c *batchConn) result(fd int, last uint32) error {
	for {
		n, err := recv(fd, c.answer[:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return errNoAnswer
		case err != nil:
			return fmt.Errorf("read the answer of nftables: %w", err)
		}
		answers, err := syscall.ParseNetlinkMessage(c.answer[:n])
		if err != nil {
			return fmt.Errorf("read the answer of nftables: %w", err)
		}
		for _, a := range answers {
			if a.Header.Type != unix.NLMSG_ERROR || len(a.Data) < 4 {
				continue
			}
			code := int32(binary.NativeEndian.Uint32(a.Data))
			if code != 0 {
				return fmt.Errorf("nftables refused the transaction: %w", syscall.Errno(-code))
			}
			if a.Header.Seq == last {
				return nil
			}
		}
	}
}
