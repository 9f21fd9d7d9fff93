// Package stats holds the statistics by which mlbench compares starts: the
// paired estimate and its interval, the schedule of repeated intervals that
// says when enough pairs have been run, the gate on the share of starts that
// are in time, quantiles of one sample, and the diagnostics behind warnings.
//
// It takes plain float64s and returns small structs, and knows nothing of
// containers, images or files. Every function is pure, deterministic and safe
// on any input: NaN, infinities and empty slices never panic, and what they
// give is documented and errs towards "not known". No argument is changed.
//
// # Paired comparisons
//
// The input is d, one difference per pair, usually ln(candidate's time) minus
// ln(baseline's time), so that 0 is "no change" and e^d − 1 the relative
// change. A failed start is an infinite time, hence an infinite d. [Schedule]
// says after how many pairs to look and which order statistic to use;
// [HodgesLehmann] turns d and that number into an estimate and its interval.
// The level rests on the order inside each pair having been drawn by its own
// coin flip: then, for identical images, each d is as likely to have either
// sign, whatever the host does. Several looks together rest on a little more;
// see [NewSchedule] and [NewRobustSchedule]. [Adjust] takes from d what is
// known of the host, such as its speed, and keeps that level.
package stats
