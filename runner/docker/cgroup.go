package docker

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"mlbench/runner"
	"mlbench/runner/cache"
	"mlbench/runner/speed"
)

// What the kernel keeps of a container's control group and of all groups
// below it.
//
// CPU time counts whole time slices: a thread that is running when the file is
// read misses there what it used since the last tick of the scheduler (4 ms at
// CONFIG_HZ=250). Counted too is what the engine's runtime used inside the
// group to set the container up.
//
// CPU wait is pressure of the kind "full" (PSI, accounting/psi.rst in the
// kernel's documentation): time in which some thread of the group could run,
// and none did. A group that is limited in its processors waits for its own
// quota too, so there it tells nothing of the host.
const (
	cpuTime     = iota // nanoseconds
	cpuWait            // nanoseconds
	bytesRead          // from disks
	majorFaults        // a number
	peakMemory         // bytes
	processes          // no figure: the ids of the group's processes
	quantities
)

// An account is the file in which one of them is kept.
type account struct {
	id       string // of the container
	quantity int
	path     string
	parse    func(text string) (int64, error)
}

// of is the same file of another container: engines place the groups of all
// containers alike, but for their ids.
func (a account) of(id string) account {
	a.path, a.id = strings.ReplaceAll(a.path, a.id, id), id
	return a
}

// open opens an account for readAccounts.
func (x *one) open(a account) bool {
	file, err := os.Open(a.path)
	if err != nil {
		return false
	}
	x.books[a.quantity], x.accounts[a.quantity] = file, a
	return true
}

// openAccounts opens the container's accounts where their places are known
// from an earlier start, so that the rest of the start costs nothing but a
// read of each.
func (x *one) openAccounts() {
	for _, a := range x.r.accounts {
		if a.path != "" {
			x.open(a.of(x.id))
		}
	}
}

func (x *one) closeAccounts() {
	for _, file := range x.books {
		if file != nil {
			_ = file.Close()
		}
	}
}

// findAccounts opens the accounts of a running container by the groups of its
// first process, and keeps their places for later starts. The process may be
// another one by now, or one of another machine: only a group that bears the
// container's id is taken.
func (x *one) findAccounts(state *container.State) {
	if x.books[cpuTime] != nil || !x.r.local || state == nil || !state.Running || state.Pid <= 0 {
		return
	}
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", state.Pid))
	if err != nil {
		return
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return
	}
	for _, a := range accounts(x.id, string(groups), string(mounts)) {
		if x.books[a.quantity] == nil && x.open(a) {
			x.r.accounts[a.quantity] = a
		}
	}
}

// readAccounts fills in what the container has used, how long it has waited
// for a processor and what was wanted of this host meanwhile, as far as they
// can be known. The rules that need no address ask the engine nothing before
// the candidate is ready; under them a Runner's first start asks it here.
func (x *one) readAccounts(ctx context.Context, s *runner.Start) {
	if stolen, ok := speed.Steal(); ok && x.stolenKnown {
		stolen -= x.stolen
		s.Steal = &stolen
	}
	// What has ended has no accounts any more.
	if x.books[cpuTime] == nil && x.r.local && !x.r.sought && x.c.Ready.Kind != runner.Exit {
		info, err := x.r.cli.ContainerInspect(ctx, x.id)
		if err == nil && info.State != nil && info.State.Running {
			x.findAccounts(info.State)
			x.r.sought = true // once: it would delay the first request of every start
		}
	}
	s.CPU = x.readTime(cpuTime)
	if x.c.CPUs == 0 {
		s.CPUWait = x.readTime(cpuWait)
	}
	s.MajorFaults = x.read(majorFaults)
	s.PeakMemory = x.read(peakMemory)
	if s.ReadBytes = x.read(bytesRead); s.ReadBytes == nil {
		s.ReadBytes = x.readByProcesses()
	}
	if x.r.local {
		s.HostLoad = speed.LoadSince(x.load)
	}
}

// read is what an account says now, nil where it says nothing.
func (x *one) read(quantity int) *int64 {
	text, ok := x.text(quantity)
	if !ok {
		return nil
	}
	v, err := x.accounts[quantity].parse(text)
	if err != nil {
		return nil
	}
	return &v
}

func (x *one) readTime(quantity int) *time.Duration {
	v := x.read(quantity)
	if v == nil {
		return nil
	}
	took := time.Duration(*v)
	return &took
}

// text is what stands in an account now.
func (x *one) text(quantity int) (text string, ok bool) {
	file := x.books[quantity]
	if file == nil {
		return "", false
	}
	b := make([]byte, 8192) // memory.stat has some seventy lines
	n, err := file.Read(b)
	if err != nil && err != io.EOF { // the group goes when the container's last process has ended
		return "", false
	}
	return string(b[:n]), true
}

// maxProcesses is of how many processes the bytes read are looked up: each
// takes some 15 µs, by which the first request is late.
const maxProcesses = 64

