package image

import "testing"

func TestBuildTools(t *testing.T) {
	deb := func(names ...string) func(b *build) {
		return func(b *build) {
			official(b).step("RUN apt-get install")
			for _, name := range names {
				b.deb(name, "usr/share/"+name+"/x", 2*mb)
			}
		}
	}
	var examples []example
	for _, name := range []string{
		"gcc-12", "g++-12", "cpp-12", "gcc", "make", "cmake", "cmake-data", "build-essential", "dpkg-dev", "libc6-dev", "linux-libc-dev", "libpython3.11-dev",
		"python3-dev", "binutils-x86-64-linux-gnu", "libbinutils", "libgcc-12-dev", "gfortran-12", "clang-14", "llvm-14-dev", "rustc", "cargo", "libasan8",
		"libc-dev-bin", "libopenblas-pthread-dev", "golang-1.19-go", "gdb",
	} {
		examples = append(examples, example{name: name, image: deb(name), bytes: 2 * mb, says: []string{name + ": 2.0 MB"}})
	}
	for _, name := range []string{
		"gcc-12-base", "gcc-14-base", "libgcc-s1", "libgomp1", "libstdc++6", "libgfortran5", "libquadmath0", "libatomic1", "libllvm14", "libopenblas0-pthread",
		"libc6", "libc-bin", "udev", "libdevmapper1.02.1", "dpkg", "libmpfr6", "perl-base", "patchutils", "cpp-httplib", "makedumpfile",
	} {
		examples = append(examples, example{name: name, image: deb(name), none: true})
	}
	examine(t, "build-tools", append(examples, []example{
		{name: "several", image: deb("gcc-12", "g++-12", "libgomp1", "make"), bytes: 6 * mb},
		{name: "gcc image", image: func(b *build) {
			official(b).file("usr/local/libexec/gcc/x86_64-linux-gnu/13.2.0/cc1plus", 35*mb)
		}, bytes: 35 * mb},
		{name: "removed later", image: func(b *build) {
			deb("gcc-12")(b)
			b.step("RUN apt-get purge gcc").gone("usr/share/gcc-12")
		}, none: true},
		{name: "triton's own assembler", image: func(b *build) {
			official(b).pip("usr/local/lib/python3.11/site-packages", "triton", "3.0.0", map[string]int64{"triton/backends/nvidia/bin/ptxas": 20 * mb})
		}, none: true},
		{name: "the wheel of ninja", image: func(b *build) {
			official(b).pip("usr/local/lib/python3.11/site-packages", "ninja", "1.11", map[string]int64{"ninja/data/bin/ninja": 2 * mb})
		}, none: true},
	}...))

	for _, c := range []struct {
		kind OwnerKind
		name string
		want bool
	}{
		{Conda, "ld_impl_linux-64", false}, {Conda, "gcc_impl_linux-64", true}, {Conda, "libgcc-ng", false}, {Conda, "gxx_linux-64", true},
		{Conda, "cmake", true}, {Conda, "_openmp_mutex", false}, {Conda, "libstdcxx-ng", false}, {Rpm, "gcc-c++", true}, {Rpm, "libgcc", false},
		{Rpm, "python3-devel", true}, {Rpm, "glibc-devel", true}, {Rpm, "libstdc++", false}, {Rpm, "make", true}, {Apk, "build-base", true},
		{Apk, "musl-dev", true}, {Apk, "musl", false}, {Apk, "libgcc", false}, {Apk, "binutils", true}, {Apk, "musl-utils", false},
		{Pip, "cmake", false}, {Application, "gcc", false},
	} {
		if got := builds(Owner{Kind: c.kind, Name: c.name}); got != c.want {
			t.Errorf("%s %s: %v", c.kind, c.name, got)
		}
	}
}

func TestSeverityOfTools(t *testing.T) {
	b := official(new(build)).deb("gcc-12", "usr/lib/gcc/x86_64-linux-gnu/12/cc1", 30*mb)
	if f := wants(t, b.check(), "build-tools", true); f.Severity != High {
		t.Errorf("a compiler is %s", f.Severity)
	}
	b = official(new(build)).deb("libopenblas-dev", "usr/include/cblas.h", 30*mb)
	if f := wants(t, b.check(), "build-tools", true); f.Severity != Medium {
		t.Errorf("headers are %s", f.Severity)
	}
}

