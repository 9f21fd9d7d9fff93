package image

import (
	"path"
	"strings"

	"mlbench/runner/image/installed"
)

// byPlace is the owner of a file that no package manager has written down.
func (c *claims) byPlace(f File) Owner {
	for _, place := range []func(File) Owner{c.runtime, c.cuda, c.weights, c.cache, c.application} {
		if o := place(f); o.Kind != "" {
			return o
		}
	}
	return Owner{Kind: Unowned}
}

// findRuntimes finds the Pythons that were built or unpacked, as in the images
// of Docker's official python repository: each has a lib/pythonX.Y/os.py. One in
// /usr or /usr/local shares the folder with others, else the folder is its own.
func (c *claims) findRuntimes() {
	for name, head := range c.paths {
		lib, ok := strings.CutSuffix(name, "/os.py")
		if !ok || head >= 0 || !strings.HasPrefix(path.Base(lib), "python") || path.Base(folder(lib)) != "lib" {
			continue
		}
		prefix, python := folder(folder(lib)), path.Base(lib)
		o := Owner{Runtime, "python", strings.TrimPrefix(python, "python")}
		if v := installed.PythonVersion(c.x.Content(prefix + "/include/" + python + "/patchlevel.h")); v != "" {
			o.Version = v
		}
		if prefix != "usr" && prefix != "usr/local" && prefix != "" {
			c.runtimes[prefix] = o
			continue
		}
		for _, sub := range []string{
			"/lib/" + python, "/include/" + python, "/bin/" + python, "/bin/" + python + "-config", "/lib/lib" + python + ".so.1.0", "/lib/lib" + python + ".a",
			"/lib/lib" + python + ".so", "/lib/libpython3.so", "/bin/idle" + o.Version, "/lib/pkgconfig/" + strings.Replace(python, "python", "python-", 1) + ".pc",
		} {
			c.runtimes[strings.TrimPrefix(prefix+sub, "/")] = o
		}
	}
}

func (c *claims) runtime(f File) Owner {
	if len(c.runtimes) == 0 || strings.Contains(f.Path, "-packages/") {
		return Owner{}
	}
	for dir := f.Path; dir != ""; dir = folder(dir) {
		if o, ok := c.runtimes[dir]; ok {
			return o
		}
	}
	return Owner{}
}

// cuda is the toolkit that NVIDIA's own installer unpacks, or that was copied.
func (c *claims) cuda(f File) Owner {
	rest, ok := strings.CutPrefix(f.Path, "usr/local/cuda")
	if !ok || rest != "" && rest[0] != '-' && rest[0] != '/' {
		return Owner{}
	}
	rest, _, _ = strings.Cut(rest, "/")
	version := strings.TrimPrefix(rest, "-")
	if v := installed.CUDAVersion(c.x.Content("usr/local/cuda" + rest + "/version.json")); v != "" {
		version = v
	}
	return Owner{CUDA, "cuda", version}
}

// Suffixes of files of model weights: of any size, and of those that may be
// something else only from minWeights on.
var (
	weights      = []string{".safetensors", ".gguf", ".ggml", ".onnx", ".pt", ".pth", ".ckpt", ".tflite", ".joblib", ".engine", ".keras"}
	maybeWeights = []string{".bin", ".pkl", ".pickle", ".h5", ".hdf5", ".pb", ".model", ".mar", ".onnx_data", ".msgpack", ".params"}
)

const (
	minWeights = 1 << 20 // bytes
	// A file of the Hugging Face hub's cache has no suffix. What nothing links to
	// is taken for weights from this size on, as tokenizers are smaller.
	minBlob = 20 << 20
)

func isWeights(name string, size int64) bool {
	suffix := path.Ext(name)
	for _, s := range weights {
		if strings.EqualFold(suffix, s) {
			return true
		}
	}
	for _, s := range maybeWeights {
		if size >= minWeights && strings.EqualFold(suffix, s) {
			return true
		}
	}
	return false
}

