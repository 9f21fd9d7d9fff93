package gpu

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// gpuAt is a GPU that can be used; each thing done to it makes it another.
func gpuAt(index int, uuid string, done ...func(*Device)) Device {
	d := Device{Index: index, Name: "NVIDIA A100-SXM4-40GB", UUID: uuid, Capability: Capability{8, 0}, Class: DataCentre}
	for _, do := range done {
		do(&d)
	}
	return d
}

func gone(d *Device) { d.Lost, d.UUID = true, "" }

// divided has instances with these UUIDs, the first of them GPU instance 7.
func divided(uuids ...string) func(*Device) {
	return func(d *Device) {
		d.MIG = &MIG{Enabled: true}
		for i, uuid := range uuids {
			d.MIG.Instances = append(d.MIG.Instances, Instance{Index: i, UUID: uuid, Name: d.Name + " MIG 1g.5gb", GPU: new(7 + i), Compute: new(0), Memory: &Memory{Total: 5e9}})
		}
	}
}

func TestChoose(t *testing.T) {
	two := Host{Devices: []Device{gpuAt(0, "GPU-aa00"), gpuAt(1, "GPU-ab11")}}
	mig := Host{Devices: []Device{gpuAt(0, "GPU-aa00"), gpuAt(1, "GPU-ab11", divided("MIG-c0", "MIG-c1")), gpuAt(2, "GPU-ac22", divided())}}
	broken := Host{Devices: []Device{gpuAt(0, "", gone), gpuAt(1, "GPU-ab11"), gpuAt(2, "", func(d *Device) { d.Problems = []string{"GPU 2: the driver does not give it"} })}}
	tests := []struct {
		name  string
		host  Host
		asks  string
		uuids string
		full  string // the request, where it is another than was asked for
		says  string // of the error, else of the warnings
	}{
		{"all", two, "all", "GPU-aa00 GPU-ab11", "", ""},
		{"all of none", Host{}, "all", "", "", "all GPUs are asked for, and the driver tells of none: see lspci"},
		{"all, one lost", broken, "all", "GPU-ab11", "", "left out of all GPUs: GPU 0: the GPU is lost"},
		{"all, all lost", Host{Devices: broken.Devices[:1]}, "all", "", "", "GPU 0: the GPU is lost: see dmesg for its Xid, end what uses it"},
		{"the first", two, "1", "GPU-aa00", "", ""},
		{"as many as there are", two, "2", "GPU-aa00 GPU-ab11", "", ""},
		{"more than there are", two, "3", "", "", "3 GPUs are asked for, and the host has GPU 0 (NVIDIA A100-SXM4-40GB, GPU-aa00), GPU 1 (NVIDIA A100-SXM4-40GB, GPU-ab11): ask for fewer"},
		{"a number, with one lost among them", broken, "1", "", "", "GPU 0: the GPU is lost"},
		{"a number, and one without a UUID", broken, "device=2", "", "", "GPU 2 cannot be used: GPU 2: the driver does not give it; the driver does not tell its UUID"},

		{"an index", two, "device=1", "GPU-ab11", "", ""},
		{"no such index", two, "device=2", "", "", "there is no GPU 2: the host has GPU 0 (NVIDIA A100-SXM4-40GB, GPU-aa00), GPU 1 ("},
		{"an index that is lost", broken, "device=0", "", "", "GPU 0: the GPU is lost"},
		{"the order is theirs", two, "device=1,0", "GPU-ab11 GPU-aa00", "", ""},
		{"a UUID", two, "device=GPU-ab11", "GPU-ab11", "", ""},
		{"a UUID's beginning", two, "device=gpu-AB", "GPU-ab11", "device=GPU-ab11", ""},
		{"too little of a UUID", two, "device=GPU-a", "", "", "GPU-a is the beginning of 2 UUIDs: give more of it (GPU-aa00, GPU-ab11)"},
		{"nothing of a UUID", two, "device=GPU-", "", "", "there is no GPU-"},
		{"an unknown UUID", two, "device=GPU-99", "", "", "there is no GPU-99: the host has GPU 0 ("},
		{"one by two names", two, "device=1,GPU-ab", "GPU-ab11", "device=1", ""},

		{"CDI by index", two, "device=nvidia.com/gpu=1", "GPU-ab11", "", ""},
		{"CDI by kind and index", two, "device=nvidia.com/gpu=gpu1", "GPU-ab11", "", ""},
		{"CDI by UUID", two, "device=nvidia.com/gpu=GPU-aa00", "GPU-aa00", "", ""},
		{"CDI by the beginning of a UUID", two, "device=nvidia.com/gpu=GPU-ab", "GPU-ab11", "device=nvidia.com/gpu=GPU-ab11", ""},
		{"CDI, all", two, "device=nvidia.com/gpu=all", "GPU-aa00 GPU-ab11", "", ""},
		{"CDI, unknown", two, "device=nvidia.com/gpu=7", "", "", "nvidia.com/gpu=7: there is no GPU 7"},
		{"CDI of others", two, "device=amd.com/gpu=0", "", "", "amd.com/gpu=0: of CDI's names only nvidia.com/gpu=… are known here"},
		{"CDI of an instance", mig, "device=nvidia.com/gpu=1:1", "MIG-c1", "", ""},
		{"CDI of an instance, by kind", mig, "device=nvidia.com/gpu=mig1:1", "MIG-c1", "", ""},

		{"all, with instances", mig, "all", "GPU-aa00 MIG-c0 MIG-c1", "", "a program sees one MIG instance through CUDA, the first, and no other GPU beside it: ask for the one that is meant, e.g. device=MIG-c0"},
		{"all, without instances", Host{Devices: mig.Devices[2:]}, "all", "", "", "GPU 2: it is divided by MIG, and as a whole it gives programs no GPU: make an instance"},
		{"no such UUID of an instance", mig, "device=MIG-99", "", "", "there is no MIG instance MIG-99: the host has"},
		{"an instance", mig, "device=MIG-c1", "MIG-c1", "", ""},
		{"an instance by its number", mig, "device=1:0", "MIG-c0", "", ""},
		{"no such instance", mig, "device=1:2", "", "", "there is no MIG instance 1:2: the host has GPU 0 (NVIDIA A100-SXM4-40GB, GPU-aa00), GPU 1 (NVIDIA A100-SXM4-40GB, GPU-ab11, MIG 1:0 MIG-c0, 1:1 MIG-c1), GPU 2 (NVIDIA A100-SXM4-40GB, GPU-ac22, MIG without instances)"},
		{"an instance of one that is whole", mig, "device=0:0", "", "", "there is no MIG instance 0:0"},
		{"a divided GPU as a whole", mig, "device=1", "", "", "GPU 1: it is divided by MIG, and as a whole it gives programs no GPU: name an instance of it, 1:0 MIG-c0, 1:1 MIG-c1"},
		{"a divided GPU by its UUID", mig, "device=GPU-ab11", "", "", "name an instance"},
		{"a divided GPU by number", mig, "2", "", "", "name an instance"},
		{"instances of a lost GPU", Host{Devices: []Device{gpuAt(0, "", divided("MIG-c0"), gone)}}, "device=MIG-c0", "", "", "lost"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := ParseRequest(test.asks)
			if err != nil {
				t.Fatal(err)
			}
			c, err := test.host.Choose(r)
			if err != nil {
				if test.uuids != "" || !strings.Contains(err.Error(), test.says) {
					t.Errorf("error %q, want %q and devices %q", err, test.says, test.uuids)
				}
				if wraps := errors.Is(err, ErrLost); wraps != strings.Contains(test.says, "lost") {
					t.Errorf("wraps ErrLost: %v: %v", wraps, err)
				}
				return
			}
			if got := strings.Join(c.UUIDs(), " "); got != test.uuids || got == "" {
				t.Errorf("devices %q, want %q", got, test.uuids)
			}
			if warnings := strings.Join(c.Warnings, "\n"); !strings.Contains(warnings, test.says) || (warnings == "") != (test.says == "") {
				t.Errorf("warnings %q, want %q", warnings, test.says)
			}
			if want := test.full; want == "" && c.Request.String() != test.asks || want != "" && c.Request.String() != want {
				t.Errorf("request %s of %s", c.Request, test.asks)
			}
		})
	}
}

