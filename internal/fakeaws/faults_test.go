package fakeaws_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/d44b7504/vault/internal/fakeaws"
)

func TestFaultsComeInOrderAndEnd(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.Inject("GetCallerIdentity", fakeaws.Fault{Code: "Throttling", Message: "Rate exceeded", Times: 2})
	w.Inject("GetCallerIdentity", fakeaws.Fault{Status: 503, Code: "ServiceUnavailable"})
	w.Inject("AssumeRole", fakeaws.Fault{Code: "Unused"})
	w.whoami(t, w.owner()).want(t, 400, "Throttling", "Rate exceeded")
	w.whoami(t, w.owner()).want(t, 400, "Throttling", "Rate exceeded")
	w.whoami(t, w.owner()).want(t, 503, "ServiceUnavailable", "")
	w.whoami(t, w.owner()).want(t, 200, "", "")
	w.Inject("*", fakeaws.Fault{Status: 403, Code: "ExpiredToken", Times: -1})
	for range 3 {
		w.whoami(t, w.owner()).want(t, 403, "ExpiredToken", "")
	}
	w.send(t, w.buckets(w.owner())).want(t, 403, "ExpiredToken", "") // as injected, not in S3's words
	w.Heal()
	w.whoami(t, w.owner()).want(t, 200, "", "")
	if n := w.Calls("GetCallerIdentity"); n != 8 || w.Calls("*") != 9 || w.Calls("AssumeRole") != 0 {
		t.Errorf("%d calls, %d in all", n, w.Calls("*"))
	}
}

func TestTheSDKRetriesAThrottledCall(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.Inject("GetCallerIdentity", fakeaws.Fault{Code: "Throttling", Message: "Rate exceeded", Times: 2})
	quick := retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
	_, err := w.client(w.owner()).GetCallerIdentity(bg, nil, func(o *sts.Options) { o.Retryer = quick })
	must(t, err)
	if n := w.Calls("GetCallerIdentity"); n != 3 {
		t.Errorf("%d calls, want 3", n)
	}
}

func TestADroppedCallGetsNoReply(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.Inject("*", fakeaws.Fault{Drop: true, Times: 10}) // net/http asks again by itself
	resp, err := http.Get(w.URL() + "/?" + whoami)
	if err == nil {
		resp.Body.Close()
		t.Fatalf("got status %d", resp.StatusCode)
	}
	if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "EOF") && !strings.Contains(err.Error(), "reset") {
		t.Errorf("got %v", err)
	}
}

func TestASlowCallIsAnsweredAfterItsDelay(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.Inject("GetCallerIdentity", fakeaws.Fault{Delay: 100 * time.Millisecond})
	start := time.Now()
	w.whoami(t, w.owner()).want(t, 200, "", "")
	if d := time.Since(start); d < 100*time.Millisecond {
		t.Errorf("answered after %s", d)
	}
}

func TestADelayEndsWithTheServerOrTheClient(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	w.Inject("*", fakeaws.Fault{Delay: time.Hour, Times: -1})
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	impatient, leave := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, c := range []context.Context{ctx, impatient} {
		wg.Go(func() {
			if _, err := w.client(w.owner()).GetCallerIdentity(c, nil); err == nil {
				t.Error("answered within an hour")
			}
		})
	}
	must(t, w.WaitCalls(ctx, "GetCallerIdentity", 2))
	leave()
	must(t, w.Close())
	wg.Wait()
	if ctx.Err() != nil {
		t.Error("the delay did not end")
	}
}

func TestWaitCallsEndsWithItsContext(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	ctx, cancel := context.WithTimeout(bg, 20*time.Millisecond)
	defer cancel()
	if err := w.WaitCalls(ctx, "AssumeRole", 1); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "0 of 1 calls of AssumeRole") {
		t.Errorf("got %v", err)
	}
}

func TestManyMayCallAtOnceAndOneCodeMakesOneSession(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	code := w.code(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for range 16 {
		wg.Go(func() {
			_, err := w.client(w.owner()).GetSessionToken(bg, &sts.GetSessionTokenInput{SerialNumber: &w.mfa.Serial, TokenCode: &code})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
			}
		})
	}
	wg.Wait()
	if made != 1 || w.Calls("GetSessionToken") != 16 {
		t.Errorf("%d sessions from one code in %d calls", made, w.Calls("GetSessionToken"))
	}
}

func TestAClosedServerIsGone(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	must(t, w.Close())
	must(t, w.Close())
	if resp, err := http.Get(w.URL()); err == nil {
		resp.Body.Close()
		t.Error("still answers")
	}
}

func TestAnEndlessBodyIsCutOff(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	resp, err := http.Post(w.URL(), "application/x-www-form-urlencoded", strings.NewReader(strings.Repeat("a", 2<<20)))
	if err != nil {
		return // cut off before we had sent it all
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", resp.StatusCode)
	}
}
