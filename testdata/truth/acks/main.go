// Items are handed over, and acknowledged later, all in select statements with a way out: two of them
// meet at each end, and only the runtime knows which one sent.
package main

import (
	"time"

	"example.com/truth/kit"
)

type item struct {
	n   int
	ack chan error
}

func main() {
	defer kit.Start()()
	stop := make(chan struct{})
	items := make(chan item)
	go func() {
		for n := 0; ; n++ {
			it := item{n, make(chan error)}
			select { //@ costly: the worker is busy
			case items <- it:
			case <-stop:
				return
			}
			go func() {
				select { //@ idle|through: waits for the acknowledgement, and has nothing else to do
				case <-it.ack:
				case <-stop:
				}
			}()
		}
	}()
	go func() {
		for {
			select { //@ idle|through|none: waits for items
			case it := <-items:
				kit.Spin(2 * time.Millisecond)
				select { //@ none: it is waited for
				case it.ack <- nil:
				case <-stop:
					return
				}
			case <-stop:
				return
			}
		}
	}()
	time.Sleep(200 * time.Millisecond) //@ unsure|idle: the length of the run
	close(stop)
}
