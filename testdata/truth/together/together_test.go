// A test that waits for its work, and for what only goes on as long as that does: a beat, a janitor, and a server whose
// client computes before each question. None of these holds it up, though the test waits for all of them.
package together

import (
	"bufio"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/truth/kit"
)

func beat(stop <-chan struct{}) {
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for {
		select { //@ idle|unsure: by the clock
		case <-t.C:
		case <-stop:
			return
		}
	}
}

func sweep(stop *atomic.Bool) {
	for !stop.Load() {
		time.Sleep(5 * time.Millisecond) //@ idle|unsure: by the clock
	}
}

func serve(l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		if _, err := r.ReadString('\n'); err != nil { //@ idle|unsure: no question
			return
		}
		fmt.Fprintln(c, "done")
	}
}

func ask(t *testing.T, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for k := 0; k < 20; k++ {
		kit.Spin(4 * time.Millisecond)
		fmt.Fprintln(c, "next")
		r.ReadString('\n')
	}
}

func TestTogether(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var over atomic.Bool
	var all sync.WaitGroup
	all.Add(4)
	go func() { defer all.Done(); beat(stop) }()
	go func() { defer all.Done(); sweep(&over) }()
	go func() { defer all.Done(); serve(l) }()
	go func() {
		defer all.Done()
		ask(t, l.Addr().String())
		over.Store(true)
		close(stop)
	}()
	all.Wait() //@ through: for the work
}
