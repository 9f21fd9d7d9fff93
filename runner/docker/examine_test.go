package docker

import (
	"testing"

	"mlbench/runner"
)

func TestExamine(t *testing.T) {
	grades := func(r *Runner) map[string]runner.Grade {
		found, err := r.Examine(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		grades := make(map[string]runner.Grade)
		for _, f := range found {
			if f.Found == "" || (f.Remedy == "") != (f.Grade == runner.Good) {
				t.Errorf("%+v", f)
			}
			grades[f.Subject] = f.Grade
		}
		return grades
	}
	r := closing(t, Options{})
	here := grades(r)
	if here["engine"] != runner.Good {
		t.Errorf("%v", here)
	}
	if _, examined := here["steadiness"]; examined != r.local {
		t.Errorf("the host of an engine that is elsewhere is examined, or one that is here is not: %v", here)
	}

	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	gone, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = gone.Close() }()
	if got := grades(gone); len(got) != 1 || got["engine"] != runner.Missing {
		t.Errorf("no engine: %v", got)
	}
}
