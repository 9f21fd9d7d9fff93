package gpu

import (
	"strings"
	"testing"
)

// on is a host of flags.
func on(d string, devices ...Device) Host {
	return Host{Driver: driver(d), Devices: devices}.Complete()
}

var (
	a100    = Device{Name: "NVIDIA A100-SXM4-80GB", Brand: "nvidia", Capability: Capability{8, 0}}
	v100    = Device{Name: "Tesla V100-SXM2-16GB", Brand: "tesla", Capability: Capability{7, 0}}
	h100    = Device{Name: "NVIDIA H100 80GB HBM3", Brand: "nvidia", Capability: Capability{9, 0}}
	b200    = Device{Name: "NVIDIA B200", Brand: "nvidia", Capability: Capability{10, 0}}
	rtx4090 = Device{Name: "NVIDIA GeForce RTX 4090", Capability: Capability{8, 9}}
	a6000   = Device{Name: "NVIDIA RTX A6000", Capability: Capability{8, 6}}
	unnamed = Device{Capability: Capability{8, 0}}
)

// TestDriver has every row of the design's table "CUDA and driver" but the one
// on code, and what is next to each.
func TestDriver(t *testing.T) {
	note := func(branches ...int) *Note { return &Note{CUDA: CUDA{12, 6}, Branches: branches} }
	compat := func(n *Note) []Compat {
		return []Compat{{Path: "usr/local/cuda/compat/libcuda.so.560.35.05", Driver: driver("560.35.05"), Note: n, Looked: true}}
	}
	tests := []struct {
		name   string
		cuda   CUDA
		compat []Compat
		jit    []string
		host   Host
		want   Verdict
		why    string
	}{
		{"driver's CUDA is the image's", CUDA{12, 2}, nil, nil, on("535.104.05"), OK, "driver 535.104.05 offers CUDA 12.2"},
		{"driver's CUDA is later", CUDA{11, 8}, nil, []string{"triton"}, on("535.104.05"), OK, "wants CUDA 11.8"},
		{"driver's CUDA is of a later major", CUDA{12, 8}, nil, nil, on("580.65.06"), OK, "offers CUDA 13.0"},
		{"only the CUDA is known", CUDA{12, 2}, nil, nil, Host{CUDA: CUDA{12, 4}}, OK, "the driver offers CUDA 12.4"},

		{"minor version, 12.x", CUDA{12, 6}, nil, nil, on("535.104.05"), OK, "minor-version compatibility, as drivers from 525.60.13 on run all of CUDA 12.x"},
		{"minor version, at the limit", CUDA{12, 9}, nil, nil, on("525.60.13"), OK, "minor-version"},
		{"minor version, below the limit", CUDA{12, 9}, nil, nil, on("525.60.11"), Fail, "takes ≥ 525.60.13"},
		{"minor version, 13.x", CUDA{13, 2}, nil, nil, on("580.65.06"), OK, "580"},
		{"minor version, 11.x", CUDA{11, 8}, nil, nil, on("450.80.02"), OK, "450.80.02"},
		{"minor version, 11.x below", CUDA{11, 8}, nil, nil, on("450.51.06"), Fail, "450.80.02"},
		{"11.0 on its own driver", CUDA{11, 0}, nil, nil, on("450.51.06"), OK, "11.0"},
		{"minor version by the CUDA alone", CUDA{12, 6}, nil, nil, Host{CUDA: CUDA{12, 2}}, OK, "minor-version"},
		{"minor version of 11.0 by the CUDA alone", CUDA{11, 8}, nil, nil, Host{CUDA: CUDA{11, 0}}, Unknown, "the driver is not known"},
		{"minor version, PTX at run time", CUDA{12, 6}, nil, []string{"triton 3.0.0"}, on("535.104.05"), Warn, "triton 3.0.0 may compile PTX at run time"},
		{"no minor version before 11", CUDA{10, 2}, nil, nil, on("418.87"), Fail, "takes ≥ 440.33"},
		{"unknown major", CUDA{14, 1}, nil, nil, Host{CUDA: CUDA{14, 0}}, Unknown, "14.x"},

		{"older major, compat, data centre", CUDA{12, 6}, compat(note(470, 535)), nil, on("470.256.02", a100), OK, "by forward compatibility"},
		{"older major, compat not for this driver", CUDA{12, 6}, compat(note(535)), nil, on("470.256.02", a100), Fail, "names drivers 535, the host's is 470.256.02"},
		{"older major, compat of an older CUDA", CUDA{12, 8}, compat(note(470)), nil, on("470.256.02", a100), Fail, "it offers CUDA 12.6, and 12.8 is wanted"},
		{"older major, compat without note", CUDA{12, 6}, compat(nil), nil, on("470.256.02", a100), Unknown, "no note"},
		{"older major, compat's note without drivers", CUDA{12, 6}, compat(note()), nil, on("470.256.02", a100), Unknown, "names no drivers"},
		{"older major, compat, only the CUDA is known", CUDA{12, 6}, compat(note(470)), nil, Host{CUDA: CUDA{11, 4}, Devices: []Device{a100}}.Complete(), Unknown, "the host's is not known"},
		{"older major, compat, GPU not known", CUDA{12, 6}, compat(note(470)), nil, on("470.256.02"), Unknown, "which the host has is not known"},
		{"older major, compat, GPU without a name", CUDA{12, 6}, compat(note(470)), nil, on("470.256.02", unnamed), Unknown, "which the host has is not known"},
		{"older major, compat, workstation", CUDA{12, 6}, compat(note(470)), nil, on("470.256.02", a6000), Unknown, "select ones"},
		{"older major, compat, GeForce", CUDA{12, 6}, compat(note(470)), nil, on("470.256.02", rtx4090), Fail, "error 804"},
		{"older major, compat, one of two a GeForce", CUDA{12, 6}, compat(note(470)), nil, on("470.256.02", a100, rtx4090), Fail, "error 804"},
		{"older major, no compat", CUDA{12, 6}, nil, nil, on("470.256.02", a100), Fail, "error 35, the driver is insufficient"},
		{"older major, the CUDA alone", CUDA{13, 0}, nil, nil, Host{CUDA: CUDA{12, 2}}, Fail, "error 35"},

		{"nothing is known", CUDA{12, 6}, nil, nil, Host{}, Unknown, "it takes driver ≥ 525.60.13 (≥ 560.28.03 for all features)"},
		{"the image's CUDA is not known", CUDA{}, nil, nil, on("535.104.05"), Unknown, "nothing in it says of which version"},
		{"driver older than the tables, too old", CUDA{12, 6}, nil, nil, on("390.25"), Fail, "driver is 390.25"},
		{"driver older than the tables", CUDA{9, 0}, nil, nil, on("390.25"), Unknown, "is not known here"},
		{"driver newer than the tables", CUDA{13, 4}, nil, nil, on("615.10"), OK, "minor-version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := Needs{GPU: true, CUDA: test.cuda, From: "torch/version.py", Compat: test.compat, JIT: test.jit}
			r, _ := n.driver(test.host)
			if r.Verdict != test.want || !strings.Contains(r.Why, test.why) {
				t.Errorf("%+v; want %s, %q", r, test.want, test.why)
			}
			if r.Verdict == Fail && r.Remedy == "" {
				t.Error("no remedy")
			}
		})
	}
}

