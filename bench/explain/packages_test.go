package explain

import (
	"testing"

	"mlbench/bench"
	"mlbench/runner"
	"mlbench/runner/image"
)

// log is a server that imports an application, which imports libraries of which
// the first takes what all need.
const server = `import time: self [us] | cumulative | imported package
import time:     40000 |      40000 |         shared
import time:      1000 |      41000 |       small
import time:     20000 |      20000 |         large.core
import time:     10000 |      30000 |       large
import time:      4000 |      75000 |     app
import time:      5000 |      80000 |   server.loader
import time:      2000 |      82000 | server
`

func TestPackages(t *testing.T) {
	sources := map[string]source{
		"app": {kind: Application}, "shared": {kind: Installed, shared: true},
		"small": {kind: Installed}, "large": {kind: Installed}, "server": {kind: Installed},
	}
	got := make(map[string]Package)
	var order []string
	for _, p := range packages(parseImports([]byte(server)).roots, sources) {
		got[p.Name], order = p, append(order, p.Name)
	}
	for name, want := range map[string]Package{
		"app":    {Modules: 1, SelfMS: 4, AloneMS: 75, CumulativeMS: 75, By: "server"},
		"shared": {Modules: 1, SelfMS: 40, AloneMS: 40, CumulativeMS: 40, By: "small"},
		"small":  {Modules: 1, SelfMS: 1, AloneMS: 1, CumulativeMS: 41, By: "app"},
		"large":  {Modules: 2, SelfMS: 30, AloneMS: 30, CumulativeMS: 30, By: "app"},
		"server": {Modules: 2, SelfMS: 7, AloneMS: 7, CumulativeMS: 7},
	} {
		p := got[name]
		p.Name, p.Kind = "", ""
		if p != want {
			t.Errorf("%s: %+v, want %+v", name, p, want)
		}
	}
	if order[0] != "app" || order[1] != "shared" || order[2] != "large" {
		t.Errorf("%v", order)
	}
	// Several processes import the same: it counts once.
	twice := packages(parseImports([]byte(server+server)).roots, sources)
	for _, p := range twice {
		if p != got[p.Name] {
			t.Errorf("twice: %+v, want %+v", p, got[p.Name])
		}
	}
}

// img is an image with an application, a package of pip, and two names of one
// library.
func img() *image.Index {
	x := image.New(image.Config{Run: image.Run{WorkingDir: "/app"}}, make([]image.Layer, 2), []image.File{
		{Path: "usr/lib/python3.11/os.py", Size: 100},
		{Path: "usr/lib/python3.11/site-packages/heavy/__init__.py", Size: 1000},
		{Path: "usr/lib/python3.11/site-packages/heavy-1.dist-info/RECORD", Size: 50},
		{Path: "usr/lib/python3.11/site-packages/heavy-1.dist-info/METADATA", Size: 50},
		{Path: "usr/lib/libx.so", Size: 10000},
		{Path: "usr/lib/libx.so.1", Kind: image.HardLink, Link: "usr/lib/libx.so"},
		{Path: "opt/tool", Size: 500000},
		{Path: "app/app.py", Layer: 1, Size: 10},
		{Path: "app/os.txt", Layer: 1, Size: 10},
	}, map[image.Place][]byte{
		{Layer: 0, Path: "usr/lib/python3.11/site-packages/heavy-1.dist-info/RECORD"}:   []byte("heavy/__init__.py,,\nheavy-1.dist-info/RECORD,,\nheavy-1.dist-info/METADATA,,\n"),
		{Layer: 0, Path: "usr/lib/python3.11/site-packages/heavy-1.dist-info/METADATA"}: []byte("Name: heavy\nVersion: 1\n"),
	})
	return x
}

func TestSources(t *testing.T) {
	x := img()
	roots := parseImports([]byte(small + "import time: 1 | 1 | nowhere\n")).roots
	got := sourcesOf(roots, x, x.Owners(), nil)
	for name, want := range map[string]ModuleKind{"os": Standard, "_io": Standard, "heavy": Installed, "app": Application, "nowhere": ""} {
		if got[name].kind != want {
			t.Errorf("%s is %q, want %q", name, got[name].kind, want)
		}
	}
	if o := got["heavy"].owner; o == nil || o.Kind != image.Pip || o.Name != "heavy" {
		t.Errorf("heavy is %+v's", o)
	}
}

func TestTouched(t *testing.T) {
	x := img()
	before := []runner.FileResidency{{Layer: 0, Path: "usr/lib/libx.so.1", Resident: 4096}}
	ready := []runner.FileResidency{
		{Layer: 0, Path: "usr/lib/libx.so.1", Resident: 8192},
		{Layer: 0, Path: "usr/lib/python3.11/os.py", Resident: 100},
		{Layer: 5, Path: "elsewhere", Resident: 1},
	}
	response := append(ready, runner.FileResidency{Layer: 0, Path: "usr/lib/python3.11/site-packages/heavy/__init__.py", Resident: 1000})
	touched := addTouched(x, x.Owners(), before, [][]runner.FileResidency{ready, response})
	if touched.Ready != (Reading{2, 4196}) || *touched.FirstResponse != (Reading{3, 5196}) {
		t.Errorf("%+v, %+v", touched.Ready, touched.FirstResponse)
	}
	if touched.Files != 8 || touched.Bytes != 511220 {
		t.Errorf("%d files, %d bytes", touched.Files, touched.Bytes)
	}
	var never, bytes int64
	for _, o := range touched.Owners {
		never, bytes = never+o.NeverBytes, bytes+o.Bytes
	}
	if never != 500000+100+20 || bytes != touched.Bytes {
		t.Errorf("%d bytes never touched of %d: %+v", never, bytes, touched.Owners)
	}
}

// What a difference is made of adds up to it, whatever was profiled how slowly.
func TestTimesAddUp(t *testing.T) {
	c := func(boot float64, log string) Candidate {
		i, err := readImports([]printed{{ready: []byte(log)}}, func([]*imported) map[string]source { return nil })
		if err != nil {
			t.Fatal(err)
		}
		i.ProgramMS = 500
		return Candidate{Starts: 3, ReadyMS: 30 + boot, Imports: i, Phases: []Phase{{"create", 10}, {"start", 20}, {"boot", boot}, {"first_request", 99}}}
	}
	r := &Report{Candidates: []Candidate{c(250, server), c(100, small)}}
	w := r.wins(1)
	sum := w.Time.Rest
	for _, p := range w.Time.Changes {
		sum += p.Change
	}
	if w.Size != nil || !near(w.Time.Change, -150) || !near(sum, -150) || len(w.Time.Changes) < 3 {
		t.Errorf("%+v", w.Time)
	}
	kinds := make(map[bench.PartKind]bool)
	for _, p := range w.Time.Changes {
		kinds[p.Kind] = true
	}
	if !kinds[bench.PartImport] || !kinds[bench.PartCode] {
		t.Errorf("%+v", w.Time.Changes)
	}
}

func near(a, b float64) bool { return a-b < 1e-6 && b-a < 1e-6 }
