package erpnet

import (
	"context"
	"errors"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
)

// Claim implements idserver.Server.
func (s *Server) Claim(ctx context.Context, have idserver.Reply, owner idserver.Mark) (idserver.Reply, error) {
	at, err := s.current(ctx)
	if err != nil {
		return idserver.Reply{}, err
	}
	if err := checkMark(opUpdate, owner); err != nil {
		return idserver.Reply{}, err
	}
	current, ok := have.Raw.(attributes)
	if !ok {
		if current, err = s.find(ctx, at, have.Credential.ClientID); err != nil {
			return idserver.Reply{}, err
		}
	}
	if former, foreign := current.owner(); former == owner && foreign == "" && at.features.marked(current) {
		return at.reply(current), nil
	}
	changes := at.features.markAttributes(owner, current.with(attributes{attrNotes: withoutMark(current.str(attrNotes))}))
	err = s.patch(ctx, at, current, changes)
	if refused, ok := errors.AsType[*refusalError](err); ok {
		return idserver.Reply{}, s.afterRefusal(ctx, at, current, refused)
	}
	if err != nil {
		return idserver.Reply{}, err
	}
	return at.reply(patched(current, changes)), nil
}

// withoutMark is what people wrote in Notes.
func withoutMark(notes string) string {
	var kept []string
	for line := range strings.SplitSeq(notes, "\n") {
		if !strings.HasPrefix(strings.TrimSpace(line), notesPrefix) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
