package report

import (
	stdbytes "bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"mlbench/bench"
	"mlbench/bench/explain"
)

// htmlGoldens are the fixtures of which the whole page is kept; the pages of
// all are checked.
var htmlGoldens = []string{"failures", "three_one_slower", "one_pair", "gpu", "hostile", "never_ready", "single", "interrupted_at_once", "load_slower", "pull", "steps"}

func TestHTMLGoldens(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			r := f.result(t)
			var b stdbytes.Buffer
			if err := HTML(&b, r); err != nil {
				t.Fatal(err)
			}
			if slices.Contains(htmlGoldens, f.name) {
				golden(t, f.name+".html.golden", unstyled(b.Bytes()))
			}
			doc := checkHTML(t, b.String())
			if got, want := textOf(find(doc, "h1")[0]), "mlbench: "+string(r.Verdict); got != want {
				t.Errorf("its heading is %q, want %q", got, want)
			}
			whole := textOf(doc)
			for _, said := range sentences(look(r)) {
				if !strings.Contains(whole, squeeze(shorten(said, maxSentence))) {
					t.Errorf("it does not say %q", said)
				}
			}
			for _, said := range append(failures(look(r)), warnings(look(r))...) {
				if !strings.Contains(whole, squeeze(said)) {
					t.Errorf("it does not say %q", said)
				}
			}
		})
	}
}

// unstyled is a page without its style and the hash of that, which a change of
// a colour would change in all goldens.
func unstyled(page []byte) []byte {
	page = stdbytes.Replace(page, []byte(pageStyle), nil, 1)
	return regexp.MustCompile(`&#39;sha256-.*?&#39;`).ReplaceAll(page, []byte("&#39;sha256-…&#39;"))
}

// Of results that no run has made, nothing is drawn that is not there.
func TestHTMLOfAlmostNothing(t *testing.T) {
	for name, r := range map[string]*bench.Result{
		"nothing":      {Spec: bench.DefaultSpec()},
		"wins of none": {Spec: bench.DefaultSpec(), Wins: []bench.Wins{someWins()}},
		"strange":      {Spec: bench.DefaultSpec(), Verdict: bench.GateVerdict(hostile[0]), Tool: bench.Tool{Version: hostile[1] + long, Command: []string{"compare", hostile[0], long}}},
	} {
		t.Run(name, func(t *testing.T) {
			var b stdbytes.Buffer
			if err := HTML(&b, r); err != nil {
				t.Fatal(err)
			}
			if doc := checkHTML(t, b.String()); len(find(doc, "figure")) > 0 {
				t.Error("it draws something")
			}
		})
	}
}

