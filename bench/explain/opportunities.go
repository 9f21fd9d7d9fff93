package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	mostOpportunities = 5         // of one sort
	worthMS           = 0.02      // of the time to ready
	worthBytes        = 1_000_000 // less is not worth a line
	mostNames         = 6         // of packages in one line
)

// opportunities are what could be gained: the largest of each sort.
func opportunities(c *Candidate) []Opportunity {
	all := []Opportunity{}
	if c.Imports != nil {
		all = append(all, c.importing()...)
	}
	if c.Touched != nil {
		all = append(all, c.removing()...)
	}
	return all
}

// importing is about what a program does until it is ready. What is of the
// standard library or of the application itself is nobody's to leave out.
func (c *Candidate) importing() []Opportunity {
	var all []Opportunity
	least := worthMS * c.Imports.ReadyMS
	if rest := c.Imports.ProgramMS - c.Imports.TotalMS; rest >= least {
		all = append(all, Opportunity{
			What: "what the program does before it is ready besides importing", MS: &rest,
			Basis: "measured: profiled starts (median) from the program's start on, less its imports",
		})
	}
	for _, p := range c.Imports.Packages {
		if p.Kind == Standard || p.Kind == Application || p.AloneMS < least {
			continue
		}
		if len(all) > mostOpportunities {
			break
		}
		ms := p.AloneMS
		what := "import of " + p.Name
		if p.By != "" {
			what += ", by " + p.By
		}
		all = append(all, Opportunity{
			What: what, MS: &ms,
			Basis: "measured: cumulative import time in profiled starts (median), which are slower for it, less packages that others need too",
		})
	}
	slices.SortStableFunc(all, func(a, b Opportunity) int { return cmp.Compare(*b.MS, *a.MS) })
	return all
}

// removing is about packages of which nothing was touched.
func (c *Candidate) removing() []Opportunity {
	var all []Opportunity
	until := "ready"
	if c.Touched.FirstResponse != nil {
		until = "the first response"
	}
	for _, g := range c.Touched.Never {
		if g.Bytes < worthBytes || len(all) == mostOpportunities {
			break
		}
		bytes := g.Bytes
		all = append(all, Opportunity{
			What: fmt.Sprintf("%s never touched: %s", g.Reason, named(g.Owners)), Bytes: &bytes,
			Basis: "measured: bytes of packages of which no page was read until " + until + "; other requests may need some",
		})
	}
	return all
}

// named lists the first names and counts the others.
func named(names []string) string {
	s := strings.Join(names[:min(len(names), mostNames)], ", ")
	if more := len(names) - mostNames; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
