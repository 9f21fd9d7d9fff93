package dockerfile

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"mvdan.cc/sh/v3/syntax"
)

// shells are those whose scripts are understood.
var shells = []string{"sh", "bash", "ash", "dash"}

const (
	maxNesting  = 4       // of sh -c in sh -c
	maxExpanded = 1 << 20 // bytes of values put into one RUN's words
	maxCommands = 2000    // of one RUN
	maxExported = 64      // variables set in one RUN
)

// A command is one program called in a RUN.
type command struct {
	line  int      // in the Dockerfile
	text  string   // as it is written
	words []string // the program's base name and its arguments; variables that are not known stand as ${NAME}
	env   map[string]string
	input string // the program whose output is piped into it; "" where there is none
}

func (c command) program() string { return c.words[0] }

// has reports whether one of these words is among the arguments.
func (c command) has(words ...string) bool {
	return slices.ContainsFunc(c.words[1:], func(w string) bool { return slices.Contains(words, w) })
}

// commands of a RUN, in the order of the text. One that cannot be understood
// has none.
func (b *build) commands(run *instructions.RunCommand, isShell bool, s scope) []command {
	line := first(run.Location())
	e := &script{vars: maps.Clone(s.env), exported: map[string]string{}}
	for name, value := range s.args {
		if _, ok := e.vars[name]; !ok {
			e.vars[name] = value
		}
	}
	if !run.PrependShell {
		e.call(command{line: line, text: strings.Join(run.CmdLine, " "), words: run.CmdLine}, 0)
		return e.commands
	}
	last := line
	for _, r := range run.Location() {
		last = max(last, r.End.Line)
	}
	if !isShell || line < 1 || last > len(b.source) {
		return nil
	}
	e.parse(b.script(line, last), line, 0)
	return e.commands
}

// script is a RUN's text with its line breaks, so that a command's place in it
// tells the Dockerfile's line: RUN and its flags are blanked, and comments
// within continued lines are continued themselves, as the builder drops them.
func (b *build) script(first, last int) string {
	lines := slices.Clone(b.source[first-1 : last])
	escape := string(b.escape)
	continued := false
	for i, l := range lines {
		l = strings.TrimRight(l, " \t\r")
		bare := strings.TrimLeft(l, " \t")
		if i > 0 && continued && (bare == "" || bare[0] == '#') {
			lines[i] = `\`
			continue
		}
		if continued = strings.HasSuffix(l, escape); continued {
			l = strings.TrimSuffix(l, escape) + `\`
		}
		lines[i] = l
	}
	text := []byte(strings.Join(lines, "\n"))
	for word := 0; ; word++ {
		begin := 0
		for begin < len(text) && (strings.IndexByte(" \t\n", text[begin]) >= 0 || text[begin] == '\\' && begin+1 < len(text) && text[begin+1] == '\n') {
			begin++
		}
		end := begin
		for end < len(text) && strings.IndexByte(" \t\n", text[end]) < 0 {
			end++
		}
		flag := strings.HasPrefix(string(text[begin:end]), "--")
		if begin == end || word > 0 && !flag {
			return string(text)
		}
		for i := begin; i < end; i++ {
			text[i] = ' '
		}
	}
}

// A script is one that is being read.
type script struct {
	commands []command
	vars     map[string]string // values that are known
	exported map[string]string // of these, what the script itself sets; replaced, never changed, as commands keep it
	expanded int               // bytes of values so far
}

// parse adds the commands of a text that begins in a line of the Dockerfile.
func (e *script) parse(text string, line, depth int) {
	if len(text) > maxScript || depth > maxNesting || deep(text) {
		return
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return
	}
	at := func(n syntax.Node) int { return line + int(n.Pos().Line()) - 1 }
	source := func(n syntax.Node) string {
		from, to := n.Pos().Offset(), n.End().Offset()
		if from > to || to > uint(len(text)) {
			return ""
		}
		return text[from:to]
	}
	inputs := map[*syntax.Stmt]string{}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.BinaryCmd:
			if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
				inputs[n.Y] = e.lastProgram(n.X)
			}
		case *syntax.Stmt:
			if n.Cmd == nil { // RUN <<EOF: what is in it is the script
				for _, r := range n.Redirs {
					if r.Hdoc != nil {
						e.parse(source(r.Hdoc), at(r.Hdoc), depth+1)
					}
				}
			}
			if call, ok := n.Cmd.(*syntax.CallExpr); ok {
				e.assign(call.Assigns, len(call.Args) == 0)
				if len(call.Args) > 0 {
					e.call(command{
						line: at(call.Args[0]), text: source(call), words: e.words(call.Args), env: e.env(call.Assigns), input: inputs[n],
					}, depth)
				}
			}
		case *syntax.DeclClause: // export
			e.assign(n.Args, true)
		}
		return true
	})
}

// deep reports whether brackets are nested deeper than people nest them. The
// parser calls itself for each.
func deep(text string) bool {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(', '{', '`':
			depth++
		case ')', '}':
			depth = max(depth-1, 0)
		}
		if depth > 500 {
			return true
		}
	}
	return false
}