func TestKernels(t *testing.T) {
	lib := func(path, unclear string, archs ...string) Kernel {
		k := Kernel{Path: path, Unclear: unclear}
		for _, s := range archs {
			a, err := ParseArch(s)
			if err != nil {
				panic(err)
			}
			k.Archs = append(k.Archs, a)
		}
		return k
	}
	torch := lib("torch/lib/libtorch_cuda.so", "", "sm_70", "sm_80", "sm_90")
	tests := []struct {
		name    string
		kernels []Kernel
		host    Host
		want    Verdict
		why     string
	}{
		{"same", []Kernel{torch}, on("535.104.05", a100), OK, "machine code for compute capability 8.0"},
		{"lesser minor", []Kernel{torch}, on("535.104.05", rtx4090), OK, "8.9"},
		{"later major", []Kernel{torch}, on("570.26", b200), Fail, "no kernel image for compute capability 10.0 (error 209): libtorch_cuda.so has sm_70, sm_80, sm_90"},
		{"earlier", []Kernel{lib("libx.so", "", "sm_80")}, on("535.104.05", v100), Fail, "7.0"},
		{"later minor", []Kernel{lib("libx.so", "", "sm_86")}, on("535.104.05", a100), Fail, "8.0"},
		{"PTX", []Kernel{lib("libx.so", "", "sm_80", "compute_90")}, on("570.26", b200), Warn, "only PTX"},
		{"PTX of a later CUDA than the driver's", []Kernel{lib("libx.so", "", "compute_80")}, on("525.60.13", a100), Warn, "may refuse"},
		{"PTX of a later GPU", []Kernel{lib("libx.so", "", "compute_90")}, on("535.104.05", a100), Fail, "8.0"},
		{"specific", []Kernel{lib("libx.so", "", "sm_90a")}, on("535.104.05", h100), OK, "9.0"},
		{"specific elsewhere", []Kernel{lib("libx.so", "", "compute_90a")}, on("570.26", b200), Fail, "10.0"},
		{"family", []Kernel{lib("libx.so", "", "sm_100f")}, on("580.65.06", Device{Capability: Capability{10, 3}}), OK, "10.3"},
		{"unknown variant", []Kernel{lib("libx.so", "", "sm_100?")}, on("580.65.06", Device{Capability: Capability{10, 3}}), Unknown, "variant"},
		{"not understood", []Kernel{lib("libx.so", "code of kind 64", "sm_80")}, on("570.26", b200), Unknown, "code of kind 64"},
		{"not understood, but enough", []Kernel{lib("libx.so", "code of kind 64", "sm_80")}, on("535.104.05", a100), OK, "8.0"},
		{"one library of several", []Kernel{torch, lib("flash_attn.so", "", "sm_80")}, on("535.104.05", h100), Warn, "1 library is without code"},
		{"the framework of several", []Kernel{torch, lib("libcublas.so.12", "", "sm_100")}, on("570.26", b200), Fail, "libtorch_cuda.so has"},
		{"one GPU of several", []Kernel{torch}, on("570.26", a100, b200), Warn, "1 library is without code for compute capability 10.0"},
		{"no GPU of several", []Kernel{torch}, on("570.26", b200, Device{Capability: Capability{3, 5}}), Fail, "capability 10.0, 3.5 (error 209)"},
		{"one framework of two", []Kernel{torch, lib("libonnxruntime_providers_cuda.so", "", "sm_100")}, on("570.26", b200), Warn, "1 library is without code"},
		{"a framework that may be", []Kernel{torch, lib("libonnxruntime_providers_cuda.so", "code of kind 64", "sm_80")}, on("570.26", b200), Unknown, "code of kind 64"},
		{"two GPUs alike", []Kernel{torch, lib("flash_attn.so", "", "sm_80")}, on("535.104.05", h100, h100), Warn, "1 library is without code"},
		{"two GPUs", []Kernel{lib("libx.so", "", "compute_70")}, on("535.104.05", a100, h100), Warn, "1 library has only PTX"},
		{"GPU not known", []Kernel{torch}, on("535.104.05"), Unknown, "the GPU's compute capability is not known"},
		{"GPU's capability not known", []Kernel{torch}, on("535.104.05", Device{Name: "NVIDIA A100"}), Unknown, "is not known"},
		{"no code", nil, on("535.104.05", a100), OK, "no library"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := Needs{GPU: true, CUDA: CUDA{12, 1}, Looked: true, Kernels: test.kernels}
			r, _ := n.kernels(test.host)
			if r.Verdict != test.want || !strings.Contains(r.Why, test.why) {
				t.Errorf("%+v; want %s, %q", r, test.want, test.why)
			}
		})
	}
	if r, _ := (Needs{GPU: true}).kernels(on("535.104.05", a100)); r.Verdict != Unknown {
		t.Errorf("libraries that were not looked into: %+v", r)
	}
}

