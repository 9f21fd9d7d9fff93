package image

import (
	"strconv"
	"strings"
)

// root finds the user whom containers run as. Docker takes numbers as
// strconv.Atoi does, and names from the image's /etc/passwd.
func root(s *survey) *Finding {
	user := s.x.Config.Run.User
	name, _, _ := strings.Cut(user, ":")
	is := name == "" || name == "root"
	if uid, err := strconv.Atoi(name); err == nil {
		is = uid == 0
	} else if uid, ok := s.passwd(name); ok {
		is = uid == 0
	}
	if !is {
		return nil
	}
	if user == "" {
		return &Finding{Evidence: []string{"no USER is set"}}
	}
	return &Finding{Evidence: []string{"USER " + short(user)}}
}

// passwd is the user's number; ok is false where the image has no such user.
func (s *survey) passwd(name string) (uid int, ok bool) {
	for line := range strings.Lines(string(s.x.Content("etc/passwd"))) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) > 2 && fields[0] == name {
			uid, err := strconv.Atoi(fields[2])
			return uid, err == nil
		}
	}
	return 0, false
}

func noHealthcheck(s *survey) *Finding {
	if h := s.x.Config.Run.Healthcheck; h != nil && len(h.Test) > 0 && h.Test[0] != "NONE" {
		return nil
	}
	return &Finding{}
}
