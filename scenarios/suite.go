package scenarios

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Suite is a suite file for a copy of the scenario: its settings, and as its
// candidates the folders of the variants that build on their own, baseline first.
func (s Scenario) Suite() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s. `mlbench compare` here builds and compares these;\n# on another base image with --build-arg BASE=IMAGE.\n", s.Title)
	for _, v := range s.WithBases(s.Variants) {
		if slices.ContainsFunc(s.Variants, func(on Variant) bool { return on.Base == v.Tag && !on.Aside }) {
			fmt.Fprintf(&b, "# Some are built on %[1]s, which is built before, on another base image too: docker build -t %[1]s --build-arg BASE=IMAGE %[2]s\n", v.Tag, v.Name)
		}
	}
	if !s.Settings.IsZero() {
		settings, err := yaml.Marshal(&s.Settings)
		if err != nil {
			return nil, fmt.Errorf("settings of scenario %s: %w", s.Name, err)
		}
		b.Write(settings)
	}
	b.WriteString("candidates:\n")
	for _, v := range s.Variants {
		if !v.Aside {
			fmt.Fprintf(&b, "  - {name: %s, folder: ./%s}\n", v.Name, v.Name)
		}
	}
	return b.Bytes(), nil
}
