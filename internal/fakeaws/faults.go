package fakeaws

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// This file counts the calls and lets tests make some of them fail.

// Fault is a bad answer to the next calls of an action. With nothing but a delay the call
// is answered late and correctly.
type Fault struct {
	Status        int    // of the answer; 0 with a Code means 400
	Code, Message string // of the AWS error
	Delay         time.Duration
	Times         int  // how many calls it is for: 0 means one, -1 all from now on
	Drop          bool // close the connection instead of answering, with nothing done
	Lose          bool // do what was asked, then close the connection

	RetryAfter time.Duration // for the answer's header, in whole seconds; 0 for none
	// Body, unless "", is the body of the answer: half a JSON document, or the page of a
	// proxy. The default of Status is 200 then.
	Body string
}

// traffic has its own lock, so that a slow call does not block the others.
type traffic struct {
	mu      *sync.Mutex
	calls   map[string]int
	faults  map[string][]*Fault
	changed chan struct{} // closed and replaced at every call
}

func newTraffic() traffic {
	return traffic{
		mu:      new(sync.Mutex),
		calls:   map[string]int{},
		faults:  map[string][]*Fault{},
		changed: make(chan struct{}),
	}
}

// Inject queues a fault for an action ("AssumeRole"), or for every action ("*").
// Faults of one action are used up in the order they came, before those of "*".
func (s *Server) Inject(action string, f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	s.traffic.faults[action] = append(s.traffic.faults[action], &f)
}

// Heal removes all faults that are still queued.
func (s *Server) Heal() {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	clear(s.traffic.faults)
}

// Calls returns how many requests for the action arrived since the start, whatever the
// answer was. "*" counts all.
func (s *Server) Calls(action string) int {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	return s.traffic.calls[action]
}

// WaitCalls waits until Calls(action) is at least n, or ctx is done. A call
// counts when it arrives, before it is answered.
func (s *Server) WaitCalls(ctx context.Context, action string, n int) error {
	for {
		s.traffic.mu.Lock()
		have, changed := s.traffic.calls[action], s.traffic.changed
		s.traffic.mu.Unlock()
		if have >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d calls of %s: %w", have, n, action, ctx.Err())
		}
	}
}

// arrive counts a call and returns its fault, nil if it has none.
func (t *traffic) arrive(action string) *Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls[action]++
	t.calls["*"]++
	close(t.changed)
	t.changed = make(chan struct{})
	if f := t.take(action); f != nil {
		return f
	}
	return t.take("*")
}

func (t *traffic) take(action string) *Fault {
	queue := t.faults[action]
	if len(queue) == 0 {
		return nil
	}
	f := *queue[0]
	if queue[0].Times > 0 {
		queue[0].Times--
	}
	if queue[0].Times == 0 {
		t.faults[action] = queue[1:]
	}
	return &f
}

// play waits for the delay, and then closes the connection, or returns the error to answer
// with, or nil if the call is to be carried out. The wait ends early if the client
// disconnects or the server is closed.
func (f *Fault) play(ctx context.Context) *apiError {
	if f == nil {
		return nil
	}
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			panic(http.ErrAbortHandler) // how net/http closes a connection
		}
	}
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	if f.Status == 0 && f.Code == "" || f.Body != "" {
		return nil
	}
	status := f.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	return refuse(status, f.Code, "%s", f.Message)
}

// lose closes the connection of a call that has been carried out.
func (f *Fault) lose() {
	if f != nil && f.Lose {
		panic(http.ErrAbortHandler)
	}
}

// replace sets the header of a bad answer, and writes the whole answer if the fault has a
// Body. It reports whether it did that.
func (f *Fault) replace(w http.ResponseWriter) bool {
	if f == nil {
		return false
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	if f.Body == "" {
		return false
	}
	w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
	_, _ = w.Write([]byte(f.Body)) // fails only if the client has disconnected
	return true
}
