package report

import (
	"crypto/sha256"
	_ "embed" // of the style
	"encoding/base64"
	"slices"
	"strings"

	"mlbench/bench"
)

// A page is what every HTML report is: one file that asks for no other, has no
// script, and says all that it draws in words or a table too. Its security
// policy lets a browser load nothing and apply no style but the page's own.
type page struct {
	Title   string
	Kind    string // what is above the heading
	Heading string
	Verdict string // the class of the heading's sign; "" for none
	Said    []string
	About   []string // a small line under what is said
	Alerts  []alert
	Parts   []pagePart
	Made    string // by what, and when
}

// An alert is what must not be overlooked.
type alert struct{ Tone, Text string }

// A pagePart has a heading, and may be folded away.
type pagePart struct {
	ID, Title string
	Blocks    []pageBlock
}

// A pageBlock is one of these, after its heading if there is one.
type pageBlock struct {
	Heading string
	Fold    string // under which it is folded away
	Text    string
	Aside   string // what must not be overlooked
	List    []string
	Code    string
	Table   *pageTable
	Figure  *pageFigure
}

// A pageFigure is rows of drawings under what they show.
type pageFigure struct {
	Class   string
	Caption string
	Rows    []figureRow
	Legend  []legendKey
	Note    string
}

// A figureRow has a name, drawings, and what they say in figures.
type figureRow struct {
	Name, Value, Note string
	Sign              *verdictSign // of a verdict
	Plots             []markup
	Axis              bool // it is the axis of those above
}

type legendKey struct{ Class, Text string }

// A verdictSign is a word with a shape and a colour.
type verdictSign struct{ Class, Shape, Text, Says string }

// A pageTable is a table in a box of its own that scrolls.
type pageTable struct {
	Caption string
	Head    []pageHead
	Rows    [][]pageCell
}

type pageHead struct {
	Text  string
	Words bool // its column holds words and not figures
}

type pageCell struct {
	Text  string
	Signs []verdictSign
	Words bool
	Head  bool // of its row
}

var (
	//go:embed html/page.css
	pageStyle string

	pagePolicy = policyOf(pageStyle)
)

// policyOf forbids a page everything but one style, by its hash: neither is
// anything loaded, nor a script run or a style applied that gets into it.
func policyOf(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

// tableOf makes a table for a page. Signs stand in columns of these names.
func tableOf(caption string, t table, signs ...string) *pageTable {
	if len(t.rows) == 0 {
		return nil
	}
	out := &pageTable{Caption: caption}
	words := make([]bool, len(t.head))
	for i, head := range t.head {
		words[i] = i < t.left || t.last && i == len(t.head)-1
		out.Head = append(out.Head, pageHead{Text: strings.TrimSpace(head), Words: words[i]})
	}
	for _, row := range t.rows {
		var cells []pageCell
		for i, text := range row {
			cell := pageCell{Text: strings.TrimSpace(text), Words: words[i], Head: i == 0 && text != ""}
			if slices.Contains(signs, t.head[i]) && text != "" {
				cell.Signs, cell.Text = []verdictSign{signOf(text, text)}, ""
			}
			cells = append(cells, cell)
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}

// signOf is the sign of a verdict, on a text. What the text does not say of
// it, a screen reader is told.
func signOf(verdict, text string) verdictSign {
	s := verdictSign{Class: "told", Text: text}
	word, _, _ := strings.Cut(verdict, " (")
	switch word {
	case string(bench.Pass), string(bench.Faster), string(bench.NoRegression):
		s.Class, s.Shape = "pass", "✓"
	case string(bench.Fail), string(bench.Regression):
		s.Class, s.Shape = "fail", "✕"
	case string(bench.Unknown):
		s.Class, s.Shape = "open", "?"
	case string(bench.Slower):
		s.Class, s.Shape = "open", "▲"
	}
	if text != verdict {
		s.Says = verdict
	}
	return s
}

// add adds a part that has something in it.
func (p *page) add(id, title string, blocks ...pageBlock) {
	blocks = slices.DeleteFunc(blocks, func(b pageBlock) bool {
		return b.Text == "" && b.Aside == "" && b.List == nil && b.Code == "" && b.Table == nil && b.Figure == nil
	})
	if len(blocks) > 0 {
		p.Parts = append(p.Parts, pagePart{id, title, blocks})
	}
}

// sectionBlocks are those of a section of any report.
func sectionBlocks(s section) []pageBlock {
	return []pageBlock{{Heading: s.title, Table: tableOf(s.title, s.table)}, {List: s.lines}}
}
