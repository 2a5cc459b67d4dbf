// Clients that share their connection with a reader, which hands out answers, and close it when they are done;
// writers who wait for room in a window; and a loop that asks for the next key.
package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.com/truth/kit"
)

func read(c net.Conn, answers chan string) {
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n') //@ idle|unsure: hands out what comes
		if err != nil {
			return
		}
		answers <- strings.TrimSpace(line)
	}
}

func client(addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	answers := make(chan string)
	go read(c, answers)
	for n := 0; n < 12; n++ {
		fmt.Fprintln(c, 1000)
		<-answers                         //@ costly|through: the answer to what it asked
		time.Sleep(15 * time.Millisecond) //@ idle|unsure: nobody waits for it
	}
	c.Close()
}

// window lets so much be on its way at once.
type window struct {
	mu   sync.Mutex
	left int
	room chan bool
}

func (w *window) Write(p []byte) (int, error) {
	for {
		w.mu.Lock()
		if w.left > 0 {
			w.left--
			w.mu.Unlock()
			return len(p), nil
		}
		w.mu.Unlock()
		<-w.room //@ through|costly|unsure: as much is on its way as may be
	}
}

func (w *window) drain() {
	for {
		time.Sleep(3 * time.Millisecond) //@ idle|unsure: the pace of the other side
		w.mu.Lock()
		w.left = 4
		w.mu.Unlock()
		select {
		case w.room <- true:
		default:
		}
	}
}

func keys(fd int, wanted chan bool, got chan byte) {
	var b [1]byte
	for range wanted { //@ none|idle|through: nobody wants one
		syscall.Read(fd, b[:]) //@ idle|unsure: no key was pressed
		got <- b[0]
	}
}

func loop(wanted chan bool, got chan byte) {
	for {
		wanted <- true
		<-got //@ idle|unsure|through: no key was pressed
		kit.Spin(100 * time.Microsecond)
	}
}

func main() {
	addr, stop := kit.Backend()
	end := kit.Start()
	for n := 0; n < 3; n++ {
		go client(addr)
	}
	w := &window{left: 4, room: make(chan bool)}
	go w.drain()
	go func() {
		for {
			fmt.Fprintln(w, "a line")
		}
	}()
	var fds [2]int
	if err := syscall.Pipe(fds[:]); err != nil {
		panic(err)
	}
	wanted, got := make(chan bool), make(chan byte)
	go keys(fds[0], wanted, got)
	go loop(wanted, got)
	for n := 0; n < 20; n++ {
		time.Sleep(12 * time.Millisecond) //@ idle|unsure: the pace of whoever types
		syscall.Write(fds[1], []byte("k"))
	}
	end()
	stop()
}
