package report

import (
	"io"
	"strings"
	"testing"
	"time"

	"mlbench/bench"
)

// BenchmarkMarkdown renders four candidates of 80 starts each, with reports of
// the GPU and of load.
func BenchmarkMarkdown(b *testing.B) {
	r := fixture{
		names: []string{"a:1", "b:1", "c:1", "d:1"}, times: map[string]time.Duration{"1": 900 * time.Millisecond, "2": 1100 * time.Millisecond},
		load: 0.1, reads: 0.1, host: oneGPU, gpus: loading, spec: func(s *bench.Spec) { s.Pairs = 80 },
	}.result(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := Markdown(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}

// TestMarkdownOrder: what a reader decides by is seen, in this order, and the
// rest is folded away.
func TestMarkdownOrder(t *testing.T) {
	r := fixture{names: hostile, times: in(1150), host: oneGPU, gpus: loading, fails: is("1", 4), spec: func(s *bench.Spec) { s.Pairs = 12 }}.result(t)
	r.Wins = []bench.Wins{{Candidate: 1, Size: bench.Rank([]bench.Part{{Kind: bench.PartReason, Name: hostile[0], Change: -1e9, Of: hostile}}, hostile[1])}}
	r.Tool.Command = []string{"compare", "```", "--env", "A", "--", "--seed"}
	var md strings.Builder
	if err := Markdown(&md, r); err != nil {
		t.Fatal(err)
	}
	checkMarkdown(t, r, md.String())
	rest := md.String()
	for _, next := range []string{
		"mlbench: fail\n", " pairs. ", "\n| candidate ", " FAILED ", "\n- gate ", "\n```text\n", "\n· create ", "\n#### Biggest wins", "\n| on the GPU ",
		"\n<details>", "\n| gate ", "\n| phase ", "\n- times on the GPU run beside", "\n</details>",
		"\n<details>", "\n- **warning:** ", "\n````sh\nmlbench compare '```' --env A --seed 7 -- --seed\n````\n", "Values of --env", "\n- cold: ", "; seed 7\n", " is sha256:1\n", "\n</details>", "<!-- ",
	} {
		_, after, ok := strings.Cut(rest, next)
		if !ok {
			t.Fatalf("no %q after what comes before it in\n%s", next, md.String())
		}
		rest = after
	}
}
