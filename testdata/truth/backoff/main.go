// Tries again after a while, by a timer that starts a goroutine: nobody's line is that while but the one
// that waits for the end of it.
package main

import (
	"sync"
	"time"

	"example.com/truth/kit"
)

func try(n int, done func()) {
	kit.Spin(200 * time.Microsecond)
	if n == 0 {
		done()
		return
	}
	time.AfterFunc(20*time.Millisecond, func() { try(n-1, done) })
}

func main() {
	defer kit.Start()()
	for i := 0; i < 3; i++ {
		var wg sync.WaitGroup
		wg.Add(1)
		try(3, wg.Done)
		wg.Wait() //@ costly: pauses, which no other line carries
	}
}
