package image

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"mlbench/gpu"
	"mlbench/runner/image/installed"
)

// GPUNeeds are what the image wants of a host's GPUs: by its frameworks first, as
// theirs is the CUDA that is loaded, then by its libraries and environment. Code
// is what was found in its libraries as it was read, nil where nobody looked.
func (x *Index) GPUNeeds(code *GPUCode) gpu.Needs {
	n := &gpuNeeds{x: x}
	n.Looked = code != nil
	n.frameworks()
	n.wheels()
	n.libraries()
	n.environment()
	n.choose()
	if code != nil {
		n.look(code)
	}
	n.GPU = len(n.Seen) > 0 || len(n.Kernels) > 0 || len(n.Requirements) > 0 || slices.ContainsFunc(n.Frameworks, func(f gpu.Framework) bool { return !f.CPU })
	return n.Needs
}

type gpuNeeds struct {
	gpu.Needs
	x        *Index
	packages map[string]installed.Package // of Python, by normal name
}

func (n *gpuNeeds) see(c gpu.CUDA, from string) {
	s := gpu.Seen{CUDA: c, From: from}
	if c.Known() && !slices.Contains(n.Seen, s) {
		n.Seen = append(n.Seen, s)
	}
}

// What version files of frameworks say. Whoever makes an image can write what
// he likes into them: what is not of this form says nothing.
var (
	torchCUDA    = regexp.MustCompile(`(?m)^cuda(?:\s*:[^=\n]*)?\s*=\s*(?:None|['"]([0-9.]{1,20})['"])`)
	torchVersion = regexp.MustCompile(`(?m)^__version__\s*=\s*['"]([0-9A-Za-z.+_-]{1,60})['"]`)
	tensorCUDA   = regexp.MustCompile(`['"]cuda_version['"]\s*[:,]\s*['"]([0-9.]{1,20})['"]`)
	tensorBuild  = regexp.MustCompile(`['"]is_cuda_build['"]\s*[:,]\s*(True|False)`)
	tensorCUDNN  = regexp.MustCompile(`['"]cudnn_version['"]\s*[:,]\s*['"]([0-9.]{1,20})['"]`)
	localCUDA    = regexp.MustCompile(`\+(?:[0-9A-Za-z]+\.)*(?:cu|cuda)([0-9]{2,4})(?:\.|$)`)
	wheelCUDA    = regexp.MustCompile(`(?:^|-)(?:cu|cuda)([0-9]{2})(?:x)?(?:-|$)`)
)

// frameworks finds those that say themselves what they were built for.
func (n *gpuNeeds) frameworks() {
	n.packages = make(map[string]installed.Package)
	for _, d := range n.x.dists() {
		if p := d.about(); d.visible && p.Name != "" {
			n.packages[installed.Normal(p.Name)] = p
		}
	}
	for _, file := range n.versionFiles() {
		content := n.x.Content(file)
		f := gpu.Framework{Name: "torch", From: "/" + file}
		if strings.HasSuffix(file, "/version.py") {
			m := torchCUDA.FindSubmatch(content)
			f.CPU = m != nil && len(m[1]) == 0
			if m != nil {
				f.CUDA, _ = gpu.ParseCUDA(string(m[1]))
			}
			if v := torchVersion.FindSubmatch(content); v != nil {
				f.Version = string(v[1])
			}
		} else {
			f.Name = "tensorflow"
			if m := tensorBuild.FindSubmatch(content); m != nil {
				f.CPU = string(m[1]) == "False"
			}
			if m := tensorCUDA.FindSubmatch(content); m != nil && !f.CPU {
				f.CUDA, _ = gpu.ParseCUDA(string(m[1]))
			}
			if m := tensorCUDNN.FindSubmatch(content); m != nil && !f.CPU {
				n.CUDNN = string(m[1])
			}
		}
		if f.Version == "" {
			f.Version = n.packages[f.Name].Version
		}
		if c, ok := localVersion(f.Version); ok && !f.CPU && !f.CUDA.Known() {
			f.CUDA = c
		}
		n.Frameworks = append(n.Frameworks, f)
		n.see(f.CUDA, f.Name+" in "+f.From)
	}
}

// versionFiles are the paths of the frameworks' files that a container sees,
// PyTorch's first.
func (n *gpuNeeds) versionFiles() []string {
	var torch, tensorflow []string
	n.x.kept(func(f File, _ []byte) {
		switch {
		case !f.Visible():
		case strings.HasSuffix(f.Path, "/torch/version.py"):
			torch = append(torch, f.Path)
		case strings.HasSuffix(f.Path, "/tensorflow/python/platform/build_info.py"):
			tensorflow = append(tensorflow, f.Path)
		}
	})
	return append(torch, tensorflow...)
}

// localVersion is the CUDA version in that of a package, e.g. 12.6 in
// 2.6.0+cu126.
func localVersion(version string) (gpu.CUDA, bool) {
	m := localCUDA.FindStringSubmatch(strings.ToLower(version))
	if m == nil {
		return gpu.CUDA{}, false
	}
	return digits(m[1])
}

// digits is 12.6 of 126, 9.2 of 92, 11.1 of 111.
func digits(s string) (gpu.CUDA, bool) {
	if len(s) < 3 && s != "92" { // of 12 the minor version is not known
		return gpu.CUDA{}, false
	}
	c, err := gpu.ParseCUDA(s[:len(s)-1] + "." + s[len(s)-1:])
	return c, err == nil && c.Major < 100
}

// compilers are packages that compile PTX when they run.
var compilers = []string{"triton", "pytorch-triton", "numba", "numba-cuda", "cupy", "jaxlib", "tensorflow", "tensorrt", "torch"}

