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
		if d.Capability.Known() {
			known = append(known, d)
		}
	}
	if len(known) == 0 {
		r.Verdict = Unknown
		r.Why = fmt.Sprintf("%s; the GPU's compute capability is not known", n.Kernels[mostTelling(n.Kernels)].summary())
		return r, true
	}
	var without, only, unclear []string
	var lacking []string // capabilities that a library has nothing for
	first := ""          // what the framework's library has, else the first that has nothing
	bad, fits := 0, 0
	for _, k := range n.Kernels {
		for _, d := range known {
			machine, ptx, certain := k.on(d.Capability)
			switch {
			case machine:
				fits++
			case !certain:
				unclear = append(unclear, fmt.Sprintf("%s for %s: %s", k.summary(), d.Capability, k.unclear()))
			case ptx:
				fits++
				only = append(only, fmt.Sprintf("%s: only PTX for %s", k.summary(), d.Capability))
			default:
				without = append(without, fmt.Sprintf("%s: nothing for %s", k.summary(), d.Capability))
				lacking = appendNew(lacking, d.Capability.String())
				if k.framework() {
					bad++
				}
				if first == "" || k.framework() && bad == 1 {
					first = k.summary()
				}
			}
		}
	}
	gpus := capabilities(known)
	switch {
	case bad > 0 || len(without) > 0 && fits == 0 && len(unclear) == 0:
		r.Verdict, r.Details = Fail, without
		r.Why = fmt.Sprintf("no kernel image for compute capability %s (error 209): %s", strings.Join(lacking, ", "), first)
		r.Remedy = "take a build of the framework for this GPU, or a GPU that the build is for"
	case len(unclear) > 0:
		r.Verdict, r.Details = Unknown, unclear
		r.Why = "not all of the GPU code was understood: " + unclear[0]
	case len(without) > 0:
		r.Verdict, r.Details = Warn, without
		r.Why = fmt.Sprintf("%s without code for compute capability %s: what uses them fails with error 209", counts(len(without), "library is", "libraries are"), strings.Join(lacking, ", "))
		r.Remedy = "take builds of these for this GPU where they are used"
	case len(only) > 0 && n.CUDA.Known() && h.CUDA.Known() && h.CUDA.Compare(n.CUDA) < 0:
		r.Verdict, r.Details = Warn, only
		r.Why = fmt.Sprintf("for compute capability %s %s only PTX, and a driver for CUDA %s may refuse that of CUDA %s (error 222)",
			gpus, counts(len(only), "library has", "libraries have"), h.CUDA, n.CUDA)
		r.Remedy = "take a newer driver, or a build with machine code for this GPU"
	case len(only) > 0:
		r.Verdict, r.Details = Warn, only
		r.Why = fmt.Sprintf("for compute capability %s %s only PTX: the first start compiles it, which takes minutes for a framework", gpus, counts(len(only), "library has", "libraries have"))
		r.Remedy = "take a build with machine code for this GPU"
	default:
		r.Why = fmt.Sprintf("machine code for compute capability %s in %s; %s", gpus, counts(len(n.Kernels), "library", "libraries"), n.Kernels[mostTelling(n.Kernels)].summary())
	}
	return r, true
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
