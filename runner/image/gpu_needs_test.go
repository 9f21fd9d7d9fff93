package image

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"mlbench/gpu"
)

// built makes an index of files with contents in one layer, and looks into them.
func built(t *testing.T, env []string, files map[string]string) (*Index, *GPUCode) {
	t.Helper()
	var c Config
	c.Run.Env = env
	code := &GPUCode{}
	var all []File
	contents := make(map[Place][]byte)
	for path, content := range files {
		all = append(all, File{Path: path, Size: int64(len(content))})
		if Wanted(path) {
			contents[Place{0, path}] = []byte(content)
		}
		if look := code.Look(path, int64(len(content))); look != nil {
			if err := look(io.MultiReader(strings.NewReader(content))); err != nil { // at no place
				t.Fatal(err)
			}
		}
	}
	return New(c, make([]Layer, 1), all, contents), code
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../gpu/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The environments and version files of these are as those of the images that
// they are named after.
func TestNeeds(t *testing.T) {
	const site = "opt/conda/lib/python3.11/site-packages/"
	nvidia := []string{
		"NVIDIA_REQUIRE_CUDA=cuda>=12.2 brand=tesla,driver>=470,driver<471", "NV_CUDA_CUDART_VERSION=12.2.53-1", "CUDA_VERSION=12.2.0",
		"LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64", "NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
	}
	torch := func(version, cuda string) string {
		return "from typing import Optional\n\n__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']\n__version__ = '" + version +
			"'\ndebug = False\ncuda: Optional[str] = " + cuda + "\ngit_version = '63d5e92'\nhip: Optional[str] = None\n"
	}
	metadata := func(name, version string) string {
		return "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n\n"
	}
	tests := []struct {
		name  string
		env   []string
		files map[string]string
		check func(n gpu.Needs) bool
	}{
		{"debian's python3-torch", []string{"PATH=/usr/bin"}, map[string]string{
			"usr/lib/python3/dist-packages/torch/version.py": torch("1.13.0a0+gitunknown", "None"),
		}, func(n gpu.Needs) bool {
			return !n.GPU && !n.CUDA.Known() && n.Frameworks[0].CPU && n.Frameworks[0].Version == "1.13.0a0+gitunknown"
		}},
		{"no framework", nil, map[string]string{"bin/sh": "#"}, func(n gpu.Needs) bool { return !n.GPU && len(n.Seen) == 0 }},
		{"torch +cpu", nil, map[string]string{
			site + "torch/version.py": torch("2.4.0+cpu", "None"), site + "torch-2.4.0+cpu.dist-info/METADATA": metadata("torch", "2.4.0+cpu"),
		}, func(n gpu.Needs) bool { return !n.GPU && len(n.JIT) == 0 }},
		{"nvidia/cuda:12.2.0-runtime-ubuntu22.04", nvidia, map[string]string{
			"usr/local/cuda-12.2/targets/x86_64-linux/lib/libcudart.so.12.2.53": "x",
			"usr/local/cuda-12.2/compat/libcuda.so.535.54.03":                   testdata(t, "libcuda.so.590.44.01"),
		}, func(n gpu.Needs) bool {
			return n.GPU && n.CUDA == gpu.CUDA{Major: 12, Minor: 2} && strings.Contains(n.From, "libcudart.so.12.2.53") && len(n.Conflicts) == 0 &&
				len(n.Seen) == 2 && len(n.Requirements) == 1 && *n.VisibleDevices == "all" && *n.Capabilities == "compute,utility" &&
				len(n.Compat) == 1 && n.Compat[0].Driver.Branch() == 535 && n.Compat[0].Note != nil && n.Compat[0].Note.Branches[0] == 535
		}},
		{"nvidia/cuda:12.2.0-base on its own", nvidia, nil, func(n gpu.Needs) bool {
			return n.GPU && n.From == "CUDA_VERSION=12.2.0" && n.CUDA == gpu.CUDA{Major: 12, Minor: 2}
		}},
		{"pytorch/pytorch:2.4.0-cuda12.1-cudnn9-runtime", []string{"NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility", "PYTORCH_VERSION=2.4.0"}, map[string]string{
			site + "torch/version.py": torch("2.4.0", "'12.1'"), site + "torch-2.4.0-py3.11.egg-info/PKG-INFO": metadata("torch", "2.4.0"),
			"opt/conda/lib/libcudart.so.12.1.105": "x", "opt/conda/lib/libcudnn.so.9.1.0": "x", site + "triton-3.0.0.dist-info/METADATA": metadata("triton", "3.0.0"),
			site + "torch/lib/libtorch_cuda.so": testdata(t, "libkernels.so"),
		}, func(n gpu.Needs) bool {
			return n.GPU && n.CUDA == gpu.CUDA{Major: 12, Minor: 1} && strings.HasPrefix(n.From, "torch 2.4.0") && n.CUDNN == "9.1.0" && len(n.Conflicts) == 0 &&
				len(n.JIT) == 2 && len(n.Kernels) == 1 && len(n.Kernels[0].Archs) == 5
		}},
		{"wheels on another base", nvidia, map[string]string{
			site + "torch/version.py": torch("2.6.0+cu126", "'12.6'"), site + "torch-2.6.0+cu126.dist-info/METADATA": metadata("torch", "2.6.0+cu126"),
			site + "nvidia_cuda_runtime_cu12-12.6.77.dist-info/METADATA": metadata("nvidia-cuda-runtime-cu12", "12.6.77"),
			site + "nvidia_cudnn_cu12-9.5.1.17.dist-info/METADATA":       metadata("nvidia-cudnn-cu12", "9.5.1.17"),
		}, func(n gpu.Needs) bool {
			return n.CUDA == gpu.CUDA{Major: 12, Minor: 6} && n.CUDNN == "9.5.1.17" && len(n.Conflicts) == 1 &&
				strings.Contains(n.Conflicts[0], "12.2") && strings.Contains(n.Conflicts[0], "CUDA_VERSION")
		}},
		{"a version in the package's name alone", nil, map[string]string{
			site + "torch/version.py": "broken", site + "torch-1.8.1+cu111.dist-info/METADATA": metadata("torch", "1.8.1+cu111"),
		}, func(n gpu.Needs) bool { return n.GPU && n.CUDA == gpu.CUDA{Major: 11, Minor: 1} }},
		{"jaxlib", nil, map[string]string{
			site + "jaxlib-0.4.25+cuda12.cudnn89.dist-info/METADATA": metadata("jaxlib", "0.4.25+cuda12.cudnn89"), site + "jax_cuda12_plugin-0.4.30.dist-info/METADATA": metadata("jax-cuda12-plugin", "0.4.30"),
		}, func(n gpu.Needs) bool { return n.GPU && !n.CUDA.Known() && len(n.Frameworks) == 1 }},
		{"cupy", nil, map[string]string{site + "cupy_cuda12x-13.2.0.dist-info/METADATA": metadata("cupy-cuda12x", "13.2.0")},
			func(n gpu.Needs) bool { return n.GPU && !n.CUDA.Known() && len(n.JIT) == 1 }},
		{"tensorflow/tensorflow:2.17.0-gpu", append([]string{"NVIDIA_VISIBLE_DEVICES=all"}, "NVIDIA_REQUIRE_CUDA=cuda>=12.3"), map[string]string{
			"usr/local/lib/python3.11/dist-packages/tensorflow/python/platform/build_info.py": `import collections
build_info = collections.OrderedDict([('cpu_compiler', '/usr/lib/llvm-17/bin/clang'), ('cuda_compute_capabilities', ['sm_60', 'sm_70', 'compute_90']), ('cuda_version', '12.3.2'), ('cudnn_version', '8'), ('is_cuda_build', True), ('is_rocm_build', False)])
`,
			"usr/local/lib/python3.11/dist-packages/tensorflow-2.17.0.dist-info/METADATA": metadata("tensorflow", "2.17.0"),
		}, func(n gpu.Needs) bool {
			return n.GPU && n.CUDA == gpu.CUDA{Major: 12, Minor: 3} && n.CUDNN == "8" && n.Frameworks[0].Name == "tensorflow" && n.Frameworks[0].Version == "2.17.0"
		}},
		{"tensorflow for CPUs", nil, map[string]string{
			site + "tensorflow/python/platform/build_info.py": `build_info = collections.OrderedDict([('is_cuda_build', False)])`,
		}, func(n gpu.Needs) bool { return !n.GPU && n.Frameworks[0].CPU }},
		{"a library of CUDA alone", nil, map[string]string{"usr/lib/x86_64-linux-gnu/libcudart.so.12.4.127": "x", "usr/lib/x86_64-linux-gnu/libcudart.so.11.0": "x"},
			func(n gpu.Needs) bool { return n.GPU && n.CUDA == gpu.CUDA{Major: 12, Minor: 4} && len(n.Seen) == 1 }},
		{"kernels of one's own", nil, map[string]string{"app/libmine.so": testdata(t, "libkernels.so")},
			func(n gpu.Needs) bool { return n.GPU && !n.CUDA.Known() && len(n.Kernels) == 1 }},
		{"switched off", []string{"CUDA_VERSION=11.8.0", "NVIDIA_DISABLE_REQUIRE=1"}, nil,
			func(n gpu.Needs) bool { return n.DisableRequire && n.Requirements[0].Implied }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x, code := built(t, test.env, test.files)
			if n := x.GPUNeeds(code); !n.Looked || !test.check(n) {
				t.Errorf("%+v", n)
			}
			if n := x.GPUNeeds(nil); n.Looked || len(n.Kernels) > 0 {
				t.Errorf("without a look: %+v", n)
			}
		})
	}
}

