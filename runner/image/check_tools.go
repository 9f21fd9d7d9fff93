package image

import (
	"path"
	"regexp"
	"strings"
)

// What builds software, by its package's name. The names are those of the
// packages themselves: gcc-12-base, libgcc-s1, libstdc++6, libgomp1 and conda's
// ld_impl_linux-64 are needed to run.
var (
	debTool = regexp.MustCompile(`^(` + strings.Join([]string{
		`build-essential`, `dpkg-dev`, `(gcc|g\+\+|cpp|gfortran|gdc|gnat|clang|clang-tools|llvm|lld|lldb|rustc|golang|tcc)(-\d[\d.]*)?(-(tools|linker-tools|go|src|x86-64-linux-gnu|aarch64-linux-gnu))*`,
		`libclang-common-.*`, `libclang-\d.*`, `golang-[\d.]+.*`, `golang-go`, `cargo`, `libstd-rust-.*`, `make`, `cmake(-data)?`, `ninja-build`, `meson`, `swig[\d.]*`, `nasm`, `yasm`,
		`autoconf`, `automake`, `autotools-dev`, `libtool`, `bison`, `flex`, `patch`, `m4`, `gdb`, `gdbserver`, `strace`, `ltrace`, `valgrind`, `ccache`,
		`binutils(-common|-x86-64-linux-gnu|-aarch64-linux-gnu)?`, `libbinutils`, `libctf0`, `libctf-nobfd0`, `libgprofng0`, `libcc1-0`, `libisl\d+`,
		`lib(a|l|t|ub|hwa)san\d+`, `libitm1`, `manpages-dev`, `fakeroot`, `libfakeroot`, `pkg-config`, `pkgconf(-bin)?`, `default-jdk.*`, `openjdk-\d+-jdk.*`,
		`.*-dev`, `.*-dev-\d.*`, `.*-dev-bin`, `linux-headers-.*`, `cython3`, `python3-pythran`, `cuda-(nvcc|toolkit|compiler|command-line-tools)-.*`,
	}, "|") + `)$`)
	apkTool   = regexp.MustCompile(`^(build-base|gcc|g\+\+|gfortran|clang\d*|llvm\d*|make|cmake|samurai|ninja|meson|rust|cargo|go|binutils|fortify-headers|linux-headers|autoconf|automake|libtool|bison|flex|gdb|strace|.*-dev)$`)
	rpmTool   = regexp.MustCompile(`^(gcc|gcc-c\+\+|gcc-gfortran|cpp|clang|llvm|make|cmake(-data)?|ninja-build|meson|rust|cargo|golang(-bin|-src)?|binutils(-gold)?|autoconf|automake|libtool|bison|flex|gdb|strace|kernel-headers|annobin.*|glibc-headers|gcc-toolset-.*|devtoolset-.*|rpm-build|.*-devel)$`)
	condaTool = regexp.MustCompile(`^((gcc|gxx|gfortran|binutils|clang|clangxx)(_impl)?(_linux-(64|aarch64))?|compilers|(c|cxx|fortran)-compiler|cmake|make|ninja|rust|sysroot_linux-.*|kernel-headers_linux-.*|libgcc-devel_linux-.*|libstdcxx-devel_linux-.*|cuda-nvcc.*)$`)

	// Tools that no package brought, as in the official gcc image.
	bareTool = regexp.MustCompile(`(^|/)(libexec|lib)/gcc/[^/]+/[^/]+/(cc1|cc1plus|f951|lto1|collect2)$|^usr/local/bin/(gcc|g\+\+|cmake|ctest|cpack|ninja|ld|rustc|cargo)$|^usr/local/go/pkg/|(^|/)\.rustup/toolchains/`)
)

// builds reports whether a package is there to build software.
func builds(o Owner) bool {
	switch o.Kind {
	case Dpkg:
		return debTool.MatchString(o.Name)
	case Apk:
		return apkTool.MatchString(o.Name)
	case Rpm:
		return rpmTool.MatchString(o.Name)
	case Conda:
		return condaTool.MatchString(o.Name)
	}
	return false
}

