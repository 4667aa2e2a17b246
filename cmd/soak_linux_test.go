package cmd_test

import (
	"context"
	"math"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/d44b7504/vault/internal/fakeaws"
	"github.com/d44b7504/vault/internal/testenv"
)

// killings is how often the agent is killed; AWS_VAULT_TEST_KILLS=200 says another number.
func killings() int {
	if v := os.Getenv("AWS_VAULT_TEST_KILLS"); v != "" {
		return must(strconv.Atoi(v))
	}
	return 20
}

// Twenty shells of four kinds, with sessions of twenty seconds: whenever the agent is killed, the
// next one who needs the store is asked once, and nobody else notices.
func TestAnAgentThatIsKilledWhileTwentyShellsWork(t *testing.T) {
	testenv.OnlyLong(t, "twenty real shells")
	w := must(makeWorld(worldDir(t), fakeaws.Options{MinDuration: time.Second}))
	t.Cleanup(func() { _ = w.aws.Close() })
	c := newCrowd(t, w, 5)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { c.watch(ctx) })
	c.begin()

	working, rest := context.WithCancel(ctx)
	all.Go(func() { c.work(working, math.MaxInt) })
	r := c.random(-1)
	for kills := 0; kills < killings() && !t.Failed(); {
		time.Sleep(100*time.Millisecond + within(r, 1500*time.Millisecond))
		if c.kill() {
			kills++
		}
	}
	rest()
	stop()
	all.Wait()
	c.report()
	if c.questions > c.locked+1 {
		t.Errorf("%d questions after %d kills", c.questions, c.locked)
	}
	due := int(time.Since(c.began)/(crowdLife/2)) + 1
	if made := w.aws.Calls("AssumeRole"); made > 3*due+c.refreshes+c.locked {
		t.Errorf("%d sessions were made; three were due every ten seconds, %d times; %d were asked for", made, due, c.refreshes)
	}
	c.leave()
}
