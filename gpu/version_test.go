package gpu

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestVersions(t *testing.T) {
	for in, want := range map[string]string{"12.2": "12.2", "12.2.140": "12.2", "11.0": "11.0", "12": "", "abc": "", "12.": "", "-1.2": "", "0.1": "", "12.2.1.1.1": "", "": ""} {
		if c, err := ParseCUDA(in); (err == nil) != (want != "") || err == nil && c.String() != want {
			t.Errorf("CUDA %q: %v, %v; want %q", in, c, err, want)
		}
	}
	for in, want := range map[string]string{"535.104.05": "535.104.05", "535.104": "535.104", "535": "", "abc": "", "535.x": "", "535.104.05.1": "", "99999999.1": ""} {
		if d, err := ParseDriver(in); (err == nil) != (want != "") || err == nil && d.String() != want {
			t.Errorf("driver %q: %v, %v; want %q", in, d, err, want)
		}
	}
	for in, want := range map[string]string{"8.0": "8.0", "12.1": "12.1", "80": "", "8": "", "8.0.1": "", "0.5": "", "8.10": "", "sm_80": ""} {
		if c, err := ParseCapability(in); (err == nil) != (want != "") || err == nil && c.String() != want {
			t.Errorf("capability %q: %v, %v; want %q", in, c, err, want)
		}
	}
	if driver("535.104").Compare(driver("535.104.05")) >= 0 || driver("470.82.01").Compare(driver("525.60.13")) >= 0 {
		t.Error("drivers are not compared number by number")
	}
}

func TestArchs(t *testing.T) {
	tests := []struct {
		arch          string
		on            Capability
		runs, certain bool
	}{
		{"sm_80", Capability{8, 0}, true, true},
		{"sm_80", Capability{8, 6}, true, true},
		{"sm_86", Capability{8, 0}, false, true},
		{"sm_80", Capability{9, 0}, false, true},
		{"sm_75", Capability{7, 0}, false, true},
		{"sm_80", Capability{8, 7}, false, true}, // Orin
		{"sm_87", Capability{8, 7}, true, true},
		{"sm_87", Capability{8, 9}, false, true},
		{"compute_80", Capability{9, 0}, true, true},
		{"compute_80", Capability{8, 7}, true, true},
		{"compute_90", Capability{8, 9}, false, true},
		{"sm_90a", Capability{9, 0}, true, true},
		{"compute_90a", Capability{10, 0}, false, true},
		{"sm_100a", Capability{10, 3}, false, true},
		{"sm_100f", Capability{10, 3}, true, true},
		{"sm_103f", Capability{10, 0}, false, true},
		{"compute_100f", Capability{12, 0}, false, true},
		{"sm_100?", Capability{10, 0}, true, true},
		{"sm_100?", Capability{10, 3}, false, false},
		{"sm_100?", Capability{9, 0}, false, true},
	}
	for _, test := range tests {
		a, err := ParseArch(test.arch)
		if err != nil || a.String() != test.arch {
			t.Fatalf("%s: %v, %v", test.arch, a, err)
		}
		if runs, certain := a.RunsOn(test.on); runs != test.runs || certain != test.certain {
			t.Errorf("%s on %s: %v, certain %v", a, test.on, runs, certain)
		}
	}
	for _, s := range []string{"", "80", "sm_", "sm_8", "sm_80x", "compute_", "sm_9999"} {
		if a, err := ParseArch(s); err == nil {
			t.Errorf("%q is %v", s, a)
		}
	}
}

func TestOffered(t *testing.T) {
	tests := []struct {
		driver string
		cuda   CUDA
		least  bool
	}{
		{"535.104.05", CUDA{12, 2}, false}, {"525.60.13", CUDA{12, 0}, false}, {"470.256.02", CUDA{11, 4}, false},
		{"565.57.01", CUDA{12, 7}, false}, {"418.87", CUDA{10, 1}, false}, {"430.40", CUDA{10, 1}, false},
		{"580.65.06", CUDA{13, 0}, false}, {"615.10", CUDA{13, 3}, true}, {"390.25", CUDA{}, false},
	}
	for _, test := range tests {
		c, least, ok := Offered(driver(test.driver))
		if c != test.cuda || least != test.least || ok != test.cuda.Known() {
			t.Errorf("%s: %v, %v, %v", test.driver, c, least, ok)
		}
	}
	for i, s := range shipped {
		if i > 0 && (s.cuda.Compare(shipped[i-1].cuda) >= 0 || s.driver.Compare(shipped[i-1].driver) >= 0) {
			t.Errorf("%v is not older than %v", s, shipped[i-1])
		}
		if least, _ := LeastDriver(s.cuda); s.driver.Compare(least) < 0 {
			t.Errorf("CUDA %v came with %v, less than its major takes", s.cuda, s.driver)
		}
	}
}

func TestClasses(t *testing.T) {
	for name, want := range map[string]Class{
		"NVIDIA A100-SXM4-80GB": DataCentre, "Tesla V100-SXM2-16GB": DataCentre, "Tesla T4": DataCentre, "NVIDIA L40S": DataCentre,
		"NVIDIA H200": DataCentre, "NVIDIA GH200 480GB": DataCentre, "A10": DataCentre, "NVIDIA B200": DataCentre,
		"NVIDIA GeForce RTX 4090": GeForce, "NVIDIA TITAN RTX": GeForce, "NVIDIA RTX A6000": Workstation, "Quadro P4000": Workstation,
		"NVIDIA T1000": "", "NVIDIA GB10": "", "Orin (nvgpu)": Jetson, "": "", "something": "",
	} {
		if got := ClassOf(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

func TestHostJSON(t *testing.T) {
	h := Host{Driver: driver("535.104.05"), Devices: []Device{{Name: "NVIDIA A100-SXM4-80GB", Capability: Capability{8, 0}}}}.Complete()
	b, err := json.Marshal(h)
	const want = `{"driver":"535.104.05","cuda":"12.2","devices":[{"index":0,"name":"NVIDIA A100-SXM4-80GB","compute_capability":"8.0","class":"data-centre"}]}`
	if err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	var back Host
	if err := json.Unmarshal(b, &back); err != nil || back.Driver != h.Driver || back.CUDA != h.CUDA || !reflect.DeepEqual(back.Devices[0], h.Devices[0]) {
		t.Errorf("%+v, %v", back, err)
	}
	if h := (Host{Driver: driver("535.104.05"), CUDA: CUDA{13, 0}}).Complete(); h.Warning == "" || h.CUDA != (CUDA{13, 0}) {
		t.Errorf("a driver of another CUDA is no warning: %+v", h)
	}
}
