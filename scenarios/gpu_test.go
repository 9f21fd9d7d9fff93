package scenarios

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mlbench/runner/image"
	"mlbench/runner/image/dockerfile"
)

// The variants for GPUs cannot be built where there is no registry. So what
// BuildKit's parser and the checks of Dockerfiles say of them is all that holds
// them to what they are there to show.
func TestGPUFindings(t *testing.T) {
	s, err := Get("gpu-resnet")
	if err != nil {
		t.Fatal(err)
	}
	for variant, want := range map[string][]string{
		"devel": {
			"root", "no-healthcheck", "cuda-devel", "cuda-twice", "build-tools", "recommended-packages",
			"package-lists", "install-caches", "context-junk", "cache-order", "unpinned-bytes",
		},
		// Its second copy is the one thing that is wrong with it.
		"runtime": {"cuda-twice", "unpinned-bytes"},
		// That names may come to stand for other bytes is a note. A digest of the
		// base, and hashes of the wheels, can be written down only where both are
		// to be had, and would then hold for one architecture.
		"lean": {"unpinned-bytes"},
		"cpu":  {"unpinned-bytes"},
	} {
		var got []string
		for _, f := range findings(t, s, variant) {
			got = append(got, f.ID)
			if f.ID == "unpinned-bytes" && f.Severity != image.Note {
				t.Errorf("%s: %s is %s, want a note", variant, f.ID, f.Severity)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s has findings\n%v, want\n%v", variant, got, want)
		}
	}
}

func findings(t *testing.T, s Scenario, variant string) []image.Finding {
	t.Helper()
	files := context(t, s, variant)
	f, err := files.Open("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found, err := dockerfile.Check(f, "Dockerfile", files)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// All variants install the same wheels, each of one version; and the CUDA of the
// wheel is that of the bases.
func TestGPUPins(t *testing.T) {
	s, err := Get("gpu-resnet")
	if err != nil {
		t.Fatal(err)
	}
	text := contents(t, context(t, s, "lean"))["requirements.txt"]
	pins := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, version, ok := strings.Cut(line, "==")
		if !ok || version == "" {
			t.Errorf("requirements.txt: %q is not pinned", line)
		}
		pins[name] = version
	}
	// That the default wheel of 2.6.0 is of CUDA 12.4 is known; another's would
	// have to be looked up, and the bases' tags changed with it.
	if pins["torch"] != "2.6.0" || pins["torchvision"] != "0.21.0" {
		t.Errorf("pinned are %v; the bases are of the CUDA of torch 2.6.0", pins)
	}
	imports := regexp.MustCompile(`(?m)^(?:import|from) (torch|torchvision|fastapi|starlette|pydantic)\b`)
	code := contents(t, context(t, s, "lean"))
	for _, name := range []string{"app.py", "limit.py", "model.py"} {
		for _, m := range imports.FindAllStringSubmatch(code[name], -1) {
			if pins[m[1]] == "" {
				t.Errorf("%s imports %s, which requirements.txt does not pin: %v", name, m[1], slices.Sorted(maps.Keys(pins)))
			}
		}
	}
}

// What many call good practice is there in all but devel.
func TestGPUContrast(t *testing.T) {
	s, err := Get("gpu-resnet")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range s.Variants {
		lines := instructions(t, s, v.Name)
		careful := v.Name != "devel"
		for what, holds := range map[string]func([]string) bool{
			"names a user":      has("USER 10001"),
			"has a healthcheck": has("HEALTHCHECK "),
			"copies no clutter": func(l []string) bool { return !has("COPY . ")(l) },
		} {
			if holds(lines) != careful {
				t.Errorf("%s %s: %v, want %v", v.Name, what, !careful, careful)
			}
		}
		if !contains("model.py weights.pt")(lines) || !has("EXPOSE 8000")(lines) {
			t.Errorf("%s does not make its weights, or has no port: %q", v.Name, lines)
		}
		if _, err := fs.Stat(context(t, s, v.Name), ".dockerignore"); (err == nil) != careful {
			t.Errorf("%s has a .dockerignore: %v, want %v", v.Name, err == nil, careful)
		}
		if several := count(lines, "FROM ") > 1; several != (v.Name == "lean") {
			t.Errorf("%s has several stages: %v", v.Name, several)
		}
	}
}
