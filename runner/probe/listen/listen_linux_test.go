package listen

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mlbench/runner"
)

const slow = 30 * time.Second

// ear is one that hears, where this process may have one.
func ear(t testing.TB) *Ear {
	t.Helper()
	e, err := New()
	if errors.Is(err, runner.ErrNotPermitted) && os.Getenv("MLBENCH_REQUIRE_ENGINE") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func own(t testing.TB) uint64 {
	t.Helper()
	network, err := NetworkOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	return network
}

func TestHears(t *testing.T) {
	e, network := ear(t), own(t)
	for _, where := range []struct{ family, at string }{
		{"tcp4", "127.0.0.1:0"}, {"tcp4", "0.0.0.0:0"}, {"tcp6", "[::1]:0"}, {"tcp6", "[::]:0"}, {"tcp", ":0"},
	} {
		before := time.Now()
		l, err := net.Listen(where.family, where.at)
		if err != nil {
			t.Fatal(err)
		}
		after := time.Now()
		want := l.Addr().(*net.TCPAddr).AddrPort()
		for {
			got, err := e.Next(t.Context(), time.Now().Add(slow))
			if err != nil {
				t.Fatalf("%s %s: %v", where.family, where.at, err)
			}
			if got.Addr != want { // another's
				continue
			}
			if got.Network != network || got.At.Before(before.Add(-ClockError)) || got.At.After(after.Add(ClockError)) {
				t.Errorf("%s: %+v, which is %v after the call began; it took %v; network %d",
					where.at, got, got.At.Sub(before), after.Sub(before), network)
			}
			break
		}
		_ = l.Close()
	}
}

func TestNextEnds(t *testing.T) {
	e := ear(t)
	for { // whatever others do meanwhile
		if _, err := e.Next(t.Context(), time.Now().Add(20*time.Millisecond)); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
			break
		}
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(enough) })
	for {
		if _, err := e.Next(ctx, time.Now().Add(slow)); err != nil {
			if !errors.Is(err, enough) {
				t.Error(err)
			}
			break
		}
	}
	// What ended one wait does not end the next.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := e.Next(t.Context(), time.Now().Add(slow)); err != nil {
		t.Error(err)
	}
}

// TestTwoEars: two runs on one host hear the same, and one's end leaves the
// other alone.
func TestTwoEars(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Skip(err)
	}
	b := ear(t)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.try(); err != nil {
		t.Error(err)
	}
}

func TestProgram(t *testing.T) {
	e, network := ear(t), own(t)
	begin := time.Now()
	early, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = early.Close() }()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	_ = free.Close()
	e.Forget()
	if _, _, err := e.Program(network, []string{early.Addr().String()}, begin).Next(t.Context(), time.Now().Add(10*time.Millisecond)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("what was forgotten is told: %v", err)
	}

	p := e.Program(network, []string{addr, "not an address"}, time.Now())
	elsewhere := elsewhere(t, ":0") // on another port
	port := addr[strings.LastIndex(addr, ":"):]
	l, err := net.Listen("tcp", port) // on all addresses
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	at, resolution, err := p.Next(t.Context(), time.Now().Add(slow))
	if err != nil || at.Before(begin) || resolution != ClockError {
		t.Errorf("%v, %v, %v", at, resolution, err)
	}
	found := false
	for _, a := range p.Elsewhere() {
		found = found || a.Port() == elsewhere
	}
	if !found {
		t.Errorf("it listens on port %d too, and elsewhere is %v", elsewhere, p.Elsewhere())
	}
	// Another network's program is another's.
	p = e.Program(network+1, []string{addr}, begin)
	if _, err := net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Next(t.Context(), time.Now().Add(10*time.Millisecond)); !errors.Is(err, os.ErrDeadlineExceeded) || len(p.Elsewhere()) > 0 {
		t.Errorf("%v, %v", err, p.Elsewhere())
	}
}

func elsewhere(t *testing.T, at string) (port uint16) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

// TestHearing: what is missed once is listened for no more.
func TestHearing(t *testing.T) {
	ear(t) // or the test is skipped
	var h Hearing
	if h.Program(os.Getpid(), nil, time.Now()) != nil {
		t.Error("it hears before it begins")
	}
	for range 2 {
		h.Begin()
		if h.Err() != nil || h.Program(os.Getpid(), nil, time.Now()) == nil || h.Program(1<<30, nil, time.Now()) != nil {
			t.Fatal(h.Err())
		}
	}
	if err := h.Missed(); err == nil || h.Err() == nil {
		t.Error("nothing was missed")
	}
	if h.Begin(); h.Program(os.Getpid(), nil, time.Now()) != nil {
		t.Error("it hears again")
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

func TestReaches(t *testing.T) {
	p := (*Ear)(nil).Program(1, []string{"172.17.0.2:80", "[fd00::2]:80"}, time.Now())
	for there, want := range map[string]bool{
		"0.0.0.0:80": true, "[::]:80": true, "172.17.0.2:80": true, "[::ffff:172.17.0.2]:80": true, "[fd00::2]:80": true,
		"127.0.0.1:80": false, "[::1]:80": false, "0.0.0.0:81": false, "172.17.0.3:80": false,
	} {
		if got := p.reaches(netip.MustParseAddrPort(there)); got != want {
			t.Errorf("%s: %v", there, got)
		}
	}
}

// TestNetworkOf tells another network from this one, and leaves this process
// in its own.
func TestNetworkOf(t *testing.T) {
	home := own(t)
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := cmd.Start(); err != nil {
		t.Skip("no network namespace can be made here: ", err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	theirs, err := NetworkOf(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if theirs == home || own(t) != home {
		t.Errorf("%d, and at home %d and then %d", theirs, home, own(t))
	}
	if _, err := NetworkOf(1 << 30); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no process: %v", err)
	}
}

// TestNotPermitted: who may not load programs is told what to do.
func TestNotPermitted(t *testing.T) {
	if os.Getenv("MLBENCH_LISTEN_UNPRIVILEGED") != "" {
		_, err := New()
		if !errors.Is(err, runner.ErrNotPermitted) || !strings.Contains(err.Error(), "run as root") {
			t.Errorf("%v", err)
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test's own folder is not for others to see.
	exe := "/tmp/mlbench-listen-test-" + strconv.Itoa(os.Getpid())
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, b, 0o755); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(exe) }()
	cmd := exec.Command(exe, "-test.run", "^TestNotPermitted$")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "MLBENCH_LISTEN_UNPRIVILEGED=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// FuzzEvent reads what the kernel's program would never send.
func FuzzEvent(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, eventSize))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = new(Ear).event(b)
	})
}

// BenchmarkListen is what listening costs a program that is heard, against one
// that is not.
func BenchmarkListen(b *testing.B) {
	for _, heard := range []bool{false, true} {
		b.Run("heard="+strconv.FormatBool(heard), func(b *testing.B) {
			if heard {
				ear(b)
			}
			for b.Loop() {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				_ = l.Close()
			}
		})
	}
}

// BenchmarkNew is what it costs to begin to hear.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		e, err := New()
		if err != nil {
			b.Skip(err)
		}
		_ = e.Close()
	}
}
