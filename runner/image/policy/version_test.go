package policy

import (
	"testing"

	"mlbench/runner/image"
)

// The order is that of the package managers: examples of deb-version(7), of PEP
// 440 and of apk-tools.
func TestCompare(t *testing.T) {
	for _, c := range []struct {
		kind      image.OwnerKind
		ascending []string
	}{
		{image.Dpkg, []string{"1.0~beta1~svn1245", "1.0~beta1", "1.0", "1.0-1", "1.0-2", "1.0-10", "1.0a", "1.0+deb1", "1.0.1", "1.10", "1:0.1", "2:0"}},
		{image.Dpkg, []string{"2.36-9+deb12u8", "2.36-9+deb12u10", "2.37"}},
		{image.Apk, []string{"1.2_alpha1", "1.2_beta", "1.2_rc1-r3", "1.2-r0", "1.2-r1", "1.2_p1-r0", "1.2.1", "1.3"}},
		{image.Pip, []string{"1.0.dev456", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456", "1.0b2", "1.0b2.post345.dev456", "1.0b2.post345", "1.0rc1.dev456", "1.0rc1", "1.0", "1.0.post456.dev34", "1.0.post456", "1.1.dev1", "1.1", "1.10", "1!0.1"}},
		{image.Pip, []string{"2.3.0+cu118", "2.3.0+cu121"}},
	} {
		for i, a := range c.ascending {
			for j, b := range c.ascending {
				if got := sign(compare(c.kind, a, b)); got != sign(i-j) {
					t.Errorf("%s: compare(%s, %s) = %d, want %d", c.kind, a, b, got, sign(i-j))
				}
			}
		}
	}
	for _, same := range []struct {
		kind image.OwnerKind
		a, b string
	}{
		{image.Pip, "1.0", "1.0.0"}, {image.Pip, "1.0.0rc1", "1.0-RC.1"}, {image.Pip, "2.3.0", "2.3.0+cu121"}, {image.Pip, "1.0-1", "1.0.post1"},
		{image.Dpkg, "0:1.0", "1.0"}, {image.Dpkg, "1.01", "1.1"},
	} {
		if got := compare(same.kind, same.a, same.b); got != 0 {
			t.Errorf("compare(%s, %s) = %d, want 0", same.a, same.b, got)
		}
	}
}

func sign(n int) int { return min(1, max(-1, n)) }

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		conditions, version string
		want                bool
	}{
		{"3.12", "3.12", true},
		{"3.12", "3.12.7", true},
		{"3.12", "3.1", false},
		{"3.1", "3.12", false},
		{">=3.11, <3.13", "3.12.7", true},
		{">=3.11,<3.13", "3.13.0", false},
		{"==3.12", "3.12.7", false},
		{"= 3.12.7", "3.12.7", true},
		{"!=2.1", "2.1", false},
		{">2", "2", false},
		{"<=2", "2", true},
	} {
		v, err := ParseVersions(c.conditions)
		if err != nil || v.Hold(image.Pip, c.version) != c.want {
			t.Errorf("%s of %s: not %v, %v", c.version, c.conditions, c.want, err)
		}
	}
	for _, bad := range []string{"", ",", ">=", "3.12,", "a b", ">>3", "~=3"} {
		if v, err := ParseVersions(bad); err == nil {
			t.Errorf("%q is %v", bad, v)
		}
	}
}
