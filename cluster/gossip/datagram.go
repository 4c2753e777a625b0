package gossip

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// A datagram is: mark, salt, counter, sealed data. The salt tells the start of a daemon, and makes a key of its own
// from the cluster's; under it the counter is the nonce. So no nonce is used twice, however long a cluster lives:
// random ones would be good for 2^32 datagrams (NIST SP 800-38D, 8.3), which the fastest profile sends in weeks.
const (
	// datagramMark is the first byte. Packets of memberlist begin with that of a label, 244; one port serves both.
	datagramMark = 'v'
	saltSize     = 16
	counterSize  = 8
	headerSize   = 1 + saltSize + counterSize
)

// maxKnown bounds the ciphers kept of others.
const maxKnown = 64

var (
	errForeign  = errors.New("the datagram is not of this cluster")
	errReplayed = errors.New("the datagram was seen before")
	errTooMany  = errors.New("strangers say more than is listened to")
)

// sender is one start of a daemon, under one key.
type sender struct {
	cipher.AEAD
	window window
	heard  uint64 // when last, counted in datagrams
	key    []byte
	keys   *keys // when it was looked at last, to see whether its key is still good
}

// keys are the cluster's: one to seal with, and all that open. They do not change; others take their place.
type keys struct {
	all  [][]byte // the one to seal with first
	own  cipher.AEAD
	salt [saltSize]byte
	sent *atomic.Uint64
}

// sealer encrypts and authenticates datagrams. They do not pass through memberlist, which makes a cipher for each
// packet and hands it from goroutine to goroutine: at the rate of lease renewals that took most of an idle node's
// processor time.
type sealer struct {
	cluster   []byte
	keys      atomic.Pointer[keys]
	known     map[[saltSize]byte]*sender // who was heard; used by one goroutine
	heard     uint64                     // datagrams; used by the same
	admission admission                  // of others; used by the same
}

func newSealer(all [][]byte, cluster string) (*sealer, error) {
	s := &sealer{cluster: []byte(cluster), known: map[[saltSize]byte]*sender{}}
	return s, s.set(all)
}

// set puts keys in force, the one to seal with first. Under another one than before this node has another salt.
func (s *sealer) set(all [][]byte) error {
	next := &keys{all: all, sent: &atomic.Uint64{}}
	if now := s.keys.Load(); now != nil && bytes.Equal(now.all[0], all[0]) {
		next.own, next.salt, next.sent = now.own, now.salt, now.sent
	} else {
		rand.Read(next.salt[:])
		var err error
		if next.own, err = cipherOf(all[0], next.salt); err != nil {
			return err
		}
	}
	s.keys.Store(next)
	return nil
}

func cipherOf(clusterKey []byte, salt [saltSize]byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, clusterKey, salt[:], "vipd datagram 1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive a key of datagrams: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of datagrams: %w", err)
	}
	return cipher.NewGCM(block)
}

// seal may be called by several goroutines at once.
func (s *sealer) seal(data []byte) []byte {
	k := s.keys.Load()
	packet := make([]byte, headerSize, headerSize+len(data)+k.own.Overhead())
	packet[0] = datagramMark
	copy(packet[1:], k.salt[:])
	binary.BigEndian.PutUint64(packet[1+saltSize:], k.sent.Add(1))
	return k.own.Seal(packet, nonceOf(packet), data, s.cluster)
}

// open appends to dst what a packet that came from a host says. After an error dst is returned as it was.
func (s *sealer) open(dst, packet []byte, host netip.Addr) ([]byte, error) {
	if len(packet) < headerSize || packet[0] != datagramMark {
		return dst, errForeign
	}
	salt := [saltSize]byte(packet[1:])
	from := s.sender(salt)
	known := from != nil
	var opened []byte
	var err error
	if known {
		opened, err = from.Open(dst, nonceOf(packet), packet[headerSize:], s.cluster)
	} else {
		from, opened, err = s.meet(dst, packet, salt, host)
	}
	switch {
	case errors.Is(err, errTooMany):
		return dst, err
	case err != nil:
		return dst, errForeign
	case !known:
		s.remember(salt, from)
		s.admission.prove(host)
	}
	s.heard++
	from.heard = s.heard
	if !from.window.take(binary.BigEndian.Uint64(packet[1+saltSize:])) {
		return dst, errReplayed
	}
	return opened, nil
}

// sender returns who has a salt, if he was heard before and his key is still good.
func (s *sealer) sender(salt [saltSize]byte) *sender {
	from, now := s.known[salt], s.keys.Load()
	if from == nil || from.keys == now {
		return from
	}
	if !slices.ContainsFunc(now.all, func(key []byte) bool { return bytes.Equal(key, from.key) }) {
		delete(s.known, salt)
		return nil
	}
	from.keys = now
	return from
}

// meet opens a packet of somebody who was not heard before.
func (s *sealer) meet(dst, packet []byte, salt [saltSize]byte, host netip.Addr) (*sender, []byte, error) {
	if !s.admission.sender(host, time.Now()) {
		return nil, dst, errTooMany
	}
	now := s.keys.Load()
	for _, key := range now.all {
		aead, err := cipherOf(key, salt)
		if err != nil {
			return nil, dst, err
		}
		if opened, err := aead.Open(dst, nonceOf(packet), packet[headerSize:], s.cluster); err == nil {
			return &sender{AEAD: aead, key: key, keys: now}, opened, nil
		}
	}
	return nil, dst, errForeign
}

// remember keeps somebody who proved to have the key. In the place, if need be, of who was silent longest: whoever recorded
// what many starts of daemons said must not make it forget those that speak now, and with them what was heard of them.
func (s *sealer) remember(salt [saltSize]byte, from *sender) {
	for len(s.known) >= maxKnown {
		var oldest [saltSize]byte
		least := uint64(math.MaxUint64)
		for salt, known := range s.known {
			if known.heard < least {
				oldest, least = salt, known.heard
			}
		}
		delete(s.known, oldest)
	}
	s.known[salt] = from
}

// nonceOf is the counter of a packet, with zeros in front.
func nonceOf(packet []byte) []byte {
	var nonce [12]byte
	copy(nonce[12-counterSize:], packet[1+saltSize:headerSize])
	return nonce[:]
}
