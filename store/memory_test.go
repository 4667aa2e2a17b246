package store_test

import (
	"testing"

	"github.com/d44b7504/vault/internal/storetest"
	"github.com/d44b7504/vault/store"
)

func TestMemoryConforms(t *testing.T) {
	store.Conforms(t, storetest.NewMemory(), 0, 1, 100, 100_000)
}
