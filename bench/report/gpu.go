package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"mlbench/gpu"
)

// GPUs are the formats of what an image needs of a host's GPUs.
var GPUs = Formats[*gpu.Report]{
	{"text", "", gpuText},
	{"markdown", ".md", gpuMarkdown},
	{"json", ".json", asJSON[*gpu.Report]},
}

// maxDetails is how many details of a rule a report shows.
const maxDetails = 300

// gpuText renders a report for a terminal. It ends with its verdict.
func gpuText(w io.Writer, r *gpu.Report) error {
	p := printer{w: w}
	if r.Needs == nil {
		gpuHost(&p, r, func(t table) { p.table(t.narrowed(1)) })
		if len(r.Warnings) > 0 {
			p.line("")
		}
		p.warnings(r.Warnings)
		return p.err
	}
	for _, line := range gpuFacts(r) {
		p.paragraph("", line)
	}
	if r.Needs.GPU {
		p.line("")
		p.table(gpuRules(r, maxWhy))
	}
	for _, rule := range r.Rules {
		if len(rule.Details) > 0 {
			p.line("")
			p.line(rule.ID + ":")
		}
		for _, detail := range shown(rule.Details, maxDetails) {
			p.paragraph("  ", detail)
		}
	}
	if r.Needs.GPU || len(gpuFacts(r)) > 0 {
		p.line("")
	}
	p.warnings(r.Warnings)
	for _, remedy := range r.Remedies() {
		p.paragraph("", "what to do: "+brief(remedy, maxLine))
	}
	p.line(brief(r.Sentence(), maxLine))
	return p.err
}

// gpuMarkdown renders a report for a pull request: the verdict first, and never
// too long for a comment.
func gpuMarkdown(w io.Writer, r *gpu.Report) error {
	return comment(w, func(w io.Writer, rows int) error { return gpuMarkdownOf(w, r, min(rows, maxDetails)) })
}

// gpuMarkdownOf shows no more than so many details of a rule.
func gpuMarkdownOf(w io.Writer, r *gpu.Report, details int) error {
	p := printer{w: w}
	if r.Needs == nil {
		p.line("### mlbench gpu\n")
		gpuHost(&p, r, func(t table) { p.markdown(t, max(details, 10)) })
		p.line("")
		p.list("**warning:** ", briefly(r.Warnings), "", min(details, 20))
		return p.err
	}
	p.line("### mlbench gpu: " + string(r.Verdict))
	p.line("")
	p.line(escape(brief(r.Sentence(), maxLine)))
	p.line("")
	if facts := gpuFacts(r); len(facts) > 0 {
		p.list("", facts, "", maxDetails)
		p.line("")
	}
	p.markdown(gpuRules(r, 0), maxDetails)
	for _, remedy := range r.Remedies() {
		p.line("")
		p.line("**what to do:** " + escape(brief(remedy, maxLine)))
	}
	for _, rule := range r.Rules {
		if len(rule.Details) > 0 {
			p.line("")
			p.line("<details><summary>" + rule.ID + "</summary>\n")
			p.list("", shown(rule.Details, details), "", details+1)
			p.line("\n</details>")
		}
	}
	p.line("")
	p.list("**warning:** ", briefly(r.Warnings), "", min(details, 20))
	return p.err
}

// shown are no more than so many details, and how many more there are.
func shown(details []string, most int) []string {
	var list []string
	for _, d := range details[:min(len(details), most)] {
		list = append(list, brief(d, maxCell))
	}
	if more := len(details) - most; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return list
}

// gpuFacts are what the rules rest on, a line each.
func gpuFacts(r *gpu.Report) []string {
	var image []string
	for _, f := range r.Needs.Frameworks {
		s := strings.TrimSpace(f.Name + " " + f.Version)
		switch {
		case f.CPU:
			s += " for CPUs"
		case f.CUDA.Known():
			s += " for CUDA " + f.CUDA.String()
		}
		image = append(image, s)
	}
	if len(r.Needs.Frameworks) == 0 && r.Needs.CUDA.Known() {
		image = append(image, "CUDA "+r.Needs.CUDA.String())
	}
	if r.Needs.CUDNN != "" {
		image = append(image, "cuDNN "+r.Needs.CUDNN)
	}
	if n := len(r.Needs.Kernels); n > 0 {
		image = append(image, plural(n, "file")+" with GPU code")
	}
	for _, c := range r.Needs.Compat {
		image = append(image, c.Path)
	}
	var lines []string
	if len(image) > 0 {
		lines = append(lines, "image: "+brief(strings.Join(image, ", "), maxLine))
	}
	if !r.Needs.GPU {
		return lines
	}
	host := gpuDriver(r.Host)
	var names []string
	count := map[string]int{}
	for _, d := range r.Host.Devices {
		name := cmp.Or(d.Name, "a GPU")
		if d.Capability.Known() {
			name += ", compute capability " + d.Capability.String()
		}
		count[name]++
		names = appendNew(names, name)
	}
	for _, name := range names {
		if n := count[name]; n > 1 {
			name = fmt.Sprintf("%d × %s", n, name)
		}
		host = append(host, name)
	}
	if len(r.Host.Devices) == 0 {
		host = append(host, "GPUs not known")
	}
	whose := "host: "
	if r.Host.From == gpu.FromDriver {
		whose = "this host: "
	}
	return append(lines, whose+brief(strings.Join(host, "; "), maxLine))
}

// gpuRules is a row a rule; reasons are broken into lines of so many columns,
// with 0 into none.
func gpuRules(r *gpu.Report, width int) table {
	t := table{left: 3, head: []string{"rule", "verdict", "why"}}
	for _, rule := range r.Rules {
		why := []string{brief(rule.Why, maxLine)}
		if width > 0 {
			why = wrapped(why[0], width)
		}
		t.rows = append(t.rows, []string{rule.ID, string(rule.Verdict), why[0]})
		for _, more := range why[1:] {
			t.rows = append(t.rows, []string{"", "", more})
		}
	}
	return t
}
