package gossip

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
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

// sender is one start of a daemon.
type sender struct {
	cipher.AEAD
	window window
}

// sealer encrypts and authenticates datagrams. They do not pass through memberlist, which makes a cipher for each
// packet and hands it from goroutine to goroutine: at the rate of lease renewals that took most of an idle node's
// processor time.
type sealer struct {
	key, cluster []byte
	salt         [saltSize]byte
	own          cipher.AEAD
	sent         atomic.Uint64
	known        map[[saltSize]byte]*sender // who was heard; used by one goroutine
	admission    admission                  // of others; used by the same
}

func newSealer(key []byte, cluster string) (*sealer, error) {
	s := &sealer{key: key, cluster: []byte(cluster), known: map[[saltSize]byte]*sender{}}
	rand.Read(s.salt[:])
	var err error
	s.own, err = s.cipherOf(s.salt)
	return s, err
}

func (s *sealer) cipherOf(salt [saltSize]byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, s.key, salt[:], "vipd datagram 1", 32)
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
	packet := make([]byte, headerSize, headerSize+len(data)+s.own.Overhead())
	packet[0] = datagramMark
	copy(packet[1:], s.salt[:])
	binary.BigEndian.PutUint64(packet[1+saltSize:], s.sent.Add(1))
	return s.own.Seal(packet, nonceOf(packet), data, s.cluster)
}

// open appends to dst what a packet that came from a host says. After an error dst is returned as it was.
func (s *sealer) open(dst, packet []byte, host netip.Addr) ([]byte, error) {
	if len(packet) < headerSize || packet[0] != datagramMark {
		return dst, errForeign
	}
	salt := [saltSize]byte(packet[1:])
	from, known := s.known[salt]
	if !known {
		if !s.admission.sender(host, time.Now()) {
			return dst, errTooMany
		}
		aead, err := s.cipherOf(salt)
		if err != nil {
			return dst, err
		}
		from = &sender{AEAD: aead}
	}
	opened, err := from.Open(dst, nonceOf(packet), packet[headerSize:], s.cluster)
	if err != nil {
		return dst, errForeign
	}
	if !known {
		s.remember(salt, from)
		s.admission.prove(host)
	}
	if !from.window.take(binary.BigEndian.Uint64(packet[1+saltSize:])) {
		return dst, errReplayed
	}
	return opened, nil
}

// remember keeps somebody who proved to have the key.
func (s *sealer) remember(salt [saltSize]byte, from *sender) {
	if len(s.known) >= maxKnown {
		clear(s.known)
	}
	s.known[salt] = from
}

// nonceOf is the counter of a packet, with zeros in front.
func nonceOf(packet []byte) []byte {
	var nonce [12]byte
	copy(nonce[12-counterSize:], packet[1+saltSize:headerSize])
	return nonce[:]
}
