// Package docker starts images as containers through the Docker Engine API.
// It is the only importer of the engine's client, whose module has moved to
// github.com/moby/moby/client: a move touches this folder alone.
package docker

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"

	"mlbench/gpu"
	"mlbench/runner"
	"mlbench/runner/cache"
	"mlbench/runner/probe/listen"
	"mlbench/runner/speed"
)

// LabelSession labels, beside runner.OwnerLabel, everything that this package
// makes in the engine. Its value is random, one a Runner.
const LabelSession = "mlbench.session"

// Labels by which an image says how it is measured.
const (
	LabelPort   = "mlbench.port"
	LabelHealth = "mlbench.health"
)

// logLines is how much of a failed start's output is kept.
const logLines = 20

// patience is how long engine calls may take that nothing else bounds. An
// engine that is gone is noticed at once; this is for one that hangs.
type patience struct {
	launch time.Duration // create and start, and removing an image: a busy engine may take long
	remove time.Duration // of one container
	ask    time.Duration // questions, which an engine answers from memory
	back   time.Duration // for an engine that is gone to come back: to start it again takes seconds
}

var defaultPatience = patience{
	launch: 2 * time.Minute, remove: 30 * time.Second, ask: 15 * time.Second, back: 10 * time.Second,
}

// Options of a Runner. The zero value works.
type Options struct {
	// Notify is told what takes long, such as a pull, one line at a time.
	Notify func(line string)
	// Published reaches candidates through a published port from the start,
	// as is done by itself where their own address cannot be reached.
	Published bool
	// Polling tries to connect even where the kernel tells when a candidate
	// listens.
	Polling bool
	// Registry is where level Pull pulls from, host[/path]; "" for a registry
	// of the Runner's own.
	Registry string
	// GPUs watches what candidates use of the GPUs; nil for nothing.
	GPUs *gpu.Sampler
	// Log is told what is asked of the engine, though not while a start is
	// measured: then afterwards. nil for nothing.
	Log *slog.Logger
}

// Runner starts containers on the engine that the docker command would use:
// the one that DOCKER_HOST names, else the current context's, else the one
// behind the local socket.
type Runner struct {
	cli     *client.Client
	asked   calls  // of cli
	context string // the docker context that names the engine, "" for none
	opts    Options
	session string
	starts  int
	patience

	arch      string // the engine's, as Go names it
	here      bool   // the engine may run on this host's kernel
	local     bool   // likewise, and its network, files and processes may be this host's
	rootDir   string
	graph     string        // the storage driver, "" for the containerd image store
	remapped  bool          // files in layers' folders have other owners than in containers
	published bool          // candidates are reached through published ports
	reached   bool          // some candidate was ready, reached as it was
	delay     time.Duration // round trip of an engine call that does nothing

	hearing listen.Hearing // of when candidates listen

	warned map[string]bool           // by the engine, and passed on
	files  map[string][]*cache.Files // of the layers of an image, by its digest
	layers map[string]*cache.Files   // by folder: images share layers
	helper string                    // image of the helper container, made when needed

	imported []string // images of programs of this host, made when asked for

	byHelper bool // Evict goes through the helper container

	gauge *speed.Gauge // made when needed

	ways       gpuWays
	askCDI     bool            // GPUs are asked for by their names in CDI
	given      map[string]bool // by name of the candidate: its GPUs arrived, or it cannot be seen
	gpuRequest string          // how GPUs were asked for, "" where none were

	// At level Pull.
	fresh    map[string]*fresh         // by name of the candidate: what its starts pull
	pulled   map[string]*registryImage // by Ref of the candidate: what the user's registry has
	toRemove []*fresh                  // all that was or may be pulled
	folder   string                    // on this host, "" for none; its owner is in its name
	blobs    string                    // folder of the copies
	server   *server

	accounts [quantities]account // of an earlier container
	sought   bool                // their places were asked for, under a rule that needs no address
}

