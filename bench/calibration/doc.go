// Package calibration measures how often mlbench itself errs, and how much it
// finds: it lets the real bench.Experiment, with its random order, stopping
// rule and verdicts, compare candidates whose true difference is known, on
// hosts that are simulated or replayed from recorded starts, and holds the
// rates against the goals of the design. Beside it stand the judgements that
// people pass today, on the same hosts with as many starts as those tools take.
//
// Nothing sleeps and nothing starts. Everything follows from one seed,
// whatever the number of cores. Times are relative to the host's usual start,
// which is 1 second; effects and noise are differences of natural logarithms.
package calibration
