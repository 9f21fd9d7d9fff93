package installed

import (
	"encoding/json"
	"strings"
)

// PythonVersion reads Python's patchlevel.h.
func PythonVersion(header []byte) string {
	_, rest, _ := strings.Cut(string(header), "#define PY_VERSION")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(line, " \t\r\"")
}

// CUDAVersion reads the version.json of a CUDA toolkit.
func CUDAVersion(content []byte) string {
	var v struct {
		CUDA struct {
			Version string `json:"version"`
		} `json:"cuda"`
	}
	if json.Unmarshal(content, &v) != nil {
		return ""
	}
	return v.CUDA.Version
}
