package runner

import (
	"encoding/json"
	"errors"
	"os/exec"
	"reflect"
	"strconv"
	"testing"
	"time"
)

func TestOwnerDead(t *testing.T) {
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Skip("needs a program that ends: ", err)
	}
	self := Self()
	for _, test := range []struct {
		name string
		edit func(*Owner)
		dead bool
	}{
		{"this process", func(*Owner) {}, false},
		{"a process that ended", func(o *Owner) { o.PID = ended.Process.Pid }, true},
		{"another with the same id", func(o *Owner) { o.Started = "1" }, true},
		{"before the last boot", func(o *Owner) { o.Boot = "earlier"; o.Host = self.Host }, self.Host[len(self.Host)-1] != '/'},
		{"a host of the same name", func(o *Owner) { o.Host += "x"; o.Boot = "other" }, false},
		{"another container here", func(o *Owner) { o.PIDs = "pid:[1]"; o.PID = ended.Process.Pid }, false},
	} {
		o := self
		test.edit(&o)
		again, err := ParseOwner(o.String())
		if err != nil || again != o {
			t.Errorf("%s: %v, %+v", test.name, err, again)
		}
		if o.Dead() != test.dead {
			t.Errorf("%s: dead is %v", test.name, o.Dead())
		}
	}
	for _, bad := range []string{"", "host", "a|b|c|d|e", "a|b|c|-1|e", "a|b|c|1"} {
		if _, err := ParseOwner(bad); err == nil {
			t.Errorf("%q is taken for an owner", bad)
		}
	}
}

func TestRules(t *testing.T) {
	for _, text := range []string{"http", "tcp", "log=a b=c", "exit", "healthcheck"} {
		r, err := ParseRule(text)
		if err != nil || r.String() != text {
			t.Errorf("%q: %v, %s", text, err, r)
		}
		b, err := json.Marshal(r)
		if err != nil || string(b) != strconv.Quote(text) {
			t.Errorf("%q: %v, %s", text, err, b)
		}
		var again Rule
		if err := json.Unmarshal(b, &again); err != nil || again.String() != text {
			t.Errorf("%q: %v, %s", text, err, again)
		}
	}
	for _, text := range []string{"", "log", "log=", "log=(", "http=x", "HTTP", "ready"} {
		if r, err := ParseRule(text); err == nil {
			t.Errorf("%q is taken for rule %s", text, r)
		}
	}
	if (Rule{}).String() != "http" {
		t.Error("the zero rule is not http")
	}
}

func TestPhases(t *testing.T) {
	const ms = time.Millisecond
	m := Marks{Created: {At: 10 * ms}, Started: {At: 40 * ms}, Ready: {At: 100 * ms}, FirstResponse: {At: 130 * ms}}
	want := []Phase{{"create", 10 * ms}, {"start", 30 * ms}, {"warmup", 60 * ms}, {"first_request", 30 * ms}}
	if got := m.Phases(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// A midpoint may lie before the mark it follows: no phase is negative,
	// and together they are never more than the last mark.
	m = Marks{Started: {At: 50 * ms}, Listening: {At: 45 * ms}, Ready: {At: 60 * ms}}
	want = []Phase{{"start", 50 * ms}, {"boot", 0}, {"warmup", 10 * ms}}
	if got := m.Phases(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestErrorKinds(t *testing.T) {
	cause := errors.New("no such thing")
	err := As(ErrEnvironment, cause)
	if !errors.Is(err, ErrEnvironment) || !errors.Is(err, cause) || errors.Is(err, ErrUsage) || err.Error() != cause.Error() {
		t.Errorf("%v", err)
	}
	if As(ErrUsage, nil) != nil {
		t.Error("an error out of nothing")
	}
}

func TestCloneSharesNothing(t *testing.T) {
	size := int64(1)
	c := Candidate{Args: []string{"a"}, Env: []string{"e"}, Volumes: []string{"v"}, Request: &Request{Body: []byte("b")}, UnpackedBytes: &size}
	d := c.Clone()
	d.Args[0], d.Env[0], d.Volumes[0], d.Request.Body[0], *d.UnpackedBytes = "x", "x", "x", 'x', 2
	if c.Args[0] != "a" || c.Env[0] != "e" || c.Volumes[0] != "v" || c.Request.Body[0] != 'b' || size != 1 {
		t.Errorf("%+v", c)
	}
}
