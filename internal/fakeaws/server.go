// Package fakeaws is an emulator of AWS on loopback, for the demo and the tests: STS, the
// access keys of IAM, Identity Center with its browser pages, the sign-in services of
// `aws login` and of the console, and enough of S3 to list buckets and keep small objects. It
// verifies what it is sent: signatures, session tokens, one-time codes, trust policies and durations;
// sessions expire; and it answers with the error codes and texts of AWS.
//
// All state is in memory and is lost when the server is closed. It listens on 127.0.0.1
// only and logs nothing.
package fakeaws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Options set the server's limits and its clock. The zero value behaves as AWS does.
type Options struct {
	// Now is the server's clock; nil means time.Now. It may be called from many
	// goroutines.
	Now func() time.Time
	// MinDuration is the shortest duration of a session; 0 means 15 minutes, as at AWS.
	// The demo uses less, so that a person sees a renewal.
	MinDuration time.Duration
	// Partition is the second word of every ARN. If it is given, keys are known in its
	// regions only, unless Regions says which; "" means "aws", and every region.
	Partition string
	// Regions are those a signature may be scoped to; empty means any well-formed
	// name.
	Regions []string
	// KeysSettle is how many calls signed with a new key of CreateAccessKey are refused
	// before the key is known everywhere: IAM is eventually consistent.
	KeysSettle int
	// SessionsEndWithKeys makes a session, and what was assumed with it, end when the
	// key it was made with is deactivated or deleted. AWS's own do not: "valid until they
	// expire" (IAM User Guide, Disabling permissions for temporary security
	// credentials). That is not guaranteed to stay so.
	SessionsEndWithKeys bool

	onePartition bool // Partition is given
}

// Server is a running emulator. All its methods may be called from several
// goroutines at once.
type Server struct {
	opts     Options
	listener net.Listener
	http     *http.Server
	stop     context.CancelFunc
	served   chan struct{}
	traffic  traffic
	busy     sync.RWMutex // held for reading while a request is handled

	mu    sync.Mutex // guards state
	state state
}

// Start listens on a free port of 127.0.0.1 and answers until Close.
func Start(o Options) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the AWS emulator: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		opts:     o.withDefaults(),
		listener: l,
		stop:     stop,
		served:   make(chan struct{}),
		traffic:  newTraffic(),
		state:    newState(),
	}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l) // always returns an error, when Close ends it
	}()
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MinDuration <= 0 {
		o.MinDuration = 15 * time.Minute
	}
	if o.onePartition = o.Partition != ""; !o.onePartition {
		o.Partition = "aws"
	}
	return o
}

// URL returns the value for AWS_ENDPOINT_URL.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close stops listening, closes the open connections, ends injected delays and returns when
// all goroutines of the server have ended. A second call does nothing.
func (s *Server) Close() error {
	s.stop()
	err := s.http.Close()
	<-s.served
	s.busy.Lock()
	defer s.busy.Unlock()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// call is one request while it is handled.
type call struct {
	service *service
	action  string
	params  url.Values
	request *http.Request
	body    []byte
	now     time.Time
	id      string      // of the request, for the answer
	who     *credential // set by authenticate
}

// service is one of the APIs, which share one address.
type service struct {
	name      string // in the scope of a signature
	version   string
	namespace string
	actions   map[string]func(*Server, *call) (any, *apiError)
	unsigned  map[string]func(*Server, *call) (any, *apiError) // need no signature
	write     func(http.ResponseWriter, *call, any, *apiError)
}

// apiError is an error in AWS's words.
type apiError struct {
	status        int
	code, message string
	reason        string // sign-in only: the service's own name for the reason
}

func refuse(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

const maxBody = 1 << 20

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.busy.RLock()
	defer s.busy.RUnlock()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "request body not readable or too large", http.StatusRequestEntityTooLarge)
		return
	}
	c := &call{request: r, body: body, now: s.opts.Now().UTC(), id: newRequestID()}
	c.route()
	w.Header().Set("Date", c.now.Format(http.TimeFormat))

	f := s.traffic.arrive(c.action)
	fail := f.play(r.Context())
	if f.replace(w) {
		return
	}
	var result any
	if fail == nil {
		result, fail = s.answer(c)
	}
	f.lose()
	c.service.write(w, c, result, fail)
}

// route finds the API and the action. A request that names an action uses the query
// protocol, and its version says which API it is for; any other has one of the paths in
// routes, or is for S3.
func (c *call) route() {
	c.params = c.request.URL.Query()
	if isConsole(c.request) {
		c.service, c.action = consoleService, c.consoleAction()
		return
	}
	if to, ok := restRoute(c.request); ok {
		c.service, c.action = to.service, to.action
		return
	}
	if c.request.Method == http.MethodPost {
		if form, err := url.ParseQuery(string(c.body)); err == nil {
			for k, v := range form {
				c.params[k] = append(c.params[k], v...)
			}
		}
	}
	c.action = c.params.Get("Action")
	switch {
	case c.action == "" && c.request.Method != http.MethodPost:
		c.service = s3Service
		c.action = c.s3Action()
	case c.params.Get("Version") == iamService.version:
		c.service = iamService
	default:
		c.service = stsService
	}
}

// answer carries out the call, or returns the service's error.
func (s *Server) answer(c *call) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	result, fail := s.attempt(c)
	if fail != nil && c.service == s3Service {
		fail = c.inS3Words(fail)
	}
	return result, fail
}

// attempt carries out the call if the caller is known and allowed to make it.
func (s *Server) attempt(c *call) (any, *apiError) {
	if act, ok := c.service.unsigned[c.action]; ok && c.service.version == c.params.Get("Version") {
		return act(s, c)
	}
	if fail := s.authenticate(c); fail != nil {
		return nil, fail
	}
	act, ok := c.service.actions[c.action]
	if !ok || c.service.version != c.params.Get("Version") {
		return nil, c.unknownAction()
	}
	if fail := s.authorize(c); fail != nil {
		return nil, fail
	}
	return act(s, c)
}

func (c *call) unknownAction() *apiError {
	version := c.params.Get("Version")
	if version == "" {
		version = "NO_VERSION_SPECIFIED"
	}
	return refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", c.action, version)
}
