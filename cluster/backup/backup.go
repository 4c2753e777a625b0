// Package backup is the file of `vipctl backup`: what a cluster serves and how, with a checksum.
//
// The first line says what the file is, which format it has, and the SHA-256 of all that follows, which is JSON for
// people to read. What this version does not know in full it refuses.
package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"vipd/cluster/spec"
	"vipd/cluster/state"
)

// Format is the newest format that this version writes and reads.
const Format = 1

// MaxSize bounds a file, in bytes.
const MaxSize = 16 << 20

// maxNumber bounds epochs and serials, which a cluster counts up from one.
const maxNumber = 1 << 62

// ErrInvalid says that a file is no backup, or not all of one.
var ErrInvalid = errors.New("not a whole backup")

// Backup is a cluster's state. Secrets are left out unless asked for; the cluster's own secret always is, since it
// belongs to the members and not to what they serve.
type Backup struct {
	Made    time.Time `json:"made"`
	By      string    `json:"by"`      // the node that was asked
	Vipd    string    `json:"vipd"`    // its version
	Cluster string    `json:"cluster"` // id
	Index   uint64    `json:"index"`   // of the state
	// LastEpoch and LastSerial are the newest that the cluster has handed out; whoever restores goes on above them.
	LastEpoch  uint64        `json:"last_epoch"`
	LastSerial uint64        `json:"last_serial"`
	Profile    state.Profile `json:"profile"`
	Groups     []state.Group `json:"groups"`
	Checks     []state.Check `json:"checks,omitempty"`
	// Voting is how many members should vote. Nil: it was left to the cluster, or the backup is of an earlier version.
	Voting *state.Voting `json:"voting,omitempty"`
	// Withheld are the groups whose VRRP password was left out.
	Withheld []string `json:"withheld,omitempty"`
	Members  []Member `json:"members"` // for people: they are not restored
}

// Member is a node that the cluster had.
type Member struct {
	Name    string    `json:"name"`
	Gossip  string    `json:"gossip"`
	Address string    `json:"address"`
	Voter   bool      `json:"voter,omitempty"`
	Witness bool      `json:"witness,omitempty"`
	Drained bool      `json:"drained,omitempty"`
	Joined  time.Time `json:"joined"`
}

// Of returns a backup of a state, with VRRP passwords or without. Made, By and Vipd are left to the caller.
func Of(s *state.State, secrets bool) Backup {
	served := spec.Of(s)
	b := Backup{
		Cluster: s.Cluster, Index: s.Index, LastEpoch: s.LastEpoch, LastSerial: s.LastSerial,
		Profile: s.Profile, Groups: served.Groups, Checks: served.Checks,
	}
	if s.Voting != (state.Voting{}) {
		b.Voting = &s.Voting
	}
	if b.Groups == nil {
		b.Groups = []state.Group{}
	}
	for i, g := range b.Groups {
		if g.VRRP == nil || g.VRRP.AuthPass == "" || secrets {
			continue
		}
		silent := *g.VRRP
		silent.AuthPass = ""
		b.Groups[i].VRRP = &silent
		b.Withheld = append(b.Withheld, g.Name)
	}
	for _, n := range s.Nodes {
		b.Members = append(b.Members, Member{
			Name: n.Name, Gossip: n.Gossip, Address: n.Address, Voter: slices.Contains(s.Voters.Names, n.Name),
			Witness: n.Witness, Drained: n.Drained, Joined: n.Joined,
		})
	}
	slices.SortFunc(b.Members, func(x, y Member) int { return bytes.Compare([]byte(x.Name), []byte(y.Name)) })
	return b
}

// Validate reports why a backup cannot be restored, or nil.
func (b Backup) Validate() error {
	if err := b.Profile.Validate(); err != nil {
		return fmt.Errorf("%w: its profile: %w", ErrInvalid, err)
	}
	if b.Voting != nil {
		if err := b.Voting.Validate(); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	if b.LastEpoch > maxNumber || b.LastSerial > maxNumber {
		return fmt.Errorf("%w: it goes on from epoch %d and serial %d", ErrInvalid, b.LastEpoch, b.LastSerial)
	}
	for _, name := range b.Withheld {
		if !slices.ContainsFunc(b.Groups, func(g state.Group) bool { return g.Name == name && g.VRRP != nil }) {
			return fmt.Errorf("%w: it leaves out a password of %q, which is not there", ErrInvalid, name)
		}
	}
	return spec.Validate(spec.Spec{Groups: b.Groups, Checks: b.Checks})
}

// Served returns the specification that the backup stands for. A password that was left out is taken from what the
// cluster serves now.
func (b Backup) Served(now *state.State) (spec.Spec, error) {
	groups := slices.Clone(b.Groups)
	for i, g := range groups {
		if !slices.Contains(b.Withheld, g.Name) {
			continue
		}
		old := now.Groups[g.Name]
		if old == nil || old.VRRP == nil || old.VRRP.AuthPass == "" {
			return spec.Spec{}, fmt.Errorf("the backup leaves out the VRRP password of group %s, and the cluster has none to keep: "+
				"restore one that was made with --secrets, or first apply a specification that has the password", g.Name)
		}
		section := *g.VRRP
		section.AuthPass = old.VRRP.AuthPass
		groups[i].VRRP = &section
	}
	return spec.Spec{Groups: groups, Checks: b.Checks}.Normal(), nil
}

const head = "vipd backup %d sha256 %x\n"

// Marshal returns the file.
func (b Backup) Marshal() ([]byte, error) {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the backup: %w", err)
	}
	text = append(text, '\n')
	if len(text) > MaxSize {
		return nil, fmt.Errorf("the backup would have %d bytes, more than the %d that can be restored", len(text), MaxSize)
	}
	return append(fmt.Appendf(nil, head, Format, sha256.Sum256(text)), text...), nil
}

// Parse reads a file, and all of it or nothing. Its name is only shown.
func Parse(file string, data []byte) (Backup, error) {
	b, err := parse(data)
	if err != nil {
		return Backup{}, fmt.Errorf("%s: %w", file, err)
	}
	return b, nil
}

func parse(data []byte) (Backup, error) {
	var b Backup
	first, text, _ := bytes.Cut(data, []byte("\n"))
	var format int
	var sum []byte
	switch _, err := fmt.Sscanf(string(first)+"\n", head, &format, &sum); {
	case len(data) > MaxSize+len(first)+1:
		return b, fmt.Errorf("%w: it has %d bytes, and none has more than %d", ErrInvalid, len(data), MaxSize)
	case format > Format:
		return b, fmt.Errorf("it has format %d, and this vipctl reads up to %d; use that of the vipd which made it", format, Format)
	case err != nil || format < 1:
		return b, fmt.Errorf("%w: it does not begin with the line of `vipctl backup`", ErrInvalid)
	}
	if whole := sha256.Sum256(text); !bytes.Equal(whole[:], sum) {
		return b, fmt.Errorf("%w: its checksum does not match, so it was cut off or changed; take another copy", ErrInvalid)
	}
	if err := decode(text, &b); err != nil {
		return Backup{}, fmt.Errorf("%w: %w; a later version may have made it", ErrInvalid, err)
	}
	return b, b.Validate()
}

// decode reads JSON with all of its fields known, and nothing after it.
func decode(text []byte, b *Backup) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(b); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it goes on after its end")
	}
	return nil
}
