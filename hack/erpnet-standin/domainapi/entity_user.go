package domainapi

import (
	"slices"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

type user = model.User

var userTypes = []string{
	model.InternalUser, model.ExternalCommunityUser, model.VirtualUserNoLogin, model.SystemUserNoLogin,
	model.ApplicationUserNoLogin, model.InvitationInternalNoLogin, model.InvitationExternalNoLogin,
}

// users describes Systems_Security_Users: read-only here, and never the password.
func users(v model.Version, q model.Quirks) *entity {
	c := slices.Concat(columns[user]{
		computed(attribute{name: "Id", kind: guid, required: true, onRequest: true, filter: equals | ranges | equalsIn},
			func(u *user) any { return u.ID }),
	}, userColumns(q))
	if v.AtLeast(model.Version{23, 1, 1, 35}) {
		c = append(c, computed(attribute{name: "BasicAuthenticationAllowed", kind: boolean, required: true, filter: equals},
			func(u *user) any { return u.BasicAuthenticationAllowed }))
	}
	c = append(c, computed(attribute{name: "LockoutEndUtc", kind: moment, filter: equals | ranges}, func(u *user) any {
		if u.LockoutEndUTC == nil {
			return nil
		}
		return *u.LockoutEndUTC
	}))
	return &entity{
		set: userSet, typeName: "Erp.Systems_Security_User",
		attributes: c.attributes(),
		search:     []string{"Login", "Name", "Email"},
		security:   true,
		rows:       func(db *database, _ token.Caller) []row { return c.rows(db.store.Users()) },
		byID:       func(db *database, id string) (row, bool) { return c.row(db.store.User(id)) },
	}
}

// publicUsers describes the view of the caller's own user, readable without the scope sec.
func publicUsers(q model.Quirks) *entity {
	c := slices.Concat(columns[user]{
		computed(attribute{name: "Id", kind: guid, required: true, onRequest: true, filter: equals}, func(u *user) any { return u.ID }),
		computed(attribute{name: "UserId", kind: guid, required: true, filter: equals}, func(u *user) any { return u.ID }),
	}, userColumns(q))
	return &entity{
		set: "Public_Users", typeName: "Erp.Public_User",
		attributes: c.attributes(),
		search:     []string{"Login", "Name"},
		rows: func(db *database, who token.Caller) []row {
			own, ok := db.store.UserByLogin(who.Login)
			if !ok {
				return nil
			}
			return c.rows([]user{own})
		},
	}
}

func userColumns(q model.Quirks) columns[user] {
	language := "EN"
	if q.LowerCaseLanguageKeys {
		language = "en"
	}
	return columns[user]{
		computed(attribute{name: "Login", kind: text, maxLength: 64, required: true, filter: equals | equalsIn | likes, sortable: true},
			func(u *user) any { return u.Login }),
		computed(attribute{name: "Email", kind: text, maxLength: 254, filter: equals | equalsIn | likes, sortable: true}, func(u *user) any {
			if u.Email == nil {
				return nil
			}
			return *u.Email
		}),
		computed(attribute{name: "Name", kind: multilanguage, maxLength: 254, required: true, filter: containsOnly},
			func(u *user) any { return languages{language: u.Name} }),
		computed(attribute{name: "Active", kind: boolean, required: true, filter: equals}, func(u *user) any { return u.Active }),
		computed(attribute{name: "IsAdmin", kind: boolean, required: true, filter: equals}, func(u *user) any { return u.IsAdmin }),
		computed(attribute{name: "UserType", kind: enumeration, required: true, values: userTypes, filter: equals | equalsIn | likes},
			func(u *user) any { return u.UserType }),
	}
}
