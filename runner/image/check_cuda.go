package image

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mlbench/gpu"
)

// cudaLibrary is a shared library of CUDA by its file's name. Old wheels put a
// checksum into it: libcudart-d0da41ae.so.11.0.
var cudaLibrary = regexp.MustCompile(`^(lib(?:cublasLt|cublas|cudart|cudnn(?:_[a-z_]+)?|cufftw?|cufile|curand|cusolverMg|cusolver|cusparseLt|cusparse|nccl|npp[a-z]+|nvblas|nvJitLink|nvjpeg|nvrtc(?:-builtins)?|nvToolsExt))(?:-[0-9a-f]{8})?\.so\.([0-9.]+)$`)

// A cudaCopy is one library in one place.
type cudaCopy struct {
	files   []int
	version string
	bytes   int64
}

// cudaTwice looks for libraries that are both in the system (the base's toolkit,
// or conda's) and in Python packages, which bring their own.
func cudaTwice(s *survey) *Finding {
	type copies struct{ system, python cudaCopy }
	libraries := make(map[string]*copies)
	for i, f := range s.x.Files {
		if f.Kind != Regular || !f.Visible() || !strings.Contains(f.Path, ".so.") {
			continue
		}
		m := cudaLibrary.FindStringSubmatch(f.Path[strings.LastIndexByte(f.Path, '/')+1:])
		if m == nil || strings.Contains(f.Path, "/stubs/") {
			continue
		}
		c := libraries[m[1]]
		if c == nil {
			c = new(copies)
			libraries[m[1]] = c
		}
		_, rest, inPython := inSite(f.Path)
		switch {
		case inPython && (strings.HasPrefix(rest, "nvidia/") || strings.HasPrefix(rest, "torch/lib/")):
			version := m[2]
			if o := s.o.Of(i); o.Kind == Pip && strings.HasPrefix(o.Name, "nvidia-") {
				version = o.Version
			}
			c.python.add(i, f, version)
		case !inPython && (strings.HasPrefix(f.Path, "usr/") || strings.HasPrefix(f.Path, "opt/") || strings.HasPrefix(f.Path, "lib")) && installCache(f.Path) == "":
			c.system.add(i, f, m[2])
		}
	}
	h := s.haul()
	for name, c := range libraries {
		if len(c.system.files) == 0 || len(c.python.files) == 0 {
			continue
		}
		line := fmt.Sprintf("%s %s in %s, and %s (%s) in %s", name, c.system.version, s.dir(c.system), c.python.version, size(c.python.bytes), s.dir(c.python))
		for _, i := range c.system.files {
			h.add(line, i)
		}
	}
	return h.finding(worth)
}

func (c *cudaCopy) add(i int, f File, version string) {
	c.files = append(c.files, i)
	c.bytes += f.Size
	if len(version) > len(c.version) {
		c.version = version
	}
}

// dir is the folder of a copy, of the largest file where there are several.
func (s *survey) dir(c cudaCopy) string {
	return folder(s.x.Files[slices.MaxFunc(c.files, func(a, b int) int {
		return int(s.x.Files[a].Size - s.x.Files[b].Size)
	})].Path)
}

// cudaMismatch compares the frameworks' CUDA with the one that the base says it
// has, as the official images do.
func cudaMismatch(s *survey) *Finding {
	base, err := gpu.ParseCUDA(s.env("CUDA_VERSION"))
	if err != nil {
		return nil
	}
	var f Finding
	for _, framework := range s.x.GPUNeeds(nil).Frameworks {
		if framework.CPU || !framework.CUDA.Known() || framework.CUDA == base {
			continue
		}
		if framework.CUDA.Major != base.Major {
			f.Severity = Medium
		}
		f.Evidence = append(f.Evidence, short(fmt.Sprintf("%s was built for CUDA %s (%s), CUDA_VERSION is %s", framework.Name, framework.CUDA, framework.From, base)))
	}
	if f.Evidence == nil {
		return nil
	}
	f.Evidence = cut(f.Evidence)
	return &f
}

// gpuLibraries adds up what Python packages bring for GPUs. Whether the service
// ever sees one, an image cannot tell.
func gpuLibraries(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		if _, rest, ok := inSite(f.Path); ok && f.Visible() && f.Kind == Regular {
			switch o := s.o.Of(i); {
			case o.Kind == Pip && (strings.HasPrefix(o.Name, "nvidia-") && o.Name != "nvidia-ml-py" || o.Name == "triton"):
				h.add(o.Name+" "+o.Version, i)
			case strings.HasPrefix(rest, "torch/lib/") && (strings.Contains(rest, "cuda") || cudaLibrary.MatchString(strings.TrimPrefix(rest, "torch/lib/"))):
				h.add(f.Path, i)
			}
		}
	}
	return h.finding(100 * worth)
}
