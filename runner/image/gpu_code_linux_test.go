package image

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCodeInFolders reads libraries where they lie, at any place of them, as the
// stream of an archive cannot be.
func TestCodeInFolders(t *testing.T) {
	folder := t.TempDir()
	for name, from := range map[string]string{
		"app/libmine.so": "libkernels.so", "usr/local/cuda-13.1/compat/libcuda.so.590.44.01": "libcuda.so.590.44.01",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(testdata(t, from)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, digests := range []bool{false, true} { // with digests they are read once
		var c Config
		c.RootFS.DiffIDs = []string{"sha256:0"}
		code := &GPUCode{}
		x, err := ReadFolders(t.Context(), c, []string{folder}, Options{Digests: digests, Look: code.Look})
		if err != nil {
			t.Fatal(err)
		}
		n := x.GPUNeeds(code)
		if len(n.Kernels) != 1 || len(n.Kernels[0].Archs) != 5 || n.Kernels[0].Unclear != "" {
			t.Errorf("digests %v: kernels: %+v", digests, n.Kernels)
		}
		if len(n.Compat) != 1 || n.Compat[0].Note == nil || len(n.Compat[0].Note.Branches) != 6 {
			t.Errorf("digests %v: compat: %+v", digests, n.Compat)
		}
	}
}
