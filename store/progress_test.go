package store

import (
	"context"
	"testing"

	"github.com/d44b7504/vault/internal/progress"
)

func TestMovingAndEncryptingManyItemsTellsHowFarItIs(t *testing.T) {
	steps := map[string][]int{}
	ctx := progress.With(context.Background(), func(what string, done, total int) {
		if total != 3 {
			t.Errorf("%s: %d of %d", what, done, total)
		}
		steps[what] = append(steps[what], done)
	})
	from, to := filled(t, newMemory(), "a", "b", "c"), newMemory()
	if _, err := (Migration{From: from, To: to, DeleteSource: true}).Run(ctx, []string{"a", "b", "c"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(ctx, to, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := keeper(t, created(t, "a", "b", "c")).Reencrypt(ctx); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"encrypting items", "writing items", "copying keys", "deleting keys from the old store", "reading items"} {
		if got := steps[what]; len(got) != 4 || got[0] != 0 || got[3] != 3 {
			t.Errorf("%s: %v", what, got)
		}
	}
}
