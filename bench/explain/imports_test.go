package explain

import (
	"fmt"
	"strings"
	"testing"
)

const small = `import time: self [us] | cumulative | imported package
import time:       200 |        200 |   _io
import time:      1800 |       2000 | os
import time:     30000 |      30000 |     heavy.core
loading the model... import time:     50000 |      50000 |     wheel_dep
import time:     20000 |     100000 |   heavy
model loaded
import time:      5000 |     105000 | app
`

// tree writes roots as nested names.
func tree(roots []*imported) string {
	var parts []string
	for _, m := range roots {
		s := m.name
		if len(m.children) > 0 {
			s += "(" + tree(m.children) + ")"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func TestParseImports(t *testing.T) {
	for _, test := range []struct {
		name, log              string
		tree                   string
		headers, broken, mixed int
	}{
		{"nothing", "", "", 0, 0, 0},
		{"no Python", "listening on 8080\n", "", 0, 0, 0},
		{"among other lines", small, "os(_io) app(heavy(heavy.core wheel_dep))", 1, 0, 0},
		{"the beginning is missing", small[strings.Index(small, "import time:     30000"):], "app(heavy(heavy.core wheel_dep))", 0, 0, 0},
		{"cut off in a line", small[:strings.Index(small, "|     wheel")+3], "os(_io) heavy.core", 1, 1, 0},
		{"cut off in the middle", small[:strings.Index(small, "model loaded")], "os(_io) heavy(heavy.core wheel_dep)", 1, 0, 0},
		{"carriage returns", strings.ReplaceAll(small, "\n", "\r\n"), "os(_io) app(heavy(heavy.core wheel_dep))", 1, 0, 0},
		{"two processes, one after the other", small + small, "os(_io) app(heavy(heavy.core wheel_dep)) os(_io) app(heavy(heavy.core wheel_dep))", 2, 0, 0},
		{
			"two processes at once",
			"import time: 10 | 10 |   a\nimport time: 7 | 7 |   x\nimport time: 5 | 15 | b\nimport time: 1 | 8 | y\n",
			"b(a x) y", 0, 0, 2,
		},
		{"rounded", "import time: 10 | 10 |   a\nimport time: 5 | 16 | b\n", "b(a)", 0, 0, 0},
		{"no numbers", "import time: x | 1 | a\nimport time: -1 | 1 | a\nimport time: 1 | 99999999999999999999 | a\nimport time: 1 | 1 |\nimport time: 1\n", "", 0, 5, 0},
		{"a hostile indent", "import time: 1 | 1 | " + strings.Repeat(" ", 5000) + "a\n", "", 0, 1, 0},
		{"a hostile name", "import time: 1 | 1 | " + strings.Repeat("a", 5000) + "\n", "", 0, 1, 0},
	} {
		l := parseImports([]byte(test.log))
		if got := tree(l.roots); got != test.tree || l.headers != test.headers || l.broken != test.broken || l.mixed != test.mixed {
			t.Errorf("%s: %s, %d headers, %d broken, %d mixed; want %s, %d, %d, %d", test.name, got, l.headers, l.broken, l.mixed, test.tree, test.headers, test.broken, test.mixed)
		}
	}
}

// One start in which others slowed one import down does not make it the largest.
func TestSteady(t *testing.T) {
	slow := strings.Replace(small, "30000 |      30000 |     heavy.core", "930000 |     930000 |     heavy.core", 1)
	l := steady([]*importLog{parseImports([]byte(slow)), parseImports([]byte(small)), parseImports([]byte(small + small))})
	p := packages(l.roots, nil)
	if tree(l.roots) != "os(_io) app(heavy(heavy.core wheel_dep))" || p[0].CumulativeMS != 105 || p[1].Name != "heavy" || p[1].SelfMS != 50 {
		t.Errorf("%s, %+v", tree(l.roots), p)
	}
}

func TestParseImportsIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range maxImports + 1000 {
		fmt.Fprintf(&b, "import time: 1 | 1 | m%d\n", i)
	}
	if l := parseImports([]byte(b.String())); l.lines != maxImports || !l.cut {
		t.Errorf("%d imports, cut: %v", l.lines, l.cut)
	}
}

func FuzzImports(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("import time: 1 | 1 |    a\nimport time: 1 | 1 |  b\nimport time: 1 | 3 | c.d\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		l := parseImports(log)
		steady([]*importLog{l, parseImports(log)})
		count := 0
		var walk func(among []*imported, depth int)
		walk = func(among []*imported, depth int) {
			if depth > maxDepth+1 {
				t.Fatalf("%d deep", depth)
			}
			for _, m := range among {
				count++
				walk(m.children, depth+1)
			}
		}
		walk(l.roots, 0)
		if count != l.lines {
			t.Errorf("%d in the tree of %d imports", count, l.lines)
		}
		p := packages(l.roots, nil)
		for _, x := range p {
			if x.CumulativeMS < 0 || x.SelfMS < 0 {
				t.Errorf("%+v", x)
			}
		}
	})
}
