package dockerfile

import (
	"reflect"
	"strings"
	"testing"
)

func TestReadRuns(t *testing.T) {
	for text, want := range map[string]Runs{
		"FROM scratch": {},
		"ARG P=1\nFROM a\nARG P\nENV Q=90\nEXPOSE 80$P ${Q}/udp $R":                       {Exposed: []string{"$R", "90/udp", "801"}},
		"FROM a AS b\nEXPOSE 1\nUSER x\nFROM b\nUSER y\nHEALTHCHECK CMD curl localhost\n": {Exposed: []string{"1"}, User: "y", Check: "curl localhost"},
		"FROM a\nHEALTHCHECK CMD [\"a\", \"b\"]\nHEALTHCHECK NONE":                        {},
		"FROM a\nEXPOSE 1\nFROM c\nEXPOSE 2":                                              {Exposed: []string{"2"}},
	} {
		if got, err := ReadRuns(strings.NewReader(text), "Dockerfile"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	if _, err := ReadRuns(strings.NewReader("FRM a"), "Dockerfile"); err == nil {
		t.Error("no error of what is no Dockerfile")
	}
}
