//go:build linux && cgo

package nvml

import (
	"errors"
	"strings"
	"testing"

	"mlbench/gpu"
	"mlbench/gpu/nvml/nvmltest"
)

// TestStandIn asks a library, and no mock, as far as the linker is concerned,
// what a host's GPUs are and then, in a session, what is in use of them.
func TestStandIn(t *testing.T) {
	d := nvmltest.Inside(t, 3)
	if d == nil {
		return
	}
	d.Divide(t, 1, 2, 7)
	h, err := Host(t.Context())
	if err != nil || h.Driver.String() != "550.54.15" || len(h.Devices) != 3 || h.Devices[2].UUID != d.UUID(2) || h.Warning != "" {
		t.Fatalf("%+v, %v", h, err)
	}
	for _, device := range h.Devices {
		if len(device.Problems) > 0 || device.Memory == nil || device.Processes == nil {
			t.Errorf("%+v", device)
		}
	}
	if m := h.Devices[1].MIG; m == nil || !m.Enabled || len(m.Instances) != 2 || m.Instances[1].UUID != d.InstanceUUID(1, 7) || *m.Instances[1].GPU != 7 {
		t.Errorf("%+v", m)
	}

	m, err := Open(t.Context(), []string{d.UUID(0), d.InstanceUUID(1, 7)})
	if err != nil {
		t.Fatal(err)
	}
	read := func() []gpu.Load {
		t.Helper()
		loads, err := m.Read()
		if err != nil || len(loads) != 2 {
			t.Fatalf("%+v, %v", loads, err)
		}
		return loads
	}
	if l := read(); l[0].Used != 0 || l[0].Processes == nil || len(l[0].Processes) != 0 || l[0].Err != nil || *l[0].Busy != 0 || l[1].Busy != nil {
		t.Errorf("%+v", l)
	}
	a, b, c := d.Tenant(t, "0", 300e6), d.Tenant(t, "0", 70e6), d.Tenant(t, "1.7", 5e6)
	d.Tenant(t, "1.2", 11e6)
	l := read()
	if l[0].Used != 370e6 || len(l[0].Processes) != 2 || l[1].Used != 5e6 || len(l[1].Processes) != 1 {
		t.Errorf("%+v", l)
	}
	for _, p := range append(l[0].Processes, l[1].Processes...) {
		if want := map[int]int64{a: 300e6, b: 70e6, c: 5e6}[p.PID]; p.Memory == nil || *p.Memory != want {
			t.Errorf("%+v, want %d", p, want)
		}
	}
	d.Script(t, "pids 100000", "untold 1", "busy 42", "base 1000")
	if l := read(); l[0].Used != 370e6+1000 || l[0].Processes[0].PID < 100000 || l[0].Processes[0].Memory != nil || *l[0].Busy != 42 {
		t.Errorf("%+v", l)
	}
	d.Script(t, "processes 4")
	if l := read(); l[0].Processes != nil || !errors.Is(l[0].Err, gpu.ErrPermission) || !strings.Contains(l[0].Err.Error(), "Insufficient Permissions") {
		t.Errorf("%+v", l)
	}
	d.Script(t, "gpu0 15")
	if l := read(); !errors.Is(l[0].Err, gpu.ErrLost) || l[1].Err != nil {
		t.Errorf("%+v", l)
	}
	d.Script(t, "")
	if l := read(); !errors.Is(l[0].Err, gpu.ErrLost) {
		t.Errorf("a lost GPU came back: %+v", l)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	again, err := Open(t.Context(), nil) // the library was unloaded meanwhile
	if err != nil || len(again.Devices()) != 4 {
		t.Fatalf("%+v, %v", again, err)
	}
	if l, err := again.Read(); err != nil || l[0].Used != 370e6 {
		t.Errorf("%+v, %v", l, err)
	}
	d.Script(t, "init 9")
	if _, err := Open(t.Context(), nil); !errors.Is(err, gpu.ErrNotLoaded) {
		t.Error(err)
	}
}
