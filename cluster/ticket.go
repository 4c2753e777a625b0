package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/conf"
	"vipd/cluster/state"
	"vipd/cluster/trust"
)

const (
	// ticketLimit bounds the exchange of a ticket, which takes a commit.
	ticketLimit = 10 * time.Second
	// ticketRate is how many tickets a host may show each second.
	ticketRate = 2
	// defaultTicketTTL is for a token that is to be used once, of which it is not said how long it is good.
	defaultTicketTTL = time.Hour
	maxTicketText    = 4 << 10 // bytes, of what either side says
)

// ticketShown is what a host with a ticket says.
type ticketShown struct {
	Key     []byte `json:"key"`
	Attempt string `json:"attempt"` // a random word: the same attempt may be made again
	Node    string `json:"node"`
	// Instance is of its data directory, if it has one of this cluster. Reads is the newest version of commands that it
	// reads; 0: it says neither.
	Instance string `json:"instance,omitempty"`
	Reads    int    `json:"reads,omitempty"`
}

// ticketTaken is what it gets.
type ticketTaken struct {
	Secret []byte `json:"secret,omitempty"`
	Error  string `json:"error,omitempty"`
}

// takeTicket serves one host that has a ticket and nothing else.
func (m *member) takeTicket(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, ticketLimit)
	defer cancel()
	end, _ := ctx.Deadline()
	_ = conn.SetDeadline(end)
	var in ticketShown
	var out ticketTaken
	if err := json.NewDecoder(io.LimitReader(conn, maxTicketText)).Decode(&in); err != nil {
		return
	}
	if err := m.spend(ctx, in, conn.RemoteAddr()); err != nil {
		m.refusals.warn(m.log, "a token is refused", "from", conn.RemoteAddr(), "node", conf.Short(in.Node), "error", err)
		out.Error = err.Error()
	} else {
		out.Secret = m.keys.uses().Bytes()
		m.log.Info("the secret is given for a token", "to", conn.RemoteAddr(), "node", in.Node)
	}
	_ = json.NewEncoder(conn).Encode(out) // the host went away: it can make the same attempt again
}

// spend has a ticket used up. What is known to be no good costs no commit.
func (m *member) spend(ctx context.Context, in ticketShown, from net.Addr) error {
	host, _, err := net.SplitHostPort(from.String())
	if err != nil {
		host = from.String()
	}
	if !m.shown.Take(host, time.Now()) {
		return errors.New("too many tokens are shown at once; wait a few seconds")
	}
	if err := conf.CheckNode(in.Node); err != nil {
		return fmt.Errorf("%q cannot be a node's name", conf.Short(in.Node))
	}
	hash := trust.TicketHash(in.Key)
	switch known := m.View().HasTicket(hash); {
	case !known && m.raft.Leads():
		return state.ErrNoTicket
	case !known:
		// The ticket may be newer than this node's view; a moment later it is not.
		limited, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if m.waitFor(limited, func(s *state.State) bool { return s.HasTicket(hash) }) != nil {
			return state.ErrNoTicket
		}
	}
	if err := m.admissible(in, hash); err != nil {
		return err
	}
	result, err := m.propose(ctx, state.Command{
		At: time.Now(), By: m.self.node,
		SetTicket: &state.SetTicket{Use: &state.UseTicket{Hash: hash, Attempt: in.Attempt, Node: in.Node}},
	})
	return errors.Join(err, result.Err)
}

// admissible says why a host would not be let in, before its ticket is used up and it is told the secret.
func (m *member) admissible(in ticketShown, hash string) error {
	view := m.View()
	switch {
	case view.IsSpent(hash, in.Attempt):
		return state.ErrTicketUsed
	case in.Reads == 0:
		return nil // a vipd that does not say; it is refused later
	}
	if err := m.admit(in.Node, in.Reads); err != nil {
		return err
	}
	return view.NameIsFree(in.Node, in.Instance)
}

// refusalsEach is how often strangers can have something logged.
const refusalsEach = 10 * time.Second

// seldom logs what strangers can bring about as often as they like.
type seldom struct {
	mu   sync.Mutex
	at   time.Time // when it was logged last
	more int       // what was not
}

func (s *seldom) warn(log *slog.Logger, message string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more++; time.Since(s.at) < refusalsEach {
		log.Debug(message, args...)
		return
	}
	log.Warn(message, append(args, "since_last", s.more)...)
	s.at, s.more = time.Now(), 0
}

// attempt is the word by which this node shows a ticket: the same one until it is a member, so that a join that failed for
// whatever reason can be made again from here, and from nowhere else.
func (n *Node) attempt(t *trust.Ticket) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.attempted.ticket != t.Hash() {
		n.attempted.ticket, n.attempted.word = t.Hash(), randomWord()
	}
	return n.attempted.word
}

