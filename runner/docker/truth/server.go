package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	port   = 8080
	health = "/healthz"
)

// A server is a way of becoming ready.
type server struct {
	name  string
	what  string // for readers
	goal  bool   // goals for errors are about this one
	v6    bool   // it has to be on a network that speaks IPv6
	flags func(d time.Duration) []string
}

// The delay d that a server's flags are made from is drawn anew for every
// start, so that no observer's period can be in step with it: between
// leastDelay and as much more as the observer's spread, which is a whole
// number of its periods.
const (
	leastDelay = 200 * time.Millisecond
	spread     = 300 * time.Millisecond
)

var (
	late = &server{name: "late", goal: true, what: "listens after d and is ready at once",
		flags: func(d time.Duration) []string { return []string{"-listen-after", d.String()} }}
	unready = &server{name: "503", goal: true, what: "listens after d/4 and answers 503 until it is ready after d",
		flags: func(d time.Duration) []string {
			return []string{"-listen-after", (d / 4).String(), "-ready-after", (d - d/4).String(), "-unready", "503"}
		}}
	hang = &server{name: "hang", goal: true, what: "listens after d/4, accepts, and answers nothing until it is ready after d",
		flags: func(d time.Duration) []string {
			return []string{"-listen-after", (d / 4).String(), "-ready-after", (d - d/4).String(), "-unready", "hang"}
		}}
	ipv6 = &server{name: "ipv6", goal: true, v6: true,
		what: "listens after d on IPv6 alone (IPV6_V6ONLY), on a network of the engine that speaks both, so that its IPv4 address always refuses",
		flags: func(d time.Duration) []string {
			return []string{"-v6only", "-listen-after", d.String()}
		}}
	restart = &server{name: "restart", goal: true, what: "listens after d/2 and answers 503, closes its port after d/4 more, listens anew after another d/4, and is then ready",
		flags: func(d time.Duration) []string {
			return []string{"-listen-after", (d / 2).String(), "-close-after", (d / 4).String()}
		}}
	// The flags of busy are those that hold once its work has been measured.
	busy = &server{name: "busy", what: "computes on every processor, then listens and is ready at once"}
	exit = &server{name: "exit", what: "ends after d without listening: what mlbench's engine calls cost when there is nothing to watch",
		flags: func(d time.Duration) []string { return []string{"-exit-after", d.String()} }}
)

// A trial is one start to be watched.
type trial struct {
	name string // of the container
	cell
	args    []string // of the fixture
	network string   // "" for the engine's default
}

// A truth is what a server says of its own start, in ns of CLOCK_MONOTONIC; 0
// is what it did not come to.
type truth struct {
	begin     int64 // of its main function
	listening int64 // listen(2) has returned for the first time
	ready     int64 // requests are answered 2xx from here on
}

// readTruth reads what the fixture wrote.
func readTruth(path string) (t truth, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return t, err
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return t, fmt.Errorf("what a server told cannot be read: %q", line)
		}
		at, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil || at <= 0 {
			return t, fmt.Errorf("what a server told cannot be read: %q", line)
		}
		switch {
		case fields[0] == "begin":
			t.begin = at
		case fields[0] == "listening" && t.listening == 0:
			t.listening = at
		case fields[0] == "ready":
			t.ready = at
		}
	}
	if t.begin == 0 {
		return t, errors.New("a server told nothing: it did not come as far as its main function")
	}
	return t, nil
}
