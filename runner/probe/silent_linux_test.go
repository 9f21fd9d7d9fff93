package probe

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// silent is an address that answers nothing, not even a refusal: one that
// listens, accepts nothing, and has a full queue.
func silent(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port))
	for range 10 {
		c, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Skip("this kernel's queue for connections never fills, so there is no silent address")
	return ""
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	addr := silent(t)
	begin := time.Now()
	s, err := TCP(within(t, slow), at(addr))
	if !errors.Is(err, ErrUnreachable) || time.Since(begin) < UnreachableAfter {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	if len(s.Tried) != 1 || s.Tried[0] != addr+": no answer to connect" {
		t.Errorf("tried %q", s.Tried)
	}
}

// TestRefusedIsReachable: an address that refuses proves the network, however
// long the other stays silent.
func TestRefusedIsReachable(t *testing.T) {
	t.Parallel()
	s, err := TCP(within(t, UnreachableAfter+time.Second), at(silent(t), free(t)))
	if !errors.Is(err, ErrTimeout) || len(s.Tried) != 2 || !strings.HasSuffix(s.Tried[1], "connection refused") {
		t.Errorf("%v, tried %q", err, s.Tried)
	}
}

// TestSilentIsInterrupted: a connect that waits ends with its context.
func TestSilentIsInterrupted(t *testing.T) {
	t.Parallel()
	addr := silent(t)
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	if _, err := TCP(ctx, at(addr)); !errors.Is(err, stop) {
		t.Error(err)
	}
}

func TestRequestProblemOfDial(t *testing.T) {
	t.Parallel()
	_, err := dial(t.Context(), silent(t), nil)
	if got := requestProblem(err, time.Second); got != "no answer to connect" {
		t.Errorf("%q of %v", got, err)
	}
}
