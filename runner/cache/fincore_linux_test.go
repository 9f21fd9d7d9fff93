package cache

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What InMemory says of files that were read in part, read ahead by the kernel
// or not at all is what fincore of util-linux says of them.
func TestInMemoryAgreesWithFincore(t *testing.T) {
	fincore, err := exec.LookPath("fincore")
	if err != nil {
		t.Skip("needs fincore, of util-linux: ", err)
	}
	dir := disk(t)
	const files = 12
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for i := range files {
		path := filepath.Join(dir, "sub", fmt.Sprint(i))
		onDisk(t, path, size)
		paths = append(paths, path)
	}
	f := list(t, dir)
	if n := evicted(t, f); n != 0 {
		t.Fatalf("%d bytes stay", n)
	}
	for i, path := range paths[:files-3] { // three are not read at all
		part, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = part.ReadAt(make([]byte, 1+i*size/files), 0)
		_ = part.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	in, err := f.InMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ours := make(map[string]int64)
	var sum, theirs int64
	for _, x := range in {
		ours[filepath.Join(dir, x.Path)] = x.Resident
		sum += x.Resident
	}
	out, err := exec.Command(fincore, append([]string{"--bytes", "--noheadings", "--output", "RES,FILE"}, paths...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		resident, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(resident, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		theirs += n
		// fincore counts whole pages, and a file's last one is rarely full.
		if us := ours[path]; n-us < 0 || n-us >= int64(os.Getpagesize()) {
			t.Errorf("%s: %d bytes, and fincore says %d", path, us, n)
		}
	}
	if float64(theirs-sum) > 0.05*float64(theirs) || sum == 0 || len(ours) != files-3 {
		t.Errorf("%d bytes of %d files, and fincore says %d", sum, len(ours), theirs)
	}
}
