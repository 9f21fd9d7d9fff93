package gpu

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Requirement is one variable NVIDIA_REQUIRE_*, which the container runtime's
// hook checks before a container starts, e.g. cuda>=12.2 brand=tesla,driver>=470.
// Spaces are or, commas and; several variables are all to hold, on every device
// that the container gets (libnvidia-container, src/cli/dsl.c and configure.c).
type Requirement struct {
	Variable string `json:"variable"`
	Text     string `json:"text"`
	Implied  bool   `json:"implied,omitempty"` // it was not set: CUDA_VERSION implies it
}

// maxRequirement is how long a requirement may be, in bytes: no environment of
// a process can hold a longer string (MAX_ARG_STRLEN).
const maxRequirement = 128 << 10

// A truth is that of an expression some facts of which may be unknown.
type truth int

const (
	no truth = iota
	maybe
	yes
)

// Judge tells by the rules of NVIDIA's hook whether a host satisfies it, on each
// of its devices. Failed are the alternatives that do not hold, each with what
// the host has; open are facts that would have to be known.
func (r Requirement) Judge(h Host) (v Verdict, failed, open []string) {
	devices := h.Devices
	if len(devices) == 0 {
		devices = []Device{{}}
	}
	v = OK
	times := make(map[string]int)
	on := make(map[string]string)
	for i, d := range devices {
		t, not, unknown, err := r.onDevice(h, d)
		switch {
		case err != nil:
			v, not = Fail, []string{err.Error()}
		case t == no:
			v = Fail
		case t == maybe:
			v = worse(v, Unknown)
			open = appendNew(open, unknown...)
		}
		for _, alternative := range not {
			if times[alternative]++; times[alternative] == 1 {
				failed = append(failed, alternative)
			}
			on[alternative] += fmt.Sprintf(", GPU %d", i)
		}
	}
	for i, alternative := range failed {
		if times[alternative] < len(devices) { // else it is nothing of the GPUs'
			failed[i] += " (" + on[alternative][2:] + ")"
		}
	}
	if v == Fail {
		open = nil
	} else {
		failed = nil
	}
	return v, failed, open
}

// onDevice judges it for every brand that the device may be of, as names do not
// tell all of that: it is certain where it comes to the same.
func (r Requirement) onDevice(h Host, d Device) (t truth, failed, open []string, err error) {
	brands := d.brands()
	if len(brands) == 0 {
		brands = []string{""}
	}
	for i, brand := range brands {
		d.Brand = brand
		one, not, unknown, invalid := r.holds(h, d)
		switch {
		case i == 0:
			t, failed, open, err = one, not, unknown, invalid
		case one != t || (invalid == nil) != (err == nil):
			return maybe, nil, []string{"the GPU's brand"}, nil
		}
	}
	return t, failed, open, err
}

// errInvalid is an expression on which the hook stops.
var errInvalid = errors.New("the hook does not understand")

func (r Requirement) holds(h Host, d Device) (t truth, failed, open []string, err error) {
	if len(r.Text) > maxRequirement {
		return no, nil, nil, fmt.Errorf("it is longer than %d bytes", maxRequirement)
	}
	t = yes // a requirement of nothing holds
	uncertain := false
	for alternative := range strings.SplitSeq(r.Text, " ") {
		if alternative == "" {
			continue
		}
		terms := 0
		hold, not := yes, ""
		for term := range strings.SplitSeq(alternative, ",") {
			if term == "" {
				continue
			}
			terms++
			one, has, err := evaluate(term, h, d)
			if err != nil {
				if uncertain || hold == maybe {
					return maybe, nil, open, nil // the hook may have stopped before
				}
				return no, nil, nil, fmt.Errorf("%w %q in %s", err, term, r.Variable)
			}
			if one == maybe {
				hold, open = maybe, appendNew(open, has)
			}
			if one == no {
				hold, not = no, fmt.Sprintf("%s: %s", alternative, has)
				break
			}
		}
		if terms == 0 {
			break // nothing but commas: the hook stops here, with what was before
		}
		t = hold
		switch hold {
		case yes:
			return yes, nil, nil, nil
		case maybe:
			uncertain = true
		case no:
			failed = append(failed, not)
		}
	}
	if uncertain {
		t = maybe
	}
	return t, failed, open, nil
}

