package runner

import (
	"fmt"
	"regexp"
	"strings"
)

// RuleKind names what counts as ready.
type RuleKind string

// The ready rules.
const (
	HTTP        RuleKind = "http"        // first 2xx on the health path
	TCP         RuleKind = "tcp"         // first accepted connection on the port
	Log         RuleKind = "log"         // first log line that matches
	Exit        RuleKind = "exit"        // the program ended with status 0 (batch jobs)
	Healthcheck RuleKind = "healthcheck" // the engine calls the container healthy
)

// RuleKinds are all of them.
func RuleKinds() []RuleKind { return []RuleKind{HTTP, TCP, Log, Exit, Healthcheck} }

// A Rule says when a candidate counts as ready. The zero Rule is HTTP.
type Rule struct {
	Kind    RuleKind
	Pattern *regexp.Regexp // Log only
}

// ParseRule reads a rule as the command line has it: http, tcp, log=REGEXP,
// exit or healthcheck.
func ParseRule(s string) (Rule, error) {
	kind, pattern, hasPattern := strings.Cut(s, "=")
	switch k := RuleKind(kind); k {
	case HTTP, TCP, Exit, Healthcheck:
		if hasPattern {
			return Rule{}, fmt.Errorf("ready rule %q takes no pattern", kind)
		}
		return Rule{Kind: k}, nil
	case Log:
		if pattern == "" {
			return Rule{}, fmt.Errorf("ready rule log needs a pattern, e.g. log='startup complete'")
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return Rule{}, fmt.Errorf("ready rule log: %w", err)
		}
		return Rule{Kind: Log, Pattern: re}, nil
	}
	return Rule{}, fmt.Errorf("no ready rule %q: there are http, tcp, log=REGEXP, exit and healthcheck", s)
}

// String is the form that ParseRule reads.
func (r Rule) String() string {
	switch {
	case r.Kind == "":
		return string(HTTP)
	case r.Kind == Log && r.Pattern != nil:
		return "log=" + r.Pattern.String()
	}
	return string(r.Kind)
}

// NeedsPort reports whether the rule looks at a port.
func (r Rule) NeedsPort() bool {
	return r.Kind == "" || r.Kind == HTTP || r.Kind == TCP
}

// MarshalText writes the form that ParseRule reads.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Rule) UnmarshalText(text []byte) error {
	rule, err := ParseRule(string(text))
	if err != nil {
		return err
	}
	*r = rule
	return nil
}
