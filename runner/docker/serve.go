package docker

import (
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"
)

// A server is a registry on this host's loopback that holds the copies of this
// run's images and nothing else. It sends files as the kernel does it fastest,
// since it shares processors with the engine that unpacks them.
type server struct {
	http    *http.Server
	host    string       // and port
	repo    string       // one path segment that nobody guesses: other users of this host reach the port too
	dir     string       // of the blobs
	blobs   atomic.Value // map[string]string: what may be asked for, by digest, with its media type
	reached atomic.Bool  // somebody has asked for something
}

// serve begins to serve; nothing until blobs is set.
func serve(dir, repo string) (*server, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{host: l.Addr().String(), repo: repo, dir: dir}
	s.blobs.Store(map[string]string(nil))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/{$}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v2/{repo}/manifests/{digest}", s.blob)
	mux.HandleFunc("GET /v2/{repo}/blobs/{digest}", s.blob)
	s.http = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		s.reached.Store(true)
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		mux.ServeHTTP(w, q)
	})}
	go func() { _ = s.http.Serve(l) }() // ends with close
	return s, nil
}

// blob answers with a manifest or a blob: both are files called by their digests.
func (s *server) blob(w http.ResponseWriter, q *http.Request) {
	digest := q.PathValue("digest")
	kind, ok := s.blobs.Load().(map[string]string)[digest]
	if !ok || q.PathValue("repo") != s.repo {
		http.NotFound(w, q)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Etag", `"`+digest+`"`)
	http.ServeFile(w, q, filepath.Join(s.dir, digest))
}

// offer lets copies be pulled.
func (s *server) offer(copies ...imageCopy) {
	blobs := make(map[string]string)
	for _, c := range copies {
		blobs[c.manifest], blobs[c.config] = typeManifest, typeConfig
		for _, l := range c.layers {
			blobs[l.Digest] = typeLayer
		}
	}
	s.blobs.Store(blobs)
}

// ref is what an engine pulls a copy by.
func (s *server) ref(digest string) string { return s.host + "/" + s.repo + "@" + digest }

// close ends it; who is being served is left in the middle.
func (s *server) close() error { return s.http.Close() }
