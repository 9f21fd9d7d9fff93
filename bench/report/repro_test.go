package report

import (
	stdbytes "bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"mlbench/bench"
	"mlbench/bench/repro"
	"mlbench/runner"
	"mlbench/runner/image"
	"mlbench/runner/image/dockerfile"
)

// repros are reports of each grade.
func repros() map[string]*repro.Report {
	of := func(with runner.BuildWith, found image.Reproduction) *repro.Report {
		r := &repro.Report{
			Schema: repro.Schema, Tool: bench.Tool{Version: "v1", Go: "go"}, Folder: "my-service",
			Builder: &repro.Builder{Name: with, Version: "27.0.1", Dockerfile: "Dockerfile"},
			Bases:   []dockerfile.Base{{Ref: "python:3.12-slim"}},
			Images: [2]repro.Image{
				{Ref: "mlbench-repro:1-1", ID: "sha256:1", BuildMS: 12_345, Bytes: 81_000_000},
				{Ref: "mlbench-repro:1-2", ID: "sha256:2", BuildMS: 11_345, Bytes: 81_000_100},
			},
			Reproduction: found,
		}
		r.Explain()
		return r
	}
	step := func(place, files int, by string) image.LayerDrift {
		return image.LayerDrift{Place: place, CreatedBy: by, DiffIDs: [2]string{"sha256:a", "sha256:b"}, Files: files}
	}
	digest := of(runner.BuildKit, image.Reproduction{Grade: image.SameDigest, Quiet: image.SameDigest})
	digest.Builder.Epoch = "1700000000"
	digest.Bases[0] = dockerfile.Base{Ref: "python@sha256:1", Pinned: true}
	digest.Gate = &repro.Gate{Limit: image.SameDigest, Verdict: bench.Pass}
	digest.Explain()

	refs := of(runner.BuildKit, image.Reproduction{Grade: image.SameLayers, Quiet: image.SameLayers, Config: []string{"created", "labels"}})
	refs.Builder, refs.Folder, refs.Bases = nil, "", nil
	refs.Images[0].Ref, refs.Images[1].Ref = "app:monday", "app:tuesday"
	refs.Explain()

	noise := []image.FileDrift{
		{Path: "app/m.pyc", What: []image.Aspect{image.AspectContent}, Sizes: [2]int64{100, 100}, Why: image.Bytecode},
		{Path: "var/log/dpkg.log", What: []image.Aspect{image.AspectContent}, Sizes: [2]int64{24_000, 24_100}, Why: "logs hold times"},
	}
	quiet := of(runner.Classic, image.Reproduction{
		Grade: image.SameVersions, Quiet: image.SameFiles, Config: []string{"created"}, Noise: noise,
		Layers: []image.LayerDrift{step(4, 2, "RUN apt-get update && apt-get install --yes python3"), step(5, 0, "COPY . /app # buildkit")},
	})
	ignored := of(runner.Classic, image.Reproduction{Grade: image.SameFiles, Quiet: image.SameFiles, Noise: noise, Ignored: 3, Layers: []image.LayerDrift{step(4, 5, "RUN x")}})
	ignored.IgnoreNoise, ignored.Ignore = true, []string{"opt/models/**"}
	ignored.Gate = &repro.Gate{Limit: image.SameFiles, Verdict: bench.Pass}

	var many []image.FileDrift
	for i := range 300 {
		many = append(many, image.FileDrift{Path: fmt.Sprintf("usr/lib/x86_64-linux-gnu/a-rather-long-folder/file-%03d", i), What: []image.Aspect{image.OnlySecond}, Sizes: [2]int64{0, 1 << 20}, Owner: image.Owner{Kind: image.Dpkg, Name: "libc6"}})
	}
	drift := of(runner.BuildKit, image.Reproduction{
		Grade: image.OtherVersions, Quiet: image.OtherVersions, Files: many, Layers: []image.LayerDrift{step(3, 300, "RUN pip install fastapi")},
		Packages: []image.PackageDrift{
			{Kind: image.Dpkg, Name: "libc6", Versions: [2]string{"2.36-9+deb12u9", "2.36-9+deb12u10"}},
			{Kind: image.Pip, Name: "fastapi", Versions: [2]string{"0.100.0", "0.101.0"}},
			{Kind: image.Pip, Name: "starlette", Versions: [2]string{"", "0.40"}}, {Kind: image.Pip, Name: "uvicorn", Versions: [2]string{"1", "2"}},
		},
	})
	drift.Gate = &repro.Gate{Limit: image.SameFiles, Verdict: bench.Fail}
	drift.Bases = append(drift.Bases, dockerfile.Base{Ref: "docker/dockerfile:1", Syntax: true})
	drift.Explain()

	sums := [2]string{"sha256:" + strings.Repeat("0a", 32), "sha256:" + strings.Repeat("0b", 32)}
	quiet.Output = &repro.Output{Verdict: bench.Pass, Digests: [2]string{sums[0], sums[0]}, Bytes: [2]int64{442, 442}, RunMS: [2]float64{812, 790}}
	yes, no := true, false
	drift.Output = &repro.Output{
		Verdict: bench.Fail, Digests: sums, Bytes: [2]int64{442, 460}, RunMS: [2]float64{1812, 1790}, Itself: &yes,
		Line: &repro.LineDrift{Number: 3, Texts: [2]string{"total 0a0b", ""}, Ends: [2]bool{false, true}},
	}
	drift.Explain()

	bad := "\x1b[31m<b>|`\n" + strings.Repeat("long ", 100)
	hostile := of(runner.BuildKit, image.Reproduction{
		Grade: image.OtherVersions, Quiet: image.OtherVersions, Layers: []image.LayerDrift{step(0, 1, bad)},
		Packages: []image.PackageDrift{{Kind: image.Pip, Name: bad, Versions: [2]string{bad, bad}}},
		Files:    []image.FileDrift{{Path: bad, What: []image.Aspect{image.AspectContent, image.AspectMode, image.AspectOwner}, Owner: image.Owner{Kind: image.Pip, Name: bad}}},
	})
	hostile.Folder, hostile.Warnings, hostile.Ignore = bad, []string{bad}, []string{bad}
	hostile.Bases[0].Ref = bad
	hostile.Output = &repro.Output{Verdict: bench.Fail, Digests: sums, Itself: &no, Line: &repro.LineDrift{Number: 1, Texts: [2]string{bad, bad + "x"}}}
	hostile.Explain()
	return map[string]*repro.Report{"digest": digest, "refs": refs, "noise": quiet, "ignored": ignored, "drift": drift, "hostile": hostile}
}

