package report

import (
	stdbytes "bytes"
	"slices"
	"strings"
	"testing"

	"mlbench/bench"
)

// TestStepsAgree renders steps on all surfaces for people, and reads them again.
func TestStepsAgree(t *testing.T) {
	i := slices.IndexFunc(fixtures, func(f fixture) bool { return f.name == "steps" })
	r := fixtures[i].result(t)
	v := look(r)
	want := stepTable(v)
	var text, md, page stdbytes.Buffer
	for _, err := range []error{Text(&text, r), Markdown(&md, r), HTML(&page, r)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	plain, marked := squeezed(text.String()), squeezed(md.String())
	doc := htmlOf(t, page.String())
	if len(want.rows) != 4 || len(r.Steps) != 3 {
		t.Fatalf("%d rows of %d steps", len(want.rows), len(r.Steps))
	}
	for k, row := range want.rows {
		if !strings.Contains(plain, strings.Join(strings.Fields(strings.Join(row, " ")), " ")+"\n") {
			t.Errorf("text has no %q", row)
		}
		if cells := strings.Join(escaped(row), " | "); !strings.Contains(marked, "| "+strings.Join(strings.Fields(cells), " ")) {
			t.Errorf("Markdown has no %q", cells)
		}
		if got := doc.tables["Step by step"][k]; !slices.Equal(got, row) {
			t.Errorf("HTML has %q, want %q", got, row)
		}
		if drawn := doc.rows["steps"][row[0]]; !strings.Contains(drawn, row[1]) { // the last figure is that of sizes
			t.Errorf("beside the bar of %s is %q, and its size is %s", row[0], drawn, row[1])
		}
	}
	for k, s := range r.Steps {
		row := want.rows[k+1]
		if row[2] != signedBytes(*s.SizeBytes) || !strings.HasPrefix(row[4], signedMillis(s.ShiftMS.Estimate)+" [") || row[5] != percent(s.Change.Estimate) {
			t.Errorf("%+v is written %q", s, row)
		}
	}
}

// TestStepCells: what is not known is not told, and no failure is a number.
func TestStepCells(t *testing.T) {
	i := slices.IndexFunc(fixtures, func(f fixture) bool { return f.name == "steps" })
	r := fixtures[i].result(t)
	r.Candidates[1].UnpackedBytes = nil
	r.Starts = slices.DeleteFunc(r.Starts, func(s bench.Start) bool { return s.Candidate == 3 && s.Role == bench.RolePair })
	for k := range r.Starts {
		if s := &r.Starts[k]; s.Candidate == 2 && s.Role == bench.RolePair {
			s.ReadyMS, s.Outcome = nil, "exited"
		}
	}
	if err := r.Judge(); err != nil {
		t.Fatal(err)
	}
	rows := stepTable(look(r)).rows
	for _, c := range []struct {
		what, got, want string
	}{
		{"a size that is not known", rows[1][1], unknown},
		{"the step to it", rows[1][2], unknown},
		{"the step from it", rows[2][2], unknown},
		{"all steps beyond it", rows[2][7], "−1.78 GB"},
		{"a candidate that fails", rows[2][5], "fails"},
		{"by how much later", rows[2][4], unknown},
		{"one that was not started", rows[3][3], unknown},
		{"the step to that", rows[3][4], unknown},
		{"in percent", rows[3][5], unknown},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
	for k := range r.Starts {
		if s := &r.Starts[k]; s.Candidate < 2 && s.Role == bench.RolePair {
			s.ReadyMS, s.Outcome = nil, "exited"
		}
	}
	if err := r.Judge(); err != nil {
		t.Fatal(err)
	}
	for _, row := range stepTable(look(r)).rows[1:3] { // from never to never is no 0 ms
		if got := []string{row[4], row[5], row[8]}; !slices.Equal(got, []string{unknown, unknown, unknown}) {
			t.Errorf("%s, as the one before it and the first: %q", row[3], got)
		}
	}
	if f := waterfall([]string{"a"}, []float64{0}, milliseconds, signedMillis); f != nil {
		t.Errorf("nothing is drawn as %+v", f)
	}
}
