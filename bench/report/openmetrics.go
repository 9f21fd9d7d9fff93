package report

import (
	"io"
	"math"
	"strconv"
	"strings"

	"mlbench/bench"
	"mlbench/stats"
)

// OpenMetrics writes the figures for a monitoring system, in the OpenMetrics
// text format 1.0 and in base units: seconds, bytes, ratios.
//
// It keeps to what the older Prometheus text format has too, as that is what
// node_exporter's textfile collector and the Pushgateway read files by: every
// metric is a gauge, also where OpenMetrics has info and state set, which those
// refuse, and no sample has a time, which they refuse as well. A state is a
// sample of 1 among others of 0, so that an alert is on the one of its verdict.
// An interval is three metrics, with _low and _high in the name: as values of a
// label they would be added up. What is not known has no sample; what is
// infinite, as the median of a candidate that mostly fails, is.
func OpenMetrics(w io.Writer, r *bench.Result) error {
	v := look(r)
	var m metricSet
	m.run(v)
	for i := range v.Candidates {
		m.candidate(v, i)
	}
	for _, c := range v.Comparisons {
		m.comparison(v, c)
	}
	for _, g := range v.Gates {
		m.states("mlbench_gate_verdict", "Whether this is what the gate says of the candidate.", string(g.Verdict), gateVerdicts,
			label{"candidate", v.names[g.Candidate]}, label{"gate", g.Name})
	}
	_, err := io.WriteString(w, m.String())
	return err
}

var (
	gateVerdicts   = []string{string(bench.Pass), string(bench.Fail), string(bench.Unknown)}
	changeVerdicts = []string{string(bench.Faster), string(bench.NoRegression), string(bench.Slower), string(bench.Regression), string(bench.Undecided)}
)

// run writes what is of the run as a whole.
func (m *metricSet) run(v view) {
	s := v.Spec
	m.add("mlbench_run_info", "What was run, and how; always 1.", 1,
		label{"version", v.Tool.Version}, label{"runner", s.Runner}, label{"cold", string(v.Cold.Level)}, label{"ended", string(v.Ended)},
		label{"seed", strconv.FormatUint(s.Seed, 10)}, label{"host", host(v.Result)}, label{"gpu", gpuLine(v)})
	m.add("mlbench_run_started_timestamp_seconds", "When the run began, in seconds since 1970.", float64(v.StartedAt.UnixMilli())/1000)
	m.add("mlbench_margin_ratio", "Slowdown that counts as a regression, as a share of the baseline's time.", s.Margin)
	m.add("mlbench_target_seconds", "Time within which a candidate has to be ready.", s.TargetMS/1000)
	m.add("mlbench_target_quantile_ratio", "Share of the starts that have to be ready within the target.", s.Quantile)
	m.states("mlbench_verdict", "Whether this is what the gates that count say together.", string(v.Verdict), gateVerdicts)
}

