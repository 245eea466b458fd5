package idserver

import (
	"context"
	"iter"
	"time"
)

// Surveyor is a Server that shows the registrations of all owners to those who administer it. A Server without it keeps them to itself.
type Surveyor interface {
	// Survey yields all registrations, page by page. An error ends them: what came before it is not the whole.
	Survey(ctx context.Context) iter.Seq2[Surveyed, error]
}

// Surveyed is a registration, whosever it is, as somebody who administers the server sees it.
type Surveyed struct {
	Reply
	// Operator: it is the operator's own, which it logs in with.
	Operator bool
	// NoteOnly: the server keeps it as a note that an application is there, which cannot authenticate (ERP.net: ClientType None).
	NoteOnly bool
	// BasicAuthentication: the server lets users in with their passwords in its name.
	BasicAuthentication bool
	// Created and Changed are when it was, zero where the server does not tell. No server of those that the operator knows tells when a
	// registration was used.
	Created, Changed time.Time
}
