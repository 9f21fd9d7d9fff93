package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// published are the wheels, by name, that a stand-in for an index has after its
// script has run, with their hashes.
func published(t *testing.T, script string) map[string]string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3: ", err)
	}
	dir := t.TempDir()
	cmd := exec.Command(python, "-", dir)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("publish.py: %v\n%s", err, out)
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil {
		t.Fatal(err)
	}
	hashes := make(map[string]string)
	for _, wheel := range wheels {
		b, err := os.ReadFile(wheel)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		hashes[filepath.Base(wheel)] = hex.EncodeToString(sum[:])
	}
	return hashes
}

var locked = regexp.MustCompile(`(?m)^([a-z-]+)==([0-9.]+) --hash=sha256:([0-9a-f]{64})$`)

// What is locked is what the index has, though the index goes on; and not what
// the tampered one has.
func TestLock(t *testing.T) {
	s, err := Get("locked-install")
	if err != nil {
		t.Fatal(err)
	}
	files := contents(t, context(t, s, "locked"))
	pins := locked.FindAllStringSubmatch(files["requirements.txt"], -1)
	if len(pins) != 2 {
		t.Fatalf("locked are %q, want two packages", pins)
	}
	good := published(t, files["publish.py"])
	sed := regexp.MustCompile(`sed -i 's/([^/]+)/([^/]+)/' publish.py`).FindStringSubmatch(contents(t, context(t, s, "tampered"))["Dockerfile"])
	if sed == nil || !strings.Contains(files["publish.py"], sed[1]) {
		t.Fatalf("tampered replaces %q, which publish.py does not have", sed)
	}
	bad := published(t, strings.Replace(files["publish.py"], sed[1], sed[2], 1))
	changed := 0
	for _, pin := range pins {
		wheel := strings.ReplaceAll(pin[1], "-", "_") + "-" + pin[2] + "-py3-none-any.whl"
		if good[wheel] != pin[3] {
			t.Errorf("%s is locked with %s, and has %s", wheel, pin[3], good[wheel])
		}
		if bad[wheel] == "" {
			t.Errorf("the tampered index has no %s", wheel)
		}
		if bad[wheel] != good[wheel] {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d wheels are tampered with, want 1", changed)
	}
	// The index has a newer release of what is locked, which the loose one gets;
	// and another one the next time.
	time.Sleep(time.Second)
	newer := slices.DeleteFunc(slices.Collect(maps.Keys(published(t, files["publish.py"]))), func(wheel string) bool { return good[wheel] != "" })
	if len(good) != len(pins)+1 || len(newer) != 1 || !strings.HasPrefix(newer[0], "mlbench_demo_features-1.4.") {
		t.Errorf("the index has %d wheels, and then %q besides; want one more than are locked, and then another", len(good), newer)
	}
	for name, text := range map[string]string{"loose": contents(t, context(t, s, "loose"))["requirements.txt"], "tampered": contents(t, context(t, s, "tampered"))["requirements.txt"]} {
		if same := text == files["requirements.txt"]; same != (name == "tampered") {
			t.Errorf("%s has the lock: %t", name, same)
		}
	}
}
