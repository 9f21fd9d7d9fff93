package gpu

import (
	"fmt"
	"slices"
	"strings"
)

// framework tells by its path whether a library has a framework's own kernels,
// without which nothing of it runs on a GPU.
func (k Kernel) framework() bool {
	name := k.Path[strings.LastIndexByte(k.Path, '/')+1:]
	for _, prefix := range []string{
		"libtorch_cuda", "libtensorflow", "_pywrap_tensorflow", "libxla_cuda", "xla_cuda", "libonnxruntime_providers_cuda", "libggml-cuda", "libpaddle",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// on tells whether a GPU can run the library's code: by machine code, by PTX,
// or not; certain is false where something of it was not understood.
func (k Kernel) on(c Capability) (machine, ptx, certain bool) {
	certain = k.Unclear == ""
	for _, a := range k.Archs {
		runs, sure := a.RunsOn(c)
		if !sure {
			certain = false
		}
		if runs && a.PTX {
			ptx = true
		} else if runs {
			machine = true
		}
	}
	return machine, ptx, certain || machine
}

// kernels judges whether the libraries' code is for the GPUs there are.
func (n Needs) kernels(h Host) (Rule, bool) {
	r := Rule{ID: RuleKernels, Verdict: OK}
	switch {
	case !n.Looked:
		r.Verdict, r.Why = Unknown, "the image's libraries were not looked into"
		return r, true
	case len(n.Kernels) == 0:
		r.Why = "no library in the image has GPU code of its own"
		return r, true
	}
	var known []Device
	for _, d := range h.Devices {
		if d.Capability.Known() && !slices.ContainsFunc(known, func(k Device) bool { return k.Capability == d.Capability }) {
			known = append(known, d) // of several alike one tells all
		}
	}
	if len(known) == 0 {
		r.Verdict = Unknown
		r.Why = fmt.Sprintf("%s; the GPU's compute capability is not known", n.Kernels[mostTelling(n.Kernels)].summary())
		return r, true
	}
	f := n.fit(known)
	gpus := capabilities(known)
	switch {
	case f.bad > 0 && f.may == 0, len(f.without) > 0 && f.fits == 0 && len(f.unclear) == 0:
		r.Verdict, r.Details = Fail, f.without
		r.Why = fmt.Sprintf("no kernel image for compute capability %s (error 209): %s", strings.Join(f.lacking, ", "), f.first)
		r.Remedy = "take a build of the framework for this GPU, or a GPU that the build is for"
	case len(f.unclear) > 0:
		r.Verdict, r.Details = Unknown, f.unclear
		r.Why = "not all of the GPU code was understood: " + f.unclear[0]
	case len(f.without) > 0:
		r.Verdict, r.Details = Warn, f.without
		r.Why = fmt.Sprintf("%s without code for compute capability %s: what uses them fails with error 209", counts(f.librariesWithout, "library is", "libraries are"), strings.Join(f.lacking, ", "))
		r.Remedy = "take builds of these for this GPU where they are used"
	case len(f.only) > 0 && n.CUDA.Known() && h.CUDA.Known() && h.CUDA.Compare(n.CUDA) < 0:
		r.Verdict, r.Details = Warn, f.only
		r.Why = fmt.Sprintf("for compute capability %s %s only PTX, and a driver for CUDA %s may refuse that of CUDA %s (error 222)",
			gpus, counts(f.librariesOnly, "library has", "libraries have"), h.CUDA, n.CUDA)
		r.Remedy = "take a newer driver, or a build with machine code for this GPU"
	case len(f.only) > 0:
		r.Verdict, r.Details = Warn, f.only
		r.Why = fmt.Sprintf("for compute capability %s %s only PTX: the first start compiles it, which takes minutes for a framework", gpus, counts(f.librariesOnly, "library has", "libraries have"))
		r.Remedy = "take a build with machine code for this GPU"
	default:
		r.Why = fmt.Sprintf("machine code for compute capability %s in %s; %s", gpus, counts(len(n.Kernels), "library", "libraries"), n.Kernels[mostTelling(n.Kernels)].summary())
	}
	return r, true
}

// A fit is how the libraries' code fits GPUs, a line for each library and GPU.
type fit struct {
	without, only, unclear []string // nothing for the GPU; PTX alone; not understood
	lacking                []string // capabilities that a library has nothing for

	first string // what the framework's library has that has nothing, else the first that has nothing
	fits  int    // pairs of library and GPU that fit
	bad   int    // those of a framework's library that do not
	may   int    // those of a framework's library that do, or may: a program uses one GPU, and one framework

	librariesWithout, librariesOnly int // those that have a line above
}

func (n Needs) fit(devices []Device) (f fit) {
	for _, k := range n.Kernels {
		without, only := len(f.without), len(f.only)
		for _, d := range devices {
			machine, ptx, certain := k.on(d.Capability)
			if k.framework() && (machine || ptx || !certain) {
				f.may++
			}
			switch {
			case machine:
				f.fits++
			case !certain:
				f.unclear = append(f.unclear, fmt.Sprintf("%s for %s: %s", k.summary(), d.Capability, k.unclear()))
			case ptx:
				f.fits++
				f.only = append(f.only, fmt.Sprintf("%s: only PTX for %s", k.summary(), d.Capability))
			default:
				f.without = append(f.without, fmt.Sprintf("%s: nothing for %s", k.summary(), d.Capability))
				f.lacking = appendNew(f.lacking, d.Capability.String())
				if k.framework() {
					f.bad++
				}
				if f.first == "" || k.framework() && f.bad == 1 {
					f.first = k.summary()
				}
			}
		}
		if len(f.without) > without {
			f.librariesWithout++
		}
		if len(f.only) > only {
			f.librariesOnly++
		}
	}
	return f
}

func (k Kernel) unclear() string {
	if k.Unclear != "" {
		return k.Unclear
	}
	return "code of a variant that is not known here"
}

func (k Kernel) summary() string {
	archs := slices.Clone(k.Archs)
	slices.SortFunc(archs, Arch.compare)
	var words []string
	for _, a := range archs {
		words = append(words, a.String())
	}
	name := k.Path[strings.LastIndexByte(k.Path, '/')+1:]
	if len(words) == 0 {
		return name + " has GPU code"
	}
	return name + " has " + listed(words, 16)
}

// mostTelling is the place of a framework's library, else of the first.
func mostTelling(all []Kernel) int {
	return max(slices.IndexFunc(all, Kernel.framework), 0)
}

func capabilities(devices []Device) string {
	var words []string
	for _, d := range devices {
		words = appendNew(words, d.Capability.String())
	}
	return strings.Join(words, ", ")
}
