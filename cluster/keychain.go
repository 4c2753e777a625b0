package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"vipd/cluster/gossip"
	"vipd/cluster/rotation"
	"vipd/cluster/trust"
	"vipd/storage"
)

// behindFor is how long a node that came with a former secret is spoken of; it tries at least once a second.
const behindFor = time.Minute

// keychain is the cluster's secrets on this node. What it accepts is on the disk before it is accepted, and what it uses
// before it is used.
type keychain struct {
	log    *slog.Logger
	creds  *trust.Credentials
	gossip *gossip.Gossip
	// save changes what is on the disk.
	save func(change func(*storage.Identity)) error
	// turned is called when something was seen that concerns the secrets; it must not block.
	turned func()

	// turn is held while the secrets are changed, which takes as long as the disk does. What is below has mu besides.
	turn sync.Mutex

	mu     sync.Mutex
	held   rotation.Held
	bodies map[string]trust.Secret // of those held, by fingerprint
	ahead  bool                    // somebody uses the secret that this node was offered
	missed bool                    // others have a secret that came after this node's
	behind map[string]time.Time    // who came with a former one, and when last
}

// newKeychain reads the secrets that an identity has.
func newKeychain(id storage.Identity) (*keychain, error) {
	k := &keychain{held: rotation.Held{Since: id.NextSince}, bodies: map[string]trust.Secret{}, behind: map[string]time.Time{}}
	read := func(b []byte, to *string) error {
		secret, err := trust.SecretFromBytes(b)
		if err != nil {
			return fmt.Errorf("read the cluster secret: %w", err)
		}
		*to = secret.Fingerprint()
		k.bodies[*to] = secret
		return nil
	}
	err := read(id.Secret, &k.held.Uses)
	if len(id.Next) > 0 {
		err = errors.Join(err, read(id.Next, &k.held.Next))
	}
	for _, b := range id.Accepted {
		err = errors.Join(err, read(b, &k.held.Former))
	}
	return k, err
}

// secrets returns those of held, the one in use first.
func (k *keychain) secrets(held rotation.Held) (uses trust.Secret, also []trust.Secret) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range []string{held.Next, held.Former} {
		if name != "" {
			also = append(also, k.bodies[name])
		}
	}
	return k.bodies[held.Uses], also
}

// uses returns the secret in use.
func (k *keychain) uses() trust.Secret {
	s, _ := k.find(k.now().Uses)
	return s
}

// find returns a secret that this node has.
func (k *keychain) find(fingerprint string) (trust.Secret, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.bodies[fingerprint]
	return s, ok
}

func (k *keychain) now() rotation.Held {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held
}

func (k *keychain) add(s trust.Secret) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bodies[s.Fingerprint()] = s
}

// offer takes up the secret that is to come, by a state of an index.
func (k *keychain) offer(next trust.Secret, index uint64) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	name, held := next.Fingerprint(), k.now()
	if name == held.Uses || name == held.Next {
		return nil
	}
	k.add(next)
	held.Next, held.Since = name, index
	return k.put(held)
}

// replace has this node use a secret that its peers have, and no other.
func (k *keychain) replace(secret trust.Secret) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	k.add(secret)
	if err := k.put(rotation.Held{Uses: secret.Fingerprint()}); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.missed = false
	return nil
}

// follow does what is to be done after a state.
func (k *keychain) follow(next func(rotation.Held) rotation.Held) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	before := k.now()
	held := next(before)
	k.mu.Lock()
	if k.ahead {
		held = rotation.Adopt(held)
	}
	k.ahead = false
	k.mu.Unlock()
	if held == before {
		return nil
	}
	return k.put(held)
}

// put makes it so: on the disk, then for others to see. The caller holds turn.
func (k *keychain) put(held rotation.Held) error {
	uses, also := k.secrets(held)
	if err := k.save(func(id *storage.Identity) {
		id.Secret, id.Next, id.NextSince, id.Accepted = uses.Bytes(), nil, held.Since, nil
		if next, ok := k.find(held.Next); ok {
			id.Next = next.Bytes()
		}
		if former, ok := k.find(held.Former); ok {
			id.Accepted = [][]byte{former.Bytes()}
		}
	}); err != nil {
		return fmt.Errorf("write down the cluster's secrets: %w", err)
	}
	var keys [][]byte
	for _, s := range also {
		keys = append(keys, s.GossipKey())
	}
	if err := errors.Join(k.creds.SetSecrets(uses, also...), k.gossip.SetKeys(uses.GossipKey(), keys...)); err != nil {
		return err
	}
	k.log.Info("the cluster's secrets", "uses", held.Uses, "next", held.Next, "former", held.Former)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = held
	maps.DeleteFunc(k.bodies, func(name string, _ trust.Secret) bool {
		return name != held.Uses && name != held.Next && name != held.Former
	})
	return nil
}

// report is what this node tells of its secrets.
func (k *keychain) report() rotation.Report {
	held := k.now()
	return rotation.Report{Uses: held.Uses, Next: held.Next}
}

// saw takes in what a handshake showed of a node's secret.
func (k *keychain) saw(node, fingerprint string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil && fingerprint == k.held.Next:
		k.ahead = true
		k.turned()
	case err == nil:
		delete(k.behind, node)
		if k.missed && fingerprint == k.held.Uses {
			k.missed = false
			k.turned()
		}
	case errors.Is(err, trust.ErrRotated) && !k.missed:
		k.missed = true
		k.log.Error("the cluster's secret was rotated, and this node has the former one", "by", node, "remedy", missedRemedy)
		k.turned()
	case errors.Is(err, trust.ErrFormerSecret):
		if time.Since(k.behind[node]) > behindFor {
			k.log.Warn("a node has a former secret of the cluster and is refused", "node", node, "remedy", behindRemedy)
		}
		if len(k.behind) < maxBehind || !k.behind[node].IsZero() {
			k.behind[node] = time.Now()
		}
	}
}

// maxBehind bounds the names that whoever has a former secret can make up.
const maxBehind = 64

// outdated reports whether others said that this node's secret is a former one.
func (k *keychain) outdated() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.missed
}

// stragglers are the nodes that came with a former secret lately.
func (k *keychain) stragglers() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.behind, func(_ string, at time.Time) bool { return time.Since(at) > behindFor })
	return slices.Sorted(maps.Keys(k.behind))
}

const (
	missedRemedy = "take this node in again, with all that it has, by a new token: `vipctl token` on a member, `vipctl join -` here; " +
		"or forget the cluster with `vipctl leave --force`"
	behindRemedy = "take it in again, with all that it has, by a new token: `vipctl token` here, `vipctl join -` there"
)
