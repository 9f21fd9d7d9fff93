package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/docker/client"
	"github.com/docker/go-connections/tlsconfig"
)

// The docker command's own variables, beside those of its client library.
const (
	envContext = "DOCKER_CONTEXT"
	envConfig  = "DOCKER_CONFIG"
)

// An endpoint is how the engine is reached.
type endpoint struct {
	context string // the docker context that says so, "" for none
	options []client.Opt
}

// findEndpoint finds the engine that the docker command would use: DOCKER_HOST
// wins, then DOCKER_CONTEXT, then the context that `docker context use` wrote
// into the configuration, then the local socket.
// https://docs.docker.com/engine/manage-resources/contexts/
func findEndpoint(getenv func(string) string) (endpoint, error) {
	fromEnv := endpoint{options: []client.Opt{client.FromEnv}}
	if host := getenv(client.EnvOverrideHost); host != "" {
		return fromEnv, refuseSSH("DOCKER_HOST is "+host, host)
	}
	folder := configFolder(getenv)
	name, source, err := contextName(getenv, folder)
	if err != nil || name == "" || name == "default" {
		return fromEnv, err
	}
	host, skipVerify, err := readContext(folder, name, source)
	if err != nil {
		return endpoint{}, err
	}
	if err := refuseSSH(fmt.Sprintf("docker context %q (from %s) is %s", name, source, host), host); err != nil {
		return endpoint{}, err
	}
	options, err := tlsOptions(filepath.Join(folder, "contexts", "tls", contextID(name), "docker"), skipVerify)
	if err != nil {
		return endpoint{}, fmt.Errorf("docker context %q: %w", name, err)
	}
	// The transport first, as WithHost sets it up.
	options = append(options, client.WithHost(host), client.WithVersionFromEnv())
	return endpoint{context: name, options: options}, nil
}

func refuseSSH(what, host string) error {
	if !strings.HasPrefix(host, "ssh://") {
		return nil
	}
	return fmt.Errorf("%s, and an engine cannot be measured through ssh: run mlbench on that host", what)
}

// configFolder is where the docker command keeps its files, "" if there is no
// such place.
func configFolder(getenv func(string) string) string {
	if folder := getenv(envConfig); folder != "" {
		return folder
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".docker")
}

// contextName is the current context, "" for none, and what says so.
func contextName(getenv func(string) string, folder string) (name, source string, err error) {
	if name := getenv(envContext); name != "" {
		return name, envContext, nil
	}
	if folder == "" {
		return "", "", nil
	}
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	path := filepath.Join(folder, "config.json")
	if err := readJSON(path, &config); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("the docker command's configuration: %w: mend it, or name the engine with DOCKER_HOST", err)
	}
	return config.CurrentContext, path, nil
}

// readContext reads a context's engine address.
func readContext(folder, name, source string) (host string, skipVerify bool, err error) {
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	path := filepath.Join(folder, "contexts", "meta", contextID(name), "meta.json")
	err = readJSON(path, &meta)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("docker context %q (from %s) is not there (%s): choose another with `docker context use`, or name the engine with DOCKER_HOST", name, source, path)
	}
	if err != nil {
		return "", false, fmt.Errorf("docker context %q: %w: mend it, or name the engine with DOCKER_HOST", name, err)
	}
	e, ok := meta.Endpoints["docker"]
	if !ok || e.Host == "" {
		return "", false, fmt.Errorf("docker context %q: %s names no engine (Endpoints.docker.Host): mend it, or name the engine with DOCKER_HOST", name, path)
	}
	return e.Host, e.SkipTLSVerify, nil
}

// contextID is the name of a context's folders.
func contextID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// tlsOptions are for the certificates that a context keeps, if it does.
func tlsOptions(folder string, skipVerify bool) ([]client.Opt, error) {
	o := tlsconfig.Options{InsecureSkipVerify: skipVerify, ExclusiveRootPools: true}
	for name, path := range map[string]*string{"ca.pem": &o.CAFile, "cert.pem": &o.CertFile, "key.pem": &o.KeyFile} {
		file := filepath.Join(folder, name)
		_, err := os.Stat(file)
		if err == nil {
			*path = file
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if o.CAFile == "" && o.CertFile == "" && o.KeyFile == "" && !skipVerify {
		return nil, nil
	}
	config, err := tlsconfig.Client(o)
	if err != nil {
		return nil, fmt.Errorf("its certificates in %s: %w", folder, err)
	}
	return []client.Opt{client.WithHTTPClient(&http.Client{
		Transport:     &http.Transport{TLSClientConfig: config},
		CheckRedirect: client.CheckRedirect,
	})}, nil
}

func readJSON(path string, to any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
