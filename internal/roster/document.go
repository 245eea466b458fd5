// Package roster is the list of all registrations of a server as it is published for its administrators: a few JSON documents, each in a
// ConfigMap. It holds neither secrets nor their hashes. It is pure.
package roster

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"trustedapps.dev/operator/internal/idserver"
)

// Key is the entry of a ConfigMap that holds a Document.
const Key = "registrations.json"

// Document is one page of the list.
type Document struct {
	Server Server `json:"server"`
	// Page counts from 1 to Pages.
	Page  int `json:"page"`
	Pages int `json:"pages"`
	// Time is when the list was read, and Expires when it is deleted.
	Time    time.Time `json:"time"`
	Expires time.Time `json:"expires"`
	// Omitted is how many registrations are on no page, because there is no room for them.
	Omitted       int     `json:"omitted"`
	Registrations []Entry `json:"registrations"`
}

// Server is what a reader has to know of the server to write manifests for it.
type Server struct {
	// Name is that of the IdentityServer.
	Name string `json:"name"`
	// SystemUsers, UserGroups and ReferenceTokens are as in idserver.Capabilities.
	SystemUsers     bool `json:"systemUsers"`
	UserGroups      bool `json:"userGroups"`
	ReferenceTokens bool `json:"referenceTokens"`
}

// Entry is one registration.
type Entry struct {
	ClientID string `json:"clientId"`
	// Registration is what the operator has fields for.
	idserver.Registration
	// Beyond names what the server holds beyond that, see idserver.Registration.Unwanted.
	Beyond []string `json:"beyond,omitempty"`
	// NoteOnly, BasicAuthentication and Operator are as in idserver.Surveyed.
	NoteOnly            bool `json:"noteOnly,omitempty"`
	BasicAuthentication bool `json:"basicAuthentication,omitempty"`
	Operator            bool `json:"operator,omitempty"`
	// HasSecret says whether the server holds a secret for it, and nothing else about that.
	HasSecret bool `json:"hasSecret"`
	// Owner is whose it is; nil where nobody marked it.
	Owner *Owner `json:"owner,omitempty"`
	// Created and Changed are when it was; absent where the server does not tell.
	Created *time.Time `json:"created,omitempty"`
	Changed *time.Time `json:"changed,omitempty"`
}

// Owner is whose mark a registration carries.
type Owner struct {
	// Namespace and Name are those of the TrustedApplication; empty for a mark of another kind, and for another cluster's.
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	// Elsewhere: the mark is that of another cluster or another system.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// Lives: the TrustedApplication exists.
	Lives bool `json:"lives,omitempty"`
}

// Of is the entry of a registration as the cluster sees it. lives says whether the TrustedApplication exists that a mark of this cluster names.
func Of(s idserver.Surveyed, cluster string, lives func(idserver.Mark) bool) Entry {
	e := Entry{
		ClientID: s.Credential.ClientID, Registration: s.Registration.Normalize(), Beyond: slices.Clone(s.Registration.Unwanted),
		NoteOnly: s.NoteOnly, BasicAuthentication: s.BasicAuthentication, Operator: s.Operator, HasSecret: s.HasSecret,
		Created: moment(s.Created), Changed: moment(s.Changed),
	}
	e.Keys, e.Unwanted = nil, nil // the ones are of no use to a reader, the others are in Beyond
	switch {
	case s.Owner == (idserver.Mark{}) && s.ForeignOwner == "":
	case s.Owner.Cluster != cluster:
		e.Owner = &Owner{Elsewhere: true}
	default:
		e.Owner = &Owner{Namespace: s.Owner.Namespace, Name: s.Owner.Name, Lives: lives(s.Owner)}
	}
	return e
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.Truncate(time.Second)
	return &t
}

// Paged divides a list into documents of at most size bytes, and of them keeps the first most. The rest is counted as omitted.
func Paged(head Document, entries []Entry, size, most int) ([][]byte, int, error) {
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.ClientID, b.ClientID) })
	const spare = 512 // what the head of a document takes
	var pages [][]string
	room := 0
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return nil, 0, fmt.Errorf("writing the registration %s: %w", e.ClientID, err)
		}
		need := len(line) + len(",\n")
		switch {
		case need > size-spare:
			head.Omitted++
			continue
		case need > room && len(pages) == most:
			head.Omitted++
			continue
		case need > room:
			pages, room = append(pages, nil), size-spare
		}
		last := len(pages) - 1
		pages[last] = append(pages[last], string(line))
		room -= need
	}
	if len(pages) == 0 {
		pages = [][]string{nil}
	}
	documents := make([][]byte, 0, len(pages))
	head.Pages, head.Registrations = len(pages), []Entry{}
	for i, lines := range pages {
		head.Page = i + 1
		whole, err := json.Marshal(head)
		if err != nil {
			return nil, 0, fmt.Errorf("writing a page: %w", err)
		}
		// One registration a line, so that people can read and compare it.
		open := strings.TrimSuffix(string(whole), "]}")
		documents = append(documents, []byte(open+"\n"+strings.Join(lines, ",\n")+"\n]}\n"))
	}
	return documents, head.Omitted, nil
}

// Read puts the pages of one list together again. They may come in any order, and all of them have to.
func Read(documents [][]byte) (Document, error) {
	var whole Document
	for i, text := range documents {
		var d Document
		if err := json.Unmarshal(text, &d); err != nil {
			return Document{}, fmt.Errorf("reading a page of the list: %w", err)
		}
		if d.Pages != len(documents) || i > 0 && !d.Time.Equal(whole.Time) {
			return Document{}, fmt.Errorf("page %d of the list says that there are %d, but there are %d of this time", d.Page, d.Pages, len(documents))
		}
		d.Registrations = slices.Concat(whole.Registrations, d.Registrations)
		whole = d
	}
	slices.SortFunc(whole.Registrations, func(a, b Entry) int { return strings.Compare(a.ClientID, b.ClientID) })
	whole.Page = 1
	return whole, nil
}