var (
	_ runner.Runner  = (*Runner)(nil)
	_ runner.Evictor = (*Runner)(nil)
	_ runner.Witness = (*Runner)(nil)
	_ runner.Puller  = (*Runner)(nil)
	_ runner.Reaper  = (*Runner)(nil)
	_ runner.Gauge   = (*Runner)(nil)

	_ runner.Examiner = (*Runner)(nil)
	_ runner.Lister   = (*Runner)(nil)

	_ runner.Looker      = (*Runner)(nil)
	_ runner.FileWitness = (*Runner)(nil)
)

// New makes a Runner; it does not speak to the engine yet.
func New(opts Options) (*Runner, error) {
	e, err := findEndpoint(os.Getenv)
	if err != nil {
		return nil, runner.As(runner.ErrEnvironment, err)
	}
	cli, err := client.NewClientWithOpts(append(e.options, client.WithAPIVersionNegotiation())...)
	if err != nil {
		return nil, runner.As(runner.ErrEnvironment, fmt.Errorf("the engine's client cannot be set up: %w: check DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH", err))
	}
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	if opts.Notify == nil {
		opts.Notify = func(string) {}
	}
	r := &Runner{
		cli:      cli,
		asked:    calls{log: opts.Log},
		context:  e.context,
		opts:     opts,
		session:  hex.EncodeToString(id),
		patience: defaultPatience,
		warned:   make(map[string]bool),
		files:    make(map[string][]*cache.Files),
		layers:   make(map[string]*cache.Files),
		given:    make(map[string]bool),
	}
	if err := r.asked.listenTo(cli); err != nil {
		return nil, runner.As(runner.ErrEnvironment, fmt.Errorf("the engine's client cannot be listened to: %w", err))
	}
	return r, nil
}

// Host asks the engine what it is.
func (r *Runner) Host(ctx context.Context) (runner.Host, error) {
	ctx, cancel := context.WithTimeout(ctx, r.ask)
	defer cancel()
	info, err := r.cli.Info(ctx)
	if err != nil {
		// Of an answer that breaks off the client keeps only the words.
		return runner.Host{}, r.engineError(ctx, "asking the engine what it is", errors.Join(err, ctx.Err()))
	}
	version, err := r.cli.ServerVersion(ctx)
	if err != nil {
		return runner.Host{}, r.engineError(ctx, "asking the engine for its version", err)
	}
	asked := time.Now()
	if _, err := r.cli.Ping(ctx); err != nil {
		return runner.Host{}, r.engineError(ctx, "pinging the engine", err)
	}
	r.delay = time.Since(asked)
	if info.OSType != "linux" {
		return runner.Host{}, runner.As(runner.ErrEnvironment, fmt.Errorf(
			"the engine at %s runs %s containers: switch it to Linux containers", r.cli.DaemonHost(), info.OSType))
	}
	r.arch = version.Arch
	r.rootDir = info.DockerRootDir
	r.graph = info.Driver
	if containerdStore(info) {
		r.graph = ""
	}
	r.remapped = slices.ContainsFunc(info.SecurityOptions, func(s string) bool { return strings.Contains(s, "name=userns") })
	r.here = r.onThisHost(info)
	r.local = r.here && !slices.ContainsFunc(info.SecurityOptions, func(s string) bool { return strings.Contains(s, "name=rootless") })
	r.ways = waysOf(info, version)
	r.published = r.published || r.opts.Published || !r.local
	cpu := ""
	if r.here {
		cpu = runner.CPUModel()
	}
	return runner.Host{
		Engine:      cmp.Or(version.Platform.Name, "Docker Engine") + " " + info.ServerVersion,
		API:         r.cli.ClientVersion(),
		Storage:     info.Driver,
		Runtime:     info.DefaultRuntime,
		Cgroup:      info.CgroupVersion,
		OS:          info.OperatingSystem,
		Arch:        version.Arch,
		Kernel:      info.KernelVersion,
		CPU:         cpu,
		CPUs:        info.NCPU,
		MemoryBytes: info.MemTotal,
		Reach:       r.reach(),
		GPURequest:  r.gpuRequest,
	}, nil
}

