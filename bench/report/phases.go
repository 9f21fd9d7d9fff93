package report

import (
	"math"
	"slices"

	"mlbench/bench"
	"mlbench/stats"
)

// phases is where the time goes, and what else a start cost.
func phases(v view) table {
	of := slices.DeleteFunc(bench.Witnesses(), func(metric string) bool { return slices.Contains(bench.GPUWitnesses(), metric) })
	return metrics(v, of, "phase")
}

// metrics is a row a metric, such as a phase or a cost, medians a candidate; with
// two candidates also the change. Two with long names are called by their parts;
// with more, it is a row a candidate.
func metrics(v view, of []string, head string) table {
	columns := make([]map[string]stats.Interval, len(v.Candidates))
	for i := range v.Candidates {
		columns[i] = medians(v, i, of)
	}
	of = slices.DeleteFunc(slices.Clone(of), func(metric string) bool { // nobody knows them
		return !slices.ContainsFunc(columns, func(c map[string]stats.Interval) bool { _, ok := c[metric]; return ok })
	})
	if len(of) == 0 {
		return table{}
	}
	fill := func(head string, median, change func(metric string, i stats.Interval) string) table {
		t := table{left: 1, head: append([]string{head}, v.names...)}
		for _, metric := range of {
			row := []string{meaning(metric)}
			for _, c := range columns {
				if i, ok := c[metric]; ok {
					row = append(row, median(metric, i))
				} else {
					row = append(row, unknown)
				}
			}
			t.rows = append(t.rows, row)
		}
		shifts := make(map[string]stats.Interval)
		for _, c := range v.Comparisons {
			if c.Metric != bench.MetricReady {
				shifts[c.Metric] = shiftOf(c)
			}
		}
		if len(v.Candidates) != 2 || len(shifts) == 0 {
			return t
		}
		t.head = append(t.head, "change ["+changeConfidence(v)+"]")
		for k, metric := range of {
			cell := unknown
			if i, ok := shifts[metric]; ok {
				cell = change(metric, i)
			}
			t.rows[k] = append(t.rows[k], cell)
		}
		return t
	}
	t := fill(head+" (median) ["+confidence(v)+"]", intervalOf, shiftWithInterval)
	if t.width() > maxWidth && len(v.names) == 2 {
		t.head[1], t.head[2] = "baseline", "candidate"
	}
	if t.width() > maxWidth {
		t = fill(head+" (median)", func(metric string, i stats.Interval) string { return amount(metric, i.Estimate) }, shiftWithInterval)
	}
	if t.width() <= maxWidth {
		return t
	}
	turned := table{left: 1, head: append([]string{turnedHead(head)}, titles(of)...)}
	for i, name := range v.names {
		row := []string{name}
		for _, r := range t.rows {
			row = append(row, r[i+1])
		}
		turned.rows = append(turned.rows, row)
	}
	for _, metric := range []string{bench.MetricDownload, bench.MetricExtract, "create", "start", bench.MetricMajorFaults, bench.MetricPeakMemory, bench.MetricReadBytes, "gpu_boot", "gpu_load"} {
		partOfFloor := metric == "create" || metric == "start"
		if partOfFloor && !slices.Contains(of, bench.MetricFloor) {
			continue
		}
		if at := slices.Index(turned.head, title(metric)); turned.width() > maxWidth && at > 0 {
			turned = turned.without(at)
		}
	}
	return turned
}

// turnedHead stands above the candidates, where every metric has a column.
func turnedHead(head string) string {
	if head == "phase" {
		head = "phases"
	}
	return head + " (median)"
}

// medians are those of a candidate's measured starts, of each of these metrics
// that some of them tell.
func medians(v view, candidate int, of []string) map[string]stats.Interval {
	values := make(map[string][]float64)
	for _, s := range v.Starts {
		if s.Candidate != candidate || !s.Role.Measured() {
			continue
		}
		for _, metric := range of {
			if x, ok := s.Of(metric); ok {
				values[metric] = append(values[metric], x)
			}
		}
	}
	m := make(map[string]stats.Interval)
	for metric, x := range values {
		m[metric] = stats.QuantileInterval(x, 0.5, v.Spec.Alpha)
	}
	return m
}