// What is wrong with the chosen devices is told, and nothing of the others.
func TestRequestsOfNothing(t *testing.T) {
	for _, s := range []string{"", "0", "-1", "all,1", "1025", "device=", "device=,", "device=0, 1", "device=0\u00a0", "device=\x1b[31m", "device=nvidia.com/gpu=", "device=0,nvidia.com/gpu="} {
		if r, err := ParseRequest(s); !errors.Is(err, errRequest) {
			t.Errorf("%q is %+v: %v", s, r, err)
		}
	}
}

func TestChooseWarns(t *testing.T) {
	tenant := func(pid int, instance *int) func(*Device) {
		return func(d *Device) {
			d.Processes = append(d.Processes, Process{PID: pid, Kind: "compute", Memory: new(int64(1234e6)), GPUInstance: instance})
		}
	}
	asleep := func(d *Device) { d.Persistence = new(false) }
	awake := func(d *Device) { d.Persistence = new(true) }
	h := Host{Devices: []Device{
		gpuAt(0, "GPU-0", asleep, tenant(17, nil)),
		gpuAt(1, "GPU-1", awake, tenant(42, nil), func(d *Device) { d.Problems = []string{"GPU 1: its clock cannot be read"} }),
		gpuAt(2, "GPU-2", asleep, divided("MIG-a", "MIG-b"), tenant(7, new(7)), tenant(8, new(8))),
	}}
	noise := func(of string, pid string) string {
		return of + ": process " + pid + " (compute) is on it and has 1234 MB of its memory: what it does there is noise"
	}
	for asks, want := range map[string][]string{
		"device=0":     {"GPU 0: persistence mode is off", noise("GPU 0", "17")},
		"device=1":     {"GPU 1: its clock cannot be read", noise("GPU 1", "42")},
		"device=MIG-b": {"GPU 2: persistence mode is off", noise("GPU 2 (MIG-b)", "8")},
		"device=2:0,2:1": {"GPU 2: persistence mode is off", noise("GPU 2 (MIG-a)", "7"), noise("GPU 2 (MIG-b)", "8"),
			"a program sees one MIG instance through CUDA"},
	} {
		r, err := ParseRequest(asks)
		if err != nil {
			t.Fatal(err)
		}
		c, err := h.Choose(r)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(c.Warnings, want, strings.HasPrefix) {
			t.Errorf("%s: warnings\n%s\nwant\n%s", asks, strings.Join(c.Warnings, "\n"), strings.Join(want, "\n"))
		}
	}
}

// An instance is a device of its own, with what is its GPU's.
func TestChosenInstance(t *testing.T) {
	busy := func(d *Device) { d.Readings.Busy, d.Persistence, d.Memory = new(90), new(true), &Memory{Total: 40e9} }
	h := Host{Devices: []Device{gpuAt(3, "GPU-3", busy, divided("MIG-a"))}}
	c, err := h.Choose(Request{IDs: []string{"MIG-a"}})
	if err != nil {
		t.Fatal(err)
	}
	d := c.Devices[0]
	if d.Index != 3 || d.Name != "NVIDIA A100-SXM4-40GB MIG 1g.5gb" || d.Memory.Total != 5e9 || d.Readings.Busy != nil ||
		d.MIG != nil || !*d.Persistence || d.Capability != (Capability{8, 0}) || d.Processes != nil || d.Class != DataCentre {
		t.Errorf("%+v", d)
	}
}
