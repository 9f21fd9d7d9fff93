package report

import (
	stdbytes "bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"mlbench/bench"
	"mlbench/bench/explain"
	"mlbench/runner/image"
)

// explained is one candidate or two, with these names.
func explained(names ...string) *explain.Report {
	ms, size := 320.0, int64(612e6)
	pandas := image.Owner{Kind: image.Pip, Name: "pandas", Version: "2.2.0"}
	r := &explain.Report{Schema: explain.Schema, Cold: bench.Cold{Level: bench.Cache, How: "pages dropped"}, Warnings: []string{}}
	for i, name := range names {
		r.Candidates = append(r.Candidates, explain.Candidate{
			Name: name, Starts: 3, ReadyMS: 1400 - 600*float64(i),
			Phases: []explain.Phase{{Name: "create", MS: 40}, {Name: "start", MS: 360}, {Name: "boot", MS: 1000 - 600*float64(i)}},
			Imports: &explain.Imports{
				Starts: 3, ReadyMS: 1500, ProgramMS: 1100, Modules: 400, TotalMS: 900,
				Packages: []explain.Package{
					{Name: "app", Modules: 1, SelfMS: 20, AloneMS: 900, CumulativeMS: 900, Kind: explain.Application},
					{Name: "pandas", Modules: 300, SelfMS: 250, AloneMS: ms, CumulativeMS: 480, By: "app", Owner: &pandas, Kind: explain.Installed},
				},
				Tree:    []explain.Module{{Name: "app", CumulativeMS: 900, Imports: []explain.Module{{Name: "pandas", CumulativeMS: 480}}}},
				LaterMS: 12, Later: []explain.Package{{Name: "lazy", CumulativeMS: 12}},
				Warnings: []string{"2 lines about imports cannot be read"},
			},
			Touched: &explain.Touched{
				How: "pages in memory", Files: 5000, Bytes: 2e9,
				Ready: explain.Reading{Files: 700, Bytes: 160e6}, FirstResponse: &explain.Reading{Files: 710, Bytes: 161e6},
				Owners: []explain.TouchedOwner{{Owner: image.Owner{Kind: image.Dpkg, Name: "gcc-12"}, Files: 19, Bytes: 69e6, NeverBytes: 69e6}, {Owner: pandas, Files: 300, Bytes: 40e6, TouchedFiles: 250, TouchedBytes: 9e6, NeverBytes: 31e6}},
				Never:  []explain.NeverTouched{{Reason: "toolchain", Bytes: size, Owners: []string{"gcc-12", "g++-12", "make"}}},
			},
			Missing: []string{"something: it is not there"},
			Opportunities: []explain.Opportunity{
				{What: "import of pandas, by app", MS: &ms, Basis: "measured: cumulative import time"},
				{What: "toolchain never touched: gcc-12", Bytes: &size, Basis: "measured: bytes"},
			},
		})
	}
	if len(names) == 2 {
		w := someWins()
		r.Wins = &w
		r.Differ()
	}
	return r
}

func someWins() bench.Wins {
	return bench.Wins{
		Baseline: 0, Candidate: 1,
		Size: bench.Rank([]bench.Part{
			{Kind: bench.PartReason, Name: "toolchain", Change: -567e6, Of: []string{"gcc-12", "g++-12"}},
			{Kind: bench.PartReason, Name: "recommended packages", Change: -1.06e9, Of: []string{"llvm-14-dev"}},
			{Kind: bench.PartReason, Name: "scipy", Change: 60e6, Of: []string{"scipy"}},
			{Kind: bench.PartReason, Name: "application", Change: -1000},
		}, "unpacked bytes"),
		Time: bench.Rank([]bench.Part{
			{Kind: bench.PartPhase, Name: "start", Change: 20}, {Kind: bench.PartImport, Name: "pandas", Change: -320},
			{Kind: bench.PartCode, Name: "what the program does besides importing", Change: -300}, {Kind: bench.PartImport, Name: "pytz", Change: -1},
		}, "medians"),
	}
}

// explainedOnGPU is of a service of which one variant was seen on a GPU.
func explainedOnGPU() *explain.Report {
	r := explained("old:tag", "new:tag")
	for i := range r.Candidates {
		r.Candidates[i].OnGPU = []explain.Phase{{Name: "gpu_boot", MS: 700 - 300*float64(i)}, {Name: "gpu_load", MS: 200}}[:2-i]
	}
	r.Warnings = []string{"GPU memory is told by device only"}
	r.Candidates[0].GPUMemoryBytes = new(int64(3.2e9))
	return r
}

func TestExplanations(t *testing.T) {
	for name, r := range map[string]*explain.Report{
		"explain_one": explained("image:tag"), "explain_two": explained("old:tag", "new:tag"), "explain_gpu": explainedOnGPU(),
		"explain_hostile": explained("o\x1b[31mld|<b>@all", strings.Repeat("new", 100)),
	} {
		for suffix, write := range map[string]Writer[*explain.Report]{".text": explanationText, ".md": explanationMarkdown} {
			var b stdbytes.Buffer
			if err := write(&b, r); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+suffix+".golden")
			if *update {
				if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !stdbytes.Equal(b.Bytes(), want) {
				t.Errorf("%s:\n%s", golden, b.String())
			}
			for line := range strings.Lines(b.String()) {
				if strings.Contains(line, "\x1b") || suffix == ".text" && twwidth.Width(line) > maxWidth+1 {
					t.Errorf("%s: %q", golden, line)
				}
			}
		}
	}
}

// A result keeps its wins, and shows them in every form; a file with wins of
// candidates that it does not have shows none.
func TestWinsOfResult(t *testing.T) {
	r := &bench.Result{Schema: bench.Schema, Spec: bench.DefaultSpec(), Wins: []bench.Wins{someWins()}}
	for _, has := range []bool{false, true} {
		for name, write := range map[string]Writer[*bench.Result]{"text": Text, "markdown": Markdown} {
			var b stdbytes.Buffer
			if err := write(&b, r); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(b.String(), "in the pairs, 95 %: "); got != has {
				t.Errorf("%s: the interval: %v, want %v:\n%s", name, got, has, b.String())
			}
			if got := strings.Contains(b.String(), "Biggest wins, old:tag → new:tag, in size: −1.57 GB in all"); got != has {
				t.Errorf("%s: %v, want %v:\n%s", name, got, has, b.String())
			}
		}
		r = fixture{spec: func(s *bench.Spec) { s.Pairs = 1 }}.result(t)
		r.Wins = []bench.Wins{someWins()}
	}
}
