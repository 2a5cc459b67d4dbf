// One test that takes all of the trace, as `go test -run` records it: how long it waits is what it takes. It tries again
// after pauses, in a goroutine that it started; it waits for what does not come in time, and it sleeps. Its server waits
// for the test meanwhile.
package onetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"example.com/truth/kit"
)

var errBusy = errors.New("busy")

// ask answers what it is asked; the first times it has no time.
type ask struct {
	reply chan error
}

func serve(in <-chan ask) {
	for n := 1; ; n++ {
		q, ok := <-in //@ idle: nobody asks
		if !ok {
			return
		}
		kit.Spin(200 * time.Microsecond)
		if n%4 == 0 {
			q.reply <- nil
		} else {
			q.reply <- errBusy
		}
	}
}

func try(in chan<- ask) error {
	q := ask{make(chan error, 1)}
	in <- q
	return <-q.reply
}

func insist(in chan<- ask) {
	for try(in) != nil {
		time.Sleep(12 * time.Millisecond) //@ costly|unsure: before it asks again
	}
}

func watch(quit <-chan struct{}) {
	beat := time.NewTicker(7 * time.Millisecond)
	defer beat.Stop()
	for {
		select { //@ idle: by the clock
		case <-beat.C:
		case <-quit:
			return
		}
	}
}

func TestAll(t *testing.T) {
	in, quit := make(chan ask), make(chan struct{})
	var all sync.WaitGroup
	all.Add(1)
	go func() { defer all.Done(); serve(in) }()
	go watch(quit)
	for k := 0; k < 3; k++ {
		done := make(chan struct{})
		go func() { defer close(done); insist(in) }()
		select { //@ costly|through: nothing comes in time
		case <-done:
		case <-time.After(30 * time.Millisecond):
		}
		<-done //@ through: for the answer
	}
	time.Sleep(60 * time.Millisecond) //@ costly: the test takes as long
	close(in)
	all.Wait()
	close(quit)
}
