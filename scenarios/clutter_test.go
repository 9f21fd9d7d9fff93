package scenarios

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v4"
)

// A context with made up files is one like any other.
func TestClutter(t *testing.T) {
	real := fstest.MapFS{"app.py": {Data: []byte("1")}, "data/keep.csv": {Data: []byte("2")}, "data/more/a": {Data: []byte("3")}}
	clutter := []Clutter{{".git/objects/pack", 3000}, {"data/train.csv", 5000}, {"data/more/b/c", 10}, {"none", 0}}
	c := cluttered{real, clutter}
	want := []string{"app.py", "data/keep.csv", "data/more/a"}
	for _, file := range clutter {
		want = append(want, file.Path)
		info, err := fs.Stat(c, file.Path)
		if err != nil || info.Size() != int64(file.Size) {
			t.Errorf("%s: %v, %v; want %d bytes", file.Path, info, err, file.Size)
		}
	}
	if err := fstest.TestFS(c, want...); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"data/test.csv", ".gi", ".git/objects/pack/x", "none/x"} {
		if _, err := fs.Stat(c, name); err == nil {
			t.Errorf("%s is there", name)
		}
		if _, err := c.Open(name); err == nil {
			t.Errorf("%s can be opened", name)
		}
	}

	// The same each time, not the same in each file, and no text of zeros.
	read := func(name string) []byte {
		b, err := fs.ReadFile(c, name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	pack, data := read(".git/objects/pack"), read("data/train.csv")
	if !bytes.Equal(pack, read(".git/objects/pack")) || bytes.Equal(pack, data[:len(pack)]) || bytes.Count(pack, []byte{0}) > len(pack)/50 {
		t.Error("made up files are the same as others, or other ones each time, or hold nothing")
	}
}

func TestExportClutter(t *testing.T) {
	s, err := Get("os-hygiene")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "new")
	if err := s.Export(dir); err != nil {
		t.Fatal(err)
	}
	for _, v := range s.Variants {
		for _, file := range s.Clutter {
			got, err := os.ReadFile(filepath.Join(dir, v.Name, file.Path))
			want, _ := io.ReadAll(file.content())
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s/%s: %d bytes, %v; want %d", v.Name, file.Path, len(got), err, len(want))
			}
		}
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{"12MB": 12e6, "2.1GB": 2.1e9, "0.1kB": 100} {
		var got Bytes
		if err := yaml.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"12", "12 MiB", "-1MB", "MB", "1e3MB"} {
		var got Bytes
		if err := yaml.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s is %d", text, got)
		}
	}
}

func TestTakes(t *testing.T) {
	s := Scenario{Disk: 100, Variants: []Variant{{Name: "a", Disk: 60}, {Name: "b", Disk: 70}, {Name: "c"}}}
	for _, c := range []struct {
		of   []Variant
		want Bytes
	}{{s.Variants[:1], 60}, {s.Variants, 100}, {s.Variants[2:], 0}, {nil, 0}} {
		if got := s.Takes(c.of); got != c.want {
			t.Errorf("%v take %d, want %d", c.of, got, c.want)
		}
	}
	if s.Disk = 0; s.Takes(s.Variants) != 130 {
		t.Error("where nothing is known of all together, it is not the sum")
	}
}
