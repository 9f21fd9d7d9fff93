package dockerfile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"mlbench/runner/image"
)

// toolNames are packages that only compile: of Debian, Alpine, Fedora and conda.
var toolNames = []string{
	"build-essential", "build-base", "gcc", "g++", "gcc-c++", "gfortran", "cpp", "make", "cmake", "ninja-build", "ninja", "clang", "llvm",
	"binutils", "autoconf", "automake", "libtool", "bison", "flex", "pkg-config", "rustc", "cargo", "rust", "golang", "golang-go", "go",
	"swig", "nasm", "yasm", "meson", "ccache", "@development-tools", "development tools", "compilers", "gxx", "alpine-sdk", "linux-headers", "openjdk-17-jdk",
	"c-compiler", "cxx-compiler", "fortran-compiler", "libc6-dev",
}

var toolName = regexp.MustCompile(`^((gcc|g\+\+|clang|llvm|gfortran|cpp|binutils|rust|golang)-[\d.]+(-.*)?|.+-(dev|devel|headers)|(gcc|gxx|gfortran)_linux-.*|gcc-toolset-.*)$`)

var cudaTools = regexp.MustCompile(`^(nvidia-cuda-toolkit|cuda-toolkit.*|cuda-nvcc.*|cuda|cuda-\d+-\d+|cuda-compiler.*|cuda-.*-dev(-.*)?|lib(cudnn|nccl|cublas|nvinfer|cusparse)\d*-(dev|devel).*)$`)

func isTool(pkg string) bool {
	pkg, _, _ = strings.Cut(strings.ToLower(pkg), "=")
	return (slices.Contains(toolNames, pkg) || toolName.MatchString(pkg)) && !cudaTools.MatchString(pkg)
}

// buildTools that the shipped stages install and do not remove in the same RUN.
// Those that a cache mount or another stage has are not shipped.
func buildTools(b *build) evidence {
	return b.installed(isTool)
}

// installed are shipped installs of such system or conda packages that the same
// RUN does not remove.
func (b *build) installed(wanted func(pkg string) bool) (e evidence) {
	for _, at := range b.shipped() {
		for _, i := range at.installs() {
			if i.python() || i.tool == "npm" {
				continue
			}
			left := slices.DeleteFunc(slices.Clone(i.packages), func(p string) bool { return !wanted(p) })
			virtual := slices.Concat(i.options["-t"], i.options["--virtual"])
			if len(left) > 0 && !at.removes(left, virtual, i) {
				e.add(i.line, i.text)
			}
		}
	}
	return e
}

// removes reports whether packages are removed in the same step: all of them,
// or the virtual package that stands for them.
func (s step) removes(packages, virtual []string, i install) bool {
	var gone []string
	for _, c := range s.commands {
		if t := tools[c.program()]; t.tool != i.tool {
			continue
		}
		if c.has("autoremove") && len(c.words) > 2 || c.has("remove", "purge", "del", "erase", "rm") {
			gone = append(gone, c.words[1:]...)
		}
	}
	if len(gone) == 0 {
		return false
	}
	if i.tool == "apk" && len(virtual) > 0 && slices.Contains(gone, virtual[0]) {
		return true
	}
	return !slices.ContainsFunc(packages, func(p string) bool {
		p, _, _ = strings.Cut(p, "=")
		return !slices.ContainsFunc(gone, func(g string) bool {
			g, _, _ = strings.Cut(g, "=")
			prefix, star := strings.CutSuffix(g, "*")
			return g == p || star && strings.HasPrefix(p, prefix)
		})
	})
}

// recommended are installs by apt that leave what it recommends in, unless its
// configuration has been told so before.
func recommended(b *build) (e evidence) {
	for _, at := range b.shipped() {
		if t := strings.ToLower(text(at)); strings.Contains(t, "install-recommends") && strings.Contains(t, "apt.conf") {
			return e
		}
		for _, i := range at.installs() {
			said := slices.ContainsFunc(i.words, func(w string) bool { return strings.Contains(strings.ToLower(w), "install-recommends") })
			if i.tool == "apt" && i.program() != "aptitude" && len(i.packages) > 0 && !said && !local(i.packages) {
				e.add(i.line, i.text)
			}
		}
	}
	return e
}

