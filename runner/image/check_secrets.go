package image

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// secrets looks at environment, labels, history and files, those that a later
// layer removes as well: they can be read out of the image all the same. It
// names secrets and never shows them.
func secrets(s *survey) *Finding {
	var lines []string
	say := func(where, text string) {
		if len(text) > longHistory {
			text = text[:longHistory]
		}
		for _, h := range secretsIn(text) {
			if line := where + ": " + h.name; !slices.Contains(lines, line) && len(lines) < 1000 {
				lines = append(lines, line)
			}
		}
	}
	run, set := s.x.Config.Run, make(map[string]bool)
	for _, env := range run.Env {
		set[strings.SplitN(env, "=", 2)[0]] = true
		if name, value, _ := strings.Cut(env, "="); IsSecret(name, value) {
			lines = append(lines, "ENV: "+short(name))
		} else {
			say("ENV "+short(name), value)
		}
	}
	for name, value := range run.Labels {
		say("LABEL "+short(name), value)
	}
	say("CMD", strings.Join(slices.Concat(run.Entrypoint, run.Cmd), " "))
	for n, step := range s.x.Config.History {
		line, args := split(step.CreatedBy)
		say(fmt.Sprintf("history line %d, build argument", n+1), args)
		word, rest, _ := strings.Cut(line, " ")
		if word == "ENV" && set[strings.SplitN(rest, "=", 2)[0]] {
			continue // said of the environment
		}
		say(fmt.Sprintf("history line %d, %s", n+1, short(word)), rest)
	}
	slices.Sort(lines)
	for i, f := range s.x.Files {
		if f.Kind == Regular && f.Size > 0 && !s.packaged(i) && secretFile(f.Path, s.x.ContentOf(i)) {
			line := short(f.Path)
			if f.HiddenBy != 0 {
				line = fmt.Sprintf("%s (layer %d; layer %d replaces or removes it, and it can still be read)", line, f.Layer+1, f.HiddenBy+1)
			}
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return &Finding{Evidence: cut(lines)}
}

// secretFile reports whether a file of this path holds a secret. Its content
// decides where it is known, as such files often hold settings alone.
func secretFile(p string, content []byte) bool {
	folder, name := path.Base(path.Dir(p)), path.Base(p)
	switch {
	case strings.Contains(p, "node_modules/"):
		return false
	case folder == ".ssh":
		return strings.HasPrefix(name, "id_") && !strings.HasSuffix(name, ".pub")
	case folder == ".aws" && name == "credentials", folder == ".kaggle" && name == "kaggle.json", name == ".git-credentials",
		folder == "gcloud" && (name == "credentials.db" || name == "application_default_credentials.json"),
		folder == "huggingface" && (name == "token" || name == "stored_tokens"):
		return true
	case folder == "ssh" && strings.HasPrefix(name, "ssh_host_") && strings.HasSuffix(name, "_key"):
		return true
	case folder == ".docker" && name == "config.json":
		return content == nil || strings.Contains(string(content), `"auth"`)
	case folder == ".kube" && name == "config":
		return content == nil || strings.Contains(string(content), "token") || strings.Contains(string(content), "client-key-data")
	case name == ".netrc", name == ".pypirc":
		return content == nil || strings.Contains(string(content), "password")
	case name == ".env", strings.HasPrefix(name, ".env."), name == ".npmrc", name == "pip.conf":
		for _, template := range []string{"example", "sample", "template", "dist", "default", "defaults", "schema"} {
			if name == ".env."+template || strings.HasSuffix(name, "."+template) {
				return false
			}
		}
		if content == nil {
			return strings.HasPrefix(name, ".env")
		}
		return len(secretsIn(string(content[:min(len(content), longHistory)]))) > 0
	}
	return false
}