// buildTools counts tools and what only they need. What is only recommended is
// counted there, though said here.
func buildTools(s *survey) *Finding {
	h, compiler, triton, elsewhere := s.haul(), "", false, false
	tools := make(map[Owner]bool, len(s.o.All))
	for _, o := range s.o.All {
		tools[o.Owner] = builds(o.Owner) || o.Kind != Pip && s.reasons[o.Owner] == ReasonToolchain
	}
	for i, f := range s.x.Files {
		if !f.Visible() || f.isFolder() {
			continue
		}
		switch o := s.o.Of(i); {
		case tools[o]:
			h.add(o.Name, i)
			elsewhere = elsewhere || s.reasons[o] == ReasonRecommended
			if isCompiler[path.Base(f.Path)] {
				compiler = o.Name
			}
		case o.Kind == Pip && (o.Name == "triton" || o.Name == "pytorch-triton"):
			triton = true
		case !s.packaged(i) && bareTool.MatchString(f.Path):
			h.add(f.Path, i)
			compiler = f.Path
		}
	}
	f := h.finding(worth)
	if f == nil && compiler != "" && elsewhere {
		return &Finding{Evidence: []string{short(compiler) + ", which is only recommended by other packages"}}
	}
	switch {
	case f == nil:
	case compiler == "":
		f.Severity, f.Title = Medium, "headers and build helpers are left in the image that runs"
	case triton:
		f.Remedy = "compile in a stage of its own; where torch.compile is used, which compiles at run time, keep gcc and libc6-dev alone"
	}
	return f
}

// recommended are packages that no package needs.
func recommended(s *survey) *Finding {
	h := s.haul()
	for i, f := range s.x.Files {
		if o := s.o.Of(i); f.Visible() && s.reasons[o] == ReasonRecommended {
			h.add(o.Name, i)
		}
	}
	return h.finding(worth)
}

// isCompiler has the programs that compile, by name; cc1 and cc1plus are where
// gcc's and g++'s weight is.
var isCompiler = map[string]bool{"cc1": true, "cc1plus": true, "gcc": true, "g++": true, "clang": true, "f951": true, "rustc": true, "go": true}

// cudaTool is a package of CUDA's that development needs alone.
var cudaTool = regexp.MustCompile(`^(cuda-(command-line-tools|compiler|minimal-build|nvcc|cccl|crt|nvvm|tileiras|gdb|cupti|cuobjdump|nvdisasm|nvprune|nvprof|nvvp|memcheck|sanitizer|nsight.*|visual-tools|documentation|demo-suite|samples|profiler-api|toolkit|libraries-dev|thrust)(-\d+-\d+)?` +
	`|(cuda|lib(cublas|cufft|curand|cusolver|cusparse|cusparselt|npp|nvjpeg|nvjitlink|nvfatbin|cufile|nvvm))-?[a-z-]*-dev(el)?(-\d+-\d+)?|lib(cudnn|nccl|nvinfer|cusparselt|cutensor)[a-z0-9-]*-dev(el)?(-cuda-\d+)?` +
	`|lib(cudnn|cusparselt|cutensor)[a-z0-9-]*-static(-cuda-\d+)?|cuda-driver-dev(-\d+-\d+)?|nsight-(compute|systems)[0-9.-]*)$`)

// cudaFile is a part of the toolkit that development needs alone.
var cudaFile = regexp.MustCompile(`^usr/local/cuda[^/]*/(.*/)?((bin|nvvm/bin)/(nvcc|cicc|ptxas|fatbinary|nvlink|cudafe\+\+|cuda-gdb.*|nvprune|cuobjdump|nvdisasm|nsys|ncu)|(lib|lib64)/[^/]*\.a|(lib|lib64)/stubs/.*|include/.*|nvvm/.*|compute-sanitizer/.*|extras/.*|nsight-.*)$`)

// cudaDevel finds the toolkit's compiler, headers and static libraries. The
// official -devel images say so in NV_CUDA_CUDART_DEV_VERSION.
func cudaDevel(s *survey) *Finding {
	h, sure := s.haul(), s.env("NV_CUDA_CUDART_DEV_VERSION") != ""
	tools := make(map[Owner]bool)
	for _, o := range s.o.All {
		tools[o.Owner] = (o.Kind == Dpkg || o.Kind == Rpm) && cudaTool.MatchString(o.Name)
	}
	for i, f := range s.x.Files {
		if !f.Visible() || f.isFolder() {
			continue
		}
		o := s.o.Of(i)
		switch {
		case tools[o]:
			h.add(o.Name, i)
		case cudaFile.MatchString(f.Path) && o.Kind != Pip:
			parts := strings.SplitN(f.Path, "/", 6)
			h.add(path.Join(parts[:min(len(parts)-1, 4)]...), i)
		default:
			continue
		}
		sure = sure || path.Base(f.Path) == "nvcc"
	}
	if !sure {
		return nil
	}
	return h.finding(worth)
}
