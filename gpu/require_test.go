package gpu

import (
	"slices"
	"strings"
	"testing"
)

// cuda122 is NVIDIA_REQUIRE_CUDA of nvidia/cuda:12.2.0-runtime-ubuntu22.04, cut.
const cuda122 = "cuda>=12.2 brand=tesla,driver>=470,driver<471 brand=unknown,driver>=470,driver<471 brand=nvidia,driver>=470,driver<471 " +
	"brand=geforce,driver>=470,driver<471 brand=tesla,driver>=525,driver<526 brand=unknown,driver>=525,driver<526 brand=geforce,driver>=525,driver<526"

func TestRequirement(t *testing.T) {
	t4 := Device{Name: "Tesla T4", Brand: "tesla", Capability: Capability{7, 5}}
	geforce := Device{Name: "NVIDIA GeForce GTX 1080", Class: GeForce, Capability: Capability{6, 1}}
	host := func(d string, devices ...Device) Host { return Host{Driver: driver(d), Devices: devices}.Complete() }
	tests := []struct {
		name, text string
		host       Host
		want       Verdict
		failed     string // in what failed, or in what is open
	}{
		{"nothing", "", host("535.104.05"), OK, ""},
		{"spaces", "   ", host("535.104.05"), OK, ""},
		{"the first alternative", cuda122, host("535.104.05", t4), OK, ""},
		{"a later alternative", cuda122, host("525.85.12", t4), OK, ""},
		{"another driver", cuda122, host("510.47.03", t4), Fail, "brand=tesla,driver>=470,driver<471: the driver is 510.47.03"},
		{"another brand", cuda122, host("525.85.12", Device{Brand: "quadro"}), Fail, "brand=tesla,driver>=525,driver<526: the GPU's brand is quadro"},
		{"GeForce by its name", cuda122, host("525.85.12", geforce), OK, ""},
		{"an RTX, of which the name does not tell the brand", cuda122, host("525.85.12", Device{Name: "NVIDIA GeForce RTX 4090"}), Unknown, "the GPU's brand"},
		{"an RTX, both of whose brands will do", cuda122 + " brand=geforcertx,driver>=525,driver<526", host("525.85.12", Device{Name: "NVIDIA GeForce RTX 4090"}), OK, ""},
		{"an RTX, neither of whose brands will do", cuda122, host("510.47.03", Device{Name: "NVIDIA GeForce RTX 4090"}), Fail, "brand is geforce"},
		{"brand is not known", cuda122, host("525.85.12"), Unknown, "the GPU's brand"},
		{"nothing is known", cuda122, Host{}, Unknown, "the driver's CUDA"},
		{"no brand would help", "cuda>=12.2 brand=tesla,driver>=470,driver<471", host("525.85.12"), Fail, "the driver is 525.85.12"},
		{"or", "cuda>=13.0 cuda>=12.0", host("535.104.05"), OK, ""},
		{"and", "cuda>=12.0,driver<535", host("535.104.05"), Fail, "cuda>=12.0,driver<535: the driver is 535.104.05"},
		{"arch", "arch>=8.0", host("535.104.05", t4), Fail, "the compute capability is 7.5"},
		{"arch of every GPU", "arch>=7.0", host("535.104.05", t4, geforce), Fail, "(GPU 1)"},
		{"equal", "cuda=12.2", host("535.104.05"), OK, ""},
		{"equal with zeros", "cuda=12.2.0", host("535.104.05"), OK, ""},
		{"unequal", "driver!=535.104.05", host("535.104.05"), Fail, "the driver is 535.104.05"},
		{"leading zeros", "driver=535.104.5", host("535.104.05"), OK, ""},
		{"less", "cuda<12.2", host("535.104.05"), Fail, "12.2"},
		{"less or equal", "cuda<=12.2", host("535.104.05"), OK, ""},
		{"greater", "cuda>12.2", host("535.104.05"), Fail, "12.2"},
		{"numbers, not text", "cuda>=9.0", host("535.104.05"), OK, ""},
		{"brand in any case", "BRAND=TESLA", host("535.104.05", t4), OK, ""},
		{"brand is no version", "brand>=tesla", host("535.104.05", t4), Fail, "does not understand"},
		{"unknown property", "memory>=8", host("535.104.05"), Fail, `does not understand "memory>=8"`},
		{"no operator", "cuda", host("535.104.05"), Fail, "does not understand"},
		{"no value", "cuda>=", host("535.104.05"), Fail, "does not understand"},
		{"two operators", "cuda==12.2", host("535.104.05"), Fail, "does not understand"},
		{"no version", "cuda>=twelve", host("535.104.05"), Fail, "does not understand"},
		{"a tab is no space", "cuda>=12.2\tbrand=tesla", host("535.104.05"), Fail, "does not understand"},
		{"what comes after one that holds is not read", "cuda>=12.0 nonsense", host("535.104.05"), OK, ""},
		{"what comes after one that fails is not read", "cuda>=13.0,nonsense cuda>=12.0", host("535.104.05"), OK, ""},
		{"commas end it", "cuda>=13.0 , cuda>=12.0", host("535.104.05"), Fail, "cuda>=13.0"},
		{"empty terms", ",cuda>=12.0,,", host("535.104.05"), OK, ""},
		{"too long", strings.Repeat("cuda>=13.0 ", 1<<17), host("535.104.05"), Fail, "longer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, failed, open := Requirement{Variable: "NVIDIA_REQUIRE_CUDA", Text: test.text}.Judge(test.host)
			if v != test.want || !strings.Contains(strings.Join(append(failed, open...), "\n"), test.failed) {
				t.Errorf("%s: failed %q, open %q; want %s, %q", v, failed, open, test.want, test.failed)
			}
			if (len(failed) > 0) != (v == Fail) || (len(open) > 0) != (v == Unknown) {
				t.Errorf("%s with failed %q, open %q", v, failed, open)
			}
		})
	}
}

