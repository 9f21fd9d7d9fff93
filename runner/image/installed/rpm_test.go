package installed

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// database is one that testdata/rpm.sh has made.
func database(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ndb puts headers as rpm's own format does, after a slot that is free.
func ndb(blobs [][]byte) []byte {
	db := make([]byte, 4096)
	copy(db, "RpmP")
	binary.LittleEndian.PutUint32(db[12:], 1)
	for slot := 32; slot < len(db); slot += 16 {
		copy(db[slot:], "Slot")
	}
	for i, blob := range blobs {
		slot := db[48+16*i:]
		binary.LittleEndian.PutUint32(slot[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(slot[8:], uint32(len(db)/16))
		head := make([]byte, 16)
		copy(head, "BlbS")
		binary.LittleEndian.PutUint32(head[12:], uint32(len(blob)))
		db = append(append(db, head...), blob...)
		db = append(db, make([]byte, 31-(len(db)+15)%16)...)
	}
	return db
}

func databases(t testing.TB) map[string][]byte {
	sqlite := database(t, "rpmdb.sqlite")
	blobs, err := sqliteBlobs(sqlite, "Packages")
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"sqlite": sqlite, "bdb": database(t, "Packages"), "ndb": ndb(blobs)}
}

func TestRpm(t *testing.T) {
	for format, db := range databases(t) {
		t.Run(format, func(t *testing.T) {
			all, err := Rpm(db)
			if err != nil || len(all) != 2 {
				t.Fatalf("%v: %+v", err, all)
			}
			slices.SortFunc(all, func(a, b Package) int { return strings.Compare(b.Name, a.Name) })
			small, large := all[0], all[1]
			if small.Name != "small" || small.Version != "2:1.5-3" || small.Arch != "noarch" ||
				!slices.Equal(small.Files, []string{"/usr/share/small", "/usr/share/small/deep", "/usr/share/small/deep/two", "/usr/share/small/one"}) ||
				!slices.ContainsFunc(small.Needs, func(need []string) bool { return slices.Equal(need, []string{"/bin/sh"}) }) ||
				!slices.Contains(small.Provides, "small") {
				t.Errorf("%+v", small)
			}
			if large.Name != "large" || len(large.Files) != 301 || !slices.Contains(large.Files, "/usr/share/large/file300") {
				t.Errorf("%s of %d files", large.Name, len(large.Files))
			}
			for _, cut := range []int{0, 7, 100, 600, 5000, len(db) / 2, len(db) - 1} {
				if _, err := Rpm(db[:cut]); err == nil && cut < len(db)/2 {
					t.Errorf("no error where it is cut off after %d bytes", cut)
				}
			}
		})
	}
}

// rpm itself has to agree, where it is.
func TestRpmAgrees(t *testing.T) {
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("needs rpm: ", err)
	}
	db := database(t, "rpmdb.sqlite")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rpmdb.sqlite"), db, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("rpm", "--dbpath", dir, "--define", "_db_backend sqlite", "-qa", "--qf", "[%{=NAME} %{=EVR} %{FILENAMES}\n]").Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	all, err := Rpm(db)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		for _, name := range p.Files {
			got = append(got, fmt.Sprintf("%s %s %s", p.Name, p.Version, name))
		}
	}
	want := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q\nrpm says: %q", got, want)
	}
}

func FuzzRpm(f *testing.F) {
	for _, name := range []string{"small.sqlite", "small.bdb"} {
		db := database(f, name)
		if all, err := Rpm(db); err != nil || len(all) != 1 {
			f.Fatalf("%s: %v: %+v", name, err, all)
		}
		f.Add(db)
	}
	blobs, _ := sqliteBlobs(database(f, "small.sqlite"), "Packages")
	f.Add(ndb(blobs)[:4096+16+len(blobs[0])])
	f.Add([]byte(sqliteMagic))
	f.Add(bytes.Repeat([]byte{0xff}, 4096))
	f.Fuzz(func(t *testing.T, db []byte) {
		all, _ := Rpm(db)
		total := 0
		for _, p := range all {
			for _, name := range p.Files {
				total += len(name)
			}
		}
		if total > 20*len(db)+1<<16 {
			t.Errorf("%d bytes of %d", total, len(db))
		}
	})
}

// A row of millions of columns would take a hundred times the memory of its file.
func TestRecordIsBounded(t *testing.T) {
	for length, sound := range map[byte]bool{30: true, 100: false} {
		row := make([]byte, length) // but for the first, each byte is a column that is NULL
		row[0] = length
		if columns, ok := record(row); ok != sound || ok && len(columns) != int(length)-1 {
			t.Errorf("%d columns, %v", len(columns), ok)
		}
	}
}