// lastProgram is that whose output a statement ends with.
func (e *script) lastProgram(s *syntax.Stmt) string {
	for range 10 {
		switch c := s.Cmd.(type) {
		case *syntax.CallExpr:
			if len(c.Args) == 0 {
				return ""
			}
			return path.Base(c.Args[0].Lit())
		case *syntax.BinaryCmd:
			s = c.Y
		default:
			return ""
		}
	}
	return ""
}

func (e *script) assign(assigns []*syntax.Assign, stays bool) {
	for _, a := range assigns {
		if a.Name == nil || !stays {
			continue
		}
		delete(e.vars, a.Name.Value)
		if a.Value == nil {
			continue
		}
		if value := e.word(a.Value); len(value) <= maxValue && len(e.exported) < maxExported {
			e.vars[a.Name.Value] = value
			e.exported = maps.Clone(e.exported)
			e.exported[a.Name.Value] = value
		}
	}
}

// env is what a command's environment has beyond the step's.
func (e *script) env(assigns []*syntax.Assign) map[string]string {
	if len(assigns) == 0 {
		return e.exported
	}
	env := maps.Clone(e.exported)
	for _, a := range assigns {
		if a.Name != nil && a.Value != nil {
			env[a.Name.Value] = e.word(a.Value)
		}
	}
	return env
}

func (e *script) words(args []*syntax.Word) []string {
	var words []string
	for _, w := range args {
		text := e.word(w)
		if len(w.Parts) == 1 {
			if _, bare := w.Parts[0].(*syntax.ParamExp); bare {
				words = append(words, strings.Fields(text)...)
				continue
			}
		}
		words = append(words, text)
	}
	return words
}

func (e *script) word(w *syntax.Word) string {
	var b strings.Builder
	e.parts(&b, w.Parts)
	return b.String()
}

func (e *script) parts(b *strings.Builder, parts []syntax.WordPart) {
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			b.WriteString(unescape(p.Value))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			e.parts(b, p.Parts)
		case *syntax.ParamExp:
			e.param(b, p)
		default: // $(…), $((…)), <(…)
			b.WriteString("${}")
		}
	}
}

func (e *script) param(b *strings.Builder, p *syntax.ParamExp) {
	plain := p.Param != nil && p.Exp == nil && p.Repl == nil && p.Slice == nil && p.Index == nil && !p.Length && !p.Excl && !p.Width
	if plain {
		if v, ok := e.vars[p.Param.Value]; ok && e.expanded+len(v) <= maxExpanded {
			e.expanded += len(v)
			b.WriteString(v)
			return
		}
	}
	name := ""
	if p.Param != nil {
		name = p.Param.Value
	}
	b.WriteString("${" + name + "}")
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
