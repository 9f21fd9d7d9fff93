package suite

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/mlbench.schema.json")

func TestRead(t *testing.T) {
	s, err := Open("testdata/mlbench.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := &Suite{
		Path: "testdata/mlbench.yaml",
		Settings: []Setting{
			{"port", []string{"8080"}, 2}, {"health", []string{"/healthz"}, 3}, {"target", []string{"1s"}, 4},
			{"quantile", []string{"0.9"}, 5}, {"max-size", []string{"800MB"}, 6}, {"fail-on", []string{"starts", "target"}, 7},
			{"env", []string{"MODEL=small", "THREADS=2", "FAST=true", "HF_TOKEN"}, 8},
		},
		Candidates: []Candidate{
			{Name: "myservice:old", Kind: Image, Ref: "myservice:old", Line: 15},
			{Name: "new", Kind: Image, Ref: "myservice:new", Line: 16, Settings: []Setting{{"port", []string{"9090"}, 18}, {"env", []string{"MODEL=large"}, 19}}},
			{Name: "script", Kind: Command, Ref: "python3 new.py", Line: 20, Settings: []Setting{{"args", []string{"--port", "8080"}, 22}}},
			{Name: "../built", Kind: Folder, Ref: "../built", Line: 23},
			{Name: "lean", Kind: Folder, Ref: "services/lean", Line: 24, Settings: []Setting{{"gpus", []string{"none"}, 26}, {"build-arg", []string{"BASE=debian", "TOKEN"}, 27}}},
		},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v\nwant %+v", s, want)
	}
	if got := s.Resolve("x.json"); got != "testdata/x.json" {
		t.Error(got)
	}
	if s.Candidate("new") != &s.Candidates[1] || s.Candidate("other") != nil {
		t.Error("a candidate is not found by its name")
	}
}

