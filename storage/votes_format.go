package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// The votes file is an array of slots, written once each and in order, stored twice: the first half of
// the file and the second half are copies of each other. It is written with zeros to its full size when
// it is created, so that a withdrawal neither needs space nor changes anything but two sectors.
//
// A write is acknowledged when both copies are on the disk. Therefore:
//   - one good copy is enough: damage to the other one loses nothing;
//   - a slot of which one copy is bad and the other still all zero was being written when the machine
//     stopped, and nobody was told of it: if it is the last one, it counts as empty;
//   - anything else, a wrong file size included, is damage and an error.
//
// A record that is complete but was never acknowledged counts. Withdrawing too much is safe, and so is either
// of two ceilings. Of several ceilings the last counts.
//
//	slot:  0 magic  4 kind  5 length of name  8 position  16 value  24 name ...  508 CRC32C of all before
const (
	slotSize     = 512
	slotMagic    = 0x76695056
	nameOffset   = 24
	sumOffset    = slotSize - 4
	maxName      = 255
	minimumSlots = 256 // per copy, the header included
)

// maxSlots bounds what a damaged header may make us believe.
const maxSlots = 1 << 20

type recordKind uint8

const (
	kindHeader     recordKind = 1 // value: slots per copy
	kindWithdrawal recordKind = 2 // value: epoch; name: member
	kindCeiling    recordKind = 3 // value: nanoseconds
)

// headerName tells the format; another layout has another name.
const headerName = "vipd votes 1"

type record struct {
	kind  recordKind
	value uint64
	name  string
}

// memory is what the records amount to.
type memory struct {
	withdrawn map[string]uint64
	ceiling   time.Duration
}

func (m *memory) apply(r record) error {
	switch {
	case r.kind == kindWithdrawal && r.name != "":
		m.withdrawn[r.name] = max(m.withdrawn[r.name], r.value)
	case r.kind == kindCeiling && r.name == "" && r.value < 1<<63:
		m.ceiling = time.Duration(r.value)
	default:
		return fmt.Errorf("record of unknown kind %d", r.kind)
	}
	return nil
}

func marshalSlot(r record, position int) []byte {
	b := make([]byte, slotSize)
	binary.BigEndian.PutUint32(b, slotMagic)
	b[4], b[5] = byte(r.kind), byte(len(r.name))
	binary.BigEndian.PutUint64(b[8:], uint64(position))
	binary.BigEndian.PutUint64(b[16:], r.value)
	copy(b[nameOffset:], r.name)
	binary.BigEndian.PutUint32(b[sumOffset:], crc32.Checksum(b[:sumOffset], castagnoli))
	return b
}

// parseSlot accepts only what marshalSlot made for the same position.
func parseSlot(b []byte, position int) (record, bool) {
	if binary.BigEndian.Uint32(b) != slotMagic ||
		binary.BigEndian.Uint64(b[8:]) != uint64(position) ||
		binary.BigEndian.Uint32(b[sumOffset:]) != crc32.Checksum(b[:sumOffset], castagnoli) {
		return record{}, false
	}
	return record{
		kind:  recordKind(b[4]),
		value: binary.BigEndian.Uint64(b[16:]),
		name:  string(b[nameOffset : nameOffset+int(b[5])]),
	}, true
}

type slotState int

const (
	slotEmpty slotState = iota
	slotGood
	slotTorn // its write was cut short before it was acknowledged
	slotDamaged
)

// image is the content of a votes file.
type image []byte

func (im image) slots() int { return len(im) / slotSize / 2 }

func (im image) slot(duplicate, position int) []byte {
	at := (duplicate*im.slots() + position) * slotSize
	return im[at : at+slotSize]
}

func (im image) read(position int) (record, slotState) {
	a, b := im.slot(0, position), im.slot(1, position)
	ra, goodA := parseSlot(a, position)
	rb, goodB := parseSlot(b, position)
	emptyA, emptyB := allZero(a), allZero(b)
	switch {
	case goodA && goodB && ra != rb:
		return record{}, slotDamaged
	case goodA:
		return ra, slotGood
	case goodB:
		return rb, slotGood
	case emptyA && emptyB:
		return record{}, slotEmpty
	case emptyA || emptyB:
		return record{}, slotTorn
	}
	return record{}, slotDamaged
}

var zeroSlot [slotSize]byte

func allZero(slot []byte) bool { return bytes.Equal(slot, zeroSlot[:]) }

// parseVotes reads a votes file and fails rather than leave an acknowledged record out.
func parseVotes(im image) (memory, error) {
	if len(im) == 0 || len(im)%(2*slotSize) != 0 || im.slots() > maxSlots {
		return memory{}, fmt.Errorf("impossible size of %d bytes", len(im))
	}
	header, state := im.read(0)
	if want := (record{kindHeader, uint64(im.slots()), headerName}); state != slotGood || header != want {
		return memory{}, fmt.Errorf("header does not fit a file of %d bytes", len(im))
	}
	m := memory{withdrawn: map[string]uint64{}}
	end := false // seen a slot that nothing was acknowledged in or after
	for i := 1; i < im.slots(); i++ {
		r, state := im.read(i)
		switch {
		case state == slotDamaged:
			return memory{}, fmt.Errorf("both copies of record %d are bad", i)
		case end && state != slotEmpty:
			return memory{}, fmt.Errorf("record %d follows an unfinished one", i)
		case state == slotGood:
			if err := m.apply(r); err != nil {
				return memory{}, fmt.Errorf("record %d: %w", i, err)
			}
		default:
			end = true
		}
	}
	return m, nil
}

// marshalVotes makes a file with room for at least as many records again.
func marshalVotes(m memory) (im image, used int) {
	slots := minimumSlots
	for slots < 2*(len(m.withdrawn)+2) {
		slots *= 2
	}
	im = make(image, 2*slots*slotSize)
	put := func(r record) {
		copy(im.slot(0, used), marshalSlot(r, used))
		copy(im.slot(1, used), marshalSlot(r, used))
		used++
	}
	put(record{kindHeader, uint64(slots), headerName})
	put(record{kind: kindCeiling, value: uint64(m.ceiling)})
	for name, epoch := range m.withdrawn {
		put(record{kindWithdrawal, epoch, name})
	}
	return im, used
}

func checkMember(name string) error {
	if name == "" || len(name) > maxName {
		return errors.New("member's name has to have 1 to 255 bytes")
	}
	return nil
}
