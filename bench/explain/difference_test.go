package explain

import (
	"reflect"
	"testing"

	"mlbench/runner/image"
)

func TestDiffer(t *testing.T) {
	owner := func(name, version string, touched int64) TouchedOwner {
		return TouchedOwner{Owner: image.Owner{Kind: image.Pip, Name: name, Version: version}, TouchedBytes: touched}
	}
	r := &Report{Candidates: []Candidate{
		{
			Imports: &Imports{Packages: []Package{{Name: "pandas", SelfMS: 400}, {Name: "numpy", SelfMS: 160}}},
			Touched: &Touched{Owners: []TouchedOwner{owner("pandas", "1", 7e6), owner("numpy", "1", 5e6), owner("never", "1", 0)}},
		},
		{
			Imports: &Imports{Packages: []Package{{Name: "polars", SelfMS: 90}, {Name: "numpy", SelfMS: 150}}},
			Touched: &Touched{Owners: []TouchedOwner{owner("numpy", "2", 9e6)}},
		},
	}}
	r.Differ()
	want := &Difference{
		Imports: []ImportChange{{"pandas", 400, 0}, {"polars", 0, 90}, {"numpy", 160, 150}},
		Touched: []TouchedChange{{image.Pip, "pandas", 7e6, 0}, {image.Pip, "numpy", 5e6, 9e6}},
	}
	if !reflect.DeepEqual(r.Difference, want) {
		t.Errorf("got %+v, want %+v", r.Difference, want)
	}
}

// What is not known of both has no difference, and of one candidate there is none.
func TestDifferUnknown(t *testing.T) {
	r := &Report{Candidates: []Candidate{{Imports: &Imports{}}, {Touched: &Touched{}}}}
	r.Differ()
	if want := (&Difference{[]ImportChange{}, []TouchedChange{}}); !reflect.DeepEqual(r.Difference, want) {
		t.Errorf("got %+v, want %+v", r.Difference, want)
	}
	one := &Report{Candidates: make([]Candidate, 1)}
	if one.Differ(); one.Difference != nil {
		t.Errorf("got %+v", one.Difference)
	}
}
