package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"

	"mlbench/runner"
)

func TestPrepare(t *testing.T) {
	t.Parallel()
	r := closing(t, Options{})
	const check = `HEALTHCHECK CMD ["/fixture", "-check", "http://localhost:8081/live"]`
	plain := fixtureImage(t)
	several := fixtureImage(t, "EXPOSE 8080 9090/tcp 53/udp")
	labelled := fixtureImage(t, "EXPOSE 8080 9090", `LABEL mlbench.port=9090 mlbench.health=/up`, check)
	checked := fixtureImage(t, "EXPOSE 8080 8081", check)
	bad := fixtureImage(t, `LABEL mlbench.port=http`)
	log, err := runner.ParseRule("log=x")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		c    runner.Candidate
		port int
		path string
		err  string // part of it; a usage error
	}{
		{name: "one port", c: runner.Candidate{Ref: fixtureImage(t, "EXPOSE 8080 53/udp")}, port: 8080},
		{name: "label", c: runner.Candidate{Ref: labelled}, port: 9090, path: "/up"},
		{name: "health check", c: runner.Candidate{Ref: checked}, port: 8081, path: "/live"},
		{name: "given", c: runner.Candidate{Ref: labelled, Port: 1234, Health: "/mine"}, port: 1234, path: "/mine"},
		{name: "several ports", c: runner.Candidate{Ref: several}, err: several + " exposes the TCP ports 8080, 9090: choose one with --port"},
		{name: "several ports, one given", c: runner.Candidate{Ref: several, Port: 9090}, port: 9090},
		{name: "no port", c: runner.Candidate{Ref: plain}, err: plain + " exposes no TCP port"},
		{name: "no port, none needed", c: runner.Candidate{Ref: plain, Ready: log}},
		{name: "no port, a request", c: runner.Candidate{Ref: plain, Ready: log, Request: &runner.Request{}}, err: "exposes no TCP port"},
		{name: "bad label", c: runner.Candidate{Ref: bad}, err: `label mlbench.port is "http"`},
		{name: "bad label, port given", c: runner.Candidate{Ref: bad, Port: 80}, port: 80},
		{name: "no network", c: runner.Candidate{Ref: labelled, Network: "none"}, err: "--network none leaves no address"},
		{name: "no network, none needed", c: runner.Candidate{Ref: labelled, Network: "none", Ready: log}},
		{name: "health rule", c: runner.Candidate{Ref: checked, Ready: runner.Rule{Kind: runner.Healthcheck}}},
		{name: "health rule without one", c: runner.Candidate{Ref: plain, Ready: runner.Rule{Kind: runner.Healthcheck}}, err: "has no HEALTHCHECK"},
		{name: "empty reference", c: runner.Candidate{}, err: `"" is not an image reference`},
		{name: "no reference", c: runner.Candidate{Ref: "Not A Reference"}, err: `"Not A Reference" is not an image reference`},
		{name: "reference of two tags", c: runner.Candidate{Ref: "a:b:c"}, err: `"a:b:c" is not an image reference`},
	} {
		c, err := r.Prepare(t.Context(), test.c)
		if test.err != "" {
			if !errors.Is(err, runner.ErrUsage) || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: error %v, want a usage error with %q", test.name, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if c.Port != test.port || c.Health != test.path {
			t.Errorf("%s: port %d, path %q; want %d, %q", test.name, c.Port, c.Health, test.port, test.path)
		}
		info, err := r.cli.ImageInspect(t.Context(), test.c.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if c.Digest != info.ID {
			t.Errorf("%s: digest %s, want %s", test.name, c.Digest, info.ID)
		}
		if r.graph == "overlay2" && (c.UnpackedBytes == nil || *c.UnpackedBytes != info.Size || info.Size < 1e6) {
			t.Errorf("%s: size %v, want the engine's %d", test.name, c.UnpackedBytes, info.Size)
		}
	}

	// By its id, too, however it is written.
	c, err := r.Prepare(t.Context(), runner.Candidate{Ref: labelled})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{c.Digest, strings.TrimPrefix(c.Digest, "sha256:"), strings.TrimPrefix(c.Digest, "sha256:")[:12]} {
		if again, err := r.Prepare(t.Context(), runner.Candidate{Ref: id}); err != nil || again.Digest != c.Digest {
			t.Errorf("by id %s: %v", id, err)
		}
	}
}

func TestPrepareTCPThroughAPublishedPort(t *testing.T) {
	r := closing(t, Options{Published: true})
	_, err := r.Prepare(t.Context(), runner.Candidate{Ref: fixtureImage(t, "EXPOSE 8080"), Ready: runner.Rule{Kind: runner.TCP}})
	if !errors.Is(err, runner.ErrUsage) {
		t.Errorf("error %v", err)
	}
}

func TestPrepareOtherArchitecture(t *testing.T) {
	r := closing(t, Options{})
	arch := "arm64"
	if r.arch == arch {
		arch = "amd64"
	}
	ref := "mlbench-test/other:" + r.session
	load(t, r, ref, arch)
	_, err := r.Prepare(t.Context(), runner.Candidate{Ref: ref})
	if !errors.Is(err, runner.ErrEnvironment) || !strings.Contains(err.Error(), ref+" is for linux/"+arch) {
		t.Errorf("error %v", err)
	}
}

// load makes an image of another architecture, as `docker load` gets it.
func load(t *testing.T, r *Runner, ref, arch string) {
	t.Helper()
	var layer bytes.Buffer
	files := tar.NewWriter(&layer)
	add := func(to *tar.Writer, name string, content []byte) {
		err := to.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
		if err == nil {
			_, err = to.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add(files, "file", []byte(ref))
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	encode := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var archive bytes.Buffer
	out := tar.NewWriter(&archive)
	add(out, "layer.tar", layer.Bytes())
	add(out, "config.json", encode(map[string]any{
		"architecture": arch, "os": "linux", "config": map[string]any{"Cmd": []string{"/file"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer.Bytes()))}},
	}))
	add(out, "manifest.json", encode([]map[string]any{{
		"Config": "config.json", "RepoTags": []string{ref}, "Layers": []string{"layer.tar"},
	}}))
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	answer, err := r.cli.ImageLoad(t.Context(), &archive)
	if err != nil {
		t.Fatal(err)
	}
	told, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || !strings.Contains(string(told), "Loaded") {
		t.Fatalf("%v: %s", err, told)
	}
	t.Cleanup(func() {
		if _, err := r.cli.ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true, PruneChildren: true}); err != nil {
			t.Error(err)
		}
	})
}