// A result with wins draws them, and says by how much.
func TestHTMLOfWins(t *testing.T) {
	r := fixture{names: []string{"old:tag", "new:tag"}, times: in(620)}.result(t)
	r.Wins = []bench.Wins{someWins()}
	var b stdbytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	text := textOf(checkHTML(t, b.String()))
	for _, want := range []string{"old:tag → new:tag, in size: −1.57 GB in all", "recommended packages −1.06 GB of it llvm-14-dev", "scipy +60 MB", "in the pairs, 95 %: −"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

func TestExplanationHTML(t *testing.T) {
	for name, r := range map[string]*explain.Report{
		"explain_one": explained("image:tag"), "explain_two": explained("old:tag", "new:tag"), "explain_gpu": explainedOnGPU(),
		"explain_hostile": explained("o\x1b[31mld|<b>@all", strings.Repeat("new", 100)),
	} {
		t.Run(name, func(t *testing.T) {
			r.StartedAt = time.Date(2026, 11, 22, 12, 40, 54, 0, time.UTC)
			var b stdbytes.Buffer
			if err := explanationHTML(&b, r); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".html.golden", unstyled(b.Bytes()))
			doc := checkHTML(t, b.String())
			if n := len(find(doc, "figure")); n < 2*len(r.Candidates)+1 {
				t.Errorf("%d figures: no icicle or no bytes of each candidate", n)
			}
			for _, want := range []string{"pandas", "gcc-12", "22.5 % touched"} {
				if !strings.Contains(textOf(doc), want) {
					t.Errorf("it does not say %q", want)
				}
			}
		})
	}
}

// Of strange imports is drawn what fits.
func TestIcicle(t *testing.T) {
	many := make([]bench.Import, 100_000)
	for i := range many {
		many[i] = bench.Import{Module: long, Depth: i % 20, FromMS: float64(i % 90), CumulativeMS: 1, SelfMS: -1}
	}
	for name, test := range map[string]struct {
		of   *bench.Imports
		want int
	}{
		"unknown":       {nil, 0},
		"none":          {&bench.Imports{}, 0},
		"no time":       {&bench.Imports{Largest: many[:1]}, 0},
		"many":          {&bench.Imports{TotalMS: 100, Largest: many}, mostModules * icicleDepth / 20},
		"beyond":        {&bench.Imports{TotalMS: 1, Largest: []bench.Import{{FromMS: -1, CumulativeMS: 1}, {FromMS: 2, CumulativeMS: 1}, {Depth: -1, CumulativeMS: 1}, {CumulativeMS: -1}}}, 0},
		"more than all": {&bench.Imports{TotalMS: 1, Largest: []bench.Import{{CumulativeMS: 1e300}}}, 1},
		"two":           {&bench.Imports{TotalMS: 10, Largest: []bench.Import{{Module: "a", CumulativeMS: 5, SelfMS: 5}, {Module: "b", FromMS: 5, CumulativeMS: 5}}}, 2},
	} {
		f := icicle("x", test.of)
		boxes := 0
		if f != nil {
			boxes = strings.Count(string(f.Rows[0].Plots[0]), `class="module`)
		}
		if boxes != test.want || (f != nil) != (test.want > 0) {
			t.Errorf("%s: %d boxes, want %d", name, boxes, test.want)
		}
	}
}

// What --explain found is drawn of each candidate that there is.
func TestHTMLExplained(t *testing.T) {
	r := fixtures[0].result(t)
	found := explained("old:tag", "new:tag")
	for i := range found.Candidates {
		r.Explained = append(r.Explained, found.Candidates[i].Drawn(i))
	}
	r.Explained = append(r.Explained, r.Explained[1], bench.Explained{Candidate: -1}, bench.Explained{Candidate: 7, Imports: r.Explained[0].Imports})
	var file, page stdbytes.Buffer
	if err := errors.Join(JSON(&file, r), HTML(&page, r)); err != nil {
		t.Fatal(err)
	}
	doc := checkHTML(t, page.String())
	figures := make(map[string]int)
	for _, f := range find(doc, "figure") {
		figures[attribute(f, "class")]++
	}
	if figures["icicle"] != 2 || figures["owners"] != 2 {
		t.Errorf("drawn are %v", figures)
	}
	for _, want := range []string{"pandas", "dpkg gcc-12 69 MB, 0.0 % touched", "pip pandas 40 MB, 22.5 % touched", "161 MB of 2.00 GB touched"} {
		if !strings.Contains(textOf(doc), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	again, err := bench.Read(&file, "r.json")
	if err != nil {
		t.Fatal(err)
	}
	var same stdbytes.Buffer
	if err := HTML(&same, again); err != nil || same.String() != page.String() {
		t.Errorf("read again it is another page; %v", err)
	}
	s, _ := schema(t)
	if err := s.Validate(document(t, r)); err == nil { // of candidate -1
		t.Error("the schema takes a candidate that cannot be")
	}
	r.Explained = r.Explained[:2]
	if err := s.Validate(document(t, r)); err != nil {
		t.Error(err)
	}
}

// inPage are the elements that a page may have; there is no script, no link, no
// image and no form among them.
var inPage = regexp.MustCompile(`^(html|head|meta|title|style|body|header|main|footer|section|h[1-3]|p|ul|li|span|div|figure|figcaption|table|caption|thead|tbody|tr|th|td|pre|code|details|summary|svg|g|path|rect|line|circle|text)$`)

var attributesInPage = regexp.MustCompile(`^(lang|charset|http-equiv|content|name|class|id|role|tabindex|scope|aria-(label|labelledby|hidden)|display|width|height|viewbox|preserveaspectratio|d|x|y|x1|x2|y1|y2|cx|cy|r|rx)$`)

// checkHTML checks what holds for every page: it is whole, has nothing in it
// that could load or run anything, and nothing that turns text around; its
// headings are in order, and what scrolls or is drawn has a name.
func checkHTML(t *testing.T, text string) *html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	checkPrintableHTML(t, text)
	if policy := attribute(find(doc, "meta")[1], "content"); policy != pagePolicy || !strings.HasPrefix(policy, "default-src 'none';") {
		t.Errorf("its policy is %q", policy)
	}
	if n := len(find(doc, "h1")); n != 1 {
		t.Errorf("%d h1", n)
	}
	level := 1
	ids := make(map[string]bool)
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if !inPage.MatchString(n.Data) {
			t.Errorf("it has a %s", n.Data)
		}
		for _, a := range n.Attr {
			if !attributesInPage.MatchString(strings.ToLower(a.Key)) {
				t.Errorf("%s has the attribute %s=%q", n.Data, a.Key, a.Val)
			}
		}
		if id := attribute(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("two elements are called %s", id)
			}
			ids[id] = true
		}
		switch n.Data {
		case "h1", "h2", "h3":
			if to := int(n.Data[1] - '0'); to > level+1 {
				t.Errorf("%s %q after h%d", n.Data, textOf(n), level)
			} else {
				level = to
			}
			if textOf(n) == "" {
				t.Errorf("a %s is empty", n.Data)
			}
		case "table":
			if len(find(n, "caption")) != 1 || textOf(find(n, "caption")[0]) == "" {
				t.Error("a table has no caption")
			}
			for _, head := range find(n, "th") {
				if s := attribute(head, "scope"); s != "col" && s != "row" {
					t.Errorf("a head of a table has the scope %q", s)
				}
			}
		case "figure":
			if len(find(n, "figcaption")) != 1 || textOf(find(n, "figcaption")[0]) == "" {
				t.Error("a figure has no caption")
			}
		case "svg":
			top := n.Parent.Data != "svg"
			if top && attribute(n, "aria-hidden") != "true" && (attribute(n, "role") != "img" || attribute(n, "aria-label") == "") {
				t.Error("a drawing is neither named nor hidden")
			}
		}
		if attribute(n, "tabindex") != "" && (attribute(n, "role") != "region" || attribute(n, "aria-label") == "") {
			t.Errorf("a %s can be focused and has no name", n.Data)
		}
	}
	for n := range doc.Descendants() {
		if by := attribute(n, "aria-labelledby"); by != "" && !ids[by] {
			t.Errorf("it is named by %s, which is not there", by)
		}
	}
	for _, bad := range []string{"NaN", "Inf", "ZgotmplZ", "%!"} {
		if at := strings.Index(strings.ReplaceAll(text, "Information", ""), bad); at >= 0 {
			t.Errorf("it has %.60q", text[max(0, at-40):])
		}
	}
	return doc
}

