package erpnet

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"net/http"

	"trustedapps.dev/operator/internal/idserver"
	"trustedapps.dev/operator/internal/idserver/oauth"
)

const opUser = "looking up the system user"

// userLife is how long a system user that was found good is not looked up again.
const userLife = 10 * time.Minute

// userCache remembers system users that were found good, by login; never that one was not.
type userCache struct {
	mu    sync.Mutex
	users map[string]cachedUser
}

type cachedUser struct {
	userRef
	until time.Time
}

func (c *userCache) get(login string, now time.Time) (userRef, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u, ok := c.users[login]
	if !ok || !now.Before(u.until) {
		delete(c.users, login)
		return userRef{}, false
	}
	return u.userRef, true
}

func (c *userCache) put(login string, u userRef, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == nil {
		c.users = map[string]cachedUser{}
	}
	c.users[login] = cachedUser{u, until}
}

// user is a row of the users' entity set.
type user struct {
	ODataID       string  `json:"@odata.id"`
	ID            string  `json:"Id"`
	Login         string  `json:"Login"`
	UserType      string  `json:"UserType"`
	Active        *bool   `json:"Active"`
	IsAdmin       *bool   `json:"IsAdmin"`
	LockoutEndUTC *string `json:"LockoutEndUtc"`
}

// systemUser resolves the login of a system user and refuses what a service cannot act as.
func (s *Server) systemUser(ctx context.Context, at *site, login string) (userRef, error) {
	if u, ok := s.users.get(login, s.config.Now()); ok {
		return u, nil
	}
	q := query{
		filter: "Login eq " + literal(login), selected: "Id,Login,UserType,Active,IsAdmin,LockoutEndUtc", top: 2,
	}
	a, err := s.do(ctx, at, call{op: opUser, method: http.MethodGet, url: at.odata + userSet + "?" + q.String(), limit: oauth.MaxSingle})
	if err != nil {
		return userRef{}, asUnavailable(opUser, err)
	}
	var rows []user
	_, err = parseList(a.Body, func(raw json.RawMessage) error {
		var u user
		err := json.Unmarshal(raw, &u)
		rows = append(rows, u)
		return err
	})
	if err != nil {
		return userRef{}, unreadable(opUser, false, a)
	}
	found, err := s.checkUser(login, rows)
	if err != nil {
		return userRef{}, err
	}
	s.users.put(login, found, s.config.Now().Add(userLife))
	return found, nil
}

// checkUser wants exactly one active, unlocked user of a kind that may act for a service.
func (s *Server) checkUser(login string, rows []user) (userRef, error) {
	reject := func(format string, args ...any) (userRef, error) {
		return userRef{}, oauth.Rejected(opUser, idserver.ReasonInvalid, format, args...)
	}
	switch len(rows) {
	case 0:
		return reject("the instance has no user with the login %q: create it there, or correct systemUser", login)
	case 1:
	default:
		return reject("the instance has several users with the login %q: rename all but one", login)
	}
	u := rows[0]
	id := entityID(u.ID, u.ODataID)
	if id == "" || u.Active == nil || u.UserType == "" || !strings.EqualFold(u.Login, login) {
		return userRef{}, unreadable(opUser, false, oauth.Answer{Status: http.StatusOK})
	}
	if !slices.Contains([]string{"InternalUser", "ApplicationUserNoLogin"}, u.UserType) {
		return reject("the user %q cannot act for a service: its type must be InternalUser or ApplicationUserNoLogin", login)
	}
	if !*u.Active {
		return reject("the user %q is not active: activate it at the instance, or choose another system user", login)
	}
	if u.LockoutEndUTC != nil {
		until, err := time.Parse(time.RFC3339, *u.LockoutEndUTC)
		if err != nil || until.After(s.config.Now()) {
			return reject("the user %q is locked: unlock it at the instance, or choose another system user", login)
		}
	}
	return userRef{id: id, login: u.Login, admin: u.IsAdmin}, nil
}

// powerful says what makes acting as this user dangerous; "" where nothing is known to.
func (u userRef) powerful() string {
	switch {
	case slices.ContainsFunc([]string{"SYSTEM_APPLICATION_USER", "System-Application-User"}, func(s string) bool { return strings.EqualFold(s, u.login) }):
		return "the shared system application user, which has system rights"
	case u.admin != nil && *u.admin:
		return "a database administrator"
	}
	return ""
}

// checkPower refuses a user who is more than a service may act as. The kill switch is not held up.
func (u userRef) checkPower(op string, want idserver.Registration) error {
	power := u.powerful()
	if power == "" || !want.Service || want.AdminUser || !want.Enabled {
		return nil
	}
	return oauth.Rejected(op, idserver.ReasonAdministrator, "the user %q is %s, and no grant in spec.access of the IdentityServer has administrators: Allowed "+
		"for this application: choose a system user of its own with only the permissions that it needs, or ask the server's administrators", u.login, power)
}

// userWarnings are risks of acting as this user.
func userWarnings(u userRef) []string {
	if power := u.powerful(); power != "" {
		return []string{"the service acts as " + power + ": give it a user of its own with only the permissions that it needs"}
	}
	return nil
}
