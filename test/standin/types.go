package standin

import "time"

// Spec describes an instance to start. What is left out has the stand-in's default.
type Spec struct {
	// Name is unique in the process.
	Name string `json:"name"`
	// Version is the ERP.net version to emulate, for example 26.2.1.66.
	Version string `json:"version,omitempty"`
	// Address is where it listens, a free port of loopback by default; PublicURL is how clients see its root, where a proxy is in between.
	Address   string `json:"address,omitempty"`
	PublicURL string `json:"publicUrl,omitempty"`
	// Quirks are variants of undocumented behaviour, by the names of the stand-in's README.
	Quirks map[string]any `json:"quirks,omitempty"`
	// LicenceSlots is the number of sessions; RequestsPerMinute the limit of each.
	LicenceSlots      int           `json:"licenceSlots,omitempty"`
	RequestsPerMinute int           `json:"requestsPerMinute,omitempty"`
	Users             []User        `json:"users,omitempty"`
	Applications      []Application `json:"applications,omitempty"`
}

// User is a user of an instance.
type User struct {
	ID            string     `json:"id,omitempty"`
	Login         string     `json:"login"`
	Name          string     `json:"name,omitempty"`
	Email         *string    `json:"email,omitempty"`
	Password      string     `json:"password,omitempty"`
	Active        bool       `json:"active"`
	IsAdmin       bool       `json:"isAdmin"`
	UserType      string     `json:"userType,omitempty"`
	LockoutEndUTC *time.Time `json:"lockoutEndUtc,omitempty"`
}

// Application is a trusted application of an instance. Strings that may be null are pointers. IsEnabled has no default: say it.
type Application struct {
	ID                                string  `json:"id,omitempty"`
	ApplicationURI                    string  `json:"applicationUri"`
	Name                              string  `json:"name"`
	IsEnabled                         bool    `json:"isEnabled"`
	ClientType                        string  `json:"clientType,omitempty"`
	ApplicationSecretHash             *string `json:"applicationSecretHash,omitempty"`
	ImpersonateAsInternalUserAllowed  bool    `json:"impersonateAsInternalUserAllowed,omitempty"`
	ImpersonateAsCommunityUserAllowed bool    `json:"impersonateAsCommunityUserAllowed,omitempty"`
	ImpersonateLoginURL               *string `json:"impersonateLoginUrl,omitempty"`
	ImpersonateLogoutURL              *string `json:"impersonateLogoutUrl,omitempty"`
	SystemUserAllowed                 bool    `json:"systemUserAllowed,omitempty"`
	SystemUserID                      *string `json:"systemUserId,omitempty"`
	SystemUserLoginURL                *string `json:"systemUserLoginUrl,omitempty"`
	Scope                             *string `json:"scope,omitempty"`
	ReferenceTokens                   string  `json:"referenceTokens,omitempty"`
	BasicAuthenticationAllowed        bool    `json:"basicAuthenticationAllowed,omitempty"`
	Notes                             *string `json:"notes,omitempty"`
	ObjectVersion                     int32   `json:"objectVersion,omitempty"`
	ExternalID                        *string `json:"externalId,omitempty"`
	ExternalSystem                    *string `json:"externalSystem,omitempty"`
	// Secret is hashed on arrival; SystemUser is a login, instead of SystemUserID. Both are input only.
	Secret     string `json:"secret,omitempty"`
	SystemUser string `json:"systemUser,omitempty"`
}

// Fault is something that goes wrong on purpose with requests that match, see the stand-in's README.
type Fault struct {
	ID          string `json:"id,omitempty"`
	Method      string `json:"method,omitempty"`
	Path        string `json:"path,omitempty"`
	Count       int    `json:"count,omitempty"`
	Skip        int    `json:"skip,omitempty"`
	LatencyMs   int    `json:"latencyMs,omitempty"`
	Status      int    `json:"status,omitempty"`
	Body        string `json:"body,omitempty"`
	ContentType string `json:"contentType,omitempty"`
	RetryAfter  string `json:"retryAfter,omitempty"`
	Drop        string `json:"drop,omitempty"`
	Truncate    int    `json:"truncate,omitempty"`
	NoLicence   bool   `json:"noLicence,omitempty"`
	Hits        int    `json:"hits,omitempty"`
}

// Values of Fault.Drop.
const (
	DropBefore = "before"
	DropAfter  = "after"
	DropHang   = "hang"
)

// Counts is what an instance was asked for since the last reset. Requests are keyed by method and place, for example "GET
// Systems_Security_TrustedApplications" and "POST /id/connect/token".
type Counts struct {
	Requests    map[string]int `json:"requests"`
	DomainAPI   int            `json:"domainApi"`
	Token       int            `json:"token"`
	MaxInFlight int            `json:"maxInFlight"`
	Rejected429 int            `json:"rejected429"`
	Writes      int            `json:"writes"`
}

// Request is an entry of an instance's log.
type Request struct {
	// At is when it was answered.
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Status int       `json:"status"`
}

// Session is an open session, which holds a licence slot.
type Session struct {
	Key      string `json:"key"`
	Login    string `json:"login"`
	ClientID string `json:"clientId"`
	Service  bool   `json:"service"`
	Requests int    `json:"requests"`
}