// toolkit makes an nvidia/cuda:12.1.0-runtime-ubuntu22.04, or its -devel.
func toolkit(b *build, devel bool) *build {
	b.env("PATH=/usr/local/nvidia/bin:/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "NVARCH=x86_64",
		"NVIDIA_REQUIRE_CUDA=cuda>=12.1 brand=tesla,driver>=450,driver<451", "NV_CUDA_CUDART_VERSION=12.1.55-1", "CUDA_VERSION=12.1.0",
		"NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility", "NV_CUDA_LIB_VERSION=12.1.0-1", "NCCL_VERSION=2.17.1-1",
		"NV_LIBCUBLAS_PACKAGE=libcublas-12-1=12.1.0.26-1")
	lib := "usr/local/cuda-12.1/targets/x86_64-linux/lib/"
	b.step("RUN /bin/sh -c apt-get update && apt-get install -y --no-install-recommends cuda-libraries-12-1=${NV_CUDA_LIB_VERSION} # buildkit")
	b.link("usr/local/cuda", "cuda-12.1")
	b.deb("libcublas-12-1", lib+"libcublas.so.12.1.0.26", 104*mb).link(lib+"libcublas.so.12", "libcublas.so.12.1.0.26")
	b.deb("cuda-cudart-12-1", lib+"libcudart.so.12.1.55", mb).deb("libnccl2", "usr/lib/x86_64-linux-gnu/libnccl.so.2.17.1", 160*mb)
	b.deb("cuda-nvrtc-12-1", lib+"libnvrtc.so.12.1.55", 53*mb)
	if devel {
		b.env("NV_CUDA_CUDART_DEV_VERSION=12.1.55-1", "NV_NVML_DEV_VERSION=12.1.55-1", "LIBRARY_PATH=/usr/local/cuda/lib64/stubs")
		b.step("RUN /bin/sh -c apt-get update && apt-get install -y --no-install-recommends cuda-minimal-build-12-1 libcublas-dev-12-1 # buildkit")
		b.deb("cuda-nvcc-12-1", "usr/local/cuda-12.1/bin/nvcc", 60*mb).deb("libcublas-dev-12-1", lib+"libcublas_static.a", 120*mb)
		b.deb("libnccl-dev", "usr/include/nccl.h", 20_000).deb("cuda-nsight-compute-12-1", "opt/nvidia/nsight-compute/2023.1.0/ncu", mb)
		b.deb("libcublas-stubs", lib+"stubs/libcublas.so", 40_000)
	}
	return b
}

