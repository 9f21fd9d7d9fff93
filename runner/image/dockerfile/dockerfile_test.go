package dockerfile

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"mlbench/runner/image"
)

func findings(t *testing.T, text string, files ...string) []image.Finding {
	t.Helper()
	context := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		context[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	var all []image.Finding
	var err error
	if files == nil {
		all, err = Check(strings.NewReader(text), "Dockerfile", nil)
	} else {
		all, err = Check(strings.NewReader(text), "Dockerfile", context)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func find(findings []image.Finding, id string) *image.Finding {
	if i := slices.IndexFunc(findings, func(f image.Finding) bool { return f.ID == id }); i >= 0 {
		return &findings[i]
	}
	return nil
}

func ids(findings []image.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, f.ID)
	}
	return all
}

// What the scenario's Dockerfiles are known to do and not to do.
func TestScenarios(t *testing.T) {
	for variant, want := range map[string][]string{
		"naive": {"root", "no-healthcheck", "build-tools", "recommended-packages", "package-lists", "context-junk", "cache-order", "unpinned-bytes"},
		// Its base is named by a tag and its packages by name alone, as it is to
		// be built anywhere.
		"optimized": {"unpinned-bytes"},
	} {
		folder := "../../../scenarios/fastapi-sklearn/" + variant
		f, err := os.Open(folder + "/Dockerfile")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		findings, err := Check(f, "Dockerfile", os.DirFS(folder))
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(findings); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", variant, got, want)
		}
		if variant == "naive" {
			want := []string{"line 9: apt-get install -y build-essential python3-dev python3-pip python3-pandas python3-sklearn python3-fastapi python3-uvicorn"}
			if got := find(findings, "build-tools").Evidence; !slices.Equal(got, want) {
				t.Errorf("build-tools: %q, want %q", got, want)
			}
		}
	}
}

func TestMalformed(t *testing.T) {
	for name, text := range map[string]string{
		"empty":         "",
		"no FROM":       "ARG A=1\n",
		"unknown":       "FROM a\nFORM b\n",
		"unterminated":  "FROM a\nRUN <<EOF\necho\n",
		"binary":        "\x00\x01\x02\x7fELF",
		"too long":      "FROM a\n" + strings.Repeat("# x\n", maxBytes/4),
		"too many":      "FROM a\n" + strings.Repeat("USER a\n", maxInstructions),
		"one long line": "FROM a\nRUN " + strings.Repeat("x", 100<<10),
	} {
		findings, err := Check(strings.NewReader(text), "Dockerfile", nil)
		if !errors.Is(err, ErrMalformed) || findings != nil {
			t.Errorf("%s: %v, %v", name, findings, err)
		}
	}
	_, err := Check(strings.NewReader("FROM a\n\nFORM b\n"), "Dockerfile", nil)
	if err == nil || !strings.Contains(err.Error(), "line 3") || !strings.Contains(err.Error(), "did you mean FROM") {
		t.Errorf("%v", err)
	}
}

// Text that is small but would be large or deep.
func TestHostile(t *testing.T) {
	var doubling strings.Builder
	doubling.WriteString("ARG A0=xxxxxxxxxxxxxxxx\n")
	for i := range 60 {
		name := func(i int) string { return "A" + strings.Repeat("x", i) }
		if i == 0 {
			doubling.WriteString("ARG A=$A0$A0\n")
		} else {
			doubling.WriteString("ARG " + name(i) + "=$" + name(i-1) + "$" + name(i-1) + "\n")
		}
	}
	for name, text := range map[string]string{
		"doubling":   doubling.String() + "FROM x$" + "A" + strings.Repeat("x", 59) + "\n",
		"brackets":   "FROM a\nRUN " + strings.Repeat("(", 30000) + "\n",
		"ifs":        "FROM a\nRUN " + strings.Repeat("if ", 10000) + "\n",
		"nots":       "FROM a\nRUN " + strings.Repeat("! ", 15000) + "a\n",
		"shells":     "FROM a\nRUN " + strings.Repeat("sh -c ", 9000) + "a\n",
		"env":        "FROM a\nRUN " + strings.Repeat("env ", 9000) + "a\n",
		"dollars":    "FROM a\nENV A=1\nRUN echo " + strings.Repeat("$A ", 15000) + "\n",
		"assigned":   "FROM a\nRUN " + strings.Repeat("A=1 b;", 9000) + "\n",
		"defaults":   "FROM a\nRUN echo " + strings.Repeat("${A:-", 9000) + "\n",
		"from":       "FROM " + strings.Repeat("${A:-", 9000) + "\n",
		"substitute": "FROM a\nRUN " + strings.Repeat("\"$(", 9000) + "\n",
		"arithmetic": "FROM a\nRUN echo $((" + strings.Repeat("-", 30000) + "1))\n",
		"tests":      "FROM a\nRUN [[ " + strings.Repeat("! ", 15000) + "a ]]\n",
	} {
		// Whatever it finds, it has to return.
		if _, err := Check(strings.NewReader(text), name, nil); err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, variant := range []string{"naive", "optimized"} {
		text, err := os.ReadFile("../../../scenarios/fastapi-sklearn/" + variant + "/Dockerfile")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, c := range cases {
		f.Add(c.text)
	}
	f.Add("# escape=`\nFROM a\nRUN --mount=type=cache,target=$X \\\n # c\n\n <<A <<B\nA\nB\n")
	f.Add("FROM a\nONBUILD RUN apt-get update\nRUN [\"sh\", \"-c\", \"pip install a | sh\"]\nSHELL [\"x\"]\nRUN a\n")
	f.Fuzz(func(t *testing.T, text string) {
		findings, err := Check(strings.NewReader(text), "Dockerfile", fstest.MapFS{
			"requirements.txt": {Data: []byte("torch\nnumpy==1\n")}, ".dockerignore": {Data: []byte(".git\n")}, "tests": {Mode: 0o755 | os.ModeDir},
		})
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		for _, f := range findings {
			if len(f.Evidence) == 0 || len(f.Evidence) > maxEvidence+1 || f.Title == "" || f.Remedy == "" {
				t.Errorf("%+v", f)
			}
		}
	})
}
