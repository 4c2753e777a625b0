package storage

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The journal has two areas, each of them twice, one copy after the other. An area is a series of records of one
// generation, each at the start of a sector; the first, with sequence 0, only says which generation it is. Between the
// areas' generations is a difference of one, and the lower one is older. What an area was used for before stays behind
// its last record, of another generation.
//
// A write is acknowledged when both copies are on the disk. Therefore:
//   - one good copy of a record is enough: damage to the other one loses nothing;
//   - a record without a good copy was being written when the machine stopped, and nobody was told of it, and the
//     area ends there; unless a good one comes later: then it is damage, and an error.
//
// A record that is complete but was never acknowledged counts: Raft bears what it was not told.
//
//	record:  0 magic  4 length of payload  8 generation  16 sequence  24 CRC32C of all but this  28 payload
const (
	sectorSize    = 512
	journalMagic  = 0x7669504a
	journalHeader = 28
	areaSize      = 256 << 10
	journalSize   = 4 * areaSize
)

// journalName tells the format; another layout has another name.
const journalName = "vipd journal 1"

// sectors is the length of a record with its padding.
func sectors(payload int) int {
	return (journalHeader + payload + sectorSize - 1) / sectorSize * sectorSize
}

func marshalRecord(generation, sequence uint64, payload []byte) []byte {
	b := make([]byte, sectors(len(payload)))
	binary.BigEndian.PutUint32(b, journalMagic)
	binary.BigEndian.PutUint32(b[4:], uint32(len(payload)))
	binary.BigEndian.PutUint64(b[8:], generation)
	binary.BigEndian.PutUint64(b[16:], sequence)
	copy(b[journalHeader:], payload)
	binary.BigEndian.PutUint32(b[24:], sumRecord(b, len(payload)))
	return b
}

func sumRecord(b []byte, payload int) uint32 {
	return crc32.Update(crc32.Checksum(b[:24], castagnoli), castagnoli, b[journalHeader:journalHeader+payload])
}

type journalRecord struct {
	generation, sequence uint64
	payload              []byte
}

// parseRecord reads the record that b begins with.
func parseRecord(b []byte) (r journalRecord, ok bool) {
	if len(b) < sectorSize || binary.BigEndian.Uint32(b) != journalMagic {
		return r, false
	}
	length := binary.BigEndian.Uint32(b[4:])
	if length > uint32(len(b)-journalHeader) || binary.BigEndian.Uint32(b[24:]) != sumRecord(b, int(length)) {
		return r, false
	}
	return journalRecord{
		generation: binary.BigEndian.Uint64(b[8:]),
		sequence:   binary.BigEndian.Uint64(b[16:]),
		payload:    b[journalHeader : journalHeader+int(length)],
	}, true
}

// areaImage is the content of one area's two copies.
type areaImage [2][]byte

func (a areaImage) generation() (newest uint64, ok bool) {
	for _, c := range a {
		if r, good := parseRecord(c); good && r.sequence == 0 && string(r.payload) == journalName {
			newest, ok = max(newest, r.generation), true
		}
	}
	return newest, ok
}

// at returns the record of that generation and sequence which begins at a position, from either copy.
func (a areaImage) at(position int, generation, sequence uint64) (journalRecord, bool) {
	for _, c := range a {
		if r, ok := parseRecord(c[position:]); ok && r.generation == generation && r.sequence == sequence {
			return r, true
		}
	}
	return journalRecord{}, false
}

// ops returns what was written to the area in its generation.
func (a areaImage) ops(generation uint64) (ops []op, err error) {
	position, sequence := sectors(len(journalName)), uint64(1)
	for ; position < areaSize; sequence++ {
		r, ok := a.at(position, generation, sequence)
		if !ok {
			break
		}
		more, err := parseOps(r.payload)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", sequence, err)
		}
		ops = append(ops, more...)
		position += sectors(len(r.payload))
	}
	for ; position < areaSize; position += sectorSize {
		for _, c := range a {
			if r, ok := parseRecord(c[position:]); ok && r.generation == generation && r.sequence >= sequence {
				return nil, fmt.Errorf("both copies of record %d are bad, and record %d is there", sequence, r.sequence)
			}
		}
	}
	return ops, nil
}

// parseJournal returns what a journal's file holds, the oldest first, and fails rather than leave out what was
// acknowledged.
func parseJournal(data []byte) ([]op, error) {
	if len(data) != journalSize {
		return nil, fmt.Errorf("impossible size of %d bytes", len(data))
	}
	var areas [2]areaImage
	var generations [2]uint64
	for i := range areas {
		at := 2 * i * areaSize
		areas[i] = areaImage{data[at : at+areaSize], data[at+areaSize : at+2*areaSize]}
		g, ok := areas[i].generation()
		if !ok {
			return nil, fmt.Errorf("area %d does not say of which generation it is", i)
		}
		generations[i] = g
	}
	older := 0
	if generations[1] < generations[0] {
		older = 1
	}
	if generations[1-older] != generations[older]+1 {
		return nil, fmt.Errorf("its areas are of generations %d and %d", generations[0], generations[1])
	}
	var ops []op
	for _, i := range []int{older, 1 - older} {
		more, err := areas[i].ops(generations[i])
		if err != nil {
			return nil, fmt.Errorf("generation %d: %w", generations[i], err)
		}
		ops = append(ops, more...)
	}
	return ops, nil
}

// marshalJournal makes the file of a journal that holds nothing: its areas are of generations 1 and 2.
func marshalJournal() []byte {
	data := make([]byte, journalSize)
	for i := range 4 {
		copy(data[i*areaSize:], marshalRecord(uint64(1+i/2), 0, []byte(journalName)))
	}
	return data
}
