package scenarios

import (
	"fmt"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// Bytes is a size; a scenario.yaml has it as 12MB, in units of 1000.
type Bytes int64

var (
	size  = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(kB|MB|GB)$`)
	units = map[string]float64{"kB": 1e3, "MB": 1e6, "GB": 1e9}
)

// UnmarshalYAML reads a size.
func (b *Bytes) UnmarshalYAML(n *yaml.Node) error {
	m := size.FindStringSubmatch(n.Value)
	if m == nil {
		return fmt.Errorf("line %d: %q is no size: write it as 12MB or 2.1GB", n.Line, n.Value)
	}
	f, err := strconv.ParseFloat(m[1], 64)
	*b = Bytes(f * units[m[2]])
	return err
}
