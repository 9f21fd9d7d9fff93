package runner

import (
	"testing"
)

func TestContentType(t *testing.T) {
	for body, want := range map[string]string{
		` {"a": 1}`: "application/json", "[1]": "application/json",
		"hello": "text/plain; charset=utf-8", "\x89PNG\x0D\x0A\x1A\x0A": "image/png", "\x00\x01": "application/octet-stream",
	} {
		if got := (Request{Body: []byte(body)}).ContentType(); got != want {
			t.Errorf("%q: %s", body, got)
		}
	}
}
