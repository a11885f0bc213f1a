package livesim

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// vendor is one vendor's side of the conversation.
type vendor struct {
	name      string
	path      string
	keyHeader string
	// key is what keyHeader holds for an API key.
	key func(string) string
	// refuse answers an upgrade with an error, in the vendor's envelope.
	refuse func(w http.ResponseWriter, status int, code string)
	// check says what is wrong with a request: status 0 if nothing is.
	check func(query url.Values) (status int, code string)
	voice func(query url.Values) Voice
	// meet makes the vendor's half of a session.
	meet func(s *session) speaker
}

// speaker is what a vendor does in a session. Its methods are called by one
// goroutine.
type speaker interface {
	begin()
	// hear takes audio or a message of the client.
	hear(binary bool, message []byte)
	// idle is called when nothing came for the vendor's patience.
	patience() time.Duration
	idle()
	// fail ends the session with an error of the vendor's.
	fail(code string)
}

// Server is a running simulator. It is safe for concurrent use.
type Server struct {
	vendor  vendor
	key     string
	latency time.Duration
	memory  bool
	addr    string
	client  *http.Client
	closing chan struct{}
	once    sync.Once
	serving sync.WaitGroup

	mu       sync.Mutex
	http     *http.Server    // nil while down
	pipe     *memoryListener // nil on TCP
	queue    []Fault
	always   Fault
	sessions []*session
	refused  int
	active   int           // handlers and what they began
	changed  chan struct{} // closed at every change
}

// Option configures a [Server].
type Option func(*Server)

// InMemory listens on pipes instead of a TCP socket. Only the server's own
// [Server.Client] reaches it.
func InMemory() Option { return func(s *Server) { s.memory = true } }

// Latency is how long the vendor takes for everything it says. Default 0.
func Latency(d time.Duration) Option { return func(s *Server) { s.latency = d } }

// start runs a vendor until Close. It panics when there is no free port on
// loopback, as httptest.NewServer does.
func start(v vendor, key string, opts []Option) *Server {
	s := &Server{vendor: v, key: key, addr: "127.0.0.1:0", closing: make(chan struct{}), changed: make(chan struct{})}
	for _, opt := range opts {
		opt(s)
	}
	if err := s.Up(); err != nil {
		panic("livesim: " + err.Error())
	}
	transport := &http.Transport{}
	if s.memory {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			s.mu.Lock()
			pipe := s.pipe
			s.mu.Unlock()
			if pipe == nil {
				return nil, refused()
			}
			return pipe.dial(ctx)
		}
	}
	s.client = &http.Client{Transport: transport}
	return s
}

// Up listens, again after Down.
func (s *Server) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return nil
	}
	var listener net.Listener
	if s.memory {
		s.pipe = newMemoryListener()
		listener = s.pipe
	} else {
		tcp, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.addr)
		if err != nil {
			return err
		}
		s.addr, listener = tcp.Addr().String(), tcp
	}
	server := &http.Server{
		Handler:     http.HandlerFunc(s.serve),
		ErrorLog:    log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	s.http = server
	s.serving.Go(func() { _ = server.Serve(listener) })
	return nil
}

type connKey struct{}

// Down stops listening and cuts every connection: from now on, connections are
// refused.
func (s *Server) Down() {
	s.mu.Lock()
	server, sessions := s.http, slices.Clone(s.sessions)
	s.http, s.pipe = nil, nil
	s.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
	for _, session := range sessions {
		session.cut(true)
	}
	s.serving.Wait()
	_ = s.wait(context.Background(), func() bool { return s.active == 0 })
}

// Close stops the server and returns when none of its goroutines is left.
func (s *Server) Close() {
	s.once.Do(func() {
		close(s.closing)
		s.Down()
		s.client.CloseIdleConnections()
	})
}

// URL is the base URL.
func (s *Server) URL() string {
	if s.memory {
		return "http://" + s.vendor.name + ".test"
	}
	return "http://" + s.addr
}

// Client is an HTTP client that reaches the server.
func (s *Server) Client() *http.Client { return s.client }

// Fail queues faults for the next connections, one each. [None] lets one pass.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, faults...)
}

// FailAlways lets every connection that finds the queue empty meet a fault.
func (s *Server) FailAlways(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = f
}

// Heal forgets all faults. Connections keep theirs.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.always = nil, None()
}

func (s *Server) fault() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return s.always
	}
	f := s.queue[0]
	s.queue = s.queue[1:]
	return f
}

// update changes what is known and wakes those who wait for it.
func (s *Server) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.update(func() { s.active++ })
	defer s.update(func() { s.active-- })
	fault := s.fault()
	status, code := fault.status, fault.code
	switch {
	case status != 0:
	case r.URL.Path != s.vendor.path:
		status = http.StatusNotFound
	case r.Header.Get(s.vendor.keyHeader) != s.vendor.key(s.key):
		status = http.StatusUnauthorized
	default:
		status, code = s.vendor.check(r.URL.Query())
	}
	if status != 0 {
		s.update(func() { s.refused++ })
		s.vendor.refuse(w, status, code)
		return
	}
	s.listen(w, r, fault)
}

// Connection is what a simulator saw of one.
type Connection struct {
	// Query is what was asked for.
	Query url.Values
	// Audio is how much was received.
	Audio time.Duration
	// Messages are the types of the client's messages other than audio, in
	// their order.
	Messages []string
	// Words are the words that were written down for good.
	Words []string
	// Pings were received.
	Pings int
	// Closed says that it is over, and Status how the client ended it: 0 without
	// a word.
	Closed bool
	Status int
}

// Connections are those so far, in the order of their beginning.
func (s *Server) Connections() []Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections()
}

func (s *Server) connections() []Connection {
	all := make([]Connection, len(s.sessions))
	for i, session := range s.sessions {
		all[i] = session.seen
		all[i].Messages, all[i].Words = slices.Clone(session.seen.Messages), slices.Clone(session.seen.Words)
	}
	return all
}

// Refused is how many upgrades were refused.
func (s *Server) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// Await waits until the connections are as wanted, or ctx ends.
func (s *Server) Await(ctx context.Context, until func([]Connection) bool) error {
	return s.wait(ctx, func() bool { return until(s.connections()) })
}

// wait calls until under the lock.
func (s *Server) wait(ctx context.Context, until func() bool) error {
	for {
		s.mu.Lock()
		done, changed := until(), s.changed
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
