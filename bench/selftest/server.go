package selftest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Port is where the server listens unless the variable PORT says otherwise.
const Port = 8080

// health is the path that it answers.
const health = "/healthz"

// Serve is the program that the self-test starts, until ctx is done. It does
// so many units of work before it listens, and the extra ones between that
// moment and its first answer: what was added to a start is then one of its
// phases, so that every start tells its own true change.
func Serve(ctx context.Context, work, extra int) error {
	w := newWorker()
	w.do(work)
	port := os.Getenv("PORT")
	if port == "" {
		port = strconv.Itoa(Port)
	}
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	w.do(extra) // who has connected waits in the backlog
	mux := http.NewServeMux()
	mux.HandleFunc(health, func(out http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(out, "ready", w.x) // whoever asked may have gone
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	return server.Serve(l)
}

// arguments are the server's, as [Serve] takes them.
func arguments(work, extra int) []string {
	return []string{"--work", strconv.Itoa(work), "--extra", strconv.Itoa(extra)}
}