// admitted forgets the attempt: a ticket that is used up is so on this node, too.
func (n *Node) admitted() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.attempted.ticket, n.attempted.word = "", ""
}

// redeem asks a token's members for the secret.
func (n *Node) redeem(ctx context.Context, token trust.Token, progress api.Progress) (trust.Token, error) {
	in := ticketShown{Key: token.Ticket.Key[:], Attempt: n.attempt(token.Ticket), Node: n.options.Name, Reads: state.CommandVersion}
	if m := n.current(); m != nil && m.identity.ClusterID == token.Cluster {
		in.Instance = m.self.instance
	}
	last := errors.New("the token names no members")
	for _, p := range token.Peers {
		progress("asking " + p.Address + " for the cluster's secret")
		taken, err := show(ctx, token, p.Address, in)
		switch {
		case errors.Is(err, trust.ErrRotated):
			return trust.Token{}, errFormerToken
		case err != nil:
			last = err
			continue
		case taken.Error != "":
			return trust.Token{}, errors.New(taken.Error)
		}
		secret, err := trust.SecretFromBytes(taken.Secret)
		return trust.Token{Cluster: token.Cluster, Secret: secret, Peers: token.Peers}, err
	}
	return trust.Token{}, fmt.Errorf("none of the token's members took it: is one reachable from here, on its cluster port? %w", last)
}

func show(ctx context.Context, token trust.Token, address string, in ticketShown) (ticketTaken, error) {
	ctx, cancel := context.WithTimeout(ctx, ticketLimit)
	defer cancel()
	conn, err := token.Ticket.Dial(ctx, address, token.Cluster)
	if err != nil {
		return ticketTaken{}, err
	}
	defer conn.Close()
	end, _ := ctx.Deadline()
	_ = conn.SetDeadline(end)
	var out ticketTaken
	if err := json.NewEncoder(conn).Encode(in); err != nil {
		return out, fmt.Errorf("show the token to %s: %w", address, err)
	}
	if err := json.NewDecoder(io.LimitReader(conn, maxTicketText)).Decode(&out); err != nil {
		return out, fmt.Errorf("read what %s says to the token: %w", address, err)
	}
	return out, nil
}

func randomWord() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// ticket makes a token that is not the secret.
func (m *member) ticket(ctx context.Context, r api.TokenRequest, peers []trust.Peer) (api.TokenText, error) {
	if r.TTL == 0 {
		r.TTL = defaultTicketTTL
	}
	if r.TTL < 0 || r.TTL > state.MaxTicketTTL {
		return api.TokenText{}, fmt.Errorf("a token is good for up to %v", state.MaxTicketTTL)
	}
	ticket := trust.NewTicket(m.keys.uses())
	id := randomWord()[:8]
	err := m.commit(ctx, state.Command{SetTicket: &state.SetTicket{
		Make: &state.MakeTicket{ID: id, Hash: ticket.Hash(), TTL: r.TTL, Once: r.Once},
	}})
	if err != nil {
		return api.TokenText{}, err
	}
	text := api.TokenText{Token: trust.Token{Cluster: m.identity.ClusterID, Peers: peers, Ticket: ticket}.String(), ID: id}
	for _, t := range m.View().Trust.Tickets {
		if t.ID == id {
			text.Expires = t.Expires
		}
	}
	return text, nil
}

// TokenList implements api.Backend.
func (n *Node) TokenList(context.Context, api.None, api.Progress) (api.TokenList, error) {
	m, err := n.joined()
	if err != nil {
		return api.TokenList{}, err
	}
	list := api.TokenList{Tokens: []api.TokenStatus{}}
	for _, t := range m.View().Trust.Tickets {
		s := api.TokenStatus{ID: t.ID, Made: t.Made, By: t.By, Expires: t.Expires, Once: t.Once, Used: t.Used, State: "good"}
		if who := state.ParseWho(t.By); who != nil {
			s.By = who.String()
		}
		switch err := t.Good(time.Now()); {
		case t.Revoked:
			s.State = "revoked"
		case errors.Is(err, state.ErrTicketUsed):
			s.State = "used"
		case err != nil:
			s.State = "expired"
		}
		list.Tokens = append(list.Tokens, s)
	}
	return list, nil
}

// TokenRevoke implements api.Backend.
func (n *Node) TokenRevoke(ctx context.Context, r api.TokenRevokeRequest, _ api.Progress) (api.None, error) {
	m, err := n.joined()
	if err != nil {
		return api.None{}, err
	}
	for _, t := range m.View().Trust.Tickets {
		if t.ID == r.ID {
			return api.None{}, m.commit(ctx, state.Command{SetTicket: &state.SetTicket{Revoke: r.ID}})
		}
	}
	return api.None{}, fmt.Errorf("%s: no such token; `vipctl token list` lists them", r.ID)
}
