// Handlers of HTTP that take their connection for themselves and hear what comes; and one whose request comes slowly.
// The clients are another process.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"example.com/truth/kit"
)

func take(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter) {
	c, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	return c, rw
}

// hear says nothing itself.
func hear(w http.ResponseWriter, _ *http.Request) {
	c, rw := take(w)
	defer c.Close()
	for {
		line, err := rw.ReadString('\n') //@ idle|unsure: nobody says anything
		if err != nil || line == "bye\n" {
			return
		}
		kit.Spin(100 * time.Microsecond)
	}
}

// echo says back what it hears.
func echo(w http.ResponseWriter, _ *http.Request) {
	c, rw := take(w)
	defer c.Close()
	for {
		line, err := rw.ReadString('\n') //@ idle|unsure: nobody says anything
		if err != nil || line == "bye\n" {
			return
		}
		fmt.Fprint(c, line)
	}
}

func upload(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body) //@ costly: the rest of the request is not there yet
	if err != nil {
		return
	}
	fmt.Fprintln(w, n)
}

func clients(addr string) {
	done := make(chan bool)
	for n := 0; n < 3; n++ {
		for _, path := range []string{"/hear", "/echo"} {
			go func(path string) {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					panic(err)
				}
				fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
				for i := 0; i < 8; i++ {
					time.Sleep(30 * time.Millisecond)
					fmt.Fprintln(c, "something")
				}
				fmt.Fprintln(c, "bye")
				io.Copy(io.Discard, c)
				done <- true
			}(path)
		}
		go func() {
			for i := 0; i < 4; i++ {
				r, w := io.Pipe()
				go func() {
					for i := 0; i < 4; i++ {
						time.Sleep(10 * time.Millisecond)
						fmt.Fprintln(w, "a piece of it")
					}
					w.Close()
				}()
				answer, err := http.Post("http://"+addr+"/upload", "text/plain", r)
				if err != nil {
					panic(err)
				}
				io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
			done <- true
		}()
	}
	for i := 0; i < 9; i++ {
		<-done
	}
	os.Exit(0)
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "clients" {
		clients(os.Args[2])
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/hear", hear)
	http.HandleFunc("/echo", echo)
	http.HandleFunc("/upload", upload)
	all := exec.Command(os.Args[0], "clients", l.Addr().String())
	all.Stderr = os.Stderr
	end := kit.Start()
	go http.Serve(l, nil) //@ idle|none: accepts
	if err := all.Start(); err != nil {
		panic(err)
	}
	time.Sleep(350 * time.Millisecond) //@ unsure|idle: until the clients are done
	end()
	all.Wait()
}
