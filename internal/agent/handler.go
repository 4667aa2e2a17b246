package agent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/d44b7504/vault/internal/app"
	"github.com/d44b7504/vault/internal/creds"
	"github.com/d44b7504/vault/internal/server"
	"github.com/d44b7504/vault/refresh"
	"github.com/d44b7504/vault/store"
)

// This file answers the requests of clients. Who can connect is this user.

// The paths. Those without a version are the same in every version.
const (
	pathSession = path + "/session"
	pathUnlock  = path + "/unlock"
	pathHolds   = path + "/holds"
	pathStatus  = "/status"
	pathLock    = "/lock"
	pathStop    = "/stop"
)

// byPerson is the query of pathStop with which a person ends the agent.
const byPerson = "by=person"

// versionHeader is in every answer: protocol and time of the program, by which a client
// knows an older agent.
const versionHeader = "Vault-Agent"

func versionOf(built time.Time) string {
	return strconv.Itoa(protocol) + " " + strconv.FormatInt(built.UnixNano(), 10)
}

// hostName is what clients write into the Host header.
const hostName = "vault-agent"

func (a *Agent) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathSession, a.session)
	mux.HandleFunc("POST "+pathUnlock, a.unlocking)
	mux.HandleFunc("POST "+pathHolds, a.holds)
	mux.HandleFunc("GET "+pathStatus, a.status)
	mux.HandleFunc("POST "+pathLock, a.locking)
	mux.HandleFunc("POST "+pathStop, a.stopping)
	for _, p := range a.parts {
		p.Route(mux)
	}
	version := versionOf(a.Built)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(versionHeader, version)
		if r.Host != hostName {
			http.Error(w, "Forbidden", http.StatusForbidden)
			return
		}
		defer a.working()()
		mux.ServeHTTP(w, r)
	})
}

func (a *Agent) session(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	request, err := decodeRequest(body)
	clear(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	request.Environ = nil // only what is served by the agent alone is begun by it
	var reply app.SessionReply
	inTime(w, r, func(ctx context.Context, say func(string)) { reply, err = a.Carry(ctx, request, say) })
	writeSecret(w)(encodeReply(reply, err))
}

func (a *Agent) unlocking(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	var u wireUnlocking
	err := json.Unmarshal(body, &u)
	clear(body)
	if err != nil {
		http.Error(w, "the request is not of the known form", http.StatusBadRequest)
		return
	}
	var answer wireAnswer
	inTime(w, r, func(ctx context.Context, _ func(string)) {
		opens, err := a.unlock(ctx, app.Unlocking{
			Store: u.Store, Passphrase: creds.New(u.Passphrase), For: u.For, UntilSuspended: u.UntilSuspended, Person: u.Person,
		})
		answer = wireAnswer{OK: opens, Error: errorToWire(err)}
	})
	writeJSON(w, answer)
}

func (a *Agent) holds(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	var ref store.Reference
	if json.Unmarshal(body, &ref) != nil {
		http.Error(w, "the request is not of the known form", http.StatusBadRequest)
		return
	}
	writeJSON(w, wireAnswer{OK: a.lookup(ref) != nil})
}

func (a *Agent) locking(w http.ResponseWriter, _ *http.Request) {
	a.Lock()
	writeJSON(w, wireAnswer{OK: true})
	a.mu.Lock()
	over := !slices.ContainsFunc(a.parts, Part.Busy)
	a.mu.Unlock()
	if over {
		a.stop()
	}
}

// stopping ends the agent, for one of another version or because a person wants none.
func (a *Agent) stopping(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.wanted = r.URL.RawQuery == byPerson
	a.mu.Unlock()
	writeJSON(w, wireAnswer{OK: true})
	a.stop()
}

// Status is what a person may know of the agent.
type Status struct {
	Running bool       `json:"running"`
	PID     int        `json:"pid,omitempty"`
	Version string     `json:"version,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
	Stores  []Held     `json:"stores,omitempty"`
	Leases  []Leased   `json:"leases,omitempty"`
	Socket  string     `json:"socket,omitempty"`
	Older   bool       `json:"older,omitempty"` // than the program that asks
}

// Leased is a session that the agent serves to a shell.
type Leased struct {
	Profile string       `json:"profile"`
	PID     int          `json:"pid"`              // of the shell
	Until   *time.Time   `json:"until,omitempty"`  // the end of the session; it is renewed before that
	Locked  bool         `json:"locked,omitempty"` // by vault lock: nothing is served until a person goes on
	Note    refresh.Note `json:"note,omitempty"`   // why it is not renewed
	ID      string       `json:"id"`
}

// Held is a store that the agent holds.
type Held struct {
	Store string    `json:"store"`
	Until time.Time `json:"until"`
	// UntilSuspended says that it is forgotten earlier if the machine is suspended.
	UntilSuspended bool `json:"until_suspended,omitempty"`
}

func (a *Agent) status(w http.ResponseWriter, _ *http.Request) {
	since := a.started.UTC().Truncate(time.Second)
	s := Status{Running: true, PID: os.Getpid(), Version: a.Version, Since: &since}
	a.mu.Lock()
	now, boot := a.Core.Now(), a.sinceBoot()
	for _, h := range a.stores {
		if !h.over(now, boot) {
			s.Stores = append(s.Stores, Held{h.ref.String(), h.until().UTC().Truncate(time.Second), h.untilSuspended})
		}
	}
	a.mu.Unlock()
	sort.SliceStable(s.Stores, func(i, j int) bool { return s.Stores[i].Store < s.Stores[j].Store })
	for _, p := range a.parts {
		p.Status(&s)
	}
	writeJSON(w, s)
}

// readBody reads a request's body, of limited length. If it cannot, it has answered.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the request is too long, or ended early", http.StatusBadRequest)
		return nil, false
	}
	return body, true
}

// earlyWord is after how long a client is told that its request is being worked on. From
// then on it waits for as long as that takes.
const earlyWord = time.Second

// lineHeader has a line for the person, in base64, in an answer that is not the last one.
const lineHeader = "Vault-Say"

// inTime runs f, whose context ends when the client has gone away. A client whose request
// takes longer hears of it, and at once of every line that f has for the person.
func inTime(w http.ResponseWriter, r *http.Request, f func(ctx context.Context, say func(line string))) {
	defer server.Working(r)()
	lines := make(chan string)
	over := make(chan struct{})
	go func() {
		defer close(over)
		f(r.Context(), func(line string) {
			select {
			case lines <- line:
			case <-r.Context().Done():
			}
		})
	}()
	t := time.NewTimer(earlyWord)
	defer t.Stop()
	for {
		select {
		case <-over:
			w.Header().Del(lineHeader)
			return
		case line := <-lines:
			w.Header().Set(lineHeader, base64.RawURLEncoding.EncodeToString([]byte(line)))
		case <-t.C:
			w.Header().Del(lineHeader)
		}
		w.WriteHeader(http.StatusProcessing)
	}
}

func writeJSON(w http.ResponseWriter, v any) { writeSecret(w)(json.Marshal(v)) }

// writeSecret returns what writes an encoded answer, or says that it could not be encoded, and
// overwrites it afterwards.
func writeSecret(w http.ResponseWriter) func(body []byte, err error) {
	return func(body []byte, err error) {
		if err != nil {
			http.Error(w, "the answer cannot be encoded", http.StatusInternalServerError)
			return
		}
		defer clear(body)
		write(w, body)
	}
}

func write(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}
