package scenarios

import (
	"strings"
	"testing"
)

// Before and after are the same service each; what differs is what they are built
// on.
func TestOwnBaseServices(t *testing.T) {
	s, err := Get("own-base")
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Suite()
	if err != nil || !strings.Contains(string(text), "docker build -t own-base:base --build-arg BASE=IMAGE base\n") {
		t.Errorf("an export does not say how the base is built: %v\n%s", err, text)
	}
	code := make(map[string]string)
	for _, v := range s.Variants {
		code[v.Name] = contents(t, context(t, s, v.Name))["app.py"]
	}
	for _, service := range []string{"score", "text"} {
		if code[service] == "" || code[service] != code[service+"-before"] {
			t.Errorf("%s and %s-before are not the same service", service, service)
		}
		v, err := s.variant(service)
		if err != nil || v.Base != "own-base:base" {
			t.Errorf("%s is built on %s, %v", service, v.Base, err)
		}
	}
	if code["score"] == code["text"] || code["base"] != "" {
		t.Error("there are not two services and a base without one")
	}
}