// readByProcesses adds up what the group's processes, and all that they waited
// for, have read from disks: the hierarchies of v1 count it from Linux 6.10 on
// only where it is limited. Of a container that makes groups of its own it is
// not known, as their processes are not listed.
func (x *one) readByProcesses() *int64 {
	text, ok := x.text(processes)
	if !ok || hasFolders(path.Dir(x.accounts[processes].path)) {
		return nil
	}
	pids := strings.Fields(text)
	if !ok || len(pids) == 0 || len(pids) > maxProcesses {
		return nil
	}
	var sum int64
	for _, pid := range pids {
		id, err := strconv.Atoi(pid) // 0 is one of another pid namespace
		if err != nil || id <= 0 {
			return nil
		}
		n, err := cache.ReadFromDisk(id)
		if err != nil || sum > math.MaxInt64-n {
			return nil
		}
		sum += n
	}
	return &sum
}

func hasFolders(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err != nil || slices.ContainsFunc(entries, os.DirEntry.IsDir)
}

// kinds are the hierarchies of control groups that keep accounts; see
// cgroup-v1/cpuacct, memory and blkio-controller, and cgroup-v2 in the kernel's
// documentation. Where both are mounted, an engine may use either, and
// containers that it does not count in one are in a group there that does not
// bear their id.
var kinds = []struct {
	quantity   int
	fstype     string
	controller string // as /proc/PID/cgroup names it
	file       string
	parse      func(string) (int64, error)
}{
	{cpuTime, "cgroup", "cpuacct", "cpuacct.usage", parseUsage},
	{cpuTime, "cgroup2", "", "cpu.stat", parseCPUStat},
	{cpuWait, "cgroup2", "", "cpu.pressure", parsePressure},
	{bytesRead, "cgroup", "blkio", "blkio.throttle.io_service_bytes_recursive", parseServiceBytes}, // from Linux 5.2 on
	{bytesRead, "cgroup", "blkio", "blkio.throttle.io_service_bytes", parseServiceBytes},
	{bytesRead, "cgroup2", "", "io.stat", parseIOStat},
	{majorFaults, "cgroup", "memory", "memory.stat", parseTotalFaults},
	{majorFaults, "cgroup2", "", "memory.stat", parseFaults},
	{peakMemory, "cgroup", "memory", "memory.max_usage_in_bytes", parseCount},
	{peakMemory, "cgroup2", "", "memory.peak", parseCount}, // from Linux 5.19 on
	{processes, "cgroup", "cpuacct", "cgroup.procs", nil},
	{processes, "cgroup2", "", "cgroup.procs", nil},
}

// accounts lists where the accounts of the container may be, by the texts of
// its process's /proc/PID/cgroup and of our own mountinfo.
func accounts(id, groups, mountinfo string) []account {
	var found []account
	mounts := parseMountinfo(mountinfo)
	for _, k := range kinds {
		group, ok := groupOf(id, k.controller, groups)
		if !ok {
			continue
		}
		for _, m := range mounts {
			// The options of a v1 file system name its controllers.
			if m.fstype != k.fstype || k.controller != "" && !slices.Contains(m.options, k.controller) {
				continue
			}
			if below, ok := below(group, m.root); ok {
				found = append(found, account{id, k.quantity, path.Join(m.point, below, k.file), k.parse})
			}
		}
	}
	return found
}

// groupOf is the container's group in the hierarchy of a controller: lines
// are "hierarchy:controller,controller:/path" (cgroups(7)). A program such as
// systemd that makes groups of its own is in one below the container's, which
// is the one whose name bears the id.
func groupOf(id, controller, groups string) (string, bool) {
	if id == "" {
		return "", false
	}
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) < 3 || !slices.Contains(strings.Split(fields[1], ","), controller) {
			continue
		}
		before, after, ok := strings.Cut(fields[2], id)
		if !ok {
			continue
		}
		rest, _, _ := strings.Cut(after, "/") // ".scope"
		return before + id + rest, true
	}
	return "", false
}

// below is a group's path under a mount of its hierarchy that shows only root
// and what is below it. Both are seen from our own cgroup namespace, so that
// what lies outside of it begins with "/..".
func below(group, root string) (string, bool) {
	rest, ok := strings.CutPrefix(group, strings.TrimSuffix(root, "/"))
	if !ok || !strings.HasPrefix(rest, "/") || slices.Contains(strings.Split(rest, "/"), "..") {
		return "", false
	}
	return rest, true
}

// A mounted is a line of mountinfo, as far as it is used here.
type mounted struct {
	root    string // the folder of the file system that is mounted
	point   string // where
	fstype  string
	options []string // the file system's, not the mount's
}

// parseMountinfo reads proc_pid_mountinfo(5):
//
//	36 35 98:0 /root /point rw,noatime shared:1 - fstype source rw,options
//
// with any number of fields before the "-". Lines of another form are left out.
func parseMountinfo(text string) []mounted {
	var mounts []mounted
	for line := range strings.Lines(text) {
		mount, filesystem, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		m, f := strings.Split(mount, " "), strings.Split(filesystem, " ")
		if !ok || len(m) < 6 || len(f) < 3 {
			continue
		}
		if point := unescape(m[4]); strings.HasPrefix(point, "/") {
			mounts = append(mounts, mounted{unescape(m[3]), point, f[0], strings.Split(f[2], ",")})
		}
	}
	return mounts
}

// unescape puts back what mountinfo writes as \ooo: space, tab, newline and
// backslash.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