// shiftOf is a change in the metric's own unit.
func shiftOf(c bench.Comparison) stats.Interval {
	if c.Shift != nil {
		return stats.Interval(*c.Shift)
	}
	return stats.Interval(c.ShiftMS)
}

// cpuTime is what the CPU time until ready is called.
const cpuTime = "CPU time until ready"

// meaning says what a metric is.
func meaning(metric string) string {
	switch metric {
	case bench.MetricFloor:
		return "engine floor (create + start)"
	case bench.MetricDownload:
		return "  of it download"
	case bench.MetricExtract:
		return "  then unpacking"
	case "boot":
		return "boot (until it listens)"
	case "warmup":
		return "warmup (until ready)"
	case bench.MetricCPU:
		return cpuTime
	case bench.MetricReadBytes:
		return "read from disk"
	case "gpu_boot":
		return "until first seen there, from started on"
	case "gpu_load":
		return "then until its memory stands"
	case bench.MetricGPUMemory:
		return "GPU memory when ready"
	case bench.MetricGPUPeak:
		return "GPU memory at the most"
	}
	return title(metric)
}

// title is a metric's name at the head of a column.
func title(metric string) string {
	switch metric {
	case bench.MetricFloor:
		return "engine floor"
	case bench.MetricCPU:
		return "CPU time"
	case bench.MetricReadBytes:
		return "read"
	case bench.MetricMajorFaults:
		return "major faults"
	case bench.MetricPeakMemory:
		return "peak memory"
	case "gpu_boot":
		return "first seen after"
	case "gpu_load":
		return "then loading"
	case bench.MetricGPUMemory:
		return "memory when ready"
	case bench.MetricGPUPeak:
		return "at the most"
	}
	return metric
}

func titles(metrics []string) []string {
	t := make([]string, len(metrics))
	for i, m := range metrics {
		t[i] = title(m)
	}
	return t
}

// scale is the unit in which a metric's values about x are written.
func scale(metric string, x float64) unit {
	if bench.IsTime(metric) {
		return unitFor(x)
	}
	if metric == bench.MetricMajorFaults {
		return unit{name: "", base: 1, whole: true}
	}
	switch x = math.Abs(x); {
	case x >= 999.5e6:
		return unit{name: " GB", base: 1e9}
	case x >= 999.5e3:
		return unit{name: " MB", base: 1e6}
	case x >= 999.5:
		return unit{name: " kB", base: 1e3}
	}
	return unit{name: " B", base: 1, whole: true}
}

// amount writes a value of a metric.
func amount(metric string, x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return unknown
	}
	u := scale(metric, x)
	return u.number(x) + u.name
}

// intervalOf writes a median of a metric with its interval.
func intervalOf(metric string, i stats.Interval) string {
	return intervalIn(scale(metric, i.Estimate), i)
}

// shiftWithInterval writes a change of a metric in its own unit with its
// interval, "−1.03 s [−1.20, −0.90]".
func shiftWithInterval(metric string, i stats.Interval) string {
	if math.IsNaN(i.Estimate) || math.IsInf(i.Estimate, 0) {
		return unknown
	}
	largest := math.Abs(i.Estimate)
	for _, bound := range []float64{i.Low, i.High} {
		if !math.IsInf(bound, 0) && i.Estimate == 0 { // which has no size of its own
			largest = max(largest, math.Abs(bound))
		}
	}
	u := scale(metric, largest)
	s := u.signed(i.Estimate) + u.name
	if math.IsInf(i.Low, 0) || math.IsInf(i.High, 0) {
		return s + " [" + notYet + "]"
	}
	return s + " [" + u.signed(i.Low) + ", " + u.signed(i.High) + "]"
}
