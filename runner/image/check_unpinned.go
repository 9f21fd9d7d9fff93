package image

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

var commit = regexp.MustCompile(`^[0-9a-f]{40}$|^[0-9a-f]{64}$`)

// unpinned goes by what an image tells: installs from repositories, and the
// history's pip and conda lines.
func unpinned(s *survey) *Finding {
	var lines []string
	for _, d := range s.x.dists() {
		var direct struct {
			URL string `json:"url"`
			VCS *struct {
				Requested string `json:"requested_revision"`
				Commit    string `json:"commit_id"`
			} `json:"vcs_info"`
		}
		content := s.x.Content(d.dir + "/direct_url.json")
		if content == nil || json.Unmarshal(content, &direct) != nil || direct.VCS == nil || commit.MatchString(direct.VCS.Requested) {
			continue
		}
		p := d.about()
		from := direct.VCS.Requested
		if from == "" {
			from = "the default branch"
		}
		lines = append(lines, short(fmt.Sprintf("%s %s: from %s of %s, which was then %s", p.Name, p.Version, from, Redacted(direct.URL), direct.VCS.Commit)))
	}
	for n, step := range s.x.Config.History {
		if names := floating(step.CreatedBy); names != nil {
			lines = append(lines, short(fmt.Sprintf("history line %d installs without a version: %s", n+1, strings.Join(names, ", "))))
		}
	}
	if lines == nil {
		return nil
	}
	return &Finding{Evidence: cut(lines)}
}

// valued are options of pip and conda that a value follows.
var valued = []string{
	"-r", "--requirement", "-c", "--constraint", "-e", "--editable", "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-t",
	"--target", "--prefix", "--root", "--timeout", "--trusted-host", "--python", "-p", "-n", "--name", "--file", "--platform", "--channel",
	"--python-version", "--only-binary", "--no-binary", "--cache-dir", "--index", "--default-index", "--progress-bar", "--proxy", "--retries",
}

// floating are the packages that a line of history installs without a version.
func floating(createdBy string) []string {
	line, ok := strings.CutPrefix(Instruction(createdBy[:min(len(createdBy), longHistory)]), "RUN ")
	if !ok {
		return nil
	}
	for _, separator := range []string{"&&", "||", ";", "|", "\\\n", "\n"} {
		by := " ; "
		if separator == "\\\n" {
			by = " "
		}
		line = strings.ReplaceAll(line, separator, by)
	}
	var names []string
	for command := range strings.SplitSeq(line, " ; ") {
		words := strings.Fields(command)
		at := slices.Index(words, "install")
		if at < 1 {
			continue
		}
		conda := slices.Contains([]string{"conda", "mamba", "micromamba"}, path.Base(words[at-1]))
		if !conda && !strings.HasPrefix(path.Base(words[at-1]), "pip") {
			continue
		}
		for i := at + 1; i < len(words); i++ {
			word := strings.Trim(words[i], `"'`)
			switch {
			case slices.Contains(valued, word):
				i++
			case !requirement.MatchString(word), conda && strings.Contains(word, "="), strings.Contains(word, "=="), strings.HasSuffix(word, ".whl"):
			case slices.Contains([]string{"pip", "setuptools", "wheel", "uv"}, word):
			case i+1 < len(words) && words[i+1] == "@":
				i += 2
			default:
				names = append(names, word)
			}
		}
	}
	return names
}

var requirement = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]*\])?([<>~!=]=?[^$/]*)?$`)
