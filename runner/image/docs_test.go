package image

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// docs/images.md lists every check as it is.
func TestChecksInDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/images.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if row := fmt.Sprintf("| `%s` | %s | %s |", c.id, c.severity, c.title); !strings.Contains(string(page), row) {
			t.Errorf("docs/images.md has no row %s", row)
		}
	}
}
