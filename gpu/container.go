package gpu

import (
	"fmt"
	"strings"
)

// require judges NVIDIA_REQUIRE_*.
func (n Needs) require(h Host) (Rule, bool) {
	if len(n.Requirements) == 0 {
		return Rule{}, false
	}
	r := Rule{ID: RuleRequire, Verdict: OK}
	if n.DisableRequire {
		r.Why = "NVIDIA_DISABLE_REQUIRE switches the requirements off"
		return r, true
	}
	var bad, open, names []string
	for _, requirement := range n.Requirements {
		name := requirement.Variable
		if requirement.Implied {
			name += " without NVIDIA_REQUIRE_CUDA, which implies " + requirement.Text + ","
		}
		names = append(names, name)
		v, failed, facts := requirement.Judge(h)
		r.Verdict = worse(r.Verdict, v)
		switch v {
		case Fail:
			bad = append(bad, name)
			r.Details = append(r.Details, failed...)
		case Unknown:
			open = appendNew(open, facts...)
		}
	}
	switch r.Verdict {
	case OK:
		r.Why = strings.Join(names, " and ") + holds(len(names))
	case Unknown:
		r.Why = strings.Join(names, " and ") + ": it depends on what is not known: " + strings.Join(open, ", ")
	case Fail:
		r.Why = strings.Join(bad, " and ") + ": no alternative holds, and the runtime's hook refuses to start the container (under CDI it is not enforced)"
		r.Remedy = "take a driver that satisfies an alternative, another base image, or NVIDIA_DISABLE_REQUIRE=1 where it is known to run"
		if h.CDI {
			r.Verdict = Warn
			r.Why = strings.Join(bad, " and ") + ": no alternative holds, which is not enforced under CDI (the runtime's hook would refuse to start the container)"
		}
	}
	return r, true
}

func holds(n int) string {
	if n == 1 {
		return " holds"
	}
	return " hold"
}

func counts(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// settings judges what the image asks of the container runtime. Flags of the
// engine (--gpus) name the devices, whatever the image says; which of the
// driver's libraries come with them is the image's to say.
func (n Needs) settings(Host) (Rule, bool) {
	r := Rule{ID: RuleSettings, Verdict: OK}
	if n.Capabilities != nil {
		all, compute := strings.Split(*n.Capabilities, ","), false
		for _, c := range all {
			switch strings.TrimSpace(c) {
			case "all", "compute":
				compute = true
			}
		}
		if !compute && strings.Trim(*n.Capabilities, ", ") != "" {
			r.Verdict = Fail
			r.Why = fmt.Sprintf("NVIDIA_DRIVER_CAPABILITIES=%s is without compute: the container gets no libcuda.so.1", *n.Capabilities)
			r.Remedy = "ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility"
			return r, true
		}
	}
	switch {
	case n.VisibleDevices == nil:
		legacy := false
		for _, requirement := range n.Requirements {
			legacy = legacy || requirement.Implied
		}
		r.Why = "NVIDIA_VISIBLE_DEVICES is unset: --gpus gives it GPUs; as the default runtime nvidia would not"
		if legacy {
			r.Why = "NVIDIA_VISIBLE_DEVICES is unset, which with CUDA_VERSION alone means all GPUs"
		}
	case strings.TrimSpace(*n.VisibleDevices) == "", *n.VisibleDevices == "void", *n.VisibleDevices == "none":
		r.Verdict = Warn
		r.Why = fmt.Sprintf("NVIDIA_VISIBLE_DEVICES=%s asks for no GPU: only --gpus or the orchestrator's device plugin gives it one", *n.VisibleDevices)
		r.Remedy = "ENV NVIDIA_VISIBLE_DEVICES=all"
	case *n.VisibleDevices == "all":
		r.Why = "NVIDIA_VISIBLE_DEVICES=all"
	default:
		r.Verdict = Warn
		r.Why = fmt.Sprintf("NVIDIA_VISIBLE_DEVICES=%s names certain GPUs in the image: another host has others", *n.VisibleDevices)
		r.Remedy = "ENV NVIDIA_VISIBLE_DEVICES=all, and --gpus where it is started"
	}
	if n.Capabilities == nil {
		r.Why += "; NVIDIA_DRIVER_CAPABILITIES is unset, which means compute,utility"
	} else {
		r.Why += "; NVIDIA_DRIVER_CAPABILITIES=" + *n.Capabilities
	}
	return r, true
}