// TestHiddenCode sees that what a later layer replaces is not the container's.
func TestHiddenCode(t *testing.T) {
	content := testdata(t, "libkernels.so")
	code := &GPUCode{}
	files := []File{{Path: "a.so", Size: int64(len(content))}, {Path: "a.so", Layer: 1, Kind: Whiteout}}
	if err := code.Look("a.so", int64(len(content)))(bytes.NewReader([]byte(content))); err != nil {
		t.Fatal(err)
	}
	if n := New(Config{}, make([]Layer, 2), files, nil).GPUNeeds(code); n.GPU || len(n.Kernels) > 0 {
		t.Errorf("%+v", n)
	}
	if code.Look("a.txt", 1<<20) != nil || code.Look("a.so", 10) != nil {
		t.Error("more than libraries are looked into")
	}
}

func FuzzNeeds(f *testing.F) {
	f.Add("cuda: Optional[str] = '12.1'", "2.6.0+cu126", "cuda>=12.2", "libcudart.so.12.2.53")
	f.Fuzz(func(t *testing.T, version, wheel, env, library string) {
		files := []File{{Path: "x/torch/version.py"}, {Path: "x/tensorflow/python/platform/build_info.py"}, {Path: "x/a.dist-info/METADATA"}, {Path: "usr/" + library}}
		contents := map[Place][]byte{
			{0, files[0].Path}: []byte(version), {0, files[1].Path}: []byte(version), {0, files[2].Path}: []byte("Name: torch\nVersion: " + wheel + "\n"),
		}
		var c Config
		c.Run.Env = []string{"NVIDIA_REQUIRE_CUDA=" + env, "CUDA_VERSION=" + wheel, "NVIDIA_VISIBLE_DEVICES=" + env, env}
		n := New(c, make([]Layer, 1), files, contents).GPUNeeds(&GPUCode{})
		if rules, v := gpu.Judge(n, gpu.Host{}); len(rules) == 0 || v == gpu.OK && n.CUDA.Known() {
			t.Errorf("%s of nothing known: %+v", v, rules)
		}
	})
}
