package suite

import "encoding/json"

// A node of a JSON Schema. Maps are written in the order of their keys, so that
// the file does not change by itself.
type node = map[string]any

// Schema is a JSON Schema of suite files, for editors. It is made of the keys that
// the reader knows. A section policy is not described in it.
func Schema() ([]byte, error) {
	all, own := node{}, node{}
	for _, k := range keys {
		all[k.name] = k.schema()
		if k.each {
			own[k.name] = k.schema()
		}
	}
	one := node{"type": []string{"string", "number"}, "minLength": 1}
	own[keyName] = with(one, "description", "by which it is named in reports and on the command line; the image, folder or command where it is left out")
	own[string(Image)] = with(one, "description", "an image reference")
	own[string(Folder)] = with(one, "description", "a folder with a Dockerfile, a path from this file's folder; it is built first")
	own[string(Command)] = with(one, "description", "a command line, started by the runner process")
	all[keyCandidates] = node{
		"description": "what is measured; the first is the baseline",
		"type":        "array",
		"maxItems":    maxCandidates,
		"items": node{"oneOf": []node{
			{"type": "string", "minLength": 1, "description": "an image reference; a folder, if it begins with a dot or a slash or ends in a slash"},
			{
				"type": "object", "properties": own, "additionalProperties": false,
				"oneOf": []node{{"required": []Kind{Image}}, {"required": []Kind{Folder}}, {"required": []Kind{Command}}},
			},
		}},
	}
	all[keyPolicy] = node{"type": "object", "minProperties": 1, "description": "what is asked of images, for mlbench inspect --policy"}
	b, err := json.MarshalIndent(node{
		"$schema":     "http://json-schema.org/draft-07/schema#", // what editors know best
		"title":       "mlbench suite file",
		"description": "Generated from bench/suite/keys.go by go test ./bench/suite -update",
		"type":        "object", "properties": all, "additionalProperties": false,
	}, "", "  ")
	return append(b, '\n'), err
}

func (k key) schema() node {
	n := map[form]node{
		text:   {"type": []string{"string", "number"}},
		whole:  {"type": "integer"},
		number: {"type": "number"},
		truth:  {"type": "boolean"},
		list:   {"type": "array", "items": node{"type": []string{"string", "number"}}},
		vars: {"oneOf": []node{
			{"type": "object", "additionalProperties": node{"type": []string{"string", "number", "boolean", "null"}}},
			{"type": "array", "items": node{"type": []string{"string", "number"}}},
		}},
	}[k.form]
	if len(k.only) > 0 && k.form == list {
		n["items"] = node{"enum": k.only}
	} else if len(k.only) > 0 {
		n = node{"enum": k.only}
	}
	return with(n, "description", k.says)
}

func with(n node, name string, value any) node {
	more := node{name: value}
	for k, v := range n {
		more[k] = v
	}
	return more
}
