package gpu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An Arch is what GPU code was compiled for.
type Arch struct {
	Capability Capability
	PTX        bool    // to be compiled at run time, by the driver
	Variant    Variant // which features it uses
}

// A Variant is for how many architectures code was compiled.
type Variant string

// The variants (PTX ISA, .target).
const (
	Portable     Variant = ""
	Specific     Variant = "a" // for this very architecture, e.g. sm_90a
	Family       Variant = "f" // for the architectures of a family, e.g. sm_100f
	VariantOther Variant = "?" // one that is not known here
)

// ParseArch reads names as the compiler's, e.g. sm_80, sm_90a, compute_90.
func ParseArch(s string) (Arch, error) {
	var a Arch
	digits, ok := strings.CutPrefix(s, "sm_")
	if !ok {
		digits, a.PTX = strings.CutPrefix(s, "compute_")
	}
	for _, v := range []Variant{Specific, Family, VariantOther} {
		if rest, ok := strings.CutSuffix(digits, string(v)); ok {
			digits, a.Variant = rest, v
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if !ok && !a.PTX || err != nil || n < 10 || n > 999 {
		return Arch{}, fmt.Errorf("%q is no architecture such as sm_80 or compute_90", s)
	}
	a.Capability = Capability{int(n / 10), int(n % 10)}
	return a, nil
}

func (a Arch) String() string {
	kind := "sm"
	if a.PTX {
		kind = "compute"
	}
	return fmt.Sprintf("%s_%d%d%s", kind, a.Capability.Major, a.Capability.Minor, a.Variant)
}

// MarshalText writes the compiler's name.
func (a Arch) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the compiler's name.
func (a *Arch) UnmarshalText(b []byte) (err error) {
	*a, err = ParseArch(string(b))
	return err
}

func (a Arch) compare(b Arch) int {
	switch {
	case a.PTX != b.PTX && b.PTX:
		return -1
	case a.PTX != b.PTX:
		return 1
	case a.Capability != b.Capability:
		return a.Capability.Compare(b.Capability)
	}
	return strings.Compare(string(a.Variant), string(b.Variant))
}

// tegra are the capabilities of the chips with CPU and GPU in one before Thor:
// "binary compatibility between desktop and Tegra is not supported" (CUDA C++
// Programming Guide).
var tegra = []Capability{{3, 2}, {5, 3}, {6, 2}, {7, 2}, {8, 7}}

// RunsOn reports whether a GPU can run the code, and whether that is certain:
// machine code runs on GPUs of the same major and no lesser minor capability,
// PTX on all that are no lesser; code for a specific architecture on that alone,
// code for a family on the later members of the family (CUDA Programming Guide,
// "Binary compatibility", "PTX compatibility", "Feature sets").
func (a Arch) RunsOn(c Capability) (runs, certain bool) {
	same, later := a.Capability == c, c.Compare(a.Capability) >= 0
	switch {
	case a.Variant == VariantOther:
		return same, same || c.Major != a.Capability.Major
	case a.Variant == Specific:
		return same, true
	case a.Variant == Family:
		return later && a.Capability.Major == c.Major, true
	case a.PTX:
		return later, true
	case slices.Contains(tegra, a.Capability) != slices.Contains(tegra, c):
		return false, true
	}
	return later && a.Capability.Major == c.Major, true
}
