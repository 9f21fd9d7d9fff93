package cache

import "testing"

func TestParseIO(t *testing.T) {
	for text, want := range map[string]int64{
		"rchar: 23917297\nwchar: 7978\nread_bytes: 112283648\nwrite_bytes: 0\n": 112283648,
		"read_bytes: 0":                     0,
		"read_bytes: -1\n":                  -1,
		"read_bytes: 9223372036854775808\n": -1,
		"rchar: 1\n":                        -1, // without CONFIG_TASK_IO_ACCOUNTING
		"":                                  -1,
	} {
		if got, err := parseIO(text); err == nil && got != want || (err != nil) != (want < 0) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzParseIO(f *testing.F) {
	f.Add("rchar: 1\nread_bytes: 112283648\n")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseIO(text); n < 0 || err != nil && n != 0 {
			t.Errorf("%v, %v", n, err)
		}
	})
}
