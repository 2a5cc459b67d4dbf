// A hub sends to each of its clients in turn, and one of them reads no more: then nobody gets anything.
package main

import (
	"time"

	"example.com/truth/kit"
)

func main() {
	defer kit.Start()()
	clients := make([]chan int, 3)
	for i := range clients {
		c := make(chan int)
		i := i
		clients[i] = c
		go func() {
			for n := range c { //@ idle: waits for messages
				if i == 1 && n == 20 {
					select {} // it reads no more
				}
			}
		}()
	}
	in := make(chan int)
	go func() {
		for n := range in { //@ idle|through|none: waits for messages
			for _, c := range clients {
				c <- n //@ unsure|costly: nobody receives
			}
		}
	}()
	go func() {
		for n := 0; ; n++ {
			time.Sleep(time.Millisecond) //@ idle|unsure: by the clock
			in <- n                      //@ unsure|costly: the hub is stuck
		}
	}()
	time.Sleep(250 * time.Millisecond) //@ unsure|idle: the length of the run
}
