package domainapi

import (
	"errors"
	"slices"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

const (
	applicationSet   = "Systems_Security_TrustedApplications"
	userSet          = "Systems_Security_Users"
	authorizationSet = "Systems_Security_TrustedApplicationAuthorizations"
)

type app = model.TrustedApplication

// trustedApplications describes the set as the version publishes it: an attribute that the version does not have is
// an unknown property everywhere.
func trustedApplications(v model.Version, q model.Quirks) *entity {
	c := slices.Concat(applicationHeader(v, q), applicationCore(q), applicationInteractive(v), applicationService(v))
	return &entity{
		set: applicationSet, typeName: "Erp.Systems_Security_TrustedApplication",
		attributes: c.attributes(),
		search:     []string{"ApplicationUri", "Name"},
		security:   true,
		adminOnly:  true,
		rows:       func(db *database, _ token.Caller) []row { return c.rows(db.store.Applications()) },
		byID:       func(db *database, id string) (row, bool) { return c.row(db.store.Application(id)) },
		key:        "ApplicationUri",
		byKey:      func(db *database, uri string) (row, bool) { return c.row(db.store.ApplicationByURI(uri)) },
		writer:     applicationWriter{c, v, q},
	}
}

// applicationHeader holds identity, version and what belongs to the extensible data object of the record.
func applicationHeader(v model.Version, q model.Quirks) columns[app] {
	c := columns[app]{
		{attribute{name: "Id", kind: guid, required: true, createOnly: true, onRequest: true, filter: equals | ranges | equalsIn},
			func(a *app) any { return a.ID }, assign(func(a *app) *string { return &a.ID })},
		computed(attribute{name: "ObjectVersion", kind: integer, onRequest: true}, func(a *app) any { return a.ObjectVersion }),
		computed(attribute{name: "DisplayText", kind: text, onRequest: true}, func(a *app) any { return a.Name }),
		computed(attribute{name: "Authorizations", kind: children, target: authorizationSet, onRequest: true},
			func(*app) any { return []row{} }),
	}
	if v.HasExternalID() {
		filter := equals | equalsIn
		if q.ExternalIDNotFilterable {
			filter = 0
		}
		c = append(c,
			optionalText(attribute{name: "ExternalId", maxLength: 254, onRequest: true, filter: filter, sortable: true},
				func(a *app) **string { return &a.ExternalID }),
			optionalText(attribute{name: "ExternalSystem", maxLength: 64, onRequest: true, filter: filter},
				func(a *app) **string { return &a.ExternalSystem }))
	}
	if v.HasNextLink() {
		c = append(c, computed(attribute{name: "AggregateLastUpdateTimeUtc", kind: moment, onRequest: true, filter: ranges, sortable: true},
			func(a *app) any {
				if a.AggregateLastUpdateTimeUTC.IsZero() {
					return nil
				}
				return a.AggregateLastUpdateTimeUTC
			}))
	}
	if v.HasAdditionalData() {
		c = append(c, optionalText(attribute{name: "AdditionalDataJson", onRequest: true}, func(a *app) **string { return &a.AdditionalDataJSON }))
	}
	return c
}

func applicationCore(q model.Quirks) columns[app] {
	hash := optionalText(attribute{name: "ApplicationSecretHash", maxLength: 250}, func(a *app) **string { return &a.ApplicationSecretHash })
	if q.MaskSecretHash {
		hash.get = func(*app) any { return nil }
	}
	return columns[app]{
		requiredText(attribute{name: "ApplicationUri", maxLength: 254, filter: equals, sortable: true, ignoreCase: q.CaseInsensitiveURI},
			func(a *app) *string { return &a.ApplicationURI }),
		requiredText(attribute{name: "Name", maxLength: 254, filter: equals | likes, sortable: true}, func(a *app) *string { return &a.Name }),
		flag(attribute{name: "IsEnabled", filter: equals}, func(a *app) *bool { return &a.IsEnabled }),
		hash,
		optionalText(attribute{name: "Scope"}, func(a *app) **string { return &a.Scope }),
		optionalText(attribute{name: "Notes"}, func(a *app) **string { return &a.Notes }),
		computed(attribute{name: "CreationTimeUtc", kind: moment, required: true, filter: equals | ranges},
			func(a *app) any { return a.CreationTimeUTC }),
	}
}

func applicationInteractive(v model.Version) columns[app] {
	types := []string{string(model.Confidential), string(model.Public)}
	if v.HasClientTypeNone() {
		types = append(types, string(model.NoClient))
	}
	return columns[app]{
		{attribute{name: "ClientType", kind: enumeration, required: true, values: types},
			func(a *app) any { return string(a.ClientType) },
			func(a *app, v any) {
				clientType, _ := v.(string)
				a.ClientType = model.ClientType(clientType)
			}},
		flag(attribute{name: "ImpersonateAsInternalUserAllowed", filter: equals}, func(a *app) *bool { return &a.ImpersonateAsInternalUserAllowed }),
		flag(attribute{name: "ImpersonateAsCommunityUserAllowed", filter: equals}, func(a *app) *bool { return &a.ImpersonateAsCommunityUserAllowed }),
		optionalText(attribute{name: "ImpersonateLoginUrl", maxLength: v.URLLength()}, func(a *app) **string { return &a.ImpersonateLoginURL }),
		optionalText(attribute{name: "ImpersonateLogoutUrl", maxLength: v.URLLength()}, func(a *app) **string { return &a.ImpersonateLogoutURL }),
	}
}

func applicationService(v model.Version) columns[app] {
	systemUser := field[app]{
		attribute{name: "SystemUser", kind: reference, target: userSet, filter: equals | equalsIn},
		func(a *app) any {
			if a.SystemUserID == nil {
				return nil
			}
			return link{userSet, *a.SystemUserID}
		},
		func(a *app, v any) {
			a.SystemUserID = nil
			if l, ok := v.(link); ok {
				a.SystemUserID = &l.id
			}
		},
	}
	c := columns[app]{
		flag(attribute{name: "SystemUserAllowed", filter: equals}, func(a *app) *bool { return &a.SystemUserAllowed }),
		systemUser,
		optionalText(attribute{name: "SystemUserLoginUrl", maxLength: 254}, func(a *app) **string { return &a.SystemUserLoginURL }),
		flag(attribute{name: "BasicAuthenticationAllowed", filter: equals}, func(a *app) *bool { return &a.BasicAuthenticationAllowed }),
	}
	if name := v.PolicyAttribute(); name != "" {
		c = append(c, field[app]{
			attribute{name: name, kind: enumeration, required: true, filter: equals | equalsIn,
				values: []string{"None", "AuthenticatedUsers", "AdministratorsOnly"}},
			func(a *app) any { return policyOrNone(a.ReferenceTokens) },
			assign(func(a *app) *string { return &a.ReferenceTokens }),
		})
	}
	return c
}

// policyOrNone reads records that were seeded without a policy.
func policyOrNone(policy string) string {
	if policy == "" {
		return "None"
	}
	return policy
}

type applicationWriter struct {
	columns columns[app]
	version model.Version
	quirks  model.Quirks
}

func (w applicationWriter) create(db *database, c changes) (string, error) {
	a := app{IsEnabled: true, ClientType: model.Confidential, ReferenceTokens: "None"}
	w.columns.apply(&a, c.values)
	if err := w.validate(a); err != nil {
		return "", err
	}
	created, err := db.store.CreateApplication(a)
	return created.ID, w.translate(err, a.ApplicationURI)
}

func (w applicationWriter) update(db *database, id string, c changes) error {
	uri, _ := c.values["ApplicationUri"].(string)
	_, err := db.store.UpdateApplication(id, c.version, func(a *app) error {
		w.columns.apply(a, c.values)
		return w.validate(*a)
	})
	return w.translate(err, uri)
}

func (w applicationWriter) remove(db *database, id string) error {
	return w.translate(db.store.DeleteApplication(id), "")
}

// translate turns the store's errors into the API's; model.ErrNotFound stays for the caller, who knows the set.
func (w applicationWriter) translate(err error, uri string) error {
	switch {
	case errors.Is(err, model.ErrDuplicate):
		return errDuplicate("dbo.Sec_Trusted_Applications_Table", "IX_App_Uri", uri)
	case errors.Is(err, model.ErrVersionConflict):
		return errConflict(w.quirks.ConflictCode)
	case errors.Is(err, model.ErrReferenced):
		return errSaving("The trusted application cannot be deleted: other records refer to it.")
	}
	return err
}
