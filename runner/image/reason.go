package image

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"mlbench/runner/image/installed"
)

// The names of reasons that are no package's.
const (
	ReasonBase        = "base image"           // it came with the lowest layers
	ReasonToolchain   = "toolchain"            // compilers, headers and what only they need
	ReasonRecommended = "recommended packages" // no package needs them, some recommend them
	ReasonShared      = "needed by several"    // packages that were asked for
	ReasonOther       = "other packages"       // nobody asked for them, and nothing needs them
	ReasonRemoved     = "removed packages"     // hidden bytes of what is no more installed
	ReasonSharedPip   = "needed by several Python packages"
	andNeeds          = " and what it needs"
)

// byKind are the reasons of what is no package.
var byKind = map[OwnerKind]string{
	Runtime: "interpreters", CUDA: "CUDA toolkit", Weights: "model weights", Cache: "caches and logs", Application: "application", Unowned: "unowned",
}

// A Reason is why owners are in an image. Every owner has one.
type Reason struct {
	Name     string  `json:"name"`     // e.g. "toolchain", "python3-sklearn and what it needs"
	Packages []Owned `json:"packages"` // largest first; of what is no package, its owners
	Bytes    int64   `json:"bytes"`    // their sum; that of all reasons is the image's size
	Wasted   int64   `json:"wasted_bytes"`
}

// Reasons tell why each owner is in the image, largest first: what was asked for
// and what that needs, the tools for building, what is only recommended. They
// share no owner, and their sum is the image's size.
func (x *Index) Reasons(o *Owners) []Reason {
	why := map[OwnerKind]map[string]string{
		Dpkg: x.whyDpkg(), Apk: x.whyApk(), Rpm: x.whyRpm(), Conda: x.whyConda(), Pip: x.whyPip(o),
	}
	var all []Reason
	places := make(map[string]int)
	for _, owned := range o.All {
		name, ok := byKind[owned.Kind]
		if !ok {
			if name = why[owned.Kind][owned.Name]; name == "" {
				name = ReasonRemoved
			}
		}
		i, ok := places[name]
		if !ok {
			i = len(all)
			places[name] = i
			all = append(all, Reason{Name: name})
		}
		all[i].Packages = append(all[i].Packages, owned)
		all[i].Bytes += owned.Bytes
		all[i].Wasted += owned.Wasted
	}
	slices.SortStableFunc(all, func(a, b Reason) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name)) })
	return all
}

// whyDpkg is by dpkg's status of what depends on what and by apt's
// extended_states of what was asked for. The base image is what the lowest
// status has. Where all came in one layer, it is what no system can be without.
func (x *Index) whyDpkg() map[string]string {
	var all, lowest []installed.Package
	layer := -1
	x.kept(func(f File, content []byte) {
		if f.Path != "var/lib/dpkg/status" && folder(f.Path) != "var/lib/dpkg/status.d" {
			return
		}
		packages := installed.Dpkg(string(content))
		if layer < 0 || f.Layer == layer {
			lowest, layer = append(lowest, packages...), f.Layer
		}
		if f.Visible() {
			all = append(all, packages...)
		}
	})
	n := newNeeds(all, ReasonShared)
	auto := installed.AutoInstalled(string(x.Content("var/lib/apt/extended_states")))
	oneLayer := len(lowest) >= len(all) && len(auto) > 0
	for _, p := range lowest {
		if _, ok := n.of[p.Name]; ok && (!oneLayer || p.Essential) {
			n.base[p.Name] = true
		}
	}
	n.reach(slices.Collect(maps.Keys(n.base)), n.any, func(name string) bool {
		if oneLayer {
			n.base[name] = true
		}
		return oneLayer
	})
	for _, name := range x.aptInstalls() {
		n.asked[name] = true
	}
	if len(auto) > 0 {
		clear(n.asked)
		for name, p := range n.of {
			n.asked[name] = !auto[name+":"+p.Arch] && (p.Arch != "all" || !auto[name])
		}
	}
	n.explain()
	return n.why
}

// aptInstalls are the names in the history's lines that install packages.
func (x *Index) aptInstalls() []string {
	var names []string
	for _, l := range x.Layers {
		for command := range strings.FieldsFuncSeq(l.CreatedBy, func(r rune) bool { return r == '&' || r == ';' || r == '|' }) {
			words := strings.Fields(command)
			i := slices.IndexFunc(words, func(w string) bool { return w == "apt-get" || w == "apt" })
			if i < 0 || !slices.Contains(words[i:], "install") {
				continue
			}
			for _, word := range words[i+1:] {
				word, _, _ = strings.Cut(word, "=")
				if !strings.HasPrefix(word, "-") && word != "install" {
					names = append(names, word)
				}
			}
		}
	}
	return names
}

// whyApk is by etc/apk/world of what was asked for.
func (x *Index) whyApk() map[string]string {
	n := x.needsOver(isApk, func(content []byte) []installed.Package { return installed.Apk(string(content)) })
	for _, name := range installed.World(string(x.Content("etc/apk/world"))) {
		n.asked[name] = true
	}
	n.explain()
	return n.why
}

// whyRpm knows of no asking: of what is not the base image it was what nothing
// needs.
func (x *Index) whyRpm() map[string]string {
	n := x.needsOver(isRpm, func(content []byte) []installed.Package {
		packages, _ := installed.Rpm(content) // Owners warns of what cannot be read
		return packages
	})
	n.explain()
	return n.why
}

// needsOver are those of the packages in the databases at such paths. The base
// image is what the lowest has.
func (x *Index) needsOver(isDatabase func(path string) bool, read func(content []byte) []installed.Package) *needs {
	var all []installed.Package
	lowest, base := -1, make(map[string]bool)
	x.kept(func(f File, content []byte) {
		if !isDatabase(f.Path) {
			return
		}
		packages := read(content)
		if lowest < 0 {
			lowest = f.Layer
		}
		if f.Visible() {
			all = append(all, packages...)
		}
		for _, p := range packages {
			if f.Layer == lowest {
				base[p.Name] = true
			}
		}
	})
	n := newNeeds(all, ReasonShared)
	n.base = base
	return n
}

func (x *Index) whyConda() map[string]string {
	var all []installed.Package
	x.seen(func(f File, content []byte) {
		if isConda(f.Path) {
			if p, ok := installed.Conda(content); ok {
				all = append(all, p)
			}
		}
	})
	n := newNeeds(all, "needed by several conda packages")
	n.explain()
	return n.why
}

// whyPip is by what pip marks as asked for (PEP 376's REQUESTED), where it does.
func (x *Index) whyPip(o *Owners) map[string]string {
	own := make(map[string]bool) // not a system package's
	for _, owned := range o.All {
		if owned.Kind == Pip {
			own[owned.Name] = true
		}
	}
	var all []installed.Package
	asked := make(map[string]bool)
	for _, d := range x.dists() {
		p := d.about()
		if !own[p.Name] || !d.visible {
			continue
		}
		all = append(all, p)
		if _, ok := d.files["REQUESTED"]; ok {
			asked[p.Name] = true
		}
	}
	n := newNeeds(all, ReasonSharedPip)
	n.asked = asked
	n.explain()
	return n.why
}
