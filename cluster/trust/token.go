package trust

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strconv"
	"strings"
)

// Errors of ParseToken.
var (
	// ErrNotToken: the text is something else.
	ErrNotToken = errors.New("this is not a join token")
	// ErrTruncatedToken: the beginning of a token, without its end.
	ErrTruncatedToken = errors.New("the join token is incomplete: its end is missing")
	// ErrDamagedToken: characters of the token were changed or added.
	ErrDamagedToken = errors.New("the join token is damaged")
	// ErrNewerToken: a token of a newer vipd.
	ErrNewerToken = errors.New("the join token was made by a newer vipd than this one; upgrade this node first")
)

// Token is all that a new node needs to know to join.
type Token struct {
	Cluster string
	Secret  Secret
	Peers   []Peer
	// Ticket is what the secret is asked for with; nil: the token has it.
	Ticket *Ticket
}

// Ticket is a key that members give the secret for, once or for a time. It is not the secret, and good for nothing else.
type Ticket struct {
	Authority ed25519.PublicKey // by which the members' certificates are known
	Key       [ticketKeySize]byte
}

const ticketKeySize = 32

// Peer is where a node of the cluster listens, each as host:port.
type Peer struct {
	Gossip  string // memberlist
	Address string // Raft and node-to-node calls
}

const (
	tokenName = "vipd"
	// Tokens with a ticket are of the second version, so that a vipd that knows none says that it is too old.
	secretVersion = 1
	ticketVersion = 2
	// The payload starts with its length, so that a missing end is known from a changed character.
	lengthSize = 4
	sumSize    = 4
)

var (
	encoding   = base64.RawURLEncoding.Strict()
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func tokenPrefix(version int) string { return tokenName + strconv.Itoa(version) + "-" }

// LogValue leaves the secret out. String does not.
func (t Token) LogValue() slog.Value { return slog.StringValue("token of cluster " + t.Cluster) }

// String returns the token as one word. It contains the secret, or the ticket's key.
//
//	vipd1- base64url( length of all [4]  cluster  secret [32]  number of peers  (gossip  address)...  CRC32C [4] )
//	vipd2- with the authority's public key [32] and the ticket's [32] in place of the secret
//
// Texts and numbers are preceded by, or are, an unsigned varint.
func (t Token) String() string {
	b := make([]byte, lengthSize)
	b = appendText(b, t.Cluster)
	version := secretVersion
	if t.Ticket != nil {
		version = ticketVersion
		b = append(append(b, t.Ticket.Authority...), t.Ticket.Key[:]...)
	} else {
		b = append(b, t.Secret.key[:]...)
	}
	b = binary.AppendUvarint(b, uint64(len(t.Peers)))
	for _, p := range t.Peers {
		b = appendText(appendText(b, p.Gossip), p.Address)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)+sumSize))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return tokenPrefix(version) + encoding.EncodeToString(b)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// ParseToken reads what String wrote. Space and line breaks, as terminals add them, are ignored.
// Errors: ErrNotToken, ErrTruncatedToken, ErrDamagedToken, ErrNewerToken.
func ParseToken(s string) (Token, error) {
	s = strings.Join(strings.Fields(s), "")
	version, err := versionOf(s)
	if err != nil {
		return Token{}, err
	}
	b, err := decodePayload(strings.TrimPrefix(s, tokenPrefix(version)))
	if err != nil {
		return Token{}, err
	}
	t, err := parsePayload(b, version == ticketVersion)
	if err != nil {
		return Token{}, fmt.Errorf("%w: %w", ErrDamagedToken, err)
	}
	return t, nil
}

func versionOf(s string) (int, error) {
	for version := secretVersion; version <= ticketVersion; version++ {
		if strings.HasPrefix(s, tokenPrefix(version)) {
			return version, nil
		}
		if s != "" && strings.HasPrefix(tokenPrefix(version), s) {
			return 0, ErrTruncatedToken
		}
	}
	rest, ok := strings.CutPrefix(s, tokenName)
	number, _, dash := strings.Cut(rest, "-")
	version, err := strconv.ParseUint(number, 10, 16)
	if !ok || !dash || err != nil || version <= ticketVersion {
		return 0, fmt.Errorf("%w: a token starts with %q", ErrNotToken, tokenPrefix(secretVersion))
	}
	return 0, ErrNewerToken
}

// decodePayload returns the payload without length and checksum.
func decodePayload(text string) ([]byte, error) {
	// What is there of a token that was cut may end in the middle of a byte.
	whole := text[:len(text)-len(text)%4]
	b, err := encoding.DecodeString(whole)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamagedToken, err)
	}
	if len(b) < lengthSize {
		return nil, ErrTruncatedToken
	}
	length := uint64(binary.BigEndian.Uint32(b))
	have := uint64(base64.RawURLEncoding.DecodedLen(len(text)))
	switch {
	case have < length:
		return nil, ErrTruncatedToken
	case have > length:
		return nil, fmt.Errorf("%w: it is longer than it says", ErrDamagedToken)
	case length < lengthSize+sumSize:
		return nil, fmt.Errorf("%w: impossible length", ErrDamagedToken)
	}
	if b, err = encoding.DecodeString(text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamagedToken, err)
	}
	body, sum := b[:len(b)-sumSize], b[len(b)-sumSize:]
	if binary.BigEndian.Uint32(sum) != crc32.Checksum(body, castagnoli) {
		return nil, fmt.Errorf("%w: its checksum does not match", ErrDamagedToken)
	}
	return body[lengthSize:], nil
}

func parsePayload(b []byte, ticket bool) (Token, error) {
	var t Token
	r := bytes.NewBuffer(b)
	cluster, err := readText(r)
	if err != nil {
		return Token{}, err
	}
	t.Cluster = cluster
	if ticket {
		t.Ticket = &Ticket{Authority: bytes.Clone(r.Next(ed25519.PublicKeySize))}
		if copy(t.Ticket.Key[:], r.Next(ticketKeySize)) != ticketKeySize {
			return Token{}, errors.New("no key")
		}
	} else if copy(t.Secret.key[:], r.Next(secretSize)) != secretSize {
		return Token{}, errors.New("no secret")
	}
	peers, err := binary.ReadUvarint(r)
	if err != nil {
		return Token{}, err
	}
	for range peers {
		var p Peer
		if p.Gossip, err = readText(r); err != nil {
			return Token{}, err
		}
		if p.Address, err = readText(r); err != nil {
			return Token{}, err
		}
		t.Peers = append(t.Peers, p)
	}
	if r.Len() != 0 {
		return Token{}, errors.New("text after the end")
	}
	return t, nil
}

func readText(r *bytes.Buffer) (string, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return "", err
	}
	if n > uint64(r.Len()) {
		return "", errors.New("a text is longer than the token")
	}
	return string(r.Next(int(n))), nil
}
