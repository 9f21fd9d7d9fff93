package image

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzCheck makes images of garbage: each line of the text is an entry, a line
// of history, a variable or a content, and what comes of it has to be whole.
func FuzzCheck(f *testing.F) {
	f.Add("usr/bin/python3.11\x00100\nroot/.ssh/id_rsa\x0010\n+RUN |1 A_TOKEN=abcdefgh /bin/sh -c pip install x\n=PATH=/a:/b\n-x", `{"config":{"User":"0"}}`)
	f.Add("a/site-packages/torch/version.py\x00cuda = '12.4'\n+COPY . .\n=CUDA_VERSION=11.8\nx/lib/python3.1/os.py\n@x\x00../y", `{"history":[{"created_by":"ENV X_PASSWORD=aaaaaaa"}]}`)
	f.Add("var/lib/dpkg/status\x00Package: gcc\nopt/conda/pkgs/a\n%opt/conda/b\x00opt/conda/pkgs/a\n+\n-opt", "{}")
	f.Fuzz(func(t *testing.T, text, config string) {
		b := new(build)
		if c, err := ParseConfig([]byte(config)); err == nil {
			b.config = c
		}
		entries := 0
		for line := range strings.Lines(text) {
			if entries++; entries > 500 {
				break
			}
			line = strings.TrimSuffix(line, "\n")
			if line == "" {
				continue
			}
			path, rest, _ := strings.Cut(line[1:], "\x00")
			path = strings.Trim(path, "/")
			switch line[0] {
			case '+':
				if len(b.layers) < 20 {
					b.step(line[1:])
				}
			case '=':
				b.env(line[1:])
			case '-':
				b.gone(path)
			case '@':
				b.link(path, rest)
			case '%':
				b.entry(File{Path: path, Kind: HardLink, Link: rest})
			default:
				path, rest, _ := strings.Cut(line, "\x00")
				b.text(strings.Trim(path, "/"), rest)
				b.files[len(b.files)-1].Size = int64(len(rest)) * mb
			}
		}
		x := b.index()
		all := Check(x, x.Owners())
		var sum int64
		for _, f := range all {
			sum += f.Bytes
			if f.ID == "" || f.Title == "" || f.Remedy == "" || f.Severity.rank() < 0 || f.Bytes < 0 || len(f.Evidence) > longest+3 {
				t.Errorf("%+v", f)
			}
		}
		if sum > x.UnpackedBytes() {
			t.Errorf("findings have %d bytes, the image %d", sum, x.UnpackedBytes())
		}
		if _, err := json.Marshal(all); err != nil {
			t.Error(err)
		}
	})
}

func FuzzRedacted(f *testing.F) {
	f.Add("RUN |1 HF_TOKEN=hf_x /bin/sh -c curl https://u:pass@h -H 'Authorization: Bearer abc' --token abcdefg # buildkit")
	f.Add("PASSWORD='a b' TOKEN=TOKEN=aaaaaaaaa")
	f.Fuzz(func(t *testing.T, text string) {
		if redacted := Redacted(text); len(secretsIn(text)) == 0 && redacted != text {
			t.Errorf("%q became %q", text, redacted)
		}
		told(text)
		floating(text)
	})
}
