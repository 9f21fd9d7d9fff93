//go:build linux && cgo

package nvml

import (
	"encoding/csv"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"mlbench/gpu"
)

// TestThisHost holds what this host's driver tells against itself, and against
// nvidia-smi where there is one. It needs a driver that answers.
func TestThisHost(t *testing.T) {
	h, err := Host(t.Context())
	if err != nil {
		t.Skip("needs a GPU: ", err)
	}
	t.Logf("driver %s, CUDA %s", h.Driver, h.CUDA)
	if !h.Driver.Known() || !h.CUDA.Known() || h.Warning != "" {
		t.Errorf("%+v", h)
	}
	for _, d := range h.Devices {
		t.Logf("%+v", d)
		if d.Lost {
			continue
		}
		if d.Name == "" || !strings.HasPrefix(d.UUID, "GPU-") || !d.Capability.Known() {
			t.Errorf("GPU %d is not told of: %+v", d.Index, d)
		}
		if m := d.Memory; m != nil && (m.Used < 0 || m.Free < 0 || m.Used+m.Free > m.Total || m.Total == 0) {
			t.Errorf("GPU %d: memory %+v", d.Index, *m)
		}
		if d.MIG != nil && !d.MIG.Enabled && len(d.MIG.Instances) > 0 {
			t.Errorf("GPU %d is not divided and has instances: %+v", d.Index, *d.MIG)
		}
	}
	smi(t, h)
}

// smi compares what does not change from one moment to the next.
func smi(t *testing.T, h gpu.Host) {
	out, err := exec.Command("nvidia-smi", "--query-gpu=index,name,uuid,driver_version,compute_cap,memory.total,persistence_mode,mig.mode.current", "--format=csv,noheader,nounits").Output()
	if err != nil {
		t.Log("not compared with nvidia-smi: ", err)
		return
	}
	r := csv.NewReader(strings.NewReader(string(out)))
	r.TrimLeadingSpace = true
	rows, err := r.ReadAll()
	if err != nil || len(rows) != len(h.Devices) {
		t.Fatalf("nvidia-smi has %d GPUs, here are %d: %v", len(rows), len(h.Devices), err)
	}
	word := func(b *bool) string {
		switch {
		case b == nil:
			return "[N/A]"
		case *b:
			return "Enabled"
		}
		return "Disabled"
	}
	for i, d := range h.Devices {
		var divided *bool
		if d.MIG != nil {
			divided = &d.MIG.Enabled
		}
		var total int64
		if d.Memory != nil {
			total = d.Memory.Total >> 20
		}
		want := []string{fmt.Sprint(d.Index), d.Name, d.UUID, h.Driver.String(), d.Capability.String(), fmt.Sprint(total), word(d.Persistence), word(divided)}
		if strings.Join(rows[i], ", ") != strings.Join(want, ", ") {
			t.Errorf("nvidia-smi has %v, here is %v", rows[i], want)
		}
	}
}
