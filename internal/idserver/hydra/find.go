package hydra

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

// Find implements idserver.Server. Only Hydra's own 404 is a proof of absence.
func (s *Server) Find(ctx context.Context, key idserver.Key, _ idserver.Credential) (idserver.Reply, error) {
	found, err := s.find(ctx, key.ClientID)
	if err != nil {
		return idserver.Reply{}, err
	}
	return s.reply(found), nil
}

// clientURL is that of one client. A client id may hold anything.
func (s *Server) clientURL(id string) string { return s.admin + clientsPath + "/" + url.PathEscape(id) }

func (s *Server) find(ctx context.Context, id string) (record, error) {
	if id == "" || strings.Contains(id, "/") {
		return record{}, oauth.Rejected(opFind, idserver.ReasonInvalid, "Ory Hydra cannot be asked for a client id with a slash, nor change or delete it: "+
			"choose another spec.applicationUri, such as com.example.orders.sync")
	}
	a, err := s.do(ctx, call{op: opFind, method: http.MethodGet, url: s.clientURL(id)})
	if err != nil {
		return record{}, refusedRead(opFind, err)
	}
	var found record
	if json.Unmarshal(a.Body, &found) != nil || found.ClientID != id {
		return record{}, unreadable(opFind, false, a)
	}
	return found, nil
}

// List implements idserver.Server. Hydra lists the clients of all owners.
func (s *Server) List(ctx context.Context, cluster string) iter.Seq2[idserver.Reply, error] {
	return func(yield func(idserver.Reply, error) bool) {
		for c, err := range s.clients(ctx) {
			if err != nil {
				yield(idserver.Reply{}, err)
				return
			}
			if owner, _ := c.owner(); owner.Cluster == cluster && cluster != "" && !yield(s.reply(c), nil) {
				return
			}
		}
	}
}

// Survey implements idserver.Surveyor. Hydra knows no client of the operator's own: its admin API has no login.
func (s *Server) Survey(ctx context.Context) iter.Seq2[idserver.Surveyed, error] {
	return func(yield func(idserver.Surveyed, error) bool) {
		for c, err := range s.clients(ctx) {
			if err != nil {
				yield(idserver.Surveyed{}, err)
				return
			}
			reply := s.reply(c)
			reply.Raw = nil
			if !yield(idserver.Surveyed{Reply: reply, Created: moment(c.CreatedAt), Changed: moment(c.UpdatedAt)}, nil) {
				return
			}
		}
	}
}

// moment is a time of Hydra; zero where it is none.
func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// clients yields those of all owners, page by page. An error ends them.
func (s *Server) clients(ctx context.Context) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		seen := map[string]bool{}
		for next := s.admin + clientsPath + "?page_size=" + strconv.Itoa(s.pageSize); next != ""; {
			if seen[next] {
				yield(record{}, &idserver.Error{Class: idserver.ErrUnavailable, Op: opList, Message: "the pages of the list go in a circle"})
				return
			}
			seen[next] = true
			clients, following, err := s.page(ctx, next)
			if err != nil {
				yield(record{}, err)
				return
			}
			for _, c := range clients {
				if !yield(c, nil) {
					return
				}
			}
			next = following
		}
	}
}

// page reads one page of the list, and where the next one is; "" after the last.
func (s *Server) page(ctx context.Context, address string) (clients []record, next string, err error) {
	a, err := s.do(ctx, call{op: opList, method: http.MethodGet, url: address})
	if err != nil {
		if err = refusedRead(opList, err); idserver.IsNotFound(err) {
			return nil, "", oauth.Undiscovered(opList, a, "adminUrl has no list of clients: it is not the admin API of Ory Hydra 2")
		}
		return nil, "", err
	}
	if json.Unmarshal(a.Body, &clients) != nil || clients == nil {
		return nil, "", unreadable(opList, false, a)
	}
	for _, c := range clients {
		if c.ClientID == "" {
			return nil, "", unreadable(opList, false, a)
		}
	}
	token := nextPage(a.Header.Get("Link"))
	if token == "" || len(clients) == 0 { // Hydra names a next page also after the end, where the list is empty
		return clients, "", nil
	}
	return clients, s.admin + clientsPath + "?" + url.Values{"page_size": {strconv.Itoa(s.pageSize)}, "page_token": {token}}.Encode(), nil
}

var nextLink = regexp.MustCompile(`<([^<>]*)>; *rel="next"`)

// nextPage reads the token of the next page from a Link header (RFC 8288); "" where there is none. Nothing else of the link is used: it may
// name a host that only Hydra knows.
func nextPage(link string) string {
	found := nextLink.FindStringSubmatch(link)
	if found == nil {
		return ""
	}
	u, err := url.Parse(found[1])
	if err != nil {
		return ""
	}
	return u.Query().Get("page_token")
}