func TestMalformed(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "it is empty",
		"# nothing\n":                     "it is empty",
		"- a\n":                           "line 1: the file has to be keys with values, and is a list",
		"port: 1\nhelth: /":               `line 2: key "helth" is not known: did you mean health?`,
		"HEALTH: /\n":                     "did you mean health?",
		"max_size: 1GB\n":                 `line 1: key "max_size" is not known: did you mean max-size?`,
		"candidate: []\n":                 "did you mean candidates?",
		"xxxxxxxxxxxxxxxxxxxxxxxxxx: 1\n": "is not known: known are port,",
		"port: 1\nport: 2\n":              `line 2: "port" is there twice, first in line 1`,
		"port: [8080]\n":                  "line 1: port has to be a whole number, and is a list",
		"port: \"8080\"\n":                `line 1: port has to be a whole number, and is the text "8080"`,
		"port: 80.5\n":                    "line 1: port has to be a whole number, and is 80.5",
		"port:\n":                         "line 1: port has no value",
		"cpus: many\n":                    `line 1: cpus has to be a number, and is the text "many"`,
		"target: true\n":                  "line 1: target has to be text or a number, and is true",
		"target: {a: b}\n":                "line 1: target has to be text or a number, and is keys with values",
		"target: !secret 1s\n":            `tagged !secret`,
		"no-covariate: yes please\n":      `line 1: no-covariate has to be true or false, and is the text "yes please"`,
		"cold: cach\n":                    `line 1: cold: there is no "cach": did you mean cache?`,
		"fail-on: starts\n":               `line 1: fail-on has to be a list, one item a line`,
		"fail-on:\n- starts\n- sizes\n":   `line 3: fail-on: there is no "sizes": did you mean size?`,
		"env: A=b\n":                      `line 1: env has to be names with values, or a list of NAME=value, and is the text "A=b"`,
		"env:\n  A: [b]\n":                `line 2: env: "A" has to be one value, and is a list`,
		"env:\n  A: 1\n  A: 2\n":          `line 3: "A" is there twice`,
		"env:\n- =b\n":                    `line 2: env: "=b" has no name`,
		"env: {A=B: c}\n":                 `line 1: env: "A=B" is no name`,
		"health: \"/a\\0b\"\n":            "line 1: health holds a zero byte",
		"<<: {port: 1}\n":                 "line 1: << is not known",
		"[a]: b\n":                        "line 1: a key has to be a word, and is a list",
		"candidates: a\n":                 `line 1: candidates has to be a list, one a line, each begun with "- ", and is the text "a"`,
		"candidates:\n":                   "line 1: candidates has to be a list",
		"candidates:\n- 5\n":              "line 2: a candidate has to be an image",
		"candidates:\n- [a]\n":            "line 2: a candidate has to be keys with values, and is a list",
		"candidates:\n- name: a\n":        "line 2: a candidate without image, folder or command",
		"candidates:\n- image: a\n  command: b\n":           "line 3: command beside image",
		"candidates:\n- folder: a\n  image: b\n":            "line 3: image beside folder",
		"candidates:\n- folder: [a]\n":                      "line 2: folder has to be text or a number, and is a list",
		"candidates:\n- folder:\n":                          "line 2: folder has no value",
		"candidates:\n- folder: \"a\\0\"\n":                 "line 2: folder holds a zero byte",
		"candidates:\n- fodler: a\n":                        "did you mean folder?",
		"candidates:\n- image: a\n  dockerfile: b\n":        "line 3: dockerfile is for a folder that is built, and this candidate is of the kind image",
		"candidates:\n- build-arg: {A: b}\n  command: a\n":  "line 2: build-arg is for a folder that is built, and this candidate is of the kind command",
		"candidates:\n- folder: a\n  build-arg: A=b\n":      "line 3: build-arg has to be names with values, or a list of NAME=value",
		"candidates:\n- folder: a\n  build-arg: {A: [b]}\n": `line 3: build-arg: "A" has to be one value, and is a list`,
		"candidates:\n- folder: a\n  build-arg: [=b]\n":     `line 3: build-arg: "=b" has no name`,
		"candidates:\n- folder: a\n  build-target: {}\n":    "line 3: build-target has to be text or a number",
		"build_arg: {A: b}\n":                               "did you mean build-arg?",
		"dockerfile:\n":                                     "line 1: dockerfile has no value",
		"candidates:\n- image: a\n  gpus: [0]\n":            "line 3: gpus has to be text or a number, and is a list",
		"candidates:\n- image: ''\n":                        "line 2: image is empty",
		"candidates:\n- image: a\n  prot: 1\n":              `line 3: key "prot" of a candidate is not known: did you mean port?`,
		"candidates:\n- image: a\n  margin: 5%\n":           "line 3: margin is the same for all candidates: write it above them",
		"candidates:\n- a\n- b\n- image: c\n  name: a\n":    `line 4: a candidate named "a" is there already, in line 2`,
		"policy: {usr: root}\n":                             "did you mean user?",
		"policy:\n":                                         "policy",
		"port: 1\n---\nport: 2\n":                           "document",
		"port: [\n":                                         "",
		"env: *nothing\n":                                   "",
		"\x00":                                              "",
	} {
		_, err := Read(strings.NewReader(text), "mlbench.yaml")
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "mlbench.yaml") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// What is valid, and easily refused.
func TestAccepted(t *testing.T) {
	for _, text := range []string{
		"candidates: []\n", "candidates: [./a, {folder: b, build-arg: [A], dockerfile: c}]\nbuild-target: d\n", "policy: {user: non-root}\n", "user: 1000\n", "gpus: all\n", "gpus: 1\n", "cpus: 2\n", "quantile: p90\n",
		"no-preflight: TRUE\n", "env: {}\n", "env: &e {A: 1}\ncandidates:\n- {image: a, env: *e}\n- {image: b, env: *e}\n",
		"\ufeffport: 1\n", "port: 1\r\nhealth: /\r\n",
	} {
		if _, err := Read(strings.NewReader(text), "mlbench.yaml"); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Files that are larger, deeper or stand for more than anybody writes. None may
// take much memory or time: 10 MB are not even read.
func TestHostile(t *testing.T) {
	big := "env: &e {" + strings.Repeat("a: b, ", 1) + "}\n"
	many := "env: &e [" + strings.Repeat("A=b, ", 2000) + "A=b]\ncandidates:\n" + strings.Repeat("- {image: a, env: *e}\n", 900)
	for name, text := range map[string]string{
		"10 MB":               "# " + strings.Repeat(strings.Repeat("x", 98)+"\n# ", 100_000),
		"10 MB of candidates": "candidates:\n" + strings.Repeat("- image\n", 1_250_000),
		"nested lists":        "candidates: " + strings.Repeat("[", maxBytes/2),
		"nested blocks":       "candidates: " + strings.Repeat("- ", maxBytes/3),
		"nested mappings":     strings.Repeat("{port: ", maxBytes/8),
		"too many candidates": "candidates:\n" + strings.Repeat("- image\n", maxCandidates+1),
		"bomb":                uniquely(many),
		"a long key":          strings.Repeat("k", 100_000) + ": 1\n",
		"a long value":        "cold: " + strings.Repeat("v", 100_000) + "\n",
		"a long name":         "candidates:\n" + strings.Repeat("- "+strings.Repeat("n", 100_000)+"\n", 2),
		"cycle of keys":       "a: &a {candidates: *a}\n",
		"cycle of candidates": "candidates: &c [*c]\n",
		"cycle of a value":    "env: &e [*e]\n",
		"cycle of names":      "env: &e {A: *e}\n",
		"cycle of arguments":  "build-arg: &b {A: *b}\n",
		"cycle of folders":    "candidates: [{folder: &f [*f]}]\n",
		"cycle of all":        "&a\ncandidates:\n- *a\n",
		"cycle of a policy":   "policy: &p {bases: [*p]}\n",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(strings.NewReader(text), "mlbench.yaml")
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		} else if len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes: %.200s…", name, len(err.Error()), err)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<30 {
			t.Errorf("%s: %d MB allocated", name, allocated>>20)
		}
	}
	if _, err := Read(strings.NewReader(big), "mlbench.yaml"); err != nil {
		t.Error(err)
	}
}

