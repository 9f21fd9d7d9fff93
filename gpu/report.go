package gpu

// Schema names the form of a Report in JSON.
const Schema = "mlbench.gpu/v1"

// A Report is what can be said of an image on a host, or of a host alone: then
// there is nothing of an image in it.
type Report struct {
	Schema   string   `json:"schema"`
	Ref      string   `json:"ref,omitempty"`
	Digest   string   `json:"digest,omitempty"`
	Host     Host     `json:"host"`
	Needs    *Needs   `json:"needs,omitempty"`
	Rules    []Rule   `json:"rules,omitempty"`
	Verdict  Verdict  `json:"verdict,omitempty"`
	Warnings []string `json:"warnings"`
}

// HostReport tells of a host alone.
func HostReport(h Host) *Report {
	h = h.Complete()
	r := &Report{Schema: Schema, Host: h}
	if h.Warning != "" {
		r.Warnings = append(r.Warnings, h.Warning)
	}
	for _, d := range h.Devices {
		r.Warnings = append(r.Warnings, d.Problems...)
	}
	filled(&r.Host.Devices)
	filled(&r.Warnings)
	return r
}

// NewReport judges an image's needs on a host.
func NewReport(ref, digest string, n Needs, h Host) *Report {
	r := HostReport(h)
	r.Ref, r.Digest, r.Needs = ref, digest, &n
	r.Rules, r.Verdict = Judge(n, r.Host)
	r.fill()
	return r
}

// fill makes lists of what of the image was not found: empty ones are lists in
// JSON.
func (r *Report) fill() {
	filled(&r.Needs.Seen)
	filled(&r.Needs.Conflicts)
	filled(&r.Needs.Frameworks)
	filled(&r.Needs.Compat)
	filled(&r.Needs.JIT)
	filled(&r.Needs.Kernels)
	filled(&r.Needs.Requirements)
	for i := range r.Rules {
		filled(&r.Rules[i].Details)
	}
	filled(&r.Rules)
}

// filled makes an empty list [] and not null.
func filled[T any](list *[]T) {
	if *list == nil {
		*list = []T{}
	}
}

// Remedies are what to do about the rules that the verdict is from.
func (r *Report) Remedies() []string {
	var all []string
	for _, rule := range r.Rules {
		if rule.Verdict == r.Verdict && rule.Remedy != "" {
			all = append(all, rule.Remedy)
		}
	}
	return all
}

// Sentence is the verdict in words, with the reason of the first rule that it is
// from.
func (r *Report) Sentence() string {
	says := r.Ref
	switch {
	case !r.Needs.GPU:
		says += " needs no NVIDIA GPU"
	case r.Verdict == OK:
		return says + " will run on this host's GPUs"
	case r.Verdict == Warn:
		says += " will run on this host's GPUs, but"
	case r.Verdict == Fail:
		says += " will not run on this host's GPUs"
	case r.Verdict == Unknown:
		says += " may or may not run on this host's GPUs"
	}
	for _, rule := range r.Rules {
		if rule.Verdict == r.Verdict {
			return says + ": " + rule.Why
		}
	}
	return says
}
