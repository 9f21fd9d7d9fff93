package explain

import (
	"reflect"
	"testing"

	"mlbench/bench"
	"mlbench/runner/image"
)

func TestDrawn(t *testing.T) {
	c := Candidate{
		Imports: &Imports{Modules: 5, TotalMS: 100, Tree: []Module{
			{"tiny", 0.1, 0.1, nil},
			{"a", 10, 60, []Module{{"a.b", 20, 20, nil}, {"c", 30, 30, nil}}},
			{"d", 39, 39, nil},
		}},
		Touched: &Touched{Bytes: 100, Ready: Reading{Bytes: 30}, FirstResponse: &Reading{Bytes: 40}},
	}
	for range drawnOwners + 3 {
		c.Touched.Owners = append(c.Touched.Owners, TouchedOwner{Owner: image.Owner{Kind: image.Pip, Name: "x", Version: "1"}, Bytes: 5, TouchedBytes: 2})
	}
	got := c.Drawn(2)
	want := []bench.Import{{Module: "a", Depth: 0, FromMS: 0.1, CumulativeMS: 60, SelfMS: 10}, {Module: "a.b", Depth: 1, FromMS: 0.1, CumulativeMS: 20, SelfMS: 20}, {Module: "c", Depth: 1, FromMS: 20.1, CumulativeMS: 30, SelfMS: 30}, {Module: "d", Depth: 0, FromMS: 60.1, CumulativeMS: 39, SelfMS: 39}}
	if got.Candidate != 2 || got.Imports.Modules != 5 || got.Imports.TotalMS != 100 || !reflect.DeepEqual(got.Imports.Largest, want) {
		t.Errorf("imports: %+v", got.Imports)
	}
	if o := got.Touched; o.Bytes != 100 || o.TouchedBytes != 40 || len(o.Owners) != drawnOwners || o.More != 3 || o.Owners[0] != (bench.OwnerBytes{Owner: "pip x", Bytes: 5, TouchedBytes: 2}) {
		t.Errorf("touched: %+v", o)
	}
	if none := new(Candidate).Drawn(0); none.Imports != nil || none.Touched != nil {
		t.Errorf("of nothing: %+v", none)
	}
	deep := Module{"m", 0, 1, nil}
	for range 1000 {
		deep = Module{"m", 0, 1, []Module{deep}}
	}
	if n := len(boxes(nil, []Module{deep}, 0, 0, 0.1)); n != drawnDepth {
		t.Errorf("%d boxes of a deep tree", n)
	}
}