// TestEveryAlternative sees that each one that failed is told, not only the first.
func TestEveryAlternative(t *testing.T) {
	h := Host{Driver: driver("510.47.03"), Devices: []Device{{Brand: "tesla"}}}.Complete()
	_, failed, _ := Requirement{Text: cuda122}.Judge(h)
	if want := len(strings.Fields(cuda122)); len(failed) != want {
		t.Errorf("%d of %d alternatives: %q", len(failed), want, failed)
	}
}

func TestRequirements(t *testing.T) {
	tests := []struct {
		name     string
		env      []string
		want     []string
		disabled bool
	}{
		{"none", []string{"PATH=/bin"}, nil, false},
		{"one", []string{"NVIDIA_REQUIRE_CUDA=cuda>=12.2", "CUDA_VERSION=12.2.0"}, []string{"NVIDIA_REQUIRE_CUDA: cuda>=12.2"}, false},
		{"several", []string{"NVIDIA_REQUIRE_CUDA=cuda>=9.0", "NVIDIA_REQUIRE_DRIVER=driver>=530"}, []string{"NVIDIA_REQUIRE_CUDA: cuda>=9.0", "NVIDIA_REQUIRE_DRIVER: driver>=530"}, false},
		{"implied", []string{"CUDA_VERSION=11.8.0"}, []string{"CUDA_VERSION: cuda>=11.8"}, false},
		{"implied, as it is empty", []string{"CUDA_VERSION=v11.8.0", "NVIDIA_REQUIRE_CUDA="}, []string{"NVIDIA_REQUIRE_CUDA: ", "CUDA_VERSION: cuda>=11.8"}, false},
		{"CUDA_VERSION of words", []string{"CUDA_VERSION=latest"}, nil, false},
		{"Jetson", []string{"NVIDIA_REQUIRE_JETPACK_HOST_MOUNTS=base-only", "NVIDIA_REQUIRE_JETPACK=csv"}, nil, false},
		{"disabled", []string{"NVIDIA_REQUIRE_CUDA=cuda>=12.2", "NVIDIA_DISABLE_REQUIRE=true"}, []string{"NVIDIA_REQUIRE_CUDA: cuda>=12.2"}, true},
		{"not disabled", []string{"NVIDIA_DISABLE_REQUIRE=yes please"}, nil, false},
		{"the later", []string{"NVIDIA_REQUIRE_CUDA=cuda>=9.0", "NVIDIA_REQUIRE_CUDA=cuda>=12.2"}, []string{"NVIDIA_REQUIRE_CUDA: cuda>=12.2"}, false},
	}
	for _, test := range tests {
		all, disabled := Requirements(test.env)
		var got []string
		for _, r := range all {
			got = append(got, r.Variable+": "+r.Text)
		}
		if !slices.Equal(got, test.want) || disabled != test.disabled {
			t.Errorf("%s: %q, %v; want %q, %v", test.name, got, disabled, test.want, test.disabled)
		}
	}
}

func FuzzRequirement(f *testing.F) {
	f.Add(cuda122, "525.85.12", "tesla")
	f.Add("cuda>=13.0 , arch!8.0,brand!=x", "", "")
	f.Fuzz(func(t *testing.T, text, version, brand string) {
		d, _ := ParseDriver(version)
		h := Host{Driver: d, Devices: []Device{{Brand: brand}}}.Complete()
		v, failed, open := Requirement{Variable: "NVIDIA_REQUIRE_X", Text: text}.Judge(h)
		if (len(failed) > 0) != (v == Fail) || (len(open) > 0) != (v == Unknown) {
			t.Errorf("%s with failed %q, open %q", v, failed, open)
		}
		if known, _, _ := (Requirement{Text: text}).Judge(Host{}); known == OK && v == Fail {
			t.Errorf("%q holds where nothing is known, and not here", text)
		}
		all, _ := Requirements([]string{"NVIDIA_REQUIRE_X=" + text, "CUDA_VERSION=" + text})
		if len(all) == 0 {
			t.Error("a requirement is lost")
		}
	})
}