// candidate writes what is of one candidate, whatever the others are.
func (m *metricSet) candidate(v view, i int) {
	c, s, who := v.Candidates[i], v.sums[i], label{"candidate", v.names[i]}
	m.add("mlbench_candidate_info", "What a candidate is; always 1.", 1, who, label{"ref", c.Ref}, label{"digest", c.Digest})
	if c.UnpackedBytes != nil {
		m.add("mlbench_image_unpacked_bytes", "Size of the image's layers, unpacked.", float64(*c.UnpackedBytes), who)
	}
	if c.CompressedBytes != nil {
		m.add("mlbench_image_compressed_bytes", "Size of the image's layers as they are pulled.", float64(*c.CompressedBytes), who)
	}
	m.add("mlbench_starts", "Measured starts.", float64(s.Starts), who)
	m.add("mlbench_starts_failed", "Measured starts that did not become ready.", float64(s.Failed), who)
	m.add("mlbench_starts_in_time", "Measured starts that were ready within the target.", float64(s.InTime.InTime), who)
	if s.Starts > 0 {
		m.interval("mlbench_ready", "seconds", "Median time from the create call to ready; failed starts count as infinite", s.Ready, 1000, who)
		m.interval("mlbench_ready_at_target_quantile", "seconds", "Time to ready at the target's quantile", s.AtTarget, 1000, who)
	}
	for _, p := range s.Phases {
		m.interval("mlbench_phase", "seconds", "Median time of a phase of the starts that became ready", p.MS, 1000, who, label{"phase", p.Name})
	}
	costs := medians(v, i, bench.Witnesses())
	for _, cost := range []struct {
		metric, name, unit, help string
		per                      float64
	}{
		{bench.MetricFloor, "mlbench_engine_floor", "seconds", "Median time of the engine's create and start calls", 1000},
		{bench.MetricDownload, "mlbench_pull_download", "seconds", "Median time until the last byte of a pull was here", 1000},
		{bench.MetricExtract, "mlbench_pull_extract", "seconds", "Median time of a pull after its last byte was here", 1000},
		{bench.MetricCPU, "mlbench_cpu", "seconds", "Median CPU time until ready", 1000},
		{bench.MetricReadBytes, "mlbench_read", "bytes", "Median of what was read from disk until ready", 1},
		{bench.MetricMajorFaults, "mlbench_major_faults", "", "Median number of major page faults until ready", 1},
		{bench.MetricPeakMemory, "mlbench_peak_memory", "bytes", "Median of the most memory until ready", 1},
		{"gpu_boot", "mlbench_gpu_boot", "seconds", "Median time from started until first seen on a GPU", 1000},
		{"gpu_load", "mlbench_gpu_load", "seconds", "Median time from there until its memory on the GPUs stands", 1000},
		{bench.MetricGPUMemory, "mlbench_gpu_memory", "bytes", "Median memory on the GPUs when ready", 1},
		{bench.MetricGPUPeak, "mlbench_gpu_peak_memory", "bytes", "Median of the most memory on the GPUs in a start", 1},
	} {
		if x, ok := costs[cost.metric]; ok {
			m.interval(cost.name, cost.unit, cost.help, x, cost.per, who)
		}
	}
	m.loads(v, i, who)
}

// loads writes what a candidate answered under load; nothing where it was not
// loaded.
func (m *metricSet) loads(v view, i int, who label) {
	starts := v.Loads(i)
	if len(starts) == 0 {
		return
	}
	m.interval("mlbench_load_requests", "per_second", "Median number of requests per second that were answered with 2xx", medianLoad(v, starts, bench.MetricThroughput), 1, who)
	m.interval("mlbench_load_answer_p50", "seconds", "Median over the starts of the median time to answer with 2xx", medianLoad(v, starts, bench.MetricLatencyP50), 1000, who)
	m.interval("mlbench_load_answer_p99", "seconds", "Median over the starts of the time within which 99 % of the answers of 2xx came", medianLoad(v, starts, bench.MetricLatencyP99), 1000, who)
	if x := loadGPU(starts, func(l bench.Load) (float64, bool) { return value(l.GPUBusyPercent) }); len(x) > 0 {
		m.add("mlbench_load_gpu_busy_ratio", "Share of the time in which the busiest GPU was used by anyone, median over the starts.", stats.Median(x)/100, who)
	}
}

// comparison writes a change against the baseline, and of the time to ready
// what it is called.
func (m *metricSet) comparison(v view, c bench.Comparison) {
	labels := []label{{"candidate", v.names[c.Candidate]}, {"baseline", v.names[c.Baseline]}, {"metric", c.Metric}}
	m.add("mlbench_comparison_pairs", "Pairs of starts that a change rests on.", float64(c.Pairs), labels...)
	if c.Pairs > 0 {
		if known := !math.IsInf(c.Change.Low, -1) || !math.IsInf(c.Change.Estimate, 0); known {
			m.interval("mlbench_change", "ratio", "Change against the baseline, as a share of it: -0.38 is 38 % less", stats.Interval(c.Change), 1, labels...)
		}
		switch {
		case bench.IsTime(c.Metric):
			m.interval("mlbench_shift", "seconds", "Change against the baseline, in seconds", stats.Interval(c.ShiftMS), 1000, labels...)
		case c.Shift != nil && strings.HasSuffix(c.Metric, "_bytes"):
			m.interval("mlbench_shift", "bytes", "Change against the baseline, in bytes", stats.Interval(*c.Shift), 1, labels...)
		}
	}
	if c.Metric == bench.MetricReady {
		m.states("mlbench_comparison_verdict", "Whether this is what is said of the change of the time to ready.", string(c.Verdict), changeVerdicts, labels[:2]...)
	}
}
