package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// Identity is what a node joined.
type Identity struct {
	Node      string `json:"node"`
	ClusterID string `json:"cluster"`
	Secret    []byte `json:"secret"`
	// Accepted are secrets that other nodes may still use while the secret is being rotated.
	Accepted [][]byte `json:"accepted,omitempty"`
	// Next is the secret that they may use already, and this node will. NextSince is the index of the state by which it
	// was offered.
	Next      []byte `json:"next,omitempty"`
	NextSince uint64 `json:"next_since,omitempty"`
	// Superseded is the id of the cluster's later generation, which goes on without this node; empty: there is none.
	Superseded string `json:"superseded,omitempty"`
	// Role is what the node asked to be, until it was let in; empty: what the cluster wants.
	Role string `json:"role,omitempty"`
	// Recovers says who had this node go on alone as ClusterID, while the log may not say so yet; empty: it does.
	Recovers string `json:"recovers,omitempty"`
	// Peers are the nodes to look for at the next start.
	Peers []Peer `json:"peers,omitempty"`
}

// Peer is where another node was last seen.
type Peer struct {
	Name    string `json:"name"`
	Gossip  string `json:"gossip"`  // host:port of memberlist
	Address string `json:"address"` // host:port of Raft and node-to-node calls
}

// String leaves the secrets out.
func (i Identity) String() string { return fmt.Sprintf("node %s of cluster %s", i.Node, i.ClusterID) }

// GoString leaves the secrets out.
func (i Identity) GoString() string { return i.String() }

// LogValue leaves the secrets out.
func (i Identity) LogValue() slog.Value { return slog.StringValue(i.String()) }

// Identity returns what this node joined; false when it has joined nothing. Error: ErrDamaged.
func (d *Dir) Identity() (Identity, bool, error) {
	text, err := readSealed(d.file("identity"))
	if errors.Is(err, os.ErrNotExist) {
		return Identity{}, false, nil
	}
	if err != nil {
		return Identity{}, false, fmt.Errorf("read identity: %w", err)
	}
	id, err := parseIdentity(text)
	if err != nil {
		return Identity{}, false, damaged(d.file("identity"), err)
	}
	return id, true, nil
}

func parseIdentity(text []byte) (Identity, error) {
	var id Identity
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&id); err != nil {
		return Identity{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Identity{}, errors.New("text after the end")
	}
	return id, id.validate()
}

func (i Identity) validate() error {
	if i.Node == "" || i.ClusterID == "" || len(i.Secret) == 0 {
		return errors.New("identity without node, cluster or secret")
	}
	return nil
}

// SaveIdentity replaces the identity. It is on the disk when SaveIdentity returns nil.
func (d *Dir) SaveIdentity(id Identity) error {
	if err := id.validate(); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	text, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	if err := replaceFile(d.file("identity"), seal(append(text, '\n'))); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	return nil
}
