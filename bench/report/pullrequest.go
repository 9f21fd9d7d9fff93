package report

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"mlbench/bench"
)

// Markdown renders a result as a comment on a pull request, to be read in ten
// seconds: the verdict, what was found in words, one table, what did not pass,
// where the time goes. The rest is folded away. It is never too long for a
// comment: what matters least is left out first, and that is said. Its last
// line is the Marker.
func Markdown(w io.Writer, r *bench.Result) error {
	v := look(r)
	text, err := fitted(pullRequest(v), maxMarkdown-len(Marker(r))-2)
	if err == nil {
		_, err = io.WriteString(w, text+"\n"+Marker(r)+"\n")
	}
	return err
}

// A piece of a comment, in the order in which it is read.
type piece struct {
	what  string // what it is called where it is left out; "" for what never is
	fold  string // the summary under which it is folded away; "" for what is seen
	worth int    // what is worth less is shortened, and left out, first
	write func(p *printer, rows int)
}

// all is a number of rows that nothing has.
const all = 1 << 30

// fitted puts the pieces together in so many bytes. Bytes are no fewer than
// characters, which GitHub and GitLab count. First long lists and tables are
// shortened to twenty rows, then those that are worth less than mattersMost to
// five, and then they are left out; what is worth least before all else.
func fitted(pieces []piece, most int) (string, error) {
	texts, cut := make([]string, len(pieces)), make([]string, len(pieces))
	for i, piece := range pieces {
		var err error
		if texts[i], err = piece.text(all); err != nil {
			return "", err
		}
	}
	type step struct{ piece, rows int }
	var shorter, short, out []step
	for i, piece := range pieces {
		if piece.what != "" { // what is never left out has bounds of its own
			shorter = append(shorter, step{i, 20})
			out = append(out, step{i, 5}, step{i, 0})
			if piece.worth < mattersMost {
				short = append(short, step{i, 5})
			}
		}
	}
	byWorth := func(a, b step) int { return cmp.Compare(pieces[a.piece].worth, pieces[b.piece].worth) }
	for _, steps := range [][]step{shorter, short, out} {
		slices.SortStableFunc(steps, byWorth)
	}
	for _, to := range slices.Concat(shorter, short, out) {
		if len(assembled(pieces, texts, cut)) <= most {
			break
		}
		text, err := pieces[to.piece].text(to.rows)
		if err != nil {
			return "", err
		}
		if text == texts[to.piece] {
			continue
		}
		texts[to.piece], cut[to.piece] = text, pieces[to.piece].what+" shortened"
		if text == "" {
			cut[to.piece] = pieces[to.piece].what + " left out"
		}
	}
	return assembled(pieces, texts, cut), nil
}

// mattersMost is what a piece is worth by which a reader decides.
const mattersMost = 80

func (p piece) text(rows int) (string, error) {
	if rows == 0 {
		return "", nil
	}
	var b strings.Builder
	to := printer{w: &b}
	p.write(&to, rows)
	return strings.Trim(b.String(), "\n"), to.err
}

// assembled is the whole: after what is seen, what of it was cut.
func assembled(pieces []piece, texts, cut []string) string {
	var said []string
	for _, s := range cut {
		if s != "" {
			said = append(said, s)
		}
	}
	note := ""
	if len(said) > 0 {
		note = "**Too long for a comment:** " + strings.Join(said, ", ") + ". mlbench report shows all that the result file holds.\n\n"
	}
	var b strings.Builder
	fold := ""
	for i, piece := range pieces {
		if piece.fold != "" && note != "" {
			b.WriteString(note)
			note = ""
		}
		if texts[i] == "" {
			continue
		}
		if piece.fold != fold {
			if fold != "" {
				b.WriteString("</details>\n\n")
			}
			if fold = piece.fold; fold != "" {
				b.WriteString("<details><summary>" + fold + "</summary>\n\n")
			}
		}
		b.WriteString(texts[i] + "\n\n")
	}
	if fold != "" {
		b.WriteString("</details>\n\n")
	}
	return strings.TrimSuffix(b.String()+note, "\n")
}