func (r *Runner) reach() string {
	if r.published {
		return "published"
	}
	return "address"
}

// containerdStore tells the containerd image store, whose sizes and layers
// mean other things, from the graph drivers.
func containerdStore(info system.Info) bool {
	return slices.ContainsFunc(info.DriverStatus, func(s [2]string) bool {
		return strings.HasPrefix(s[1], "io.containerd.snapshotter")
	})
}

// onThisHost reports whether the engine may share this host's kernel: a local
// socket, and no virtual machine between. A rootless engine has a network of its
// own; whether addresses are reached is tried in the first start all the same.
// A socket may also be forwarded from a virtual machine or another host, whose
// kernel is hardly ever of exactly this release.
func (r *Runner) onThisHost(info system.Info) bool {
	u, err := url.Parse(r.cli.DaemonHost())
	if err != nil || u.Scheme != "unix" || runtime.GOOS != "linux" {
		return false
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err == nil && strings.TrimSpace(string(kernel)) != info.KernelVersion {
		return false
	}
	return info.OperatingSystem != "Docker Desktop"
}

// Close removes what the Runner made for itself.
func (r *Runner) Close() error {
	err := errors.Join(r.removeHelper(), r.removeImported(), r.closeFresh())
	return errors.Join(err, r.hearing.Close(), r.cli.Close())
}

// engineError says what was tried, what was found and what to do. Where ctx
// was cancelled, that is all there is to say.
func (r *Runner) engineError(ctx context.Context, tried string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: %w", tried, context.Cause(ctx))
	}
	host := r.cli.DaemonHost()
	if r.context != "" {
		host += fmt.Sprintf(" (docker context %q)", r.context)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%s: the engine at %s does not answer in time: look at its log, or start it again (sudo systemctl restart docker)", tried, host)
	case errors.Is(err, fs.ErrPermission), strings.Contains(err.Error(), "permission denied while trying to connect"):
		err = fmt.Errorf("%s: no permission on %s: run as root, or join its group (sudo usermod -aG docker $USER, then log in again)", tried, host)
	case strings.Contains(err.Error(), diskFull):
		err = fmt.Errorf("%s: %w: the disk of the engine's folder %s is full: make room on it, e.g. with `docker system prune`", tried, err, r.rootDir)
	case engineGone(err):
		err = fmt.Errorf("%s: no engine answers at %s: start it (sudo systemctl start docker, or sudo dockerd), or name another with DOCKER_HOST", tried, host)
	default:
		err = fmt.Errorf("%s: %w", tried, err)
	}
	return runner.As(runner.ErrEnvironment, err)
}

// engineGone tells, of an engine call's error, the loss of the engine from
// what the engine answered.
func engineGone(err error) bool {
	var op *net.OpError
	return client.IsErrConnectionFailed(err) || errors.As(err, &op) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) // in the middle of an answer
}

// whileAlive is for calls that take as long as they take, such as a build: the
// context ends when the engine answers nothing else any more, and says so as
// its cause. Call stop when the call is over.
func (r *Runner) whileAlive(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(r.ask):
			}
			asking, answered := context.WithTimeout(ctx, r.ask)
			_, err := r.cli.Ping(asking)
			answered()
			if err != nil && ctx.Err() == nil {
				cancel(r.engineError(ctx, "asking whether the engine still answers", err))
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// diskFull is the kernel's word for it, which engines pass on.
const diskFull = "no space left on device"

// labels mark what this process made.
func (r *Runner) labels() map[string]string {
	return map[string]string{LabelSession: r.session, runner.OwnerLabel: runner.Self().String()}
}

// detached is for calls that have to happen even if ctx is done.
func detached(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), timeout)
}
