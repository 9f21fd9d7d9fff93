package docker

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"
)

func TestFindURL(t *testing.T) {
	for _, test := range []struct {
		command string
		env     []string
		want    string
	}{
		{"curl -f http://localhost:8080/health || exit 1", nil, "8080 /health"},
		{"curl -f http://localhost:8080/health||exit 1", nil, "8080 /health"},
		{"curl -fs http://localhost:8080/health>/dev/null", nil, "8080 /health"},
		{"test $(curl -s http://localhost:8080/health) = ok", nil, "8080 /health"},
		{"(curl -f http://localhost:8080/health)", nil, "8080 /health"},
		{"curl -f http://localhost:8080/health;exit $?", nil, "8080 /health"},
		{`curl -f "http://localhost:8080/health?a=1&b=2" || exit 1`, nil, "8080 /health?a=1&b=2"},
		{`curl -f 'http://localhost:8080/health'`, nil, "8080 /health"},
		{"curl http://localhost:8080", nil, "8080 /"},
		{"curl http://localhost:8080 || exit 1", nil, "8080 /"},
		{"curl http://localhost:8080?deep=1", nil, "8080 /?deep=1"},
		{"curl http://localhost/health", nil, "80 /health"},
		{"curl http://localhost:8080/health#part", nil, "8080 /health"},
		{"curl http://[::1]:8080/x", nil, "8080 /x"},
		{"wget -qO- http://127.0.0.1:$PORT/x", nil, "0 /x"},
		{"wget -qO- http://127.0.0.1:$PORT/x", []string{"PORT=1", "PORT=8000"}, "8000 /x"},
		{"wget -qO- http://127.0.0.1:${PORT}/x", []string{"PORT=8000"}, "8000 /x"},
		{"wget -qO- http://127.0.0.1:${PORT:-9000}/x", nil, "9000 /x"},
		{"wget -qO- http://127.0.0.1:${PORT:-9000}/x", []string{"PORT=8000"}, "8000 /x"},
		{"curl http://$(hostname):8080/health", nil, "0 "},
		{"curl http://`hostname`:8080/health", nil, "0 "},
		{`python -c "import urllib.request; urllib.request.urlopen('http://localhost:8000/health')"`, nil, "8000 /health"},
		{`python -c "import urllib.request as r, os; r.urlopen(f\"http://localhost:{os.environ['PORT']}/health\")"`, nil, "0 /health"},
		{`python -c 'import urllib.request; urllib.request.urlopen("http://localhost:8000/a(b)")'`, nil, "8000 /a(b)"},
		{"curl -fk https://localhost/health", nil, "https 443 /health"},
		{"curl -fk https://localhost:8443/health", nil, "https 8443 /health"},
		{"curl http://localhost:99999/health", nil, "0 /health"},
		{"curl http://localhost:8080/\x01", nil, "0 /"},
		{"curl http://localhost:/health", nil, "0 /health"},
		{"curl http://", nil, "0 "},
		{"pg_isready", nil, "0 "},
		{"", nil, "0 "},
	} {
		u := findURL(test.command, test.env)
		got := fmt.Sprintf("%d %s", u.port, u.path)
		if u.https {
			got = "https " + got
		}
		if got != test.want {
			t.Errorf("%s\n with %q: %s, want %s", test.command, test.env, got, test.want)
		}
	}
}

func FuzzFindURL(f *testing.F) {
	f.Add("curl -f http://localhost:8080/health || exit 1", "PORT=1")
	f.Add("curl http://[::1]:${PORT:-9/x", "PORT=")
	f.Fuzz(func(t *testing.T, command, env string) {
		u := findURL(command, []string{env})
		if u.port < 0 || u.port > 65535 {
			t.Errorf("port %d", u.port)
		}
		if u.path != "" && (u.path[0] != '/' || strings.ContainsAny(u.path, " \r\n\x00")) {
			t.Errorf("path %q", u.path)
		}
	})
}