// checkPrintableHTML is checkPrintable but for blanks at the ends of lines.
func checkPrintableHTML(t *testing.T, text string) {
	t.Helper()
	var b strings.Builder
	for row := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(row, " \n") + "\n")
	}
	checkPrintable(t, b.String())
}

func find(under *html.Node, name string) []*html.Node {
	var found []*html.Node
	for n := range under.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// textOf is what a reader reads: a blank where something else begins.
func textOf(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		if n.Type == html.ElementNode && (n.Data == "style" || attribute(n, "aria-hidden") == "true") {
			return
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		if n.Type == html.ElementNode && n.Data != "span" {
			b.WriteString(" ")
		}
	}
	walk(n)
	return squeeze(b.String())
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// fourBy80 is a result of four candidates and 80 starts each.
func fourBy80(t testing.TB) *bench.Result {
	r := fixture{names: []string{"service:v1", "service:v2", "service:v3", "service:v4"}, times: in(620), noise: 0.08,
		host: oneGPU, gpus: loading, reads: 0.1, load: 0.15, fails: is("3", 9), spec: func(s *bench.Spec) { s.Pairs = 80 }}.result(t)
	n := 0
	for _, s := range r.Starts {
		if s.Role.Measured() {
			n++
		}
	}
	if n != 320 {
		t.Fatalf("%d starts", n)
	}
	r.Wins = []bench.Wins{someWins()}
	return r
}

// TestFormatsSize: a large result makes no large page.
func TestFormatsSize(t *testing.T) {
	r := fourBy80(t)
	for i := range r.Starts { // as on a host that tells of GPUs every few milliseconds
		if g := r.Starts[i].GPU; g != nil {
			for k := range 2000 {
				g.Memory = append(g.Memory, bench.GPUPoint{MS: float64(k), Bytes: int64(k%97) * 1e8})
			}
		}
	}
	var b stdbytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	if b.Len() >= 1e6 {
		t.Errorf("%d bytes", b.Len())
	}
	checkHTML(t, b.String())
}

func BenchmarkFormats(b *testing.B) {
	r := fourBy80(b)
	for _, f := range Results {
		name := strings.TrimPrefix(f.Suffix, ".")
		if name == "" {
			name = f.Name
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				var out stdbytes.Buffer
				if err := f.Write(&out, r); err != nil {
					b.Fatal(err)
				}
				size = out.Len()
			}
			b.ReportMetric(float64(size), "size-bytes")
		})
	}
}
