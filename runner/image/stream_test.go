package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// streamed writes an archive of an image with one layer of that many files,
// which are all zeros.
func streamed(w io.Writer, files int, size int64) error {
	const header, block = 512, 512
	padded := (size + block - 1) / block * block
	out := tar.NewWriter(w)
	err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "1/layer.tar", Size: int64(files)*(header+padded) + 2*block})
	layer := tar.NewWriter(out)
	content := make([]byte, size)
	for i := 0; i < files && err == nil; i++ {
		if err = layer.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("usr/lib/python3/dist-packages/a-package-%d/module-of-some-length-%d.py", i/50, i), Size: size}); err == nil {
			_, err = layer.Write(content)
		}
	}
	err = errors.Join(err, layer.Close())
	config, _ := json.Marshal(map[string]any{"os": "linux", "architecture": "amd64", "rootfs": map[string]any{"diff_ids": []string{"sha256:1"}}})
	manifest, _ := json.Marshal([]described{{"c.json", []string{"one"}, []string{"1/layer.tar"}}})
	for _, e := range []entry{{name: "c.json", content: config}, {name: "manifest.json", content: manifest}} {
		if err == nil {
			err = out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: int64(len(e.content))})
		}
		if err == nil {
			_, err = out.Write(e.content)
		}
	}
	return errors.Join(err, out.Close())
}
