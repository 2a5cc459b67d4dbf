// Package subtests is tests whose subtests are parallel: of each one knows what `go test -v` counts.
package subtests

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// Their subtests begin when the test below is done, and one after the other.
func TestParent(t *testing.T) { //@ 0
	for n := 0; n < 3; n++ {
		t.Run("sub", func(t *testing.T) { //@ 90
			t.Parallel()
			time.Sleep(30 * ms)
		})
	}
}

func TestParallelParent(t *testing.T) { //@ 20
	t.Parallel()
	time.Sleep(20 * ms)
	for n := 0; n < 3; n++ {
		t.Run("sub", func(t *testing.T) { //@ 60
			t.Parallel()
			time.Sleep(20 * ms)
		})
	}
	t.Cleanup(func() { t.Log("done") })
}

// It waits within its function, for a group that has parallel subtests.
func TestGroup(t *testing.T) { //@ 40
	t.Run("group", func(t *testing.T) { //@ 0
		for n := 0; n < 2; n++ {
			t.Run("sub", func(t *testing.T) { //@ 40
				t.Parallel()
				time.Sleep(20 * ms)
			})
		}
	})
}

func TestCleansUp(t *testing.T) { //@ 50
	t.Cleanup(func() { time.Sleep(50 * ms) })
	t.Run("sub", func(t *testing.T) { //@ 10
		t.Parallel()
		time.Sleep(10 * ms)
	})
}
