package history

import (
	"bytes"
	"testing"

	"mlbench/bench"
)

// FuzzRead holds of any bytes that reading them ends without a panic, that
// what is taken for an entry can be appended again, and that one line more is
// read whatever is before it.
func FuzzRead(f *testing.F) {
	night, err := encode(New(nightOf(3), ""))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(night, []byte(`{"schema":"mlbench.history.change/v1","id":"1","series":"s","candidate":"c","night":"n","before":{"run":"b"},"after":{"run":"a"},"state":"refuted"}`)...))
	good, err := encode(New(result(1), "r.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(append(bytes.Clone(good), good...))
	f.Add([]byte("{\"schema\":\"mlbench.history.line/v2\"}\n\n\x00\xff\n"))
	more, err := encode(New(result(2), ""))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		log, err := ReadFrom(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range log.Entries {
			line, err := encode(e)
			if err != nil {
				t.Fatal(err)
			}
			if again, kind := decode(asLine(line)); kind != isEntry || again.ID != e.ID {
				t.Fatalf("%s is kind %d when it is read again", line, kind)
			}
		}
		Look("h", log, Filter{}, bench.Tool{})
		nights := log.Nights()
		for i, e := range nights {
			e.ReferenceDiffers(nights[max(i-1, 0)])
		}
		for _, track := range log.Tracks() {
			if len(track.Nights) == 0 || track.ID == "" {
				t.Errorf("an empty track: %+v", track)
			}
		}
		tail, err := unended(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		if tail > 0 {
			b = append(bytes.Clone(b), '\n')
		}
		after, err := ReadFrom(bytes.NewReader(append(bytes.Clone(b), more...)))
		if err != nil {
			t.Fatal(err)
		}
		found, err := holds(bytes.NewReader(b), New(result(2), "").ID, New(result(2), "").on)
		if want := len(log.Entries) + 1; err != nil || !found && len(after.Entries) != want {
			t.Fatalf("found %d entries with one more line, want %d: %v", len(after.Entries), want, err)
		}
	})
}

func asLine(text []byte) line { return line{number: 1, ended: true, text: bytes.TrimSpace(text)} }
