package erpnet

import (
	"context"
	"net/http"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

const opFind = "looking up the registration"

// expandUser brings what tells a system user apart, and what is a risk.
const expandUser = attrSystemUser + "($select=Id,Login,IsAdmin)"

// Find implements idserver.Server: by client id, compared byte for byte. Only a well-formed list that lacks the id is a
// proof of absence.
func (s *Server) Find(ctx context.Context, key idserver.Key, _ idserver.Credential) (idserver.Reply, error) {
	at, err := s.current(ctx)
	if err != nil {
		return idserver.Reply{}, err
	}
	found, err := s.find(ctx, at, key.ClientID)
	if err != nil {
		return idserver.Reply{}, err
	}
	return at.reply(found), nil
}

func (s *Server) find(ctx context.Context, at *site, clientID string) (attributes, error) {
	if clientID == "" {
		return nil, oauth.Rejected(opFind, idserver.ReasonInvalid, "the client id is empty")
	}
	const most = 2 // a second row is a duplicate, or a server that compares without case
	q := query{filter: attrApplicationURI + " eq " + literal(clientID), selected: at.features.selected(), expand: expandUser, top: most}
	a, err := s.do(ctx, at, call{op: opFind, method: http.MethodGet, url: at.odata + applicationSet + "?" + q.String(), limit: oauth.MaxSingle})
	if err != nil {
		return nil, asUnavailable(opFind, err)
	}
	rows, _, err := parseApplications(a.Body)
	if err != nil || len(rows) > most {
		return nil, unreadable(opFind, false, a)
	}
	return pick(clientID, rows, most, a)
}

// pick chooses the one row with exactly this client id.
func pick(clientID string, rows []attributes, most int, a oauth.Answer) (attributes, error) {
	var exact []attributes
	for _, row := range rows {
		uri := row.str(attrApplicationURI)
		if !strings.EqualFold(uri, clientID) {
			return nil, unreadable(opFind, false, a) // the filter was not applied
		}
		if uri == clientID {
			exact = append(exact, row)
		}
	}
	switch {
	case len(exact) == 1:
		return exact[0], nil
	case len(exact) > 1:
		return nil, oauth.Rejected(opFind, idserver.ReasonConflict, "the instance has this client id twice: an administrator has to delete one of them")
	case len(rows) == most:
		return nil, oauth.Rejected(opFind, idserver.ReasonConflict, "the instance has several registrations that differ from this client id by case only: "+
			"an administrator has to delete them")
	}
	return nil, &idserver.Error{Class: idserver.ErrNotFound, Op: opFind}
}
