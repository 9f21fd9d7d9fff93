package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// A content is what is in an image's layers: of each, files by their paths.
type content []map[string]string

// Two images of one service, before and after somebody has cared.
var (
	careless = content{
		{
			"var/lib/dpkg/status": "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\nArchitecture: amd64\n\n" +
				"Package: gcc-12\nStatus: install ok installed\nVersion: 12.2.0\nArchitecture: amd64\n",
			"var/lib/dpkg/info/libc6:amd64.list":  "/.\n/lib/libc.so.6\n",
			"var/lib/dpkg/info/gcc-12:amd64.list": "/.\n/usr/bin/gcc-12\n",
			"lib/libc.so.6":                       zeros(2_000_000),
			"usr/bin/gcc-12":                      zeros(3_000_000),
		},
		{"app/app.py": "print('hello')\n", "app/model.bin": zeros(500_000)},
		{"app/model.bin": zeros(500_001)},
	}
	cared = content{
		{
			"var/lib/dpkg/status":                "Package: libc6\nStatus: install ok installed\nVersion: 2.36-10\nArchitecture: amd64\n",
			"var/lib/dpkg/info/libc6:amd64.list": "/.\n/lib/libc.so.6\n",
			"lib/libc.so.6":                      zeros(2_000_000),
		},
		{"app/app.py": "print('hello')\n", "app/model.bin": zeros(500_001)},
	}
)

func zeros(n int) string { return string(make([]byte, n)) }

// writeArchives writes what scripts inspect: archives as docker save writes
// them, a part of one, and one of something else.
func writeArchives(folder string) error {
	old, err := archive("service:old", careless, "", "RUN |1 TOKEN=hidden /bin/sh -c make install # buildkit", "COPY app /app # buildkit", "COPY app/model.bin /app # buildkit")
	if err != nil {
		return err
	}
	slim, err := archive("service:new", cared, "10001", "/bin/sh -c #(nop) ADD file:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef in / ", "COPY app /app # buildkit")
	if err != nil {
		return err
	}
	var other bytes.Buffer
	w := tar.NewWriter(&other)
	if err := add(w, "hello.txt", []byte("hello")); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	for name, b := range map[string][]byte{
		"old.tar": old, "new.tar": slim, "cut.tar": old[:len(old)/2], "other.tar": other.Bytes(), "empty.tar": nil,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// archive is an image as docker save writes it, with a line of history a layer.
func archive(name string, layers content, user string, history ...string) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	type step struct {
		CreatedBy string `json:"created_by"`
	}
	var config struct {
		Architecture string            `json:"architecture"`
		OS           string            `json:"os"`
		Config       map[string]string `json:"config"`
		History      []step            `json:"history"`
		RootFS       struct {
			Type    string   `json:"type"`
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	config.Architecture, config.OS, config.RootFS.Type = "amd64", "linux", "layers"
	config.Config = map[string]string{"User": user}
	manifest := struct {
		Config           string
		RepoTags, Layers []string
	}{RepoTags: []string{name}}
	for i, files := range layers {
		var b bytes.Buffer
		layer := tar.NewWriter(&b)
		for path, text := range files {
			if err := add(layer, path, []byte(text)); err != nil {
				return nil, err
			}
		}
		if err := layer.Close(); err != nil {
			return nil, err
		}
		config.History = append(config.History, step{history[i]})
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, fmt.Sprintf("sha256:%x", sha256.Sum256(b.Bytes())))
		manifest.Layers = append(manifest.Layers, fmt.Sprintf("%d/layer.tar", i))
		if err := add(w, manifest.Layers[i], b.Bytes()); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	manifest.Config = fmt.Sprintf("%x.json", sha256.Sum256(b))
	if err := add(w, manifest.Config, b); err != nil {
		return nil, err
	}
	if b, err = json.Marshal([]any{manifest}); err != nil {
		return nil, err
	}
	if err := add(w, "manifest.json", b); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func add(w *tar.Writer, path string, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
