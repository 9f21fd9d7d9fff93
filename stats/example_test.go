package stats_test

import (
	"fmt"
	"math"

	"mlbench/stats"
)

// Eight pairs, each the logarithm of the candidate's time over the
// baseline's, looked at by a schedule of 8 to 40 pairs.
func ExampleHodgesLehmann() {
	d := []float64{-0.41, -0.36, -0.52, -0.44, -0.39, -0.47, -0.33, -0.45}
	schedule, err := stats.NewSchedule(8, 40, 0.05)
	if err != nil {
		fmt.Println(err)
		return
	}
	look, _ := schedule.At(len(d))
	i := stats.HodgesLehmann(d, look.C)
	percent := func(x float64) float64 { return 100 * math.Expm1(x) }
	fmt.Printf("%.1f %% [%.1f, %.1f]\n", percent(i.Estimate), percent(i.Low), percent(i.High))
	// Output: -34.5 % [-40.5, -28.1]
}

func ExampleNewSchedule() {
	schedule, err := stats.NewSchedule(8, 40, 0.05)
	fmt.Println(schedule.Looks, err)
	// Output: [{8 1} {12 9} {16 22} {20 40} {28 99} {40 237}] <nil>
}

func ExampleShare() {
	s := stats.Share{InTime: 12}
	fmt.Println(s.SequentialDecision(0.9, 0.05), s.MoreNeeded(0.9, 0.05, true), "more needed")
	// Output: undecided 27 more needed
}

// One start in ten failed: the 0.9 quantile is known, its upper bound is not.
func ExampleQuantileInterval() {
	ms := []float64{410, 395, 402, 431, 399, 405, 420, 415, 398, math.Inf(1)}
	fmt.Println(stats.QuantileInterval(ms, 0.9, 0.05))
	// Output: {431 415 +Inf}
}
