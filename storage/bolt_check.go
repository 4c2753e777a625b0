package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
)

// bbolt keeps no checksums but those of its two roots, and takes a damaged page for what it seems to say: keys
// vanish, or it panics, also where nobody can recover it. So raft.db is read before bbolt gets it, and has to be
// exactly as bbolt writes it: with what is sealed inside (raft_sealed.go) each byte in use is accounted for.
//
//	page:         0 id  8 flags  10 count  12 pages that it goes on for  16 elements, then keys and values
//	leaf element: 0 flags  4 position, from itself  8 length of key  12 length of value
//	branch:       0 position, from itself  4 length of key  8 page
//	root (meta):  16 magic  20 version  24 page size  28 flags  32 page  40 sequence  48 free list  56 end  64 transaction  72 FNV-1a
const (
	boltHeader  = 16
	boltElement = 16
	boltBranch  = 1
	boltLeaf    = 2
	boltMeta    = 4
	boltBucket  = 1 // flag of an element: the value is a bucket, its page or the page itself
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	metaEnd     = 80
	boltDepth   = 16 // more than a log has that fits any disk
)

var order = binary.NativeEndian

// boltRoot is what one of the two roots says.
type boltRoot struct {
	pageSize, page, end, txid uint64
}

// boltFile is a file of bbolt's that is being checked.
type boltFile struct {
	boltRoot
	data []byte
	// first and last are those of the log's entries that follow one another up to the end, and logs is how many.
	// What is before a gap was there when a snapshot of later entries came from a peer.
	first, last uint64
	logs        int
	conf        []string // keys of the stable store
}

// checkBolt reports what is wrong with Raft's file. A root that is not whole is damage as well, since the other one
// is of the transaction before: a root is written within one sector, so a crash does not leave it torn.
func checkBolt(data []byte) (*boltFile, error) {
	if len(data) < boltHeader+metaEnd {
		return nil, fmt.Errorf("impossible size of %d bytes", len(data))
	}
	size := uint64(order.Uint32(data[boltHeader+8:]))
	if size < 512 || size > 1<<16 || size&(size-1) != 0 || uint64(len(data)) < 4*size {
		return nil, fmt.Errorf("page size %d does not fit a file of %d bytes", size, len(data))
	}
	a, err := readRoot(data, 0, size)
	if err != nil {
		return nil, err
	}
	b, err := readRoot(data, 1, size)
	if err != nil {
		return nil, err
	}
	if a.txid+1 != b.txid && b.txid+1 != a.txid {
		return nil, fmt.Errorf("its roots are of transactions %d and %d", a.txid, b.txid)
	}
	f := &boltFile{boltRoot: a, data: data}
	if b.txid > a.txid {
		f.boltRoot = b
	}
	if f.end > uint64(len(data))/size {
		return nil, fmt.Errorf("it has %d bytes of %d", len(data), f.end*size)
	}
	return f, f.checkBuckets()
}

func readRoot(data []byte, number, pageSize uint64) (boltRoot, error) {
	p := data[number*pageSize:][:boltHeader+metaEnd-16]
	sum := fnv.New64a()
	sum.Write(p[boltHeader : boltHeader+56])
	r := boltRoot{
		pageSize: uint64(order.Uint32(p[24:])), page: order.Uint64(p[32:]),
		end: order.Uint64(p[56:]), txid: order.Uint64(p[64:]),
	}
	switch {
	case order.Uint64(p) != number || order.Uint16(p[8:]) != boltMeta,
		order.Uint32(p[16:]) != boltMagic, order.Uint32(p[20:]) != boltVersion, order.Uint64(p[72:]) != sum.Sum64(),
		r.pageSize != pageSize, r.txid%2 != number:
		return boltRoot{}, fmt.Errorf("root %d is not whole", number)
	}
	return r, nil
}

// checkBuckets checks everything that can be reached. A file to which nothing was written yet has no buckets.
func (f *boltFile) checkBuckets() error {
	var names []string
	err := f.walk(f.page, 0, nil, nil, func(key, value []byte, flags uint32) error {
		names = append(names, string(key))
		switch {
		case flags != boltBucket || len(value) < boltHeader:
			return fmt.Errorf("%q is no bucket", key)
		case string(key) == "logs":
			return f.walkBucket(value, f.noteLog)
		case string(key) == "conf":
			return f.walkBucket(value, f.noteConf)
		}
		return fmt.Errorf("it has a bucket %q", key)
	})
	if err == nil && len(names) != 2 && (len(names) != 0 || f.txid > 1) {
		err = fmt.Errorf("of its buckets conf and logs it has %q", names)
	}
	return err
}

