package suite

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Template is a suite file to begin from: these images are its candidates, and
// every setting is there as a comment with an example.
func Template(images []string) []byte {
	var b strings.Builder
	b.WriteString(`# What mlbench compare and mlbench run measure in this folder. Keys have the
# names of the flags, which win over what is said here.

# The first is the baseline. Each may have its own of the settings below that
# are marked with *: they win over those.
candidates:
`)
	for _, image := range images {
		quoted, _ := json.Marshal(image) // strings always can be; JSON's are YAML's too
		fmt.Fprintf(&b, "  - image: %s\n", quoted)
	}
	b.WriteString(`  # - name: quantised
  #   image: myservice:new
  #   env: {MODEL: small}
`)
	for _, k := range keys {
		mark := ""
		if k.each {
			mark = "* "
		}
		fmt.Fprintf(&b, "\n# %s%s\n#%s: %s\n", mark, k.says, k.name, k.eg)
	}
	return []byte(b.String())
}
