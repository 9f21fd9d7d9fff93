package listen

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"mlbench/runner"
)

// An Ear hears every listen(2) on this kernel, of all containers and of the
// host. Nothing of it outlives the process.
type Ear struct {
	events *ebpf.Map
	prog   *ebpf.Program
	link   link.Link
	reader *ringbuf.Reader
	record ringbuf.Record
	epoch  time.Time // zero of the kernel's clock
}

// New makes an Ear and tries it. An error wraps runner.ErrNotPermitted and
// says what is missing.
func New() (*Ear, error) {
	e := new(Ear)
	err := e.open()
	if err == nil {
		err = e.try()
	}
	if err != nil {
		return nil, errors.Join(runner.As(runner.ErrNotPermitted, err), e.Close())
	}
	return e, nil
}

// ringSize is room for some 1,000 events, which an engine under full load
// makes in many minutes. What finds no room is lost, and then tries to connect
// tell the moment.
const ringSize = 64 << 10

func (e *Ear) open() (err error) {
	if e.epoch, err = epoch(); err != nil {
		return err
	}
	if e.events, err = ebpf.NewMap(&ebpf.MapSpec{Name: "mlbench_listen", Type: ebpf.RingBuf, MaxEntries: ringSize}); err != nil {
		return fmt.Errorf("making a BPF ring buffer: %w%s", err, hint(err))
	}
	if e.prog, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "mlbench_listen", Type: ebpf.SockOps, AttachType: ebpf.AttachCGroupSockOps,
		Instructions: program(e.events.FD()), License: "GPL",
	}); err != nil {
		return fmt.Errorf("loading a BPF program of type sock_ops: %w%s", err, hint(err))
	}
	root, err := hierarchy()
	if err != nil {
		return fmt.Errorf("opening the cgroup v2 hierarchy: %w%s", err, hint(err))
	}
	defer func() { _ = unix.Close(root) }()
	if e.link, err = link.AttachCgroup(link.CgroupOptions{
		Path: fmt.Sprintf("/proc/self/fd/%d", root), Attach: ebpf.AttachCGroupSockOps, Program: e.prog,
	}); err != nil {
		return fmt.Errorf("attaching a BPF program to the root cgroup: %w%s", err, hint(err))
	}
	e.reader, err = ringbuf.NewReader(e.events)
	return err
}

// Close lets the kernel forget the program.
func (e *Ear) Close() error {
	var errs []error
	if e.reader != nil {
		errs = append(errs, e.reader.Close())
	}
	if e.link != nil {
		errs = append(errs, e.link.Close())
	}
	return errors.Join(append(errs, e.prog.Close(), e.events.Close())...)
}

// Next is the next event, waited for until then. Its error wraps
// os.ErrDeadlineExceeded after that, or is the cause of ctx's end.
func (e *Ear) Next(ctx context.Context, until time.Time) (Event, error) {
	if ctx.Err() != nil {
		return Event{}, context.Cause(ctx)
	}
	e.reader.SetDeadline(until)
	defer context.AfterFunc(ctx, func() { _ = e.reader.Flush() })()
	for {
		err := e.reader.ReadInto(&e.record)
		if ctx.Err() != nil {
			return Event{}, context.Cause(ctx)
		}
		if errors.Is(err, ringbuf.ErrFlushed) { // for an earlier ctx
			continue
		}
		if err != nil {
			return Event{}, err
		}
		if event, ok := e.event(e.record.RawSample); ok {
			return event, nil
		}
	}
}

// hierarchy opens the root of the cgroup v2 hierarchy, mounted somewhere or
// not: containers of engines that use v1 are in it too.
func hierarchy() (fd int, err error) {
	fs, err := unix.Fsopen("cgroup2", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(fs) }()
	if err := unix.FsconfigCreate(fs); err != nil {
		return 0, err
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
}

// hint says what to do about an error of the kernel.
func hint(err error) string {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return ": run as root (CAP_SYS_ADMIN); where that is root already, something else has a BPF program of its own there"
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENODEV), errors.Is(err, ebpf.ErrNotSupported):
		return ": it needs Linux 5.15 with CONFIG_CGROUP_BPF"
	}
	return ""
}

// What the program reads of struct bpf_sock_ops and where, and the one of its
// occasions that counts (linux/bpf.h).
const (
	opAt, familyAt, ip4At, ip6At, portFrom = 0, 20, 28, 48, 68
	tcpListenCB                            = 11
)

// Where the parts of an event lie in what the program sends.
const (
	stampAt, networkAt, addressAt, portAt, familyOf, eventSize = 0, 8, 16, 32, 36, 40
)