// text is what a step runs or writes.
func text(s step) string {
	var b strings.Builder
	if c, ok := s.what.(*instructions.RunCommand); ok {
		b.WriteString(strings.Join(c.CmdLine, " "))
		for _, f := range c.Files {
			b.WriteString(f.Data)
		}
	}
	if c, ok := s.what.(*instructions.CopyCommand); ok {
		for _, f := range c.SourceContents {
			b.WriteString(f.Data)
		}
	}
	return b.String()
}

// local reports whether all packages are files.
func local(packages []string) bool {
	return !slices.ContainsFunc(packages, func(p string) bool { return !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "./") })
}

// packageLists that a step fetches and leaves in its layer.
func packageLists(b *build) (e evidence) {
	for _, at := range b.shipped() {
		for _, c := range at.commands {
			switch {
			case (c.program() == "apt-get" || c.program() == "apt") && c.has("update"):
				if !at.deletes("/var/lib/apt/lists") && !at.mounted("/var/lib/apt/lists") && !at.calls("apt-get", "distclean", "dist-clean") {
					e.add(c.line, c.text)
				}
			case c.program() == "apk" && c.has("update", "add"):
				i, _ := c.install()
				if !i.opt("--no-cache") && !c.has("--no-cache") && !at.deletes("/var/cache/apk") && !at.mounted("/var/cache/apk") && (c.has("update") || i.opt("-U", "--update", "--update-cache") || !b.updated(at)) {
					e.add(c.line, c.text)
				}
			case slices.Contains([]string{"dnf", "yum", "microdnf"}, c.program()):
				if _, ok := c.install(); ok && !at.calls(c.program(), "clean") && !at.calls("dnf", "clean") && !at.calls("yum", "clean") &&
					!at.deletes("/var/cache/"+strings.TrimPrefix(c.program(), "micro")) && !at.mounted("/var/cache/dnf") && !at.mounted("/var/cache/yum") {
					e.add(c.line, c.text)
				}
			}
		}
	}
	if len(e.lines) > 0 && !strings.Contains(strings.Join(e.lines, "\n"), " apt") {
		e.severity = image.Low // of a few megabytes
	}
	return e
}

// updated reports whether Alpine's lists were fetched by an earlier step, which
// is the one to blame.
func (b *build) updated(at step) bool {
	for _, s := range b.shipped() {
		if s.line == at.line {
			return false
		}
		if s.calls("apk", "update") {
			return true
		}
	}
	return false
}

// calls reports whether a step runs a program with one of these words.
func (s step) calls(program string, words ...string) bool {
	return slices.ContainsFunc(s.commands, func(c command) bool { return c.program() == program && c.has(words...) })
}

// deletes reports whether a step removes a folder, what is in it, or a folder
// that it is in.
func (s step) deletes(folder string) bool {
	return slices.ContainsFunc(s.commands, func(c command) bool {
		switch c.program() {
		case "rm":
		case "find":
			if !c.has("-delete", "-exec", "-execdir") {
				return false
			}
		default:
			return false
		}
		return slices.ContainsFunc(c.words[1:], func(w string) bool {
			if strings.Contains(w, "{") && strings.HasPrefix(w, "/var/") { // /var/{lib/apt,cache}
				return true
			}
			w = strings.TrimRight(strings.TrimRight(w, "*"), "/")
			return covers(w, folder)
		})
	})
}

// covers reports whether a path is a folder or holds it.
func covers(path, folder string) bool {
	return path != "" && (folder == path || strings.HasPrefix(folder, path+"/"))
}

// mounted reports whether a folder is on a mount, and so in no layer. A mount
// whose target is not known might be it.
func (s step) mounted(folder string) bool {
	return slices.ContainsFunc(s.mounts, func(m *instructions.Mount) bool {
		if m.Type != instructions.MountTypeCache && m.Type != instructions.MountTypeTmpfs {
			return false
		}
		target := strings.TrimRight(m.Target, "/")
		return strings.Contains(target, "$") || covers(target, folder) || strings.HasPrefix(folder, "~") && strings.HasSuffix(target, folder[1:])
	})
}