// uniquely gives candidates names of their own.
func uniquely(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "image: a") {
		if i > 0 {
			b.WriteString("image: a" + strings.Repeat("b", i))
		}
		b.WriteString(part)
	}
	return b.String()
}

// TestSchema keeps the schema for editors equal to the reader.
func TestSchema(t *testing.T) {
	b, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", "mlbench.schema.json")
	if *update {
		if err := os.WriteFile(file, b, 0o644); err != nil { //nolint:gosec // docs are for everybody
			t.Fatal(err)
		}
	}
	if on, err := os.ReadFile(file); err != nil || string(on) != string(b) {
		t.Errorf("%s is not what the reader reads: go test ./bench/suite -update (%v)", file, err)
	}
}

func FuzzRead(f *testing.F) {
	b, err := os.ReadFile("testdata/mlbench.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(b))
	f.Add("env: &e {A: *e}\ncandidates: [a, {image: b, env: *e}]\n")
	f.Add("? [a]\n: b\n")
	f.Add("build-arg: {A: }\ncandidates: [./a, {folder: b, dockerfile: c, build-target: d, build-arg: [A=b, C]}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Read(strings.NewReader(text), "mlbench.yaml")
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Error(err)
			}
			return
		}
		seen := map[string]bool{}
		for _, c := range s.Candidates {
			if k := c.Kind; k != Folder && slices.ContainsFunc(c.Settings, func(x Setting) bool { k, _ := find(x.Key); return k.made }) {
				t.Errorf("%s says how it is built: %+v", k, c)
			}
			if c.Name == "" || c.Ref == "" || c.Kind == "" || seen[c.Name] {
				t.Errorf("%+v", c)
			}
			seen[c.Name] = true
			for _, x := range c.Settings {
				if k, ok := find(x.Key); !ok || !k.each || x.Line == 0 {
					t.Errorf("%+v", x)
				}
			}
		}
		for _, x := range s.Settings {
			if k, ok := find(x.Key); !ok || len(x.Values) != 1 && k.form != list && k.form != vars {
				t.Errorf("%+v", x)
			}
		}
	})
}
