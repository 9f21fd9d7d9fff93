package docker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/client"
)

func TestFindEndpoint(t *testing.T) {
	const meta = `{"Name":"x","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///run/x.sock","SkipTLSVerify":false}}}`
	for _, test := range []struct {
		name          string
		env           map[string]string
		config        string // config.json; "" for none
		meta          string // of the context x; "" for none
		ca            string // its ca.pem
		host, context string
		err           string
	}{
		{name: "nothing", host: client.DefaultDockerHost},
		{name: "no context chosen", config: `{"auths": {}}`, meta: meta, host: client.DefaultDockerHost},
		{name: "current context", config: `{"currentContext": "x"}`, meta: meta, host: "unix:///run/x.sock", context: "x"},
		{name: "default context", config: `{"currentContext": "default"}`, host: client.DefaultDockerHost},
		{name: "DOCKER_CONTEXT", env: map[string]string{"DOCKER_CONTEXT": "x"}, config: `{"currentContext": "y"}`, meta: meta, host: "unix:///run/x.sock", context: "x"},
		{name: "DOCKER_CONTEXT default", env: map[string]string{"DOCKER_CONTEXT": "default"}, config: `{"currentContext": "x"}`, meta: meta, host: client.DefaultDockerHost},
		{name: "DOCKER_HOST", env: map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_CONTEXT": "x"}, config: `{`, host: "tcp://h:1"},
		{name: "DOCKER_HOST over ssh", env: map[string]string{"DOCKER_HOST": "ssh://me@h"}, err: "DOCKER_HOST is ssh://me@h, and an engine cannot be measured through ssh"},
		{name: "context over ssh", config: `{"currentContext": "x"}`, meta: `{"Endpoints":{"docker":{"Host":"ssh://me@h"}}}`, err: "is ssh://me@h, and an engine cannot be measured through ssh"},
		{name: "tcp", config: `{"currentContext": "x"}`, meta: `{"Endpoints":{"docker":{"Host":"tcp://h:2376","SkipTLSVerify":true}}}`, host: "tcp://h:2376", context: "x"},
		{name: "bad certificate", config: `{"currentContext": "x"}`, meta: `{"Endpoints":{"docker":{"Host":"tcp://h:2376"}}}`, ca: "no certificate", err: "its certificates in "},
		{name: "config is no JSON", config: `{"currentContext": `, err: "config.json: unexpected end of JSON"},
		{name: "config of another shape", config: `{"currentContext": 3}`, err: "config.json: json: cannot unmarshal number"},
		{name: "context is not there", config: `{"currentContext": "x"}`, err: `docker context "x" (from `},
		{name: "meta is no JSON", config: `{"currentContext": "x"}`, meta: "\x00", err: "meta.json: invalid character"},
		{name: "meta names no engine", config: `{"currentContext": "x"}`, meta: `{"Endpoints":{"kubernetes":{}}}`, err: "meta.json names no engine"},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			for path, content := range map[string]string{
				"config.json": test.config,
				"contexts/meta/" + contextID("x") + "/meta.json":    test.meta,
				"contexts/tls/" + contextID("x") + "/docker/ca.pem": test.ca,
			} {
				if content != "" {
					write(t, filepath.Join(folder, path), content)
				}
			}
			for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"} {
				t.Setenv(name, test.env[name]) // the client library reads them by itself
			}
			t.Setenv("DOCKER_CONFIG", folder)
			r, err := New(Options{})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.cli.DaemonHost() != test.host || r.context != test.context {
				t.Errorf("host %s by context %q, want %s, %q", r.cli.DaemonHost(), r.context, test.host, test.context)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