// program stamps the moment first, and sends it with what tells whose it is.
// It answers nothing: where it is asked for a value, the kernel keeps its own,
// or what another program said.
func program(events int) asm.Instructions {
	const base = -eventSize // of the event, from the frame's end
	code := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R0, asm.R6, opAt, asm.Word),
		asm.JNE.Imm(asm.R0, tcpListenCB, "done"),
		asm.FnKtimeGetNs.Call(),
		asm.StoreMem(asm.RFP, base+stampAt, asm.R0, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.FnGetNetnsCookie.Call(),
		asm.StoreMem(asm.RFP, base+networkAt, asm.R0, asm.DWord),
		asm.LoadMem(asm.R0, asm.R6, portFrom, asm.Word),
		asm.StoreMem(asm.RFP, base+portAt, asm.R0, asm.Word),
		asm.LoadMem(asm.R7, asm.R6, familyAt, asm.Word),
		asm.StoreMem(asm.RFP, base+familyOf, asm.R7, asm.Word),
		asm.Mov.Imm(asm.R0, 0), // the verifier wants all of it written
		asm.StoreMem(asm.RFP, base+addressAt, asm.R0, asm.DWord),
		asm.StoreMem(asm.RFP, base+addressAt+8, asm.R0, asm.DWord),
		asm.LoadMem(asm.R0, asm.R6, ip4At, asm.Word),
		asm.StoreMem(asm.RFP, base+addressAt, asm.R0, asm.Word),
		asm.JNE.Imm(asm.R7, unix.AF_INET6, "send"),
	}
	for i := int16(0); i < 16; i += 4 {
		code = append(code,
			asm.LoadMem(asm.R0, asm.R6, ip6At+i, asm.Word),
			asm.StoreMem(asm.RFP, base+addressAt+i, asm.R0, asm.Word),
		)
	}
	return append(code,
		asm.LoadMapPtr(asm.R1, events).WithSymbol("send"),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, base),
		asm.Mov.Imm(asm.R3, eventSize),
		asm.Mov.Imm(asm.R4, 0),
		asm.FnRingbufOutput.Call(),
		asm.Mov.Imm(asm.R0, 1).WithSymbol("done"), // anything else is an error
		asm.Return(),
	)
}

// event reads what the program sent.
func (e *Ear) event(b []byte) (Event, bool) {
	if len(b) < eventSize {
		return Event{}, false
	}
	order := binary.NativeEndian
	stamp, port := order.Uint64(b[stampAt:]), order.Uint32(b[portAt:])
	var addr netip.Addr
	switch order.Uint32(b[familyOf:]) {
	case unix.AF_INET:
		addr = netip.AddrFrom4([4]byte(b[addressAt:]))
	case unix.AF_INET6:
		addr = netip.AddrFrom16([16]byte(b[addressAt:]))
	default:
		return Event{}, false
	}
	return Event{
		At:      e.epoch.Add(time.Duration(stamp)),
		Network: order.Uint64(b[networkAt:]),
		Addr:    netip.AddrPortFrom(addr, uint16(port)),
	}, true
}

// epoch is the zero of the clock that the kernel's programs read.
func epoch() (time.Time, error) {
	var at time.Time
	best := time.Duration(-1)
	for range 20 {
		var clock unix.Timespec
		before := time.Now()
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &clock); err != nil {
			return at, fmt.Errorf("reading the kernel's clock: %w", err)
		}
		if took := time.Since(before); best < 0 || took < best {
			best = took
			at = before.Add(took/2 - time.Duration(clock.Nano()))
		}
	}
	if best > 2*ClockError {
		return at, fmt.Errorf("the kernel's clock takes %v to read", best)
	}
	return at, nil
}

// try listens, and sees whether that is heard and rightly told.
func (e *Ear) try() error {
	before := time.Now()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	after := time.Now()
	want := l.Addr().(*net.TCPAddr).AddrPort()
	if err := l.Close(); err != nil {
		return err
	}
	own, err := NetworkOf(os.Getpid())
	if err != nil {
		return err
	}
	for {
		got, err := e.Next(context.Background(), after.Add(time.Second))
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errors.New("the kernel does not tell of what listens here: this process is outside the root cgroup that it sees")
		case err != nil:
			return err
		case got.Addr != want || got.Network != own:
			continue
		case got.At.Before(before.Add(-ClockError)) || got.At.After(after.Add(ClockError)):
			return fmt.Errorf("the kernel tells of what listened between 0 and %v at %v: its clock is not ours (a time namespace?)",
				after.Sub(before), got.At.Sub(before))
		}
		return nil
	}
}

// NetworkOf is the cookie of a process's network namespace, by which events
// tell where they happened.
func NetworkOf(pid int) (uint64, error) {
	type answer struct {
		cookie uint64
		err    error
	}
	done := make(chan answer)
	go func() {
		runtime.LockOSThread()
		cookie, restored, err := networkOf(pid)
		if restored {
			runtime.UnlockOSThread()
		} // else the thread ends with this goroutine
		done <- answer{cookie, err}
	}()
	a := <-done
	return a.cookie, a.err
}

// networkOf changes the thread's network namespace and back.
func networkOf(pid int) (cookie uint64, restored bool, err error) {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return 0, true, err
	}
	defer func() { _ = home.Close() }()
	theirs, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return 0, true, err
	}
	defer func() { _ = theirs.Close() }()
	if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWNET); err != nil {
		return 0, true, fmt.Errorf("entering the network of process %d: %w%s", pid, err, hint(err))
	}
	defer func() { restored = unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil }()
	// A socket of a family that every network namespace has.
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = unix.Close(s) }()
	cookie, err = unix.GetsockoptUint64(s, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return 0, false, fmt.Errorf("asking for a network's cookie: %w%s", err, hint(err))
	}
	return cookie, false, nil
}
