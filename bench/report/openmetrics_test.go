package report

import (
	stdbytes "bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"mlbench/bench"
)

// metricsOf renders a result and reads it by three parsers: the one by which
// Prometheus reads OpenMetrics, the one by which node_exporter's textfile
// collector reads files, and promtool's rules for names. It gives the samples
// by what the first calls them.
func metricsOf(t testing.TB, r *bench.Result) map[string]float64 {
	t.Helper()
	var b stdbytes.Buffer
	if err := OpenMetrics(&b, r); err != nil {
		t.Fatal(err)
	}
	samples := make(map[string]float64)
	p, err := textparse.New(b.Bytes(), "application/openmetrics-text; version=1.0.0", "", false, false, false, labels.NewSymbolTable())
	if err != nil {
		t.Fatal(err)
	}
	units := make(map[string]string)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("Prometheus does not read it: %v\n%s", err, b.Bytes())
		}
		switch entry {
		case textparse.EntryUnit:
			name, unit := p.Unit()
			units[string(name)] = string(unit)
		case textparse.EntryType:
			if name, kind := p.Type(); kind != model.MetricTypeGauge {
				t.Errorf("%s is a %s", name, kind)
			}
		case textparse.EntrySeries:
			var l labels.Labels
			p.Labels(&l)
			_, at, value := p.Series()
			if _, twice := samples[l.String()]; twice || at != nil {
				t.Errorf("%s is there twice, or has a time", l)
			}
			samples[l.String()] = value
			for _, unit := range []string{"seconds", "bytes", "ratio"} {
				if name := l.Get(labels.MetricName); strings.HasSuffix(name, "_"+unit) && units[name] != unit {
					t.Errorf("the unit of %s is %q", name, units[name])
				}
			}
		}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	if _, err := parser.TextToMetricFamilies(stdbytes.NewReader(b.Bytes())); err != nil {
		t.Errorf("node_exporter does not read it: %v", err)
	}
	problems, err := promlint.New(stdbytes.NewReader(b.Bytes())).Lint()
	if err != nil {
		t.Error(err)
	}
	for _, problem := range problems {
		t.Errorf("promtool: %s: %s", problem.Metric, problem.Text)
	}
	return samples
}

// TestOpenMetrics: every result is valid, and of its states one is.
func TestOpenMetrics(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			r := f.result(t)
			states := 0.0
			for name, x := range metricsOf(t, r) {
				if strings.Contains(name, "_verdict\"") {
					states += x
				}
			}
			if want := 1 + len(r.Gates) + len(r.On(bench.MetricReady)); states != float64(want) {
				t.Errorf("%v states are, of %d", states, want)
			}
		})
	}
}

// TestOpenMetricsHas what a dashboard is made of.
func TestOpenMetricsHas(t *testing.T) {
	r := fixture{times: in(620), host: oneGPU, gpus: loading, reads: 0.1, serve: &serving{busy: 50}}.result(t)
	found := metricsOf(t, r)
	for _, want := range []string{
		`{__name__="mlbench_ready_seconds", candidate="new:tag"}`,
		`{__name__="mlbench_ready_low_seconds", candidate="new:tag"}`,
		`{__name__="mlbench_ready_high_seconds", candidate="new:tag"}`,
		`{__name__="mlbench_phase_seconds", candidate="old:tag", phase="boot"}`,
		`{__name__="mlbench_image_unpacked_bytes", candidate="new:tag"}`,
		`{__name__="mlbench_gpu_memory_bytes", candidate="new:tag"}`,
		`{__name__="mlbench_gpu_peak_memory_high_bytes", candidate="new:tag"}`,
		`{__name__="mlbench_read_bytes", candidate="new:tag"}`,
		`{__name__="mlbench_load_requests_per_second", candidate="new:tag"}`,
		`{__name__="mlbench_load_requests_low_per_second", candidate="new:tag"}`,
		`{__name__="mlbench_load_answer_p99_seconds", candidate="new:tag"}`,
		`{__name__="mlbench_change_ratio", baseline="old:tag", candidate="new:tag", metric="ready"}`,
		`{__name__="mlbench_change_high_ratio", baseline="old:tag", candidate="new:tag", metric="throughput"}`,
		`{__name__="mlbench_shift_seconds", baseline="old:tag", candidate="new:tag", metric="ready"}`,
		`{__name__="mlbench_shift_bytes", baseline="old:tag", candidate="new:tag", metric="read_bytes"}`,
		`{__name__="mlbench_comparison_verdict", baseline="old:tag", candidate="new:tag", verdict="faster"}`,
		`{__name__="mlbench_gate_verdict", candidate="new:tag", gate="regression", verdict="pass"}`,
	} {
		if _, ok := found[want]; !ok {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		var all []string
		for name := range found {
			all = append(all, name)
		}
		slices.Sort(all)
		t.Log(strings.Join(all, "\n"))
	}
}

func TestEscapeLabel(t *testing.T) {
	for in, want := range map[string]string{
		`a"b\c`: `a\"b\\c`, "a\nb\x00c": "a\uFFFDb\uFFFDc", "": "", "\\": `\\`, "\xff": "\uFFFD",
	} {
		if got := escapeLabel(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
