package docker

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/image"
)

// facts are what an image says about how it is reached.
type facts struct {
	labelPort   string
	labelHealth string
	exposed     []int  // TCP ports, sorted, each once
	check       string // the HEALTHCHECK command, "" for none
	url         checkURL
}

// readFacts reads an image whose container gets env, too, in its environment.
func readFacts(img image.InspectResponse, env []string) facts {
	f := facts{
		labelPort:   img.Config.Labels[LabelPort],
		labelHealth: img.Config.Labels[LabelHealth],
	}
	for p := range img.Config.ExposedPorts {
		number, proto, _ := strings.Cut(p, "/")
		if n, err := parsePort(number); err == nil && (proto == "" || proto == "tcp") {
			f.exposed = append(f.exposed, n)
		}
	}
	slices.Sort(f.exposed)
	f.exposed = slices.Compact(f.exposed)
	if h := img.Config.Healthcheck; h != nil && len(h.Test) > 1 && h.Test[0] != "NONE" {
		f.check = strings.Join(h.Test[1:], " ")
		f.url = findURL(f.check, slices.Concat(img.Config.Env, env))
	}
	return f
}

func parsePort(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%q is not a port", s)
	}
	return n, nil
}

// port is the label, else the one exposed TCP port, else the port of the
// health check's URL.
func (f facts) port(ref string) (int, error) {
	if f.labelPort != "" {
		n, err := parsePort(f.labelPort)
		if err != nil {
			return 0, fmt.Errorf("image %s: label %s is %q, which is not a port: mend it, or give --port", ref, LabelPort, f.labelPort)
		}
		return n, nil
	}
	if len(f.exposed) == 1 {
		return f.exposed[0], nil
	}
	if f.url.port != 0 {
		return f.url.port, nil
	}
	if len(f.exposed) == 0 {
		return 0, fmt.Errorf("image %s exposes no TCP port and has no label %s: say where it listens with --port, or how else it is ready with --ready", ref, LabelPort)
	}
	return 0, fmt.Errorf("image %s exposes the TCP ports %s: choose one with --port", ref, list(f.exposed))
}

// health is the label, else the path of the health check's URL if that is
// about this port, else unknown.
func (f facts) health(ref string, port int) (string, error) {
	if f.labelHealth != "" {
		u, err := url.ParseRequestURI(f.labelHealth)
		if err != nil || !strings.HasPrefix(f.labelHealth, "/") {
			return "", fmt.Errorf("image %s: label %s is %q, which is not a path: mend it, or give --health", ref, LabelHealth, f.labelHealth)
		}
		return u.RequestURI(), nil
	}
	if f.url.port != 0 && f.url.port != port {
		return "", nil
	}
	if f.url.https {
		return "", fmt.Errorf("image %s is checked over https (%s), and --ready http asks plain http: give a path that answers it with --health, or use --ready tcp, log=REGEXP or healthcheck", ref, f.url.text)
	}
	return f.url.path, nil
}

// list names some ports; an image may expose them all.
func list(ports []int) string {
	const most = 10
	var s []string
	for _, p := range ports[:min(len(ports), most)] {
		s = append(s, strconv.Itoa(p))
	}
	out := strings.Join(s, ", ")
	if more := len(ports) - most; more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}

// A checkURL is what a health check asks. The zero value is none.
type checkURL struct {
	text  string
	https bool
	port  int    // 0 where only the running container knows
	path  string // with the query; "/" where the URL has none
}

// findURL finds the first URL in a command: a shell's, or a program in any
// language with a URL in quotation marks. Variables get the values that the
// container's environment gives them.
func findURL(command string, env []string) checkURL {
	i := strings.Index(command, "http://")
	if j := strings.Index(command, "https://"); j >= 0 && (i < 0 || j < i) {
		i = j
	}
	if i < 0 {
		return checkURL{}
	}
	text := command[i:]
	end := -1
	if i > 0 && strings.ContainsRune(`'"`, rune(command[i-1])) {
		end = strings.IndexByte(text, command[i-1])
	}
	if end < 0 {
		end = strings.IndexAny(text, " \t\r\n'\"`;|&<>()\\")
	}
	if end >= 0 {
		text = strings.TrimSuffix(text[:end], `\`) // of a quotation mark within quotation marks
	}
	if strings.HasSuffix(text, "$") { // cut before the parenthesis of $(command)
		return checkURL{}
	}
	return parseURL(os.Expand(text, func(name string) string { return variable(name, env) }))
}

func parseURL(text string) checkURL {
	scheme, rest, _ := strings.Cut(text, "://")
	f := checkURL{text: text, https: scheme == "https", path: "/"}
	u, err := url.Parse(text)
	if err != nil {
		// Most often its port is an expression of the program's language.
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			if u, err := url.ParseRequestURI(rest[i:]); err == nil {
				f.path = u.RequestURI()
			}
		}
		return f
	}
	if u.Host == "" {
		return checkURL{}
	}
	f.path = u.RequestURI()
	switch port := u.Port(); {
	case port != "":
		f.port, _ = parsePort(port) // 0 if it is none
	case strings.HasSuffix(u.Host, ":"): // a variable without a value
	case f.https:
		f.port = 443
	default:
		f.port = 80
	}
	return f
}

// variable is what ${name} or ${name:-default} stands for.
func variable(name string, env []string) string {
	name, otherwise, _ := strings.Cut(name, ":-")
	for _, v := range slices.Backward(env) { // the last one counts
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return otherwise
}
