package gpu

import "fmt"

// A Verdict is what a rule says of an image on a host.
type Verdict string

// The verdicts, from the best on.
const (
	OK      Verdict = "ok"
	Warn    Verdict = "warn"    // it runs, but not all of it, or not everywhere
	Unknown Verdict = "unknown" // a fact is missing that decides
	Fail    Verdict = "fail"    // it will not run
)

var badness = map[Verdict]int{OK: 0, Warn: 1, Unknown: 2, Fail: 3}

func worse(a, b Verdict) Verdict {
	if badness[b] > badness[a] {
		return b
	}
	return a
}

// A Rule is what one rule says.
type Rule struct {
	ID      string   `json:"id"`
	Verdict Verdict  `json:"verdict"`
	Why     string   `json:"why"`              // with the numbers on both sides
	Details []string `json:"details"`          // e.g. every alternative that failed
	Remedy  string   `json:"remedy,omitempty"` // what to do, in one line
}

// The rules, in their order.
const (
	RuleNeeds    = "needs"        // whether it wants a GPU at all
	RuleDriver   = "driver"       // the image's CUDA on the host's driver
	RuleCompat   = "compat"       // a forward compatibility library where it harms
	RuleRequire  = "require"      // NVIDIA_REQUIRE_*
	RuleKernels  = "kernels"      // GPU code for the GPUs there are
	RuleSettings = "settings"     // what the image asks of the container runtime
	RuleVersions = "cuda-version" // CUDA versions in it that do not fit together
)

// Judge says what every rule that applies says, and what follows: the worst.
func Judge(n Needs, h Host) ([]Rule, Verdict) {
	if !n.GPU {
		return []Rule{needless(n)}, OK
	}
	var rules []Rule
	for _, rule := range []func(Host) (Rule, bool){n.driver, n.compat, n.require, n.kernels, n.settings, n.versions} {
		if r, ok := rule(h); ok {
			rules = append(rules, r)
		}
	}
	v := OK
	for _, r := range rules {
		v = worse(v, r.Verdict)
	}
	return rules, v
}

func needless(n Needs) Rule {
	r := Rule{ID: RuleNeeds, Verdict: OK, Why: "nothing of CUDA is in it, no framework built for it, no library, no CUDA_VERSION"}
	for _, f := range n.Frameworks {
		if f.CPU {
			r.Why = fmt.Sprintf("%s is built without CUDA (%s), and nothing else of CUDA is in the image", named(f), f.From)
			break
		}
	}
	return r
}

func named(f Framework) string {
	if f.Version == "" {
		return f.Name
	}
	return f.Name + " " + f.Version
}

// versions warns where the image's versions of CUDA do not fit together.
func (n Needs) versions(Host) (Rule, bool) {
	if len(n.Conflicts) == 0 {
		return Rule{}, false
	}
	return Rule{
		ID: RuleVersions, Verdict: Warn, Why: n.Conflicts[0], Details: n.Conflicts[1:],
		Remedy: "take the base image's and the framework's CUDA from one version, or a base without CUDA as wheels bring their own",
	}, true
}
