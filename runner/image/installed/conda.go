package installed

import "encoding/json"

// Conda reads a file of conda-meta. Files are relative to the environment.
func Conda(content []byte) (Package, bool) {
	var meta struct {
		Name    string   `json:"name"`
		Version string   `json:"version"`
		Files   []string `json:"files"`
		Depends []string `json:"depends"`
	}
	if json.Unmarshal(content, &meta) != nil || meta.Name == "" {
		return Package{}, false
	}
	p := Package{Name: meta.Name, Version: meta.Version, Files: meta.Files}
	for _, need := range meta.Depends { // e.g. "python >=3.11,<3.12.0a0"
		if name := firstWord(need); name != "" {
			p.Needs = append(p.Needs, []string{name})
		}
	}
	return p, true
}
