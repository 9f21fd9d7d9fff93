// Package docker starts images as containers through the Docker Engine API.
// It is the only importer of the engine's client, whose module has moved to
// github.com/moby/moby/client: a move touches this folder alone.
package docker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"

	"mlbench/runner"
	"mlbench/runner/cache"
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

// engineTimeout bounds single engine calls that nothing else bounds. A create
// or remove of a busy engine may take many seconds.
const engineTimeout = 2 * time.Minute

// Options of a Runner. The zero value works.
type Options struct {
	// Notify is told what takes long, such as a pull, one line at a time.
	Notify func(line string)
	// Published reaches candidates through a published port from the start,
	// as is done by itself where their own address cannot be reached.
	Published bool
}

// Runner starts containers on the engine that the environment names
// (DOCKER_HOST and its companions, else the local socket).
type Runner struct {
	cli     *client.Client
	opts    Options
	session string
	starts  int

	arch      string // the engine's, as Go names it
	local     bool   // the engine's files and processes may be this host's
	rootDir   string
	graph     string        // the storage driver, "" for the containerd image store
	published bool          // candidates are reached through published ports
	delay     time.Duration // round trip of an engine call that does nothing

	files  map[string]*cache.Files // by digest
	helper string                  // image of the helper container, made when needed
}

var (
	_ runner.Runner  = (*Runner)(nil)
	_ runner.Evictor = (*Runner)(nil)
	_ runner.Witness = (*Runner)(nil)
	_ runner.Reaper  = (*Runner)(nil)
)

// New makes a Runner; it does not speak to the engine yet.
func New(opts Options) (*Runner, error) {
	if host := os.Getenv(client.EnvOverrideHost); strings.HasPrefix(host, "ssh://") {
		return nil, runner.As(runner.ErrEnvironment, fmt.Errorf(
			"DOCKER_HOST is %s, and an engine cannot be measured through ssh: run mlbench on that host", host))
	}
	cli, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, runner.As(runner.ErrEnvironment, fmt.Errorf("docker client: %w", err))
	}
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	if opts.Notify == nil {
		opts.Notify = func(string) {}
	}
	return &Runner{
		cli:     cli,
		opts:    opts,
		session: hex.EncodeToString(id),
		files:   make(map[string]*cache.Files),
	}, nil
}

// Host asks the engine what it is.
func (r *Runner) Host(ctx context.Context) (runner.Host, error) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	info, err := r.cli.Info(ctx)
	if err != nil {
		return runner.Host{}, r.engineError("asking the engine what it is", err)
	}
	version, err := r.cli.ServerVersion(ctx)
	if err != nil {
		return runner.Host{}, r.engineError("asking the engine for its version", err)
	}
	asked := time.Now()
	if _, err := r.cli.Ping(ctx); err != nil {
		return runner.Host{}, r.engineError("pinging the engine", err)
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
	r.local = r.onThisHost(info)
	r.published = r.opts.Published || !r.local
	return runner.Host{
		Engine:      strings.TrimSpace(version.Platform.Name + " " + info.ServerVersion),
		API:         r.cli.ClientVersion(),
		Storage:     info.Driver,
		Runtime:     info.DefaultRuntime,
		Cgroup:      info.CgroupVersion,
		OS:          info.OperatingSystem,
		Arch:        version.Arch,
		Kernel:      info.KernelVersion,
		CPUs:        info.NCPU,
		MemoryBytes: info.MemTotal,
		Reach:       r.reach(),
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

// onThisHost reports whether the engine may share this host's kernel and
// network: a local socket, and no virtual machine or user namespace between.
// Whether addresses are reached is tried in the first start all the same.
func (r *Runner) onThisHost(info system.Info) bool {
	u, err := url.Parse(r.cli.DaemonHost())
	if err != nil || u.Scheme != "unix" || runtime.GOOS != "linux" {
		return false
	}
	rootless := slices.ContainsFunc(info.SecurityOptions, func(s string) bool {
		return strings.Contains(s, "name=rootless")
	})
	return !rootless && info.OperatingSystem != "Docker Desktop"
}

// Close removes what the Runner made for itself.
func (r *Runner) Close() error {
	err := r.removeHelper()
	return errors.Join(err, r.cli.Close())
}

// engineError says what was tried, what was found and what to do.
func (r *Runner) engineError(tried string, err error) error {
	if err == nil {
		return nil
	}
	if ctxErr := contextError(err); ctxErr != nil {
		return fmt.Errorf("%s: %w", tried, err)
	}
	host := r.cli.DaemonHost()
	switch {
	case errors.Is(err, fs.ErrPermission), strings.Contains(err.Error(), "permission denied while trying to connect"):
		err = fmt.Errorf("%s: no permission on %s: run as root, or join its group (sudo usermod -aG docker $USER, then log in again)", tried, host)
	case client.IsErrConnectionFailed(err):
		err = fmt.Errorf("%s: no engine answers at %s: start it (sudo systemctl start docker, or sudo dockerd), or name another with DOCKER_HOST", tried, host)
	default:
		err = fmt.Errorf("%s: %w", tried, err)
	}
	return runner.As(runner.ErrEnvironment, err)
}

func contextError(err error) error {
	for _, e := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return e
		}
	}
	return nil
}

// labels mark what this process made.
func (r *Runner) labels() map[string]string {
	return map[string]string{LabelSession: r.session, runner.OwnerLabel: runner.Self().String()}
}

// detached is for calls that have to happen even if ctx is done.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), engineTimeout)
}
