package gpu

import (
	"fmt"
	"slices"
	"strings"
)

// driver judges the image's CUDA on the host's driver (CUDA Compatibility, by
// NVIDIA): a driver runs all CUDA versions up to its own; later ones of its
// major version with limited features; those of a later major version only with
// the compatibility library.
func (n Needs) driver(h Host) (Rule, bool) {
	r := n.onDriver(h)
	r.ID = RuleDriver
	return r, true
}

func (n Needs) onDriver(h Host) Rule {
	if !n.CUDA.Known() {
		return Rule{Verdict: Unknown, Why: "the image has something of CUDA, but nothing in it says of which version",
			Remedy: "set CUDA_VERSION in the image, or take a framework's build that names its CUDA (e.g. +cu126)"}
	}
	wants := fmt.Sprintf("the image wants CUDA %s (%s)", n.CUDA, n.From)
	least, leastKnown := LeastDriver(n.CUDA)
	if !h.Driver.Known() && !h.CUDA.Known() {
		r := Rule{Verdict: Unknown, Why: wants + ", and the host's driver is not known"}
		if leastKnown {
			r.Why += ": it takes driver " + atLeast(n.CUDA, least)
		}
		return r
	}
	has := hostHas(h)
	switch {
	case h.CUDA.Known() && h.CUDA.Compare(n.CUDA) >= 0:
		return Rule{Verdict: OK, Why: wants + "; " + has}
	case h.CUDA.Known() && h.CUDA.Major == n.CUDA.Major && h.CUDA.Major >= 11:
		return n.minor(h, wants, has, least, leastKnown)
	case !h.CUDA.Known() && leastKnown && h.Driver.Compare(least) < 0, h.CUDA.Known():
		return n.forward(h, wants, has, least, leastKnown)
	}
	return Rule{Verdict: Unknown, Why: wants + "; " + has + ", and which CUDA that offers is not known here",
		Remedy: "see nvidia-smi's CUDA Version and name it with --cuda"}
}

// minor judges a version later than the driver's of the same major.
func (n Needs) minor(h Host, wants, has string, least Driver, leastKnown bool) Rule {
	between := wants + "; " + has
	switch {
	case !leastKnown:
		return Rule{Verdict: Unknown, Why: between + ", and what CUDA " + fmt.Sprint(n.CUDA.Major) + ".x takes at least is not known here"}
	case !h.Driver.Known():
		// Every driver that offers a version of this major is no older than the
		// major's first, but for early ones of 11.0.
		if h.CUDA == (CUDA{11, 0}) {
			return Rule{Verdict: Unknown, Why: between + ": CUDA 11.x runs by minor-version compatibility from driver " + least.String() + " on, and the driver is not known",
				Remedy: "name the driver with --driver"}
		}
	case h.Driver.Compare(least) < 0:
		return n.forward(h, wants, has, least, leastKnown)
	}
	r := Rule{Verdict: OK, Why: fmt.Sprintf("%s: minor-version compatibility, as drivers from %s on run all of CUDA %d.x", between, least, n.CUDA.Major)}
	if len(n.JIT) > 0 {
		r.Verdict = Warn
		r.Why += "; but " + listed(n.JIT, 3) + " may compile PTX at run time, which this driver refuses where it is of a later version than its own (error 222)"
		r.Remedy = n.upgrade(h, least)
	}
	return r
}

// forward judges a version that the driver is too old for.
func (n Needs) forward(h Host, wants, has string, least Driver, leastKnown bool) Rule {
	r := Rule{Verdict: Fail, Why: wants + "; " + has, Remedy: n.upgrade(h, least)}
	if leastKnown {
		r.Why += fmt.Sprintf(", and CUDA %s takes %s", n.CUDA, atLeast(n.CUDA, least))
	}
	if len(n.Compat) == 0 {
		r.Why += ": error 35, the driver is insufficient"
		return r
	}
	c := n.Compat[0]
	fits, known, why := c.fits(n.CUDA, h)
	switch {
	case h.has(GeForce):
		r.Why += "; " + c.Path + " helps on data-centre GPUs only, and this is a GeForce: error 804"
	case known && !fits:
		r.Why += "; " + c.Path + " does not help: " + why + " (error 35, the driver is insufficient)"
	case h.class() == "":
		r.Verdict = Unknown
		r.Why += "; " + c.Path + " helps on data-centre GPUs only, and which the host has is not known"
		r.Remedy = "name the GPU with --gpu-name; otherwise: " + r.Remedy
	case h.class() == Workstation:
		r.Verdict = Unknown
		r.Why += "; " + c.Path + " helps on data-centre GPUs and on select ones for workstations, which is not known of this one (error 804 where not)"
	case h.class() == Jetson:
		r.Verdict = Unknown
		r.Why += "; " + c.Path + " helps on Jetson where it is the package for it, which is not known"
	case !known:
		r.Verdict = Unknown
		r.Why += "; whether " + c.Path + " helps is not known: " + why
	default:
		r.Verdict = OK
		r.Why += "; but " + c.Path + " makes it run, by forward compatibility: " + why
		r.Remedy = ""
	}
	return r
}

