package runner

import (
	"io"
	"net/http"
	"testing"
)

// A request is the same whoever sends it, at any address.
func TestTo(t *testing.T) {
	r := Request{Method: http.MethodPost, Path: "/predict?n=1", Body: []byte(`{"x": 1}`)}
	req, err := r.To("[fd00::7]:8080")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil || string(body) != string(r.Body) || req.Method != r.Method || req.URL.String() != "http://localhost:8080/predict?n=1" ||
		req.UserAgent() != "mlbench" || req.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%+v with %q, %v", req, body, err)
	}
	for addr, r := range map[string]Request{"localhost": r, "h:1": {Method: http.MethodGet, Path: "predict"}, "h:2": {Method: "G T", Path: "/"}} {
		if _, err := r.To(addr); err == nil {
			t.Errorf("%s: %+v is a request", addr, r)
		}
	}
}

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
