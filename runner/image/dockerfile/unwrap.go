package dockerfile

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// call adds a command, or what it calls in turn: sudo, env, sh -c and the like
// are only its wrapping.
func (e *script) call(c command, depth int) {
	c.env = maps.Clone(c.env)
	if c.env == nil {
		c.env = map[string]string{}
	}
	for range 8 {
		if len(c.words) == 0 {
			return
		}
		c.words = slices.Clone(c.words)
		c.words[0] = path.Base(c.words[0])
		if slices.Contains(shells, c.words[0]) {
			for i, w := range c.words[1:] {
				if strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "--") && strings.HasSuffix(w, "c") && i+2 < len(c.words) {
					e.nested(c, c.words[i+2], depth)
					return
				}
			}
			break
		}
		rest, wraps := unwrap(c)
		if !wraps {
			break
		}
		c.words = rest
	}
	if len(c.words) > 0 && len(e.commands) < maxCommands {
		e.commands = append(e.commands, c)
	}
}

// nested adds the commands of a shell's argument, all in the line of the shell.
func (e *script) nested(c command, text string, depth int) {
	n := len(e.commands)
	e.parse(text, c.line, depth+1)
	for i := range e.commands[n:] {
		e.commands[n+i].line = c.line
		for name, value := range c.env {
			if _, ok := e.commands[n+i].env[name]; !ok {
				e.commands[n+i].env[name] = value
			}
		}
	}
}

// wrappers run the command in their arguments. The options are those that have
// a value of their own.
var wrappers = map[string][]string{
	"sudo": {"-u", "-g", "--user", "--group"}, "env": {"-u"}, "time": nil, "exec": nil, "command": nil, "nice": {"-n"},
	"nohup": nil, "eatmydata": nil, "xargs": {"-n", "-a", "-I", "-d", "-L", "-P", "--arg-file"}, "timeout": nil, "builtin": nil,
}

// unwrap is the command that a command runs, and whether it runs one.
func unwrap(c command) (rest []string, wraps bool) {
	program, words := c.words[0], c.words[1:]
	if options, ok := wrappers[program]; ok {
		for len(words) > 0 {
			switch w := words[0]; {
			case strings.HasPrefix(w, "-"):
				n := 1
				if slices.Contains(options, w) {
					n = 2
				}
				words = words[min(n, len(words)):]
				continue
			case program == "env" || program == "sudo":
				if name, value, ok := strings.Cut(w, "="); ok {
					c.env[name] = value
					words = words[1:]
					continue
				}
			case program == "timeout" && w[:min(1, len(w))] >= "0" && w[:min(1, len(w))] <= "9":
				words = words[1:]
				continue
			}
			break
		}
		return words, true
	}
	switch {
	case len(words) >= 2 && strings.HasPrefix(program, "python") && words[0] == "-m":
		return words[1:], true
	case len(words) >= 2 && slices.Contains([]string{"gosu", "su-exec"}, program):
		return words[1:], true
	case len(words) >= 2 && slices.Contains([]string{"conda", "mamba", "micromamba"}, program) && words[0] == "run":
		words = words[1:]
		for len(words) > 0 && strings.HasPrefix(words[0], "-") {
			n := 1
			if slices.Contains([]string{"-n", "-p", "--name", "--prefix"}, words[0]) {
				n = 2
			}
			words = words[min(n, len(words)):]
		}
		return words, true
	}
	return nil, false
}