func TestFacts(t *testing.T) {
	ports := func(ports ...string) map[string]struct{} {
		m := make(map[string]struct{})
		for _, p := range ports {
			m[p] = struct{}{}
		}
		return m
	}
	var all []string
	for p := range 10000 {
		all = append(all, fmt.Sprintf("%d/tcp", p+1))
	}
	labels := func(port, health string) map[string]string {
		return map[string]string{LabelPort: port, LabelHealth: health}
	}
	check := func(test ...string) map[string]any { return map[string]any{"Test": test} }
	curl := check("CMD-SHELL", "curl -f http://localhost:8080/live")
	for _, test := range []struct {
		name         string
		exposed      map[string]struct{}
		labels       map[string]string
		check        map[string]any
		port, health string // what is found, or part of the error
	}{
		{"nothing", nil, nil, nil, "exposes no TCP port", ""},
		{"one port", ports("80/tcp"), nil, nil, "80", ""},
		{"one port without protocol", ports("80", "80/tcp"), nil, nil, "80", ""},
		{"udp", ports("80/tcp", "53/udp", "9/sctp"), nil, nil, "80", ""},
		{"udp alone", ports("53/udp"), nil, nil, "exposes no TCP port", ""},
		{"several", ports("9000/tcp", "80/tcp", "8001/tcp"), nil, nil, "TCP ports 80, 8001, 9000: choose one with --port", ""},
		{"all", ports(all...), nil, nil, "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 9990 more", ""},
		{"no ports", ports("0/tcp", "70000/tcp", "x/tcp", "-1/tcp", "/tcp", "1-9/tcp"), nil, nil, "exposes no TCP port", ""},
		{"several and a check", ports("80/tcp", "8080/tcp"), nil, curl, "8080", "/live"},
		{"one and a check of another", ports("80/tcp"), nil, curl, "80", ""},
		{"one and its check", ports("8080/tcp"), nil, curl, "8080", "/live"},
		{"a check alone", nil, nil, curl, "8080", "/live"},
		{"check in exec form", nil, nil, check("CMD", "curl", "-f", "http://localhost:8080/live"), "8080", "/live"},
		{"no check", nil, nil, check("NONE"), "exposes no TCP port", ""},
		{"inherited check", nil, nil, check(), "exposes no TCP port", ""},
		{"https", nil, nil, check("CMD-SHELL", "curl -fk https://localhost:8443/live"), "8443", "checked over https"},
		{"https and a label", nil, labels("", "/plain"), check("CMD-SHELL", "curl -fk https://localhost:8443/live"), "8443", "/plain"},
		{"labels", ports("80/tcp", "81/tcp"), labels("8000", "/up?x=1"), curl, "8000", "/up?x=1"},
		{"label that is no port", ports("80/tcp"), labels("http", ""), nil, `label mlbench.port is "http"`, ""},
		{"label of port 0", nil, labels("0", ""), nil, `label mlbench.port is "0"`, ""},
		{"label with newlines", ports("80/tcp"), labels("80\n", "/up HTTP/1.1\r\nHost: x"), nil, `label mlbench.port is "80\n"`, `label mlbench.health is "/up HTTP/1.1\r\nHost: x"`},
		{"label that is no path", ports("80/tcp"), labels("", "http://localhost/up"), nil, "80", "which is not a path"},
	} {
		b, err := json.Marshal(map[string]any{"Config": map[string]any{
			"ExposedPorts": test.exposed, "Labels": test.labels, "Healthcheck": test.check,
		}})
		if err != nil {
			t.Fatal(err)
		}
		var img image.InspectResponse
		if err := json.Unmarshal(b, &img); err != nil {
			t.Fatal(err)
		}
		f := readFacts(img, nil)
		port, err := f.port("ref")
		if got := fmt.Sprint(port, err); test.port != fmt.Sprint(port) && (err == nil || !strings.Contains(got, test.port)) {
			t.Errorf("%s: port %s, want %s", test.name, got, test.port)
		}
		health, err := f.health("ref", port)
		if got := fmt.Sprint(health, err); test.health != health && (err == nil || !strings.Contains(got, test.health)) {
			t.Errorf("%s: health %s, want %s", test.name, got, test.health)
		}
	}
}