// wheels finds what other packages of Python say by their names and versions.
func (n *gpuNeeds) wheels() {
	for _, name := range slices.Sorted(maps.Keys(n.packages)) {
		p := n.packages[name]
		what := p.Name + " " + p.Version
		c, ok := localVersion(p.Version)
		major := wheelCUDA.FindStringSubmatch(name)
		known := slices.ContainsFunc(n.Frameworks, func(f gpu.Framework) bool { return f.Name == name })
		switch {
		case known:
		case ok:
			n.Frameworks = append(n.Frameworks, gpu.Framework{Name: p.Name, Version: p.Version, CUDA: c, From: "its version"})
			n.see(c, what)
		case strings.HasPrefix(name, "nvidia-cuda-runtime"):
			if c, err := gpu.ParseCUDA(p.Version); err == nil {
				n.see(c, what)
			}
		case strings.HasPrefix(name, "nvidia-cudnn"):
			n.CUDNN = p.Version
		case strings.HasPrefix(name, "nvidia-"):
		case name == "onnxruntime-gpu", name == "tensorflow-gpu", name == "vllm", major != nil:
			n.Frameworks = append(n.Frameworks, gpu.Framework{Name: p.Name, Version: p.Version, From: "its name"})
		}
		for _, compiler := range compilers {
			if name == compiler || strings.HasPrefix(name, compiler+"-cuda") {
				n.JIT = append(n.JIT, what)
			}
		}
	}
	if slices.ContainsFunc(n.Frameworks, func(f gpu.Framework) bool { return f.CPU }) && !slices.ContainsFunc(n.Frameworks, func(f gpu.Framework) bool { return !f.CPU }) {
		n.JIT = nil // for CPUs
	}
}

var (
	cudart       = regexp.MustCompile(`^libcudart(?:-[0-9a-f]+)?\.so\.([0-9]+\.[0-9]+\.[0-9]+)$`)
	cudnnLibrary = regexp.MustCompile(`^libcudnn\.so\.([0-9]+\.[0-9]+\.[0-9]+)$`)
)

// libraries finds CUDA's own libraries by their names, which have the whole
// version where the toolkit brought them; wheels' have the major alone.
func (n *gpuNeeds) libraries() {
	for _, f := range n.x.Files {
		if !f.Visible() || f.Kind != Regular && f.Kind != HardLink {
			continue
		}
		base := path.Base(f.Path)
		if m := cudart.FindStringSubmatch(base); m != nil {
			if c, err := gpu.ParseCUDA(m[1]); err == nil {
				n.see(c, "/"+f.Path)
			}
		} else if m := cudnnLibrary.FindStringSubmatch(base); m != nil && n.CUDNN == "" {
			n.CUDNN = m[1]
		}
		if m := compatLibrary.FindStringSubmatch(f.Path); m != nil {
			c := gpu.Compat{Path: "/" + f.Path}
			c.Driver, _ = gpu.ParseDriver(m[1])
			n.Compat = append(n.Compat, c)
		}
	}
	slices.SortStableFunc(n.Compat, func(a, b gpu.Compat) int { return b.Driver.Compare(a.Driver) })
}

func (n *gpuNeeds) environment() {
	env := n.x.Config.Run.Env
	n.Requirements, n.DisableRequire = gpu.Requirements(env)
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		switch name {
		case "CUDA_VERSION":
			if c, err := gpu.ParseCUDA(strings.TrimPrefix(value, "v")); err == nil {
				n.see(c, "CUDA_VERSION="+value)
			}
		case "NV_CUDNN_VERSION", "CUDNN_VERSION":
			if n.CUDNN == "" {
				n.CUDNN = value
			}
		case "NVIDIA_VISIBLE_DEVICES":
			n.VisibleDevices = &value
		case "NVIDIA_DRIVER_CAPABILITIES":
			n.Capabilities = &value
		case "LD_LIBRARY_PATH":
			n.LibraryPathTold = strings.Contains(value, "/usr/local/cuda/compat")
		}
	}
}

// choose takes the latest version that a framework was built for; without any
// the first that was seen. What does not fit together it tells.
func (n *gpuNeeds) choose() {
	for _, f := range n.Frameworks {
		if f.CUDA.Known() && f.CUDA.Compare(n.CUDA) > 0 {
			n.CUDA, n.From = f.CUDA, strings.TrimSpace(f.Name+" "+f.Version)
		}
	}
	if !n.CUDA.Known() && len(n.Seen) > 0 {
		n.CUDA, n.From = n.Seen[0].CUDA, n.Seen[0].From
	}
	for _, s := range n.Seen {
		if s.CUDA != n.CUDA { // of one version from several sources nothing has to be said
			n.Conflicts = append(n.Conflicts, fmt.Sprintf("CUDA %s (%s) and CUDA %s (%s) are in one image", n.CUDA, n.From, s.CUDA, s.From))
		}
	}
}

// look takes over what was found in libraries that a container sees.
func (n *gpuNeeds) look(code *GPUCode) {
	for _, f := range n.x.Files {
		if !f.Visible() || f.Kind != Regular {
			continue
		}
		place := looked{f.Path, f.Size}
		k := gpu.Kernel{Path: "/" + f.Path}
		if found, ok := code.found[place]; ok {
			k.Archs, k.Unclear = found.Archs, found.Unclear
		}
		if err := code.failed[place]; err != nil {
			k.Unclear = err.Error()
		}
		if len(k.Archs) > 0 || k.Unclear != "" {
			n.Kernels = append(n.Kernels, k)
		}
		for i := range n.Compat {
			if note, ok := code.notes[place]; ok && n.Compat[i].Path == k.Path {
				n.Compat[i].Note, n.Compat[i].Looked = note, true
			}
		}
	}
}