func TestCUDA(t *testing.T) {
	python := "usr/local/lib/python3.12/dist-packages"
	wheels := func(b *build) *build {
		b.pip(python, "nvidia-cublas-cu12", "12.4.5.8", map[string]int64{"nvidia/cublas/lib/libcublas.so.12": 107 * mb, "nvidia/cublas/lib/libnvblas.so.12": mb})
		b.pip(python, "nvidia-nccl-cu12", "2.20.5", map[string]int64{"nvidia/nccl/lib/libnccl.so.2": 175 * mb})
		b.pip(python, "torch", "2.5.1", map[string]int64{"torch/lib/libtorch_cuda.so": 900 * mb})
		return b.text(python+"/torch/version.py", "from typing import Optional\n__version__ = '2.5.1+cu124'\ncuda: Optional[str] = '12.4'\nhip: Optional[str] = None\n")
	}
	examine(t, "cuda-devel", []example{
		{name: "devel", image: func(b *build) { toolkit(b, true) }, bytes: 181*mb + 20_000 + 40_000, says: []string{"libcublas-dev-12-1: 120.0 MB", "cuda-nvcc-12-1"}},
		{name: "unpacked", image: func(b *build) {
			b.step("COPY --from=x /usr/local/cuda-11.8 /usr/local/cuda-11.8").file("usr/local/cuda-11.8/bin/nvcc", 5*mb).file("usr/local/cuda-11.8/include/cuda.h", mb).file("usr/local/cuda-11.8/lib64/libcudart.so.11.8.89", mb)
		}, bytes: 6 * mb},
		{name: "runtime", image: func(b *build) { toolkit(b, false) }, none: true},
		{name: "wheels", image: func(b *build) { wheels(official(b)) }, none: true},
		{name: "the wheel of nvcc", image: func(b *build) {
			official(b).pip(python, "nvidia-cuda-nvcc-cu12", "12.4.131", map[string]int64{"nvidia/cuda_nvcc/bin/ptxas": 20 * mb})
		}, none: true},
	})
	examine(t, "cuda-twice", []example{
		{name: "base and wheels", image: func(b *build) { wheels(toolkit(b, false)) }, bytes: 264 * mb, says: []string{
			"libcublas 12.1.0.26 in usr/local/cuda-12.1/targets/x86_64-linux/lib, and 12.4.5.8 (107.0 MB) in " + python + "/nvidia/cublas/lib: 104.0 MB",
			"libnccl 2.17.1 in usr/lib/x86_64-linux-gnu, and 2.20.5",
		}},
		{name: "old torch with its own", image: func(b *build) {
			toolkit(b, false).pip(python, "torch", "1.13.1", map[string]int64{"torch/lib/libcudart-d0da41ae.so.11.0": mb, "torch/lib/libcublas.so.11": 150 * mb})
		}, bytes: 105 * mb},
		{name: "conda and wheels", image: func(b *build) {
			wheels(b.step("RUN conda install")).file("opt/conda/lib/libcublas.so.12.1.3.1", 100*mb)
		}, bytes: 100 * mb},
		{name: "wheels alone", image: func(b *build) { wheels(official(b)) }, none: true},
		{name: "base alone", image: func(b *build) { toolkit(b, true) }, none: true},
		{name: "the base has cudart alone", image: func(b *build) {
			wheels(b.step("RUN x")).deb("cuda-cudart-12-4", "usr/local/cuda-12.4/targets/x86_64-linux/lib/libcudart.so.12.4.127", mb)
		}, none: true},
		{name: "in a cache", image: func(b *build) {
			wheels(official(b)).file("root/.cache/uv/archive-v0/x/nvidia/cublas/lib/libcublas.so.12", 107*mb)
		}, none: true},
		{name: "stubs", image: func(b *build) {
			wheels(official(b)).file("usr/local/cuda-12.4/targets/x86_64-linux/lib/stubs/libcublas.so.12", 2*mb)
		}, none: true},
	})
	examine(t, "cuda-mismatch", []example{
		{name: "minor", image: func(b *build) { wheels(toolkit(b, false)) }, says: []string{"torch was built for CUDA 12.4 (/" + python + "/torch/version.py), CUDA_VERSION is 12.1"}},
		{name: "by the wheel's version", image: func(b *build) {
			toolkit(b, false).pip(python, "torch", "2.0.1+cu118", map[string]int64{"torch/x.so": 1})
		}, says: []string{"CUDA 11.8"}},
		{name: "the same", image: func(b *build) {
			toolkit(b, false).text(python+"/torch/version.py", "cuda = '12.1'\n")
		}, none: true},
		{name: "for CPUs", image: func(b *build) {
			toolkit(b, false).text(python+"/torch/version.py", "__version__ = '2.5.1+cpu'\ncuda: Optional[str] = None\n")
		}, none: true},
		{name: "no base", image: func(b *build) { wheels(official(b)) }, none: true},
	})
	examine(t, "gpu-libraries", []example{
		{name: "wheels", image: func(b *build) { wheels(official(b)) }, bytes: 1183 * mb, says: []string{"nvidia-nccl-cu12 2.20.5: 175.0 MB"}},
		{name: "for CPUs", image: func(b *build) {
			official(b).pip(python, "torch", "2.5.1+cpu", map[string]int64{"torch/lib/libtorch_cpu.so": 400 * mb})
		}, none: true},
	})
}