func (f *boltFile) noteLog(key, _ []byte, flags uint32) error {
	if len(key) != 8 || flags != 0 {
		return fmt.Errorf("key %x is no index", key)
	}
	index := binary.BigEndian.Uint64(key)
	if f.logs > 0 && index != f.last+1 {
		f.logs = 0
	}
	if f.logs == 0 {
		f.first = index
	}
	f.last = index
	f.logs++
	return nil
}

func (f *boltFile) noteConf(key, _ []byte, flags uint32) error {
	if flags != 0 || !known(key) {
		return fmt.Errorf("it has a value %q", key)
	}
	f.conf = append(f.conf, string(key))
	return nil
}

type visit func(key, value []byte, flags uint32) error

// walkBucket visits a bucket by the value that stands for it: where its root is, or a small bucket itself.
func (f *boltFile) walkBucket(value []byte, each visit) error {
	if root := order.Uint64(value); root != 0 {
		return f.walk(root, 0, nil, nil, each)
	}
	page := value[boltHeader:]
	if len(page) < boltHeader || order.Uint64(page) != 0 || order.Uint32(page[12:]) != 0 || order.Uint16(page[8:]) != boltLeaf {
		return errors.New("a small bucket is not whole")
	}
	end, err := f.elements(page, nil, nil, each)
	if err == nil && end != len(page) {
		err = errors.New("a small bucket has another length")
	}
	return err
}

// walk visits what is below a page in order. Keys are from low on, and below high; nil does not bound.
func (f *boltFile) walk(id uint64, depth int, low, high []byte, each visit) error {
	if id < 2 || id >= f.end || depth > boltDepth {
		return fmt.Errorf("page %d cannot be", id)
	}
	page := f.data[id*f.pageSize:]
	length := (uint64(order.Uint32(page[12:])) + 1) * f.pageSize
	if order.Uint64(page) != id || length > uint64(len(page)) {
		return fmt.Errorf("page %d is another one", id)
	}
	page = page[:length]
	switch order.Uint16(page[8:]) {
	case boltLeaf:
	case boltBranch:
		each = f.descend(page, depth, high, each)
	default:
		return fmt.Errorf("page %d is neither leaf nor branch", id)
	}
	end, err := f.elements(page, low, high, each)
	if err == nil && uint64(end) <= length-f.pageSize {
		err = fmt.Errorf("page %d has another length", id)
	}
	return err
}

// descend visits the child that a branch's element names: it has the keys from the element's to the next one's.
func (f *boltFile) descend(page []byte, depth int, high []byte, each visit) visit {
	number, count := 0, int(order.Uint16(page[10:]))
	return func(key, child []byte, _ uint32) error {
		number++
		below := high
		if number < count {
			next, _, _, ok := boltElementAt(page, number)
			if !ok {
				return errors.New("an element lies outside its page")
			}
			below = next
		}
		return f.walk(order.Uint64(child), depth+1, key, below, each)
	}
}

// elements visits the elements of a page, which have to be packed as bbolt packs them, and returns their end.
func (f *boltFile) elements(page, low, high []byte, each visit) (end int, err error) {
	count := int(order.Uint16(page[10:]))
	end = boltHeader + count*boltElement
	for i := range count {
		key, value, flags, ok := boltElementAt(page, i)
		switch {
		case !ok || boltPosition(page, i) != end:
			return 0, errors.New("elements are not one after the other")
		case len(key) == 0, i > 0 && bytes.Compare(key, low) <= 0, i == 0 && bytes.Compare(key, low) < 0,
			high != nil && bytes.Compare(key, high) >= 0:
			return 0, fmt.Errorf("key %q is out of order", key)
		}
		low, end = key, end+len(key)
		if order.Uint16(page[8:]) == boltLeaf {
			end += len(value)
		}
		if err := each(key, value, flags); err != nil {
			return 0, err
		}
	}
	return end, nil
}

func boltPosition(page []byte, i int) int {
	at := boltHeader + i*boltElement
	if order.Uint16(page[8:]) == boltLeaf {
		return at + int(order.Uint32(page[at+4:]))
	}
	return at + int(order.Uint32(page[at:]))
}

// boltElementAt returns an element's key and its value, which in a branch is the child's page.
func boltElementAt(page []byte, i int) (key, value []byte, flags uint32, ok bool) {
	at := boltHeader + i*boltElement
	if at+boltElement > len(page) {
		return nil, nil, 0, false
	}
	e := page[at : at+boltElement]
	start := boltPosition(page, i)
	leaf := order.Uint16(page[8:]) == boltLeaf
	keySize, valueSize := int(order.Uint32(e[4:])), 0
	if leaf {
		keySize, valueSize, flags = int(order.Uint32(e[8:])), int(order.Uint32(e[12:])), order.Uint32(e)
	}
	if start+keySize+valueSize > len(page) {
		return nil, nil, 0, false
	}
	key, value = page[start:start+keySize], page[start+keySize:start+keySize+valueSize]
	if !leaf {
		value = e[8:]
	}
	return key, value, flags, true
}
