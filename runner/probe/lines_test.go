package probe

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mlbench/runner"
)

// watched makes a Watch for pattern on l.
func watched(l *Lines, pattern string) *Watch {
	w := &Watch{Pattern: regexp.MustCompile(pattern), Lag: func(line string, _ time.Time) (string, time.Duration) {
		return strings.TrimPrefix(line, "stamp "), time.Millisecond
	}}
	l.Watch(w)
	return w
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 10*maxLine)
	for _, test := range []struct {
		name  string
		keep  int
		print []string
		want  []string
	}{
		{"nothing", 3, nil, nil},
		{"no newline", 3, []string{"a"}, []string{"a"}},
		{"CRLF", 3, []string{"a\r\nb\r", "\nc"}, []string{"a", "b", "c"}},
		{"empty lines", 3, []string{"\n\n"}, []string{"", ""}},
		{"the last ones", 2, []string{"1\n2\n3\n4\n"}, []string{"3", "4"}},
		{"an unfinished one counts", 2, []string{"1\n2\n3"}, []string{"2", "3"}},
		{"none kept", 0, []string{"1\n2\n3"}, nil},
		{"in pieces", 3, []string{"he", "ll", "o\nwor", "ld\n"}, []string{"hello", "world"}},
		{"too long", 3, []string{long, long, "\nb\n"}, []string{long[:maxLine], "b"}},
		{"binary", 3, []string{"\x00\xff\x1b[31m\n\xfe"}, []string{"\x00\xff\x1b[31m", "\xfe"}},
		{"progress bar", 3, []string{"10 %\r50 %\r100 %\r\ndone\n"}, []string{"10 %\r50 %\r100 %", "done"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := &Lines{Keep: test.keep}
			for _, p := range test.print {
				if n, err := l.Write([]byte(p)); n != len(p) || err != nil {
					t.Errorf("wrote %d of %d: %v", n, len(p), err)
				}
			}
			if got := l.Last(); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestLinesOfManyWriters(t *testing.T) {
	const writers, each = 8, 200
	l := &Lines{Keep: writers * each}
	w := watched(l, "^6:199$")
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			for k := range each {
				fmt.Fprintf(l, "%d:%d\n", i, k)
				if k%50 == 0 {
					l.Last()
				}
			}
		})
	}
	group.Wait()
	next := make(map[string]int)
	for _, line := range l.Last() {
		writer, number, _ := strings.Cut(line, ":")
		if number != fmt.Sprint(next[writer]) {
			t.Fatalf("line %q after number %d", line, next[writer]-1)
		}
		next[writer]++
	}
	if len(next) != writers || len(l.Last()) != writers*each {
		t.Errorf("%d lines of %v", len(l.Last()), next)
	}
	if _, err := Log(within(t, slow), time.Now(), w); err != nil {
		t.Error(err)
	}
}

func TestLog(t *testing.T) {
	l := new(Lines)
	fmt.Fprintln(l, "stamp ready before it was watched")
	w := watched(l, "^ready")
	begin := time.Now()
	fmt.Fprint(l, "not ready\nstamp rea")
	select {
	case <-w.seen:
		t.Error("half a line was taken for a line")
	default:
	}
	fmt.Fprint(l, "dy\r\nready again\n")
	s, err := Log(within(t, slow), begin, w)
	m := s.Marks[runner.Ready]
	if err != nil || m.At <= 0 || m.At > time.Since(begin) || m.Resolution != time.Millisecond || m.Source != "log" {
		t.Errorf("%v, %+v", err, m)
	}
}

// TestLogSaidAndEnded: a program that says its line and ends was ready.
func TestLogSaidAndEnded(t *testing.T) {
	for range 100 { // a select between two that are ready draws lots
		l := new(Lines)
		w := watched(l, "ready")
		fmt.Fprintln(l, "ready")
		if _, err := Log(within(t, -time.Second), time.Now(), w); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzLines holds Lines against what the whole output says, however it is cut.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\nc"), uint8(1), uint8(2))
	f.Add([]byte("\r\r\n\x00\xff"), uint8(3), uint8(0))
	f.Add(bytes.Repeat([]byte("x"), 2*maxLine), uint8(200), uint8(5))
	f.Fuzz(func(t *testing.T, out []byte, cut, keep uint8) {
		l := &Lines{Keep: int(keep)}
		w := watched(l, "")
		for rest := out; len(rest) > 0; {
			n := min(len(rest), int(cut)+1)
			_, _ = l.Write(rest[:n])
			rest = rest[n:]
		}
		var want []string
		lines := bytes.Split(out, []byte("\n"))
		for i, line := range lines {
			line = line[:min(len(line), maxLine)]
			if i < len(lines)-1 {
				want = append(want, string(bytes.TrimRight(line, "\r")))
			} else if len(line) > 0 {
				want = append(want, string(line))
			}
		}
		want = want[max(0, len(want)-int(keep)):]
		if got := l.Last(); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if seen := len(w.seen) == 1; seen != (len(lines) > 1) {
			t.Errorf("a line was seen: %v", seen)
		}
	})
}
