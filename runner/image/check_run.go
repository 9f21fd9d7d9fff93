package image

import "strings"

// root finds whether containers run as root.
func root(s *survey) *Finding {
	user := s.x.Config.Run.User
	name, _, _ := strings.Cut(user, ":")
	if uid, known := s.x.UID(name); !known || uid != 0 {
		return nil
	}
	if user == "" {
		return &Finding{Evidence: []string{"no USER is set"}}
	}
	return &Finding{Evidence: []string{"USER " + short(user)}}
}

func noHealthcheck(s *survey) *Finding {
	if h := s.x.Config.Run.Healthcheck; h != nil && len(h.Test) > 0 && h.Test[0] != "NONE" {
		return nil
	}
	return &Finding{}
}
