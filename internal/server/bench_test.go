package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// BenchmarkEndpoint compares the endpoint with a handler that only writes the same
// bytes. The two take turns, and the fastest turn of each counts, so that what else the
// machine does weighs little. The rate should be at least 0.95 of the bare one's.
func BenchmarkEndpoint(b *testing.B) {
	s := listen(b, Options{})
	l := add(b, s, Grant{Source: fixed("ASIAFAKE")})
	bare := bareHandler(b, l)
	for _, connections := range []int{1, 8} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
			defer client.CloseIdleConnections()
			var ours, theirs time.Duration
			for b.Loop() {
				theirs = turn(b, theirs, client, bare, l, connections)
				ours = turn(b, ours, client, l.URL(), l, connections)
			}
			b.ReportMetric(float64(perTurn)/ours.Seconds(), "requests/s")
			b.ReportMetric(float64(theirs)/float64(ours), "×bare")
		})
	}
}

const perTurn = 800

// turn makes some requests and returns how long that took, or best if that is less.
func turn(b *testing.B, best time.Duration, client *http.Client, url string, l *Lease, connections int) time.Duration {
	began := time.Now()
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for range perTurn / connections {
				r, _ := http.NewRequest(http.MethodGet, url, nil)
				r.Header["Authorization"] = []string{l.Token().Reveal()}
				res, err := client.Do(r)
				if err != nil || res.StatusCode != http.StatusOK {
					b.Error(res, err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); best == 0 || took < best {
		return took
	}
	return best
}

func bareHandler(b *testing.B, l *Lease) (url string) {
	a, err := l.base.get(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = jsonType
		_, _ = w.Write(a.body)
	})}
	go func() { _ = h.Serve(listener) }()
	b.Cleanup(func() { _ = h.Close() })
	return "http://" + listener.Addr().String() + "/x"
}
