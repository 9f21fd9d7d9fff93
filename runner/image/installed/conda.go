package installed

import "encoding/json"

// maxConda is the longest file of conda-meta that is read, in bytes: those of
// packages of ten thousand files have 4 MB.
const maxConda = 16 << 20

// Conda reads a file of conda-meta. Files are relative to the environment.
func Conda(content []byte) (Package, bool) {
	var meta struct {
		Name    string   `json:"name"`
		Version string   `json:"version"`
		Files   []string `json:"files"`
		Depends []string `json:"depends"`
	}
	if len(content) > maxConda || json.Unmarshal(content, &meta) != nil {
		return Package{}, false
	}
	p := Package{Name: meta.Name, Version: meta.Version, Files: meta.Files}
	if !p.named() {
		return Package{}, false
	}
	for _, need := range meta.Depends { // e.g. "python >=3.11,<3.12.0a0"
		if name := firstWord(need); name != "" {
			p.Needs = append(p.Needs, []string{name})
		}
	}
	return p, true
}
