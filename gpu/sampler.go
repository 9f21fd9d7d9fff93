package gpu

import (
	"cmp"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// SampleEvery is how often a Sampler reads the GPUs, where reading them takes
// little: a context takes hundreds of milliseconds to be made.
const SampleEvery = 15 * time.Millisecond

// share is how much of a core a Watch may use, one part in so many: reading that
// takes more CPU time than this leaves is done less often.
const share = 10

// silence is how long the last reading may take before the driver is given up.
const silence = 5 * time.Second

// A Sampler watches what starts use of GPUs. Without a Meter it watches nothing,
// nor does a nil one.
type Sampler struct {
	Meter Meter
	Every time.Duration // SampleEvery where it is 0

	mu   sync.Mutex
	last *Watch // the one that began last
}

// Close closes the Meter. One of which a reading hangs is left behind: to close
// it would hang too, or take from under the reading the library that it is in.
func (s *Sampler) Close() error {
	if s == nil || s.Meter == nil {
		return nil
	}
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	if last != nil {
		select {
		case <-last.done:
		default:
			return nil
		}
	}
	return s.Meter.Close()
}

// A Watch is of one start. All methods of a nil one do nothing.
type Watch struct {
	meter Meter
	every time.Duration

	ready chan struct{} // holds one while a reading for Ready is due
	stop  chan struct{} // closed by Stop
	done  chan struct{} // closed when the last reading is over

	stopping sync.Once
	use      *Use // set by Stop
	err      error

	mu    sync.Mutex // of what follows
	track *track
	cpu   time.Duration
	fatal error // why reading ended early
}

// Watch begins to read the GPUs, at once and then again and again, until Stop.
// It does not wait for the first reading. ours tells whether a process, by its
// id in this host's namespace, belongs to the start. It is called from another
// goroutine, once for each process for as long as the driver names it. There is
// one Watch at a time.
func (s *Sampler) Watch(ours func(pid int) bool) *Watch {
	if s == nil || s.Meter == nil {
		return nil
	}
	w := &Watch{
		meter: s.Meter, every: cmp.Or(s.Every, SampleEvery), track: newTrack(time.Now(), ours),
		ready: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	s.mu.Lock()
	before := s.last
	s.last = w
	s.mu.Unlock()
	go func() {
		defer close(w.done)
		if before != nil {
			<-before.done // a reading of it may hang
		}
		w.read()
	}()
	return w
}

// read reads until Stop. Its thread is its own, so that the thread's CPU time
// is what reading takes.
func (w *Watch) read() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin, _ := threadTime()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var ready, last bool
		select {
		case <-timer.C:
		case <-w.ready:
			ready = true
		case <-w.stop:
			last = true
			select {
			case <-w.ready:
				ready = true
			default:
			}
		}
		before, known := threadTime()
		began := time.Now()
		loads, err := w.meter.Read()
		at := time.Now()
		going := w.take(sample{began, at, loads}, ready, err)
		if last || !going {
			w.spent(begin)
			<-w.stop
			return
		}
		took := time.Since(began)
		cpu := took
		if after, ok := threadTime(); ok && known {
			cpu = after - before
		}
		w.spent(begin)
		timer.Reset(pause(w.every, took, cpu))
	}
}

// pause is for how long nothing is read after a reading that took so long, of
// which it computed so long. One that waited for the driver's locks is followed
// by half an interval at least, as a program that begins to use the GPU waits
// for the same.
func pause(every, took, cpu time.Duration) time.Duration {
	return max(every-took, every/2, share*cpu-took)
}

// take takes what a reading found, and says whether to go on.
func (w *Watch) take(s sample, ready bool, err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		err = w.track.add(s)
	}
	if err != nil {
		w.fatal = err
		return false
	}
	if ready {
		w.track.markReady()
	}
	return true
}

func (w *Watch) spent(begin time.Duration) {
	if now, ok := threadTime(); ok {
		w.mu.Lock()
		w.cpu = now - begin
		w.mu.Unlock()
	}
}

// Ready has the GPUs read right away, for Use.Ready. It does not wait.
func (w *Watch) Ready() {
	if w == nil {
		return
	}
	select {
	case w.ready <- struct{}{}:
	default: // one is due
	}
}

// Stop reads the GPUs once more and says what was seen; nil of a nil Watch. An
// error wraps ErrLost, or is one of the driver as a whole: what was seen until
// then is told too. One that wraps ErrSilent says that the driver did not
// answer within seconds; the reading is left behind. Further calls return what
// the first did.
func (w *Watch) Stop() (*Use, error) {
	if w == nil {
		return nil, nil
	}
	w.stopping.Do(func() {
		close(w.stop)
		timeout := time.NewTimer(silence)
		defer timeout.Stop()
		select {
		case <-w.done:
			w.mu.Lock()
			w.err = w.fatal
		case <-timeout.C:
			w.err = &TroubleError{
				Kind: ErrSilent, Tried: fmt.Sprintf("waited %v for what is in use of the GPUs", silence),
				Remedy: RemedySilent,
			}
			if !w.mu.TryLock() { // it hangs in asking whose a process is
				return
			}
		}
		defer w.mu.Unlock()
		w.use = w.track.use()
		w.use.CPU = w.cpu
	})
	return w.use, w.err
}
