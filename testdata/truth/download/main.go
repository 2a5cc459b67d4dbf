// Answers of a server in another process that come bit by bit: files, which end; and events, which do not.
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

func get(url string) *http.Response {
	answer, err := http.Get(url)
	if err != nil {
		panic(err)
	}
	return answer
}

func file(url string) {
	answer := get(url)
	io.Copy(io.Discard, answer.Body) //@ costly: the rest of what it asked for
	answer.Body.Close()
}

func some(url string, done *sync.WaitGroup) {
	defer done.Done()
	for n := 0; n < 4; n++ {
		answer := get(url)
		io.Copy(io.Discard, answer.Body) //@ costly: the same, while main waits for it
		answer.Body.Close()
	}
}

func watch(url string) {
	events := bufio.NewScanner(get(url).Body)
	for events.Scan() { //@ idle: nothing has happened
		kit.Spin(20 * time.Microsecond)
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		serve()
	}
	url, stop := start()
	end := kit.Start()
	go watch(url + "/events")
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