func TestSettings(t *testing.T) {
	set := func(s string) *string { return &s }
	tests := []struct {
		name                  string
		devices, capabilities *string
		want                  Verdict
		why                   string
	}{
		{"as NVIDIA's", set("all"), set("compute,utility"), OK, "NVIDIA_VISIBLE_DEVICES=all"},
		{"unset", nil, nil, OK, "unset"},
		{"all capabilities", set("all"), set("all"), OK, "all"},
		{"empty capabilities", set("all"), set(""), OK, "all"},
		{"no compute", set("all"), set("utility,video"), Fail, "no libcuda.so.1"},
		{"void", set("void"), nil, Warn, "asks for no GPU"},
		{"none", set("none"), nil, Warn, "asks for no GPU"},
		{"certain devices", set("0,1"), nil, Warn, "names certain GPUs"},
	}
	for _, test := range tests {
		r, _ := (Needs{VisibleDevices: test.devices, Capabilities: test.capabilities}).settings(Host{})
		if r.Verdict != test.want || !strings.Contains(r.Why, test.why) {
			t.Errorf("%s: %+v; want %s, %q", test.name, r, test.want, test.why)
		}
	}
}

func TestJudge(t *testing.T) {
	if rules, v := Judge(Needs{}, Host{}); v != OK || len(rules) != 1 || rules[0].ID != RuleNeeds {
		t.Errorf("no GPU needed: %v, %+v", v, rules)
	}
	n := Needs{
		GPU: true, CUDA: CUDA{12, 2}, From: "CUDA_VERSION", Looked: true,
		Requirements: []Requirement{{Variable: "NVIDIA_REQUIRE_CUDA", Text: cuda122}},
		Compat:       []Compat{{Path: "usr/local/cuda/compat/libcuda.so.535.54.03", Driver: driver("535.54.03")}},
	}
	tests := []struct {
		name string
		host Host
		want Verdict
		by   string // the rule that decides
	}{
		{"everything fits", on("535.104.05", a100), OK, ""},
		{"nothing is known", Host{}, Unknown, RuleRequire}, // among others
		{"refused by the hook", on("510.47.03", a100), Fail, RuleRequire},
		{"not enforced under CDI", func() Host { h := on("530.30.02", a100); h.CDI = true; return h }(), Warn, RuleRequire},
		{"the brand is not certain", on("525.85.12", rtx4090), Unknown, RuleRequire},
	}
	for _, test := range tests {
		rules, v := Judge(n, test.host)
		by := ""
		for _, r := range rules {
			if v != OK && r.Verdict == v && by != RuleRequire {
				by = r.ID
			}
		}
		if v != test.want || by != test.by {
			t.Errorf("%s: %s by %q: %+v", test.name, v, by, rules)
		}
	}
	n.Requirements = nil
	if rules, v := Judge(n, on("525.85.12", rtx4090)); v != Warn || rules[1].ID != RuleCompat {
		t.Errorf("compat on a GeForce: %s: %+v", v, rules)
	}
	n.DisableRequire, n.Requirements = true, []Requirement{{Variable: "NVIDIA_REQUIRE_CUDA", Text: "cuda>=99"}}
	if _, v := Judge(n, on("535.104.05", a100)); v != OK {
		t.Errorf("switched off: %s", v)
	}
	n.Conflicts = []string{"two versions"}
	if _, v := Judge(n, on("535.104.05", a100)); v != Warn {
		t.Errorf("two versions: %s", v)
	}
}
