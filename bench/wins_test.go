package bench

import (
	"fmt"
	"testing"
)

func TestRank(t *testing.T) {
	for _, test := range []struct {
		changes     []float64
		shown, left int
	}{
		{nil, 0, 0},
		{[]float64{0, 0}, 0, 0},
		{[]float64{-5}, 1, 0},
		{[]float64{-1000, -1, -1, -1, 0}, 3, 1},         // three, though one is nearly all
		{[]float64{-50, 50, -40, 30, -1, -1}, 4, 2},     // until most of it, up or down
		{[]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 8, 2}, // and no more than a summary has
	} {
		var parts []Part
		sum := 0.0
		for i, c := range test.changes {
			parts = append(parts, Part{Name: fmt.Sprint(i), Change: c})
			sum += c
		}
		r := Rank(parts, "")
		shown := r.Rest
		for _, p := range r.Changes {
			shown += p.Change
		}
		if len(r.Changes) != test.shown || r.Left != test.left || r.Change != sum || shown != sum {
			t.Errorf("%v: %+v", test.changes, r)
		}
	}
}