// weights are a model's, by its name in the hub's cache, by its folder if it is
// in several parts, else by its file.
func (c *claims) weights(f File) Owner {
	model := hubModel(f.Path)
	switch {
	case model == "" && !isWeights(f.Path, f.Size):
		return Owner{}
	case model == "" && strings.Contains(path.Base(f.Path), "-of-"):
		return Owner{Kind: Weights, Name: "/" + folder(f.Path)}
	case model == "":
		return Owner{Kind: Weights, Name: "/" + f.Path}
	}
	name, linked := c.blobs()[f.Path]
	if !linked {
		name = f.Path
	}
	if isWeights(name, f.Size) || !linked && f.Size >= minBlob {
		return Owner{Kind: Weights, Name: model}
	}
	return Owner{Kind: Cache, Name: "huggingface"}
}

// hubModel is the model whose folder in a Hugging Face hub cache a path is in,
// e.g. org/name, "" of other paths.
func hubModel(name string) string {
	_, rest, ok := strings.Cut("/"+name, "/models--")
	model, _, inside := strings.Cut(rest, "/")
	if !ok || !inside {
		return ""
	}
	return strings.ReplaceAll(model, "--", "/")
}

// blobs are the names by which snapshots of models link to the hub's files.
func (c *claims) blobs() map[string]string {
	if c.hub == nil {
		c.hub = make(map[string]string)
		for _, f := range c.x.Files {
			if f.Kind == Symlink && strings.Contains(f.Path, "/snapshots/") {
				c.hub[c.links.follow(f.Path)] = f.Path
			}
		}
	}
	return c.hub
}

// caches are folders of what package managers keep for the next time, and what
// programs left behind.
var caches = []struct{ folder, name string }{
	{"var/lib/apt/lists/", "apt lists"},
	{"var/cache/apt/archives/", "apt archives"},
	{"var/cache/apt/", "apt index"},
	{"var/cache/apk/", "apk"},
	{"etc/apk/cache/", "apk"},
	{"var/cache/dnf/", "dnf"},
	{"var/cache/libdnf5/", "dnf"},
	{"var/lib/dnf/", "dnf"},
	{"var/cache/yum/", "yum"},
	{"var/lib/yum/", "yum"},
	{"var/log/", "logs"},
	{"var/tmp/", "temporary files"},
	{"tmp/", "temporary files"},
	{"run/", "temporary files"},
}

// homeCaches are those in a folder of anybody's.
var homeCaches = []struct{ folder, name string }{
	{"/.npm/", "npm"},
	{"/.conda/pkgs/", "conda"},
	{"/.cargo/registry/", "cargo"},
	{"/go/pkg/mod/", "go"},
}

func (c *claims) cache(f File) Owner {
	for _, cache := range caches {
		if strings.HasPrefix(f.Path, cache.folder) {
			return Owner{Kind: Cache, Name: cache.name}
		}
	}
	slashed := "/" + f.Path
	if _, rest, ok := strings.Cut(slashed, "/.cache/"); ok {
		name, _, inside := strings.Cut(rest, "/")
		if !inside {
			name = ".cache"
		}
		return Owner{Kind: Cache, Name: name}
	}
	for _, cache := range homeCaches {
		if strings.Contains(slashed, cache.folder) {
			return Owner{Kind: Cache, Name: cache.name}
		}
	}
	if prefix, _, ok := strings.Cut(f.Path, "/pkgs/"); ok && c.condas[prefix] {
		return Owner{Kind: Cache, Name: "conda"}
	}
	return Owner{}
}

// application is what lies in the folder that containers start in, and what a
// COPY or ADD brought: by that folder, else by the highest that tells.
func (c *claims) application(f File) Owner {
	start := c.x.Config.Run.Folder()
	if start != "" && strings.HasPrefix(f.Path, start+"/") {
		return Owner{Kind: Application, Name: "/" + start}
	}
	if !c.isCopied(f.Layer) {
		return Owner{}
	}
	parts := strings.Split(f.Path, "/")
	n := 1
	switch parts[0] {
	case "usr", "opt", "home", "srv", "var", "mnt":
		n = 2
	}
	return Owner{Kind: Application, Name: "/" + strings.Join(parts[:min(n, len(parts)-1)], "/")}
}

// isCopied reports whether a layer was made by COPY or ADD, and not for a system
// to begin with.
func (c *claims) isCopied(layer int) bool {
	added := strings.HasPrefix(c.steps[layer], "ADD ")
	return copies(c.steps[layer]) && (layer > 0 || !added && len(c.packages) == 0)
}
