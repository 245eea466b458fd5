package instance

import (
	"bytes"
	"encoding/json"
	"fmt"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// DefaultVersion is emulated where a Spec names none.
const DefaultVersion = "26.2.1.66"

// Spec describes an instance to start.
type Spec struct {
	// Name is unique in the process; it is also the name of the database. Required.
	Name string `json:"name"`
	// Version is the product version to emulate, DefaultVersion if empty.
	Version string       `json:"version"`
	Quirks  model.Quirks `json:"quirks"`
	// LicenceSlots is the number of sessions that may be open, 10 if 0.
	LicenceSlots int `json:"licenceSlots"`
	// RequestsPerMinute is the limit of one session, 600 if 0.
	RequestsPerMinute int `json:"requestsPerMinute"`
	// Address to listen on; by default the one that the process was started with.
	Address string `json:"address"`
	// PublicURL is the instance root as clients see it, by default https:// and the address that is listened on.
	PublicURL       string            `json:"publicUrl"`
	Users           []UserSpec        `json:"users"`
	Applications    []ApplicationSpec `json:"applications"`
	ReferenceTokens []token.Reference `json:"referenceTokens"`
}

// UserSpec is a user to store; what the JSON leaves out has the documented default.
type UserSpec struct{ model.User }

// UnmarshalJSON implements json.Unmarshaler.
func (u *UserSpec) UnmarshalJSON(raw []byte) error {
	u.User = model.User{Active: true, UserType: model.InternalUser}
	return decodeStrictly(raw, &u.User)
}

// ApplicationSpec is an application to store, or an administrator's change to one; what the JSON leaves out has the
// documented default or stays as it is.
type ApplicationSpec struct {
	model.TrustedApplication
	// Secret is the plain secret; only its hash is stored.
	Secret string `json:"secret"`
	// SystemUser is the login of the system user, instead of systemUserId.
	SystemUser string `json:"systemUser"`
}

type plainApplicationSpec ApplicationSpec

// UnmarshalJSON implements json.Unmarshaler.
func (a *ApplicationSpec) UnmarshalJSON(raw []byte) error {
	*a = ApplicationSpec{TrustedApplication: model.TrustedApplication{
		IsEnabled: true, ClientType: model.Confidential, ReferenceTokens: "None",
	}}
	return a.Merge(raw)
}

// Merge changes only the members that the JSON names; null clears one that may be empty.
func (a *ApplicationSpec) Merge(raw []byte) error {
	return decodeStrictly(raw, (*plainApplicationSpec)(a))
}

// Resolve turns the plain secret and the login of the system user into what is stored.
func (a *ApplicationSpec) Resolve(store *model.Store) (model.TrustedApplication, error) {
	app := a.TrustedApplication
	if app.ApplicationURI == "" {
		return app, fmt.Errorf("an application needs an applicationUri")
	}
	if a.Secret != "" {
		hash := model.SecretHash(a.Secret)
		app.ApplicationSecretHash = &hash
	}
	if a.SystemUser != "" {
		user, ok := store.UserByLogin(a.SystemUser)
		if !ok {
			return app, fmt.Errorf("application %s: there is no user with the login %q", app.ApplicationURI, a.SystemUser)
		}
		app.SystemUserID = &user.ID
	}
	return app, nil
}

func decodeStrictly(raw []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
