package image

import (
	"maps"
	"slices"

	"mlbench/runner/image/installed"
)

// needs are the packages of one manager and why each is there.
type needs struct {
	of        map[string]installed.Package
	providers map[string]string // of a feature, the first package by name
	base      map[string]bool   // they came with the base image
	asked     map[string]bool   // somebody asked for them
	several   string            // the reason of what several of them need
	why       map[string]string // the reason of each
}

func newNeeds(all []installed.Package, several string) *needs {
	n := &needs{
		of: make(map[string]installed.Package, len(all)), providers: make(map[string]string),
		base: make(map[string]bool), asked: make(map[string]bool), several: several, why: make(map[string]string, len(all)),
	}
	for _, p := range all {
		if !p.Removed {
			n.of[p.Name] = p
		}
	}
	for _, name := range n.names() {
		for _, feature := range n.of[name].Provides {
			if _, ok := n.providers[feature]; !ok {
				n.providers[feature] = name
			}
		}
	}
	return n
}

// names are all packages, sorted.
func (n *needs) names() []string { return slices.Sorted(maps.Keys(n.of)) }

// satisfying are the packages that satisfy a need, by its alternatives in order.
func (n *needs) satisfying(alternatives []string) []string {
	var all []string
	for _, name := range alternatives {
		if _, ok := n.of[name]; ok {
			all = append(all, name)
		} else if provider, ok := n.providers[name]; ok {
			all = append(all, provider)
		}
	}
	return all
}

// satisfier is the first of them: what is there because of the need.
func (n *needs) satisfier(alternatives []string) (string, bool) {
	if all := n.satisfying(alternatives); len(all) > 0 {
		return all[0], true
	}
	return "", false
}

// reach calls visit with the roots and whatever they need, and what that needs,
// as far as visit returns true. Each is visited once. Next are a package's needs.
func (n *needs) reach(roots []string, next func(installed.Package) []string, visit func(name string) bool) {
	seen := make(map[string]bool)
	for todo := slices.Clone(roots); len(todo) > 0; {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen[name] {
			seen[name] = true
			if visit(name) {
				todo = append(todo, next(n.of[name])...)
			}
		}
	}
}

// first are what is there because of a package's needs.
func (n *needs) first(p installed.Package) []string {
	var names []string
	for _, need := range p.Needs {
		if name, ok := n.satisfier(need); ok {
			names = append(names, name)
		}
	}
	return names
}

// any are all that satisfy a package's needs: apt removes none of them.
func (n *needs) any(p installed.Package) []string {
	var names []string
	for _, need := range p.Needs {
		names = append(names, n.satisfying(need)...)
	}
	return names
}

// recommended are all that satisfy what a package needs or recommends.
func (n *needs) recommended(p installed.Package) []string {
	names := n.any(p)
	for _, need := range p.Recommends {
		names = append(names, n.satisfying(need)...)
	}
	return names
}

// explain finds the reason of each package. What is there for its own sake comes
// first, then what that needs to run, then what is only needed by tools for
// building, then what is only recommended: each reason has what would go with
// it, were all that come after it gone already.
func (n *needs) explain() {
	for name := range n.base {
		n.why[name] = ReasonBase
	}
	if len(n.asked) == 0 {
		n.asked = n.unneeded()
	}
	n.explainAsked()
	n.explainTools()

	n.reach(n.explained(), n.any, n.give(n.several))
	n.reach(n.explained(), n.recommended, n.give(ReasonRecommended))
	for name := range n.of {
		if n.why[name] == "" {
			n.why[name] = ReasonOther
		}
	}
}

// explained are the packages that have a reason.
func (n *needs) explained() []string {
	names := n.names()
	return slices.DeleteFunc(names, func(name string) bool { return n.why[name] == "" })
}

// give gives a reason to what has none.
func (n *needs) give(reason string) func(name string) bool {
	return func(name string) bool {
		if n.why[name] == "" {
			n.why[name] = reason
		}
		return true
	}
}

// unneeded are the packages that no other needs: where nobody wrote down what
// was asked for, it was they.
func (n *needs) unneeded() map[string]bool {
	asked := make(map[string]bool)
	for name := range n.of {
		asked[name] = true
	}
	for name, p := range n.of {
		for _, on := range n.any(p) {
			if on != name {
				delete(asked, on)
			}
		}
	}
	return asked
}

// explainAsked gives what was asked for and what it needs to run its reason.
func (n *needs) explainAsked() {
	var roots []string
	for _, name := range n.names() {
		if n.asked[name] && n.why[name] == "" && !isTool(n.of[name]) {
			roots = append(roots, name)
			n.why[name] = name
		}
	}
	by := make(map[string]string) // the root that needs it, "" where several do
	for _, root := range roots {
		n.reach([]string{root}, n.first, func(name string) bool {
			if name == root {
				return true
			}
			if n.why[name] != "" || isTool(n.of[name]) {
				return false
			}
			if other, ok := by[name]; ok && other != root {
				if other == "" {
					return false // and so is what it needs
				}
				by[name] = ""
				return true
			}
			by[name] = root
			return true
		})
	}
	needing := make(map[string]bool)
	for name, root := range by {
		if n.why[name] = n.several; root != "" {
			n.why[name] = root + andNeeds
			needing[root] = true
		}
	}
	for _, root := range roots {
		if needing[root] {
			n.why[root] = root + andNeeds
		}
	}
}

// explainTools gives tools for building their reason, and what only they need:
// those that were asked for and those that something needs.
func (n *needs) explainTools() {
	var tools []string
	for _, name := range n.names() {
		if n.asked[name] && n.why[name] == "" {
			tools = append(tools, name)
		}
		if n.why[name] == "" {
			continue
		}
		for _, on := range n.first(n.of[name]) {
			if n.why[on] == "" {
				tools = append(tools, on)
			}
		}
	}
	n.reach(tools, n.first, func(name string) bool {
		if n.why[name] != "" {
			return false
		}
		n.why[name] = ReasonToolchain
		return true
	})
}

// isTool goes by the name in any manager's words, as it does not matter here.
func isTool(p installed.Package) bool {
	for _, kind := range []OwnerKind{Dpkg, Apk, Rpm, Conda} {
		if builds(Owner{Kind: kind, Name: p.Name}) {
			return true
		}
	}
	return false
}
