package dockerfile

import (
	"io"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// Runs is what a Dockerfile says of how its image runs. What the image at the
// bottom of it says is not known here.
type Runs struct {
	Exposed []string // as they are written, variables put in
	User    string   // "" where it says none
	Check   string   // the command of HEALTHCHECK, "" for none
}

// ReadRuns reads it of the Dockerfile that r yields, of the last stage and those
// that it is built upon. Name is what errors call it.
func ReadRuns(r io.Reader, name string) (Runs, error) {
	b, err := read(r, name)
	if err != nil {
		return Runs{}, err
	}
	var says Runs
	for _, at := range b.shipped() {
		switch c := at.what.(type) {
		case *instructions.ExposeCommand:
			for _, port := range c.Ports {
				if known, ok := at.scope.expand(port); ok {
					port = known
				}
				says.Exposed = append(says.Exposed, port)
			}
		case *instructions.UserCommand:
			says.User = c.User
			if known, ok := at.scope.expand(c.User); ok {
				says.User = known
			}
		case *instructions.HealthCheckCommand:
			says.Check = ""
			if h := c.Health; h != nil && len(h.Test) > 1 {
				says.Check = strings.Join(h.Test[1:], " ")
			}
		}
	}
	return says, nil
}
