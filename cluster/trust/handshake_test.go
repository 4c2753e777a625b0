package trust

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestNodesOfOneClusterTalk(t *testing.T) {
	secret := NewSecret()
	a, b := credentials(t, "c1", "a", secret), credentials(t, "c1", "b", secret)
	addrA, addrB := startEcho(t, a), startEcho(t, b)
	for _, proto := range []string{raftProto, rpcProto} {
		for _, tc := range []struct {
			from       *Credentials
			addr, node string
			want       string
		}{
			{a, addrB, "b", proto + " a"},
			{b, addrA, "a", proto + " b"},
			{b, addrA, "", proto + " b"},
		} {
			got, err := greeting(t, tc.from, tc.addr, tc.node, proto)
			check(t, err)
			diff(t, "greeting", tc.want, got)
		}
	}
}

func TestDialKnowsThePeer(t *testing.T) {
	secret := NewSecret()
	addr := startEcho(t, credentials(t, "c1", "server", secret))
	conn, err := credentials(t, "c1", "client", secret).Dial(deadline(t), addr, "", rpcProto)
	check(t, err)
	defer conn.Close()
	diff(t, "peer", "server", conn.Peer())
	diff(t, "protocol", rpcProto, conn.ConnectionState().NegotiatedProtocol)
}

// The client refuses a server it cannot verify, and says why.
func TestClientRefuses(t *testing.T) {
	secret := NewSecret()
	addr := startEcho(t, credentials(t, "c1", "a", secret))
	for _, tc := range []struct {
		what   string
		client *Credentials
		node   string
		proto  string
		want   error
	}{
		{"wrong secret", credentials(t, "c1", "b", NewSecret()), "", raftProto, ErrWrongSecret},
		{"wrong cluster", credentials(t, "c2", "b", secret), "", raftProto, ErrWrongCluster},
		{"wrong node", credentials(t, "c1", "b", secret), "z", raftProto, ErrWrongNode},
		{"unknown protocol", credentials(t, "c1", "b", secret), "", "other/1", nil},
	} {
		got, err := greeting(t, tc.client, addr, tc.node, tc.proto)
		if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: got %q, %v; want %v", tc.what, got, err, tc.want)
		}
	}
}

// A client that does not verify the server is still refused by it.
func TestServerRefuses(t *testing.T) {
	secret := NewSecret()
	good := credentials(t, "c1", "a", secret)
	addr := startEcho(t, good)
	trusting := func(c *Credentials, change func(*tls.Config)) *tls.Config {
		cfg := c.ClientConfig("", raftProto)
		cfg.VerifyConnection = nil
		if change != nil {
			change(cfg)
		}
		return cfg
	}
	for _, tc := range []struct {
		what string
		cfg  *tls.Config
	}{
		{"wrong secret", trusting(credentials(t, "c1", "b", NewSecret()), nil)},
		{"wrong cluster", trusting(credentials(t, "c2", "b", secret), nil)},
		{"no certificate", trusting(good, func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &tls.Certificate{}, nil
			}
		})},
		{"self-signed, with the right name", trusting(good, func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return selfSigned(t, peerID{"c1", "b"}), nil
			}
		})},
		{"TLS 1.2", trusting(good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 })},
		{"no protocol", trusting(good, func(c *tls.Config) { c.NextProtos = nil })},
		{"unknown protocol", trusting(good, func(c *tls.Config) { c.NextProtos = []string{"h2"} })},
	} {
		if got, err := readTLS(t, addr, tc.cfg); err == nil || got != "" {
			t.Errorf("%s: got %q, %v", tc.what, got, err)
		}
	}
	got, err := readTLS(t, addr, trusting(good, nil))
	check(t, err)
	diff(t, "greeting with nothing changed", raftProto+" a", got)
}

func readTLS(t *testing.T, addr string, cfg *tls.Config) (string, error) {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	check(t, err)
	defer raw.Close()
	check(t, raw.SetDeadline(time.Now().Add(patience)))
	b := make([]byte, 100)
	n, err := tls.Client(raw, cfg).Read(b)
	if isTimeout(err) {
		t.Fatal("the server did not answer")
	}
	return string(b[:n]), err
}