// fits tells by a compatibility library's note whether it runs on the host's
// driver.
func (c Compat) fits(want CUDA, h Host) (fits, known bool, why string) {
	switch {
	case c.Note == nil && !c.Looked:
		return false, false, "it was not looked into"
	case c.Note == nil:
		return false, false, "it has no note of which drivers it runs on"
	case c.Note.CUDA.Known() && c.Note.CUDA.Compare(want) < 0:
		return false, true, fmt.Sprintf("it offers CUDA %s, and %s is wanted", c.Note.CUDA, want)
	case len(c.Note.Branches) == 0:
		return false, false, "its note names no drivers that it runs on"
	case !h.Driver.Known():
		return false, false, fmt.Sprintf("it runs on drivers %s, and the host's is not known", branches(c.Note.Branches))
	}
	why = fmt.Sprintf("its note names drivers %s, the host's is %s", branches(c.Note.Branches), h.Driver)
	return slices.Contains(c.Note.Branches, h.Driver.Branch()), true, why
}

func branches(all []int) string {
	words := make([]string, len(all))
	for i, b := range all {
		words[i] = fmt.Sprint(b)
	}
	return listed(words, 20)
}

// compat warns of a compatibility library where it harms: the runtime's hook
// puts it before the host's own where its driver is the newer one, and on
// GeForce that ends in error 804 though the host's own would do.
func (n Needs) compat(h Host) (r Rule, applies bool) {
	if len(n.Compat) == 0 || !h.has(GeForce) || !h.Driver.Known() || !n.CUDA.Known() {
		return r, false
	}
	c := n.Compat[0]
	least, known := LeastDriver(n.CUDA)
	if !c.Driver.Known() || c.Driver.Branch() <= h.Driver.Branch() || !known || h.Driver.Compare(least) < 0 {
		return r, false // not used, or told already
	}
	return Rule{
		ID: RuleCompat, Verdict: Warn,
		Why: fmt.Sprintf("%s is of driver %s, newer than the host's %s: where the container runtime puts it first, CUDA ends in error 804 on GeForce",
			c.Path, c.Driver, h.Driver),
		Remedy: fmt.Sprintf("remove cuda-compat from the image, or take driver %d or newer", c.Driver.Branch()),
	}, true
}

// upgrade is the remedy for a driver that is too old: a newer one, or another
// image.
func (n Needs) upgrade(h Host, least Driver) string {
	var ways []string
	d, ok := ShippedWith(n.CUDA)
	switch {
	case ok:
		ways = append(ways, fmt.Sprintf("take driver %s or newer on the host", d))
	case least.Known():
		ways = append(ways, fmt.Sprintf("take driver %s or newer on the host", least))
	}
	if h.CUDA.Known() {
		which := fmt.Sprintf("CUDA %s or older (e.g. base nvidia/cuda:%s.*)", h.CUDA, h.CUDA)
		if first, ok := leastOfMajor[h.CUDA.Major]; ok && h.CUDA.Major < n.CUDA.Major && h.Driver.Compare(first) >= 0 {
			which = fmt.Sprintf("CUDA %d.x, with all features up to %s (e.g. base nvidia/cuda:%s.*, wheels +cu%d…)", h.CUDA.Major, h.CUDA, h.CUDA, h.CUDA.Major)
		}
		ways = append(ways, "build the image for "+which)
	}
	return strings.Join(ways, ", or ")
}

func atLeast(c CUDA, least Driver) string {
	s := "≥ " + least.String()
	if d, ok := ShippedWith(c); ok && d.Compare(least) != 0 {
		s += " (≥ " + d.String() + " for all features)"
	}
	return s
}

func hostHas(h Host) string {
	switch {
	case !h.Driver.Known():
		return "the driver offers CUDA " + h.CUDA.String()
	case !h.CUDA.Known():
		return "the driver is " + h.Driver.String()
	}
	return fmt.Sprintf("driver %s offers CUDA %s", h.Driver, h.CUDA)
}

func listed(words []string, most int) string {
	if more := len(words) - most; more > 0 {
		return strings.Join(words[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(words, ", ")
}
