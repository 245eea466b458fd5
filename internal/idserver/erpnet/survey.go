package erpnet

import (
	"context"
	"iter"
	"time"

	"trustedapps.dev/operator/internal/idserver"
)

// Survey implements idserver.Surveyor. The login of each system user comes with the page that its registration is on.
func (s *Server) Survey(ctx context.Context) iter.Seq2[idserver.Surveyed, error] {
	return func(yield func(idserver.Surveyed, error) bool) {
		at, err := s.current(ctx)
		if err != nil {
			yield(idserver.Surveyed{}, err)
			return
		}
		q := query{selected: at.features.surveyed(), expand: expandUser, top: s.pageSize}
		seen := map[string]bool{}
		for rows, err := range s.pages(ctx, at, q) {
			if err != nil {
				yield(idserver.Surveyed{}, err)
				return
			}
			for _, row := range rows {
				if seen[row.id()] {
					continue
				}
				seen[row.id()] = true
				if !yield(s.surveyed(at, row), nil) {
					return
				}
			}
		}
	}
}

// surveyed are the attributes to ask for where people are to see a registration.
func (f features) surveyed() string {
	names := f.selected() + "," + attrCreated
	if f.changed {
		names += "," + attrChanged
	}
	return names
}

// surveyed translates a registration without what is only good for changing it: the hash of the secret is in that.
func (s *Server) surveyed(at *site, a attributes) idserver.Surveyed {
	reply := at.reply(a)
	reply.Raw = nil
	return idserver.Surveyed{
		Reply: reply, Operator: reply.Credential.ClientID == s.config.ClientID,
		NoteOnly: a.str(attrClientType) == clientNone, BasicAuthentication: a.flag(attrBasicAuth),
		Created: a.time(attrCreated), Changed: a.time(attrChanged),
	}
}

// time is the value of a date-time; zero where it was not told.
func (a attributes) time(name string) time.Time {
	t, err := time.Parse(time.RFC3339, a.str(name))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
