// Answers of a server in another process of which more comes later: files, which end; and events, which do not.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"example.com/truth/kit"
)

func get(url string) io.ReadCloser {
	answer, err := http.Get(url)
	if err != nil {
		panic(err)
	}
	return answer.Body
}

func file(url string) {
	body := get(url)
	io.Copy(io.Discard, body) //@ costly|unsure: the rest of what it asked for, in pieces
	body.Close()
}

func some(url string, done *sync.WaitGroup) {
	defer done.Done()
	for n := 0; n < 4; n++ {
		body := get(url)
		io.Copy(io.Discard, body) //@ costly: the same, while main waits for it
		body.Close()
	}
}

func watch(url string) {
	events := bufio.NewScanner(get(url))
	for events.Scan() { //@ idle: nothing has happened
		kit.Spin(20 * time.Microsecond)
	}
}

// confirm watches, and asks something for each event.
func confirm(url string) {
	events := bufio.NewScanner(get(url + "/events"))
	for events.Scan() { //@ idle: nothing has happened
		get(url + "/ack").Close()
	}
}

// again watches anew each time when the server ends that.
func again(url string) {
	for {
		events := bufio.NewScanner(get(url))
		for events.Scan() { //@ idle|unsure: nothing has happened
			kit.Spin(20 * time.Microsecond)
		}
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		serve()
	}
	url, stop := start()
	end := kit.Start()
	go watch(url + "/events")
	go confirm(url)
	go again(url + "/some-events")
	for n := 0; n < 6; n++ {
		file(url + "/file")
	}
	var done sync.WaitGroup
	for n := 0; n < 2; n++ {
		done.Add(1)
		go some(url+"/file", &done)
	}
	done.Wait() //@ through: the files
	end()
	stop()
}

// start begins the server, in a process outside the trace.
func start() (url string, stop func()) {
	c := exec.Command(os.Args[0], "serve")
	out, err := c.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := c.Start(); err != nil {
		panic(err)
	}
	fmt.Fscanln(out, &url)
	return url, func() { c.Process.Kill() }
}
