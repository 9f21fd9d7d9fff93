package main

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"mlbench/gpu"
	"mlbench/runner"
)

// TestExamineGPUs: doctor tells of GPUs where there is a driver, and of what
// blurs figures on them.
func TestExamineGPUs(t *testing.T) {
	driver, err := gpu.ParseDriver("550.54.15")
	if err != nil {
		t.Fatal(err)
	}
	host := func(devices ...gpu.Device) gpu.Host {
		return gpu.Host{Driver: driver, CUDA: gpu.CUDA{Major: 12, Minor: 4}, Devices: devices}
	}
	type said struct {
		subject string
		grade   runner.Grade
	}
	tests := []struct {
		name string
		host gpu.Host
		err  error
		want []said
	}{
		{"no driver", gpu.Host{}, &gpu.TroubleError{Kind: gpu.ErrNoDriver}, nil},
		{"built without cgo", gpu.Host{}, &gpu.TroubleError{Kind: gpu.ErrCannotAsk}, nil},
		{"not loaded", gpu.Host{}, &gpu.TroubleError{Kind: gpu.ErrNotLoaded, Remedy: "load it"}, []said{{"GPUs", runner.Missing}}},
		{"none", host(), nil, []said{{"GPUs", runner.Missing}}},
		{"all well", host(gpu.Device{Persistence: new(true)}), nil, []said{{"GPUs", runner.Good}}},
		{"asleep", host(gpu.Device{Persistence: new(false)}), nil, []said{{"GPUs", runner.Good}, {"GPU 0", runner.Poor}}},
		{"used", host(gpu.Device{Index: 3, Processes: []gpu.Process{{PID: 1}}}), nil, []said{{"GPUs", runner.Good}, {"GPU 3", runner.Poor}}},
		{"lost", host(gpu.Device{Lost: true, Persistence: new(false)}), nil, []said{{"GPUs", runner.Good}, {"GPU 0", runner.Missing}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			asked(t, test.host, test.err)
			found, err := examineGPUs(t.Context(), func(string) {})
			if err != nil {
				t.Fatal(err)
			}
			var got []said
			for _, f := range found {
				got = append(got, said{f.Subject, f.Grade})
				if (f.Remedy == "") != (f.Grade == runner.Good) {
					t.Errorf("%+v", f)
				}
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
	asked(t, gpu.Host{}, context.Canceled)
	if _, err := examineGPUs(t.Context(), func(string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
