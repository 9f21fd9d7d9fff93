package docker

import (
	"context"
	"errors"
	"math"
	"net"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"mlbench/runner"
)

const someID = "066de3a1a86c7fbb0e6a0b1c4f0b0d8f8a1f7c3f5f1f4ac9d6ed0cc4f3b2a190"

func TestAccounts(t *testing.T) {
	const (
		v1 = "33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n" +
			"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
		v2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	)
	for _, test := range []struct {
		name           string
		groups, mounts string
		want           []string
	}{
		{"v1", "2:cpuacct:/docker/ID\n1:cpu:/docker/ID\n0::/\n", v1, []string{"/sys/fs/cgroup/cpuacct/docker/ID/cpuacct.usage"}},
		{
			"v1 beside v2", "2:cpuacct:/docker/ID\n0::/docker/ID\n", v1,
			[]string{"/sys/fs/cgroup/cpuacct/docker/ID/cpuacct.usage", "/sys/fs/cgroup/unified/docker/ID/cpu.stat"},
		},
		{
			"v1 where cpuacct is a link", "4:cpu,cpuacct:/docker/ID\n",
			"35 25 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n",
			[]string{"/sys/fs/cgroup/cpu,cpuacct/docker/ID/cpuacct.usage"},
		},
		{"v2", "0::/docker/ID\n", v2, []string{"/sys/fs/cgroup/docker/ID/cpu.stat"}},
		{
			"v2 of systemd, whose container has groups of its own", "0::/system.slice/docker-ID.scope/init.scope\n", v2,
			[]string{"/sys/fs/cgroup/system.slice/docker-ID.scope/cpu.stat"},
		},
		{
			"an engine in a container", "0::/docker/outer/docker/ID\n",
			"30 23 0:26 /docker/outer /sys/fs/cgroup ro - cgroup2 cgroup ro\n",
			[]string{"/sys/fs/cgroup/docker/ID/cpu.stat"},
		},
		{
			"we are in a cgroup namespace, and the mount is of the host's", "0::/../ID\n",
			"30 23 0:26 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", []string{"/sys/fs/cgroup/ID/cpu.stat"},
		},
		{"the mount is of our namespace, and the container outside", "0::/../ID\n", v2, nil},
		{"a mount of another part", "0::/docker/ID\n", "30 23 0:26 /dock /mnt rw - cgroup2 cgroup2 rw\n", nil},
		{
			"a mount point with a space, and one that is bound twice", "0::/docker/ID\n",
			"30 23 0:26 / /a\\040b rw - cgroup2 cgroup2 rw\n" + v2,
			[]string{"/a b/docker/ID/cpu.stat", "/sys/fs/cgroup/docker/ID/cpu.stat"},
		},
		{"a source without a name", "0::/docker/ID\n", "30 23 0:26 / /c rw - cgroup2  rw\n", []string{"/c/docker/ID/cpu.stat"}},
		{"a process of another container", "2:cpuacct:/docker/0123\n0::/docker/0123\n", v1 + v2, nil},
		{"a process of the host", "2:cpuacct:/\n0::/user.slice\n", v1 + v2, nil},
		{"no hierarchy that counts", "5:pids:/docker/ID\n", v1, nil},
		{"nothing is mounted", "0::/docker/ID\n", "", nil},
		{"not of this form", "0:/docker/ID\nID\n", "30 23 - cgroup2\n", nil},
	} {
		var got []string
		for _, a := range accounts(someID, strings.ReplaceAll(test.groups, "ID", someID), test.mounts) {
			if a.quantity == cpuTime {
				got = append(got, strings.ReplaceAll(a.path, someID, "ID"))
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// What is kept where: all of it under v2, and under v1 too but for CPU wait,
// which stands in the unified hierarchy alone.
func TestAccountsOfEachQuantity(t *testing.T) {
	const (
		v1 = "33 31 0:30 / /c/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n" +
			"35 31 0:32 / /c/memory rw,relatime - cgroup cgroup rw,memory\n" +
			"38 31 0:35 / /c/blkio rw,relatime - cgroup cgroup rw,blkio\n"
		unified = "41 31 0:38 / /c/unified rw,relatime - cgroup2 cgroup2 rw\n"
		groups  = "7:blkio:/docker/ID\n4:memory:/docker/ID\n2:cpuacct:/docker/ID\n"
	)
	for _, test := range []struct {
		name, groups, mounts string
		want                 [quantities][]string
	}{
		{"v1", groups, v1, [quantities][]string{
			cpuTime:     {"cpuacct/docker/ID/cpuacct.usage"},
			bytesRead:   {"blkio/docker/ID/blkio.throttle.io_service_bytes_recursive", "blkio/docker/ID/blkio.throttle.io_service_bytes"},
			majorFaults: {"memory/docker/ID/memory.stat"},
			peakMemory:  {"memory/docker/ID/memory.max_usage_in_bytes"},
			processes:   {"cpuacct/docker/ID/cgroup.procs"},
		}},
		{"v2", "0::/docker/ID\n", unified, [quantities][]string{
			cpuTime:     {"unified/docker/ID/cpu.stat"},
			cpuWait:     {"unified/docker/ID/cpu.pressure"},
			bytesRead:   {"unified/docker/ID/io.stat"},
			majorFaults: {"unified/docker/ID/memory.stat"},
			peakMemory:  {"unified/docker/ID/memory.peak"},
			processes:   {"unified/docker/ID/cgroup.procs"},
		}},
	} {
		var got [quantities][]string
		for _, a := range accounts("ID", test.groups, test.mounts) {
			got[a.quantity] = append(got[a.quantity], strings.TrimPrefix(a.path, "/c/"))
		}
		for q := range got {
			if !slices.Equal(got[q], test.want[q]) {
				t.Errorf("%s, quantity %d: %q, want %q", test.name, q, got[q], test.want[q])
			}
		}
	}
}

func TestParseReads(t *testing.T) {
	const v1 = "254:0 Read 109637632\n254:0 Write 4096\n254:0 Sync 8192\n254:0 Total 109641728\n"
	for _, test := range []struct {
		text string
		want int64 // -1 for an error
	}{
		{v1 + "Total 109641728\n", 109637632},
		{v1 + "8:16 Read 100\n8:16 Total 100\nTotal 109641828\n", 109637732},
		{v1 + "7:3 Read 100\n", 109637632}, // a loop device: it is read from the disk that its file is on
		{"Total 0\n", -1},                  // nothing was read, or nothing is counted
		{"254:0 Read -1\n", -1},
		{"254:0 Read 9223372036854775807\n8:16 Read 1\n", -1},
		{"", -1},
	} {
		if got, err := parseServiceBytes(test.text); err == nil && got != test.want || (err != nil) != (test.want < 0) {
			t.Errorf("blkio.throttle.io_service_bytes %q: %v, %v", test.text, got, err)
		}
	}
	for _, test := range []struct {
		text string
		want int64
	}{
		{"254:0 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n", 1459200},
		{"254:0 rbytes=1 wbytes=0\n8:16 wbytes=7 rbytes=2\n7:0 rbytes=4\n", 3},
		{"254:0 \n8:16 rbytes=2\n", 2}, // Linux 5.10 lists devices of which it counts nothing
		{"", 0},
		{"254:0 rbytes=x\n", -1},
		{"254:0 rbytes=9223372036854775807\n8:16 rbytes=1\n", -1},
	} {
		if got, err := parseIOStat(test.text); err == nil && got != test.want || (err != nil) != (test.want < 0) {
			t.Errorf("io.stat %q: %v, %v", test.text, got, err)
		}
	}
}

func TestParseMemory(t *testing.T) {
	const text = "cache 4096\npgmajfault 3\ntotal_cache 4096\ntotal_pgmajfault 192\n"
	for _, test := range []struct {
		name  string
		parse func(string) (int64, error)
		text  string
		want  int64 // -1 for an error
	}{
		{"v1", parseTotalFaults, text, 192},
		{"v2", parseFaults, text, 3},
		{"v2", parseFaults, "pgmajfault -3\n", -1},
		{"v2", parseFaults, "total_pgmajfault 192\n", -1},
		{"v1", parseTotalFaults, "", -1},
		{"peak", parseCount, "190627840\n", 190627840},
		{"peak", parseCount, "max\n", -1},
		{"peak", parseCount, "9223372036854775808\n", -1},
		{"peak", parseCount, "", -1},
	} {
		if got, err := test.parse(test.text); err == nil && got != test.want || (err != nil) != (test.want < 0) {
			t.Errorf("%s %q: %v, %v", test.name, test.text, got, err)
		}
	}
}

// Only what stands on nothing else of this host is a disk, and what is named
// like no device leads nowhere.
func TestStacked(t *testing.T) {
	for device, want := range map[string]bool{"7:0": true, "8:0/../../..": false, "../1:2": false, "": false, ":": false, "4294967296:0": false} {
		if got := stacked(device); got != want {
			t.Errorf("%q: %v", device, got)
		}
	}
	devices, _ := os.ReadDir("/sys/block")
	for _, d := range devices {
		number, err := os.ReadFile("/sys/block/" + d.Name() + "/dev")
		if err != nil {
			continue
		}
		below, _ := os.ReadDir("/sys/block/" + d.Name() + "/slaves")
		if got := stacked(strings.TrimSpace(string(number))); got != (len(below) > 0 || strings.HasPrefix(d.Name(), "loop")) {
			t.Errorf("%s: %v, and it stands on %d", d.Name(), got, len(below))
		}
	}
}

func TestParsePressure(t *testing.T) {
	const some = "some avg10=0.00 avg60=0.00 avg300=0.00 total=6933\n"
	for _, test := range []struct {
		text string
		want int64 // -1 for an error
	}{
		{some + "full avg10=0.00 avg60=0.00 avg300=0.00 total=6332\n", 6332000},
		{some + "full total=0", 0},
		{some, -1}, // kernels before 5.13
		{some + "full avg10=0.00\n", -1},
		{some + "full total=-1\n", -1},
		{"", -1},
	} {
		if got, err := parsePressure(test.text); err == nil && got != test.want || (err != nil) != (test.want < 0) {
			t.Errorf("cpu.pressure %q: %v, %v", test.text, got, err)
		}
	}
}

func TestParseTimes(t *testing.T) {
	for _, test := range []struct {
		text string
		want int64 // -1 for an error
	}{
		{"0\n", 0},
		{"52387410\n", 52387410},
		{"9223372036854775807\n", 1<<63 - 1},
		{"9223372036854775808\n", -1},
		{"-1\n", -1},
		{"\n", -1},
		{"", -1},
	} {
		if got, err := parseUsage(test.text); err == nil && got != test.want || (err != nil) != (test.want < 0) {
			t.Errorf("cpuacct.usage %q: %v, %v", test.text, got, err)
		}
	}
	for _, test := range []struct {
		text string
		want int64
	}{
		{"usage_usec 41987\nuser_usec 23991\nsystem_usec 17995\nnr_periods 0\n", 41987000},
		{"user_usec 2\nusage_usec 1", 1000},
		{"usage_usec 9223372036854775\n", 9223372036854775000},
		{"usage_usec 9223372036854776\n", -1},
		{"usage_usec x\n", -1},
		{"user_usec 1\n", -1},
		{"", -1},
	} {
		if got, err := parseCPUStat(test.text); err == nil && got != test.want || (err != nil) != (test.want < 0) {
			t.Errorf("cpu.stat %q: %v, %v", test.text, got, err)
		}
	}
}

// fileOf is the name of an account's file.
func fileOf(a account) string {
	for _, k := range kinds {
		if k.quantity == a.quantity && strings.HasSuffix(a.path, "/"+k.file) {
			return k.file
		}
	}
	return ""
}

func FuzzMountinfo(f *testing.F) {
	f.Add("2:cpuacct:/docker/ID\n0::/\n", "33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n")
	f.Add("0::/../docker-ID.scope/x\n", "30 23 0:26 /.. /a\\040b rw shared:4 - cgroup2 cgroup2 rw\n")
	f.Add("0::/docker-ID.scope/x\n", "30 23 0:26 . //a/b rw shared:4 - cgroup2 cgroup2 rw\n30 23 0:26 / a rw shared:4 - cgroup2 cgroup2 rw\n")
	f.Fuzz(func(t *testing.T, groups, mounts string) {
		for _, a := range accounts("ID", groups, mounts) {
			if !strings.Contains(a.path, "ID") || path.Base(a.path) != fileOf(a) {
				t.Errorf("%q", a.path)
			}
			if !slices.ContainsFunc(parseMountinfo(mounts), func(m mounted) bool { return strings.HasPrefix(a.path, path.Join(m.point, "/")) }) {
				t.Errorf("%q is outside of every mount", a.path)
			}
		}
	})
}

func FuzzAccounts(f *testing.F) {
	f.Add("usage_usec 41987\nuser_usec 23991\n")
	f.Add("41987\n")
	f.Add("some avg10=0.00 total=6933\nfull avg10=0.00 total=6332\n")
	f.Add("254:0 Read 109637632\n254:0 Total 109641728\nTotal 109641728\n")
	f.Add("254:0 rbytes=1459200 wbytes=0\n8:16 rbytes=9223372036854775807\n")
	f.Add("pgmajfault 3\ntotal_pgmajfault 192\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range kinds {
			if k.parse == nil {
				continue
			}
			if used, err := k.parse(text); used < 0 || err != nil && used != 0 {
				t.Errorf("%s: %v, %v", k.file, used, err)
			}
		}
	})
}

// A process that took over the id of the container's is not asked.
func TestAccountOfAStranger(t *testing.T) {
	x := &one{r: &Runner{local: true}, id: someID}
	x.findAccounts(&container.State{Running: true, Pid: os.Getpid()})
	if x.books[cpuTime] != nil || x.r.accounts[cpuTime].path != "" {
		t.Errorf("opened %s", x.accounts[cpuTime].path)
	}
}

// Under every rule whose container is still there when it is ready the CPU
// time is known, from a Runner's first start on.
func TestCPUTimeIsKnown(t *testing.T) {
	t.Parallel()
	ref := fixtureImage(t, "EXPOSE 8080", healthcheck)
	for _, test := range []struct {
		rule, network string
		known         bool
	}{
		{"http", "", true},
		{"http", "host", true},
		{"tcp", "", true},
		{"log=serving", "", true},
		{"healthcheck", "", true},
		{"exit", "", false},
	} {
		r := closing(t, Options{})
		if !r.local {
			t.Skip("needs an engine on this host")
		}
		c := runner.Candidate{
			Ref: ref, Ready: rule(t, test.rule), Network: test.network,
			Args:    []string{"-say", "serving"},
			Request: &runner.Request{Method: "POST", Path: "/predict", Body: []byte("{}")},
		}
		if test.network == "host" {
			l, err := net.Listen("tcp", ":0")
			if err != nil {
				t.Fatal(err)
			}
			c.Port = l.Addr().(*net.TCPAddr).Port
			c.Env = []string{"PORT=" + strconv.Itoa(c.Port)}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if !test.known {
			c.Args, c.Request = []string{"-exit-after", "0s"}, nil
		}
		for n := range 2 {
			s := start(t, r, c)
			ready(t, s)
			if s.Steal == nil {
				t.Errorf("start %d by rule %s on network %q: what was stolen is not known", n+1, test.rule, test.network)
			}
			if test.known && (s.CPU == nil || *s.CPU <= 0) {
				t.Errorf("start %d by rule %s on network %q: CPU time %v", n+1, test.rule, test.network, s.CPU)
			}
			if _, ok := s.Marks[runner.FirstResponse]; ok != test.known {
				t.Errorf("start %d by rule %s on network %q: marks %v", n+1, test.rule, test.network, s.Marks)
			}
		}
	}
}

// Where others have the processors, a candidate that computes waits for them;
// where it may not use them for long anyway, its waiting tells nothing.
func TestCPUWait(t *testing.T) {
	r := closing(t, Options{})
	c := runner.Candidate{Ref: fixtureImage(t, "EXPOSE 8080"), Args: []string{"-burn", "300ms"}}
	ready(t, start(t, r, c))
	if !r.local || r.accounts[cpuWait].path == "" {
		t.Skip("needs an engine on this host, and a kernel that tells the pressure of control groups")
	}
	var done atomic.Bool
	var busy sync.WaitGroup
	for range 2 * runtime.NumCPU() {
		busy.Go(func() {
			for !done.Load() {
			}
		})
	}
	// How long one start waits is the scheduler's to say; that none of several
	// does would be wrong.
	var most time.Duration
	for range 5 {
		s := start(t, r, c)
		at, _ := s.ReadyAt()
		if s.CPUWait == nil || *s.CPUWait > at {
			t.Errorf("waited %v of %v", s.CPUWait, at)
			break
		}
		if most = max(most, *s.CPUWait); most > 20*time.Millisecond {
			break
		}
	}
	done.Store(true)
	busy.Wait()
	if most <= 20*time.Millisecond {
		t.Errorf("waited %v at the most for processors that were all busy", most)
	}
	c.CPUs = 0.5
	if s := start(t, r, c); s.CPUWait != nil || s.CPU == nil {
		t.Errorf("with half a processor: waited %v, computed %v", s.CPUWait, s.CPU)
	}
}

// A start from cold reads its files from disk and waits for pages of its
// program, a warm one does neither; memory that it takes is counted in both.
func TestCost(t *testing.T) {
	r := closing(t, Options{})
	c, err := r.Prepare(t.Context(), runner.Candidate{Name: "fixture", Ref: unsharedImage(t), Args: []string{"-read", "/data", "-eat", "64"}})
	if err != nil {
		t.Fatal(err)
	}
	how, err := r.CanEvict(t.Context(), []runner.Candidate{c})
	if err != nil || !how.Proved {
		t.Skipf("needs root on the engine's host: %+v, %v", how, err)
	}
	least := int64(math.MaxInt64) // read by a warm start; others may drop the host's cache meanwhile
	for n := range 2 {
		if _, err := r.Evict(t.Context(), []runner.Candidate{c}); err != nil {
			t.Fatal(err)
		}
		cold := start(t, r, c)
		ready(t, cold)
		warm := start(t, r, c)
		ready(t, warm)
		for name, s := range map[string]runner.Start{"cold": cold, "warm": warm} {
			if s.ReadBytes == nil || s.MajorFaults == nil || s.PeakMemory == nil {
				t.Fatalf("%s start %d: %+v", name, n, s.Cost)
			}
			if *s.PeakMemory < 64<<20 || *s.PeakMemory > 64<<20+4*dataSize {
				t.Errorf("%s start %d: at most %d bytes of memory in use", name, n, *s.PeakMemory)
			}
		}
		// Beside the file it reads its program, and what lies about that on
		// the disk.
		if *cold.ReadBytes < dataSize || *cold.ReadBytes > dataSize+10e6 || *cold.MajorFaults == 0 {
			t.Errorf("cold start %d: %d bytes read, of %d, and %d major faults", n, *cold.ReadBytes, dataSize, *cold.MajorFaults)
		}
		least = min(least, *warm.ReadBytes)
	}
	if least > dataSize/100 {
		t.Errorf("warm starts read %d bytes and more", least)
	}
}

// BenchmarkAccounts measures what the accounts cost a start: to find the
// account in a Runner's first one, to open it in later ones, to read it.
func BenchmarkAccounts(b *testing.B) {
	r := engine(b, Options{})
	c, err := r.Prepare(b.Context(), runner.Candidate{Name: "fixture", Ref: fixtureImage(b, "EXPOSE 8080")})
	if err != nil {
		b.Fatal(err)
	}
	x := &one{r: r, c: c, name: "mlbench-" + r.session + "-cpu"}
	defer func() {
		if err := errors.Join(x.remove(context.Background()), r.Close()); err != nil {
			b.Error(err)
		}
	}()
	s := runner.Start{Marks: make(runner.Marks)}
	if err := x.launch(b.Context(), &s); err != nil {
		b.Fatal(err)
	}
	info, err := r.cli.ContainerInspect(b.Context(), x.id)
	if err != nil {
		b.Fatal(err)
	}
	step := func(name string, do func()) {
		var took time.Duration
		b.Run(name, func(b *testing.B) {
			took = 0
			for b.Loop() {
				x.closeAccounts()
				x.books = [quantities]*os.File{}
				if name == "read" {
					x.openAccounts()
				}
				begin := time.Now()
				do()
				took += time.Since(begin)
			}
			b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "ns/op")
			if x.books[cpuTime] == nil {
				b.Fatal("the CPU time is not known")
			}
		})
	}
	step("find", func() { x.findAccounts(info.State) })
	step("open", x.openAccounts)
	step("read", func() { x.readAccounts(b.Context(), &s) })
	x.closeAccounts()
}
