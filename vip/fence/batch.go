package fence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A batch is a transaction on sets, written by hand: the library asks for an acknowledgement of each message and reads
// each with two system calls, two dozen for one renewal of the lease. It begins and ends with messages of its own, as
// nfnetlink wants.
type batch struct {
	data []byte
	last int // where the last message begins
}

// begin makes an empty batch of one that has been sent, whose memory it goes on using.
func (b *batch) begin() {
	b.data = b.data[:0]
	b.message(unix.NFNL_MSG_BATCH_BEGIN, 0, 0, unix.NFNL_SUBSYS_NFTABLES, func() {})
}

// end completes a batch and numbers its messages from first on. Only the last message of substance is to be
// acknowledged; it returns that one's number.
func (b *batch) end(first uint32) (last uint32) {
	substance := b.last
	b.message(unix.NFNL_MSG_BATCH_END, 0, 0, unix.NFNL_SUBSYS_NFTABLES, func() {})
	flags := b.data[substance+6:]
	binary.NativeEndian.PutUint16(flags, binary.NativeEndian.Uint16(flags)|unix.NLM_F_ACK)
	for at := 0; at < len(b.data); at += int(binary.NativeEndian.Uint32(b.data[at:])) {
		binary.NativeEndian.PutUint32(b.data[at+8:], first)
		if at == substance {
			last = first
		}
		first++
	}
	return last
}

// add queues elements with these keys, which stand one after the other; a timeout of 0 is none.
func (b *batch) add(s *nftables.Set, keys []byte, timeout time.Duration) {
	b.queue(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, s, keys, timeout)
}

// remove queues the removal of elements; the kernel refuses the transaction if one is not there.
func (b *batch) remove(s *nftables.Set, keys []byte) {
	b.queue(unix.NFT_MSG_DELSETELEM, 0, s, keys, 0)
}

// flush queues the removal of all elements.
func (b *batch) flush(s *nftables.Set) { b.queue(unix.NFT_MSG_DELSETELEM, 0, s, nil, 0) }

func (b *batch) queue(kind, flags uint16, s *nftables.Set, keys []byte, timeout time.Duration) {
	b.message(unix.NFNL_SUBSYS_NFTABLES<<8|kind, flags, byte(s.Table.Family), 0, func() {
		b.text(unix.NFTA_SET_ELEM_LIST_TABLE, s.Table.Name)
		b.text(unix.NFTA_SET_ELEM_LIST_SET, s.Name)
		if len(keys) == 0 {
			return
		}
		b.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func() {
			for key := range slices.Chunk(keys, int(s.KeyType.Bytes)) {
				b.nest(unix.NFTA_LIST_ELEM, func() { b.element(key, timeout) })
			}
		})
	})
}

func (b *batch) element(key []byte, timeout time.Duration) {
	b.nest(unix.NFTA_SET_ELEM_KEY, func() {
		b.attribute(unix.NFTA_DATA_VALUE, func() { b.data = append(b.data, key...) })
	})
	if timeout > 0 {
		b.attribute(unix.NFTA_SET_ELEM_TIMEOUT, func() {
			b.data = binary.BigEndian.AppendUint64(b.data, uint64(timeout.Milliseconds()))
		})
	}
}

// message appends a netlink message with nfnetlink's header (struct nlmsghdr, struct nfgenmsg), not numbered yet.
func (b *batch) message(kind, flags uint16, family byte, resource uint16, content func()) {
	b.last = len(b.data)
	b.data = append(b.data, 0, 0, 0, 0)
	b.data = binary.NativeEndian.AppendUint16(b.data, kind)
	b.data = binary.NativeEndian.AppendUint16(b.data, unix.NLM_F_REQUEST|flags)
	b.data = append(b.data, 0, 0, 0, 0, 0, 0, 0, 0, family, unix.NFNETLINK_V0)
	b.data = binary.BigEndian.AppendUint16(b.data, resource)
	content()
	binary.NativeEndian.PutUint32(b.data[b.last:], uint32(len(b.data)-b.last)) // attributes are padded
}

func (b *batch) text(kind uint16, text string) {
	b.attribute(kind, func() { b.data = append(append(b.data, text...), 0) })
}

func (b *batch) nest(kind uint16, content func()) { b.attribute(unix.NLA_F_NESTED|kind, content) }

// attribute appends one (struct nlattr), padded to four bytes.
func (b *batch) attribute(kind uint16, content func()) {
	start := len(b.data)
	b.data = append(b.data, 0, 0)
	b.data = binary.NativeEndian.AppendUint16(b.data, kind)
	content()
	binary.NativeEndian.PutUint16(b.data[start:], uint16(len(b.data)-start))
	for len(b.data)%unix.NLA_ALIGNTO != 0 {
		b.data = append(b.data, 0)
	}
}

// A batchConn sends batches. Like conn it is dialled when first needed and after each error.
type batchConn struct {
	netns  int
	nl     *netlink.Conn
	raw    syscall.RawConn
	seq    uint32
	batch  batch
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
	err = nl.SetWriteBuffer(sendBuffer)
	if err == nil {
		// A refusal would have the refused message in it, and that may be longer than answer.
		err = nl.SetOption(netlink.CapAcknowledge, true)
	}
	if err == nil {
		c.raw, err = nl.SyscallConn()
	}
	if err != nil {
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

// commit sends what build queues as one batch: all of it takes effect at once, or nothing. Only the last message is to
// be acknowledged, which the kernel does after the whole is in force; refusals it sends for any.
func (c *batchConn) commit(build func(*batch)) error {
	if err := c.dial(); err != nil {
		return err
	}
	c.batch.begin()
	build(&c.batch)
	last := c.batch.end(c.seq + 1)
	c.seq = last + 1
	var err error
	controlErr := c.raw.Control(func(fd uintptr) {
		if err = sendto(int(fd), c.batch.data); err == nil {
			err = c.result(int(fd), last)
		}
	})
	if err = errors.Join(err, controlErr); err != nil {
		c.close()
	}
	return err
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