// evaluate judges one comparison. Has words what the host has, or which fact is
// missing.
func evaluate(term string, h Host, d Device) (t truth, has string, err error) {
	const signs = "<>=!"
	at := strings.IndexAny(term, signs)
	if at <= 0 {
		return no, "", errInvalid
	}
	property, rest := term[:at], term[at:]
	value := strings.TrimLeft(rest, signs)
	operator := rest[:len(rest)-len(value)]
	if operator == "!" { // as the hook's table of operators has it
		operator = "!="
	}
	switch operator {
	case "=", "!=", "<", "<=", ">", ">=":
	default:
		return no, "", errInvalid
	}
	if value == "" {
		return no, "", errInvalid
	}
	switch strings.ToLower(property) {
	case "cuda":
		return compared("the driver's CUDA", h.CUDA.String(), h.CUDA.Known(), operator, value)
	case "driver":
		return compared("the driver", h.Driver.String(), h.Driver.Known(), operator, value)
	case "arch":
		return compared("the compute capability", d.Capability.String(), d.Capability.Known(), operator, value)
	case "brand":
		if operator != "=" && operator != "!=" {
			return no, "", errInvalid
		}
		if d.Brand == "" {
			return maybe, "the GPU's brand", nil
		}
		if strings.EqualFold(d.Brand, value) == (operator == "=") {
			return yes, "", nil
		}
		return no, "the GPU's brand is " + d.Brand, nil
	}
	return no, "", errInvalid
}

// brands are those that a device may be of, as the hook knows them; none where
// nothing is known of that.
func (d Device) brands() []string {
	name := strings.ToLower(d.Name)
	rtx := strings.Contains(name, "rtx")
	switch {
	case d.Brand != "":
		return []string{d.Brand}
	case strings.Contains(name, "geforce") && rtx:
		return []string{"geforce", "geforcertx"}
	case strings.Contains(name, "geforce"):
		return []string{"geforce"}
	case strings.Contains(name, "titan") && rtx:
		return []string{"titan", "titanrtx"}
	case strings.Contains(name, "titan"):
		return []string{"titan"}
	case strings.Contains(name, "tesla"):
		return []string{"tesla"}
	case strings.Contains(name, "quadro") && rtx:
		return []string{"quadro", "quadrortx"}
	case strings.Contains(name, "quadro"):
		return []string{"quadro"}
	case ClassOf(d.Name) == Workstation:
		return []string{"nvidiartx", "quadrortx", "nvidia"}
	case ClassOf(d.Name) == DataCentre:
		return []string{"nvidia", "tesla"}
	}
	return nil
}

func compared(what, has string, known bool, operator, value string) (truth, string, error) {
	if strings.Trim(value, "0123456789.") != "" {
		return no, "", errInvalid
	}
	if !known {
		return maybe, what, nil
	}
	order, err := compareVersions(has, value)
	if err != nil {
		return no, "", errInvalid
	}
	holds := false
	switch operator {
	case "=":
		holds = order == 0
	case "!=":
		holds = order != 0
	case "<":
		holds = order < 0
	case "<=":
		holds = order <= 0
	case ">":
		holds = order > 0
	case ">=":
		holds = order >= 0
	}
	if holds {
		return yes, "", nil
	}
	return no, what + " is " + has, nil
}

// compareVersions compares number by number; what is missing at the end of one
// is zero.
func compareVersions(a, b string) (int, error) {
	fields := func(s string) []string {
		return strings.FieldsFunc(s, func(c rune) bool { return c == '.' })
	}
	as, bs := fields(a), fields(b)
	if strings.HasPrefix(b, ".") {
		return 0, errInvalid
	}
	for i := range max(len(as), len(bs)) {
		var x, y uint64
		var err error
		if i < len(as) {
			if x, err = strconv.ParseUint(as[i], 10, 64); err != nil {
				return 0, err
			}
		}
		if i < len(bs) {
			if y, err = strconv.ParseUint(bs[i], 10, 64); err != nil {
				return 0, err
			}
		}
		if x != y {
			return cmp.Compare(x, y), nil
		}
	}
	return 0, nil
}

func appendNew(list []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// Requirements reads those of an image's environment, as the container runtime
// does (nvidia-container-toolkit, internal/config/image): every NVIDIA_REQUIRE_*
// but those of Jetson's board support, and where NVIDIA_REQUIRE_CUDA is missing
// what CUDA_VERSION implies. Disabled is what NVIDIA_DISABLE_REQUIRE says.
func Requirements(env []string) (all []Requirement, disabled bool) {
	const prefix = "NVIDIA_REQUIRE_"
	legacy, has := "", false
	place := make(map[string]int) // of two of one name the later counts
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		switch {
		case name == "CUDA_VERSION":
			legacy = value
		case name == "NVIDIA_DISABLE_REQUIRE":
			disabled, _ = strconv.ParseBool(value)
		case strings.HasPrefix(name, prefix+"JETPACK"):
		case strings.HasPrefix(name, prefix):
			if name == prefix+"CUDA" {
				has = value != ""
			}
			r := Requirement{Variable: name, Text: value}
			if i, ok := place[name]; ok {
				all[i] = r
			} else {
				place[name], all = len(all), append(all, r)
			}
		}
	}
	if c, err := ParseCUDA(strings.TrimPrefix(legacy, "v")); err == nil && !has {
		all = append(all, Requirement{Variable: "CUDA_VERSION", Text: "cuda>=" + c.String(), Implied: true})
	}
	return all, disabled
}
