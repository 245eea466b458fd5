package erpnet

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

const opList = "listing the registrations"

// maxPages bounds a list that never ends.
const maxPages = 1000

// List implements idserver.Server. Where the instance cannot filter by ExternalSystem, all registrations are read and the
// others left out here. An error ends the list: what came before it is not the whole.
func (s *Server) List(ctx context.Context, cluster string) iter.Seq2[idserver.Reply, error] {
	return func(yield func(idserver.Reply, error) bool) {
		at, err := s.current(ctx)
		if err != nil {
			yield(idserver.Reply{}, err)
			return
		}
		q := query{selected: at.features.selected(), expand: expandUser, top: s.pageSize}
		if at.features.externalFilter {
			q.filter = attrExternalSystem + " eq " + literal(systemPrefix+cluster)
		}
		seen := map[string]bool{}
		for rows, err := range s.pages(ctx, at, q) {
			if err != nil {
				yield(idserver.Reply{}, err)
				return
			}
			for _, row := range rows {
				owner, _ := row.owner()
				if owner.Cluster != cluster || owner == (idserver.Mark{}) || seen[row.id()] {
					continue
				}
				seen[row.id()] = true
				if !yield(at.reply(row), nil) {
					return
				}
			}
		}
	}
}

// pages yields the rows of each page of the list of registrations, and an error instead of a page that cannot be read. Where the instance
// refuses the filter, all of them are yielded.
func (s *Server) pages(ctx context.Context, at *site, q query) iter.Seq2[[]attributes, error] {
	return func(yield func([]attributes, error) bool) {
		if !at.features.nextLink { // then pages are counted, which takes a fixed order
			q.orderBy = attrApplicationURI
		}
		link := at.odata + applicationSet + "?" + q.String()
		visited := map[string]bool{}
		for len(visited) < maxPages {
			visited[link] = true
			a, err := s.do(ctx, at, call{op: opList, method: http.MethodGet, url: link, limit: oauth.MaxList})
			if _, refused := errors.AsType[*refusalError](err); refused && q.filter != "" && len(visited) == 1 {
				q.filter = "" // the model said that it can be filtered, but it cannot
				link = at.odata + applicationSet + "?" + q.String()
				continue
			}
			if err != nil {
				yield(nil, asUnavailable(opList, err))
				return
			}
			rows, next, err := parseApplications(a.Body)
			if err != nil {
				yield(nil, unreadable(opList, false, a))
				return
			}
			if !yield(rows, nil) {
				return
			}
			switch {
			case next != "":
				link, err = at.resolve(next)
			case !at.features.nextLink && len(rows) >= q.top:
				q.skip += q.top
				link = at.odata + applicationSet + "?" + q.String()
			default:
				return
			}
			if err != nil || visited[link] {
				yield(nil, unreadable(opList, false, a))
				return
			}
		}
		yield(nil, &idserver.Error{Class: idserver.ErrUnavailable, Op: opList, Message: "the list does not end"})
	}
}

var errForeignLink = errors.New("the link leads to another place")

// resolve reads the link to a next page, absolute or relative to the service root. It must stay within the service, because
// the operator's token goes along.
func (at *site) resolve(next string) (string, error) {
	root, err := url.Parse(at.odata)
	if err != nil {
		return "", errForeignLink
	}
	link, err := root.Parse(next)
	if err != nil || link.Scheme != root.Scheme || link.Host != root.Host || link.User != nil || !strings.HasPrefix(link.Path, root.Path) ||
		strings.Contains(link.Path+"/", "/../") { // escaped, it survives the resolution
		return "", errForeignLink
	}
	link.Fragment = ""
	return link.String(), nil
}