func selfSigned(t *testing.T, id peerID) *tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: validFrom, NotAfter: validTo, URIs: []*url.URL{id.uri()},
	}
	cert, err := sign(template, template, public, private)
	check(t, err)
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: private}
}

// A clock that is decades off does not matter.
func TestClockDoesNotMatter(t *testing.T) {
	secret := NewSecret()
	server, client := credentials(t, "c1", "a", secret), credentials(t, "c1", "b", secret)
	for _, now := range []time.Time{time.Unix(0, 0), time.Date(2106, 2, 7, 0, 0, 0, 0, time.UTC)} {
		for _, skewed := range []string{"client", "server"} {
			sc, cc := server.ServerConfig(rpcProto), client.ClientConfig("a", rpcProto)
			if skewed == "client" {
				cc.Time = func() time.Time { return now }
			} else {
				sc.Time = func() time.Time { return now }
			}
			if err := shakeHands(t, sc, cc); err != nil {
				t.Errorf("%s's clock at %v: %v", skewed, now, err)
			}
		}
	}
}

// shakeHands returns the errors of both sides.
func shakeHands(t *testing.T, sc, cc *tls.Config) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	right, err := net.Dial("tcp", l.Addr().String())
	check(t, err)
	defer right.Close()
	left, err := l.Accept()
	check(t, err)
	defer left.Close()
	server := make(chan error, 1)
	go func() { server <- tls.Server(left, sc).HandshakeContext(deadline(t)) }()
	err = tls.Client(right, cc).HandshakeContext(deadline(t))
	if err != nil {
		right.Close()
	}
	return errors.Join(err, <-server)
}

// Each stage of a rotation, node after node, leaves every node able to talk to every other.
func TestRotationWithoutInterruption(t *testing.T) {
	first, second := NewSecret(), NewSecret()
	nodes := []*Credentials{credentials(t, "c1", "a", first), credentials(t, "c1", "b", first), credentials(t, "c1", "c", first)}
	requireAll := func(stage string) {
		for _, server := range nodes {
			for _, client := range nodes {
				err := shakeHands(t, server.ServerConfig(rpcProto), client.ClientConfig(server.id.node, rpcProto))
				if err != nil {
					t.Fatalf("%s: %s to %s: %v", stage, client.id.node, server.id.node, err)
				}
			}
		}
	}
	for _, stage := range [][]Secret{{first, second}, {second, first}, {second}} {
		for _, node := range nodes {
			check(t, node.SetSecrets(stage[0], stage[1:]...))
			requireAll("after " + node.id.node)
		}
	}
	old := credentials(t, "c1", "d", first)
	if err := shakeHands(t, nodes[0].ServerConfig(rpcProto), old.ClientConfig("", rpcProto)); !errors.Is(err, ErrWrongSecret) {
		t.Fatalf("a node with the old secret: %v", err)
	}
}

// A Mux that runs takes a new secret for its next handshake.
func TestSetSecretsWhileServing(t *testing.T) {
	first, second := NewSecret(), NewSecret()
	server := credentials(t, "c1", "a", first)
	addr := startEcho(t, server)
	client := credentials(t, "c1", "b", first)
	requireServes(t, client, addr)
	check(t, server.SetSecrets(second))
	if _, err := greeting(t, client, addr, "", raftProto); !errors.Is(err, ErrWrongSecret) {
		t.Fatalf("old secret: %v", err)
	}
	check(t, client.SetSecrets(second))
	requireServes(t, client, addr)
}

func TestNamesInCertificates(t *testing.T) {
	secret := NewSecret()
	for _, name := range []string{"a", "web-1.example.org", "with_underscore", "A%41", "x y", "knöten", strings.Repeat("n", 255)} {
		c := credentials(t, "c1", name, secret)
		got, err := certifiedID(c.now.Load().cert.Leaf)
		check(t, err)
		diff(t, "node", name, got.node)
	}
	for _, tc := range []struct{ cluster, node string }{{"", "a"}, {"c1", ""}, {"c 1", "a"}, {"c/1", "a"}} {
		if _, err := NewCredentials(tc.cluster, tc.node, secret); err == nil {
			t.Errorf("cluster %q, node %q: no error", tc.cluster, tc.node)
		}
	}
	if _, err := NewCredentials("c1", "a", Secret{}); err == nil {
		t.Error("an empty secret was accepted")
	}
}