func TestRepro(t *testing.T) {
	for name, r := range repros() {
		t.Run(name, func(t *testing.T) {
			for _, format := range Repros {
				var b stdbytes.Buffer
				if err := format.Write(&b, r); err != nil {
					t.Fatal(err)
				}
				switch format.Name {
				case "json":
					var back map[string]any
					if err := json.Unmarshal(b.Bytes(), &back); err != nil || back["grade"] != float64(r.Grade) || back["schema"] != repro.Schema {
						t.Errorf("grade %v, %v", back["grade"], err)
					}
					for _, list := range []string{"bases", "ignore", "config", "layers", "packages", "files", "noise", "remedies", "warnings"} {
						if _, ok := back[list].([]any); !ok {
							t.Errorf("%s is no list: %v", list, back[list])
						}
					}
					continue
				case "text":
					if strings.ContainsRune(b.String(), '\x1b') {
						t.Error("it moves the terminal")
					}
					for line := range strings.Lines(b.String()) {
						if twwidth.Width(line) > maxWidth+1 && !strings.Contains(line, "built twice: ") {
							t.Errorf("wider than %d: %q", maxWidth, line)
						}
					}
				case "markdown":
					if b.Len() > maxMarkdown {
						t.Errorf("%d bytes", b.Len())
					}
				}
				golden(t, "repro_"+name+"."+format.Name+".golden", b.Bytes())
			}
		})
	}
}

// TestOutputWithoutLineBreak: lines that look alike are not shown as what differs.
func TestOutputWithoutLineBreak(t *testing.T) {
	r := repros()["digest"]
	r.Output = &repro.Output{Verdict: bench.Fail, Bytes: [2]int64{1, 2}, Line: &repro.LineDrift{Number: 1, Texts: [2]string{"x", "x"}}}
	rows := reproParts(r)[0].rows
	if rows[0][1] != "x (its end, without a line break)" || rows[1][1] != "x" {
		t.Errorf("%q", rows)
	}
}
