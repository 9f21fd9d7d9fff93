package suite

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTemplate reads a template as it is written, and with each setting that it
// shows as a comment.
func TestTemplate(t *testing.T) {
	images := []string{"old:tag", "5", "null", "a: [b]\n- c", `"<quoted>"`}
	b := Template(images)
	s, err := Read(bytes.NewReader(b), File)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Names(), images) || len(s.Settings) != 0 {
		t.Errorf("%+v", s)
	}
	shown := regexp.MustCompile(`(?m)^#([a-z-]+: .*)$`).FindAllStringSubmatch(string(b), -1)
	if len(shown) != len(keys) {
		t.Errorf("%d settings are shown, and there are %d", len(shown), len(keys))
	}
	for _, x := range shown {
		s, err := Read(strings.NewReader(x[1]), File)
		if err != nil || len(s.Settings) != 1 {
			t.Errorf("%s: %+v, %v", x[1], s, err)
		}
	}
	all := regexp.MustCompile(`(?m)^#([a-z-]+: )`).ReplaceAll(b, []byte("$1"))
	if s, err := Read(bytes.NewReader(all), File); err != nil || len(s.Settings) != len(keys) {
		t.Errorf("with all settings: %+v, %v", s, err)
	}
}
