package main

import (
	"encoding/csv"
	"errors"
	"os"
	"strconv"
)

// writeRecords writes every start in the order in which they were, for whoever
// wants to look behind the tables.
func writeRecords(path string, records []record) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	_ = w.Write([]string{"round", "server", "observer", "ready_error_ms", "listening_error_ms", "source", "begin_to_listening_ms", "waiting_cpu_ms", "cpu_ms", "problem"})
	text := func(x float64, ok bool) string {
		if !ok {
			return ""
		}
		return strconv.FormatFloat(x, 'f', 6, 64)
	}
	for _, r := range records {
		ok := r.problem == ""
		listened := ok && r.server != exit
		_ = w.Write([]string{
			strconv.Itoa(r.round), r.server.name, r.observer.name,
			text(r.ready, listened && r.observer != nobody), text(r.listening.value, r.listening.ok), r.source,
			text(r.took, listened), text(r.waiting.value, r.waiting.ok), text(r.cpu, ok), r.problem,
		})
	}
	w.Flush()
	return errors.Join(w.Error(), f.Close())
}
