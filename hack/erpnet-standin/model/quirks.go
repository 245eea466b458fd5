package model

// Quirks are the points on which the public documentation is silent or contradicts itself. The zero value is the
// default behaviour of the stand-in; every field switches one point to its other documented variant.
type Quirks struct {
	// ErrorShape of the Domain API: "nested" (default), "flat" or "messageOnly".
	ErrorShape string `json:"errorShape,omitempty"`
	// NotFoundStatus of an unknown entity: 404 (default) or 500.
	NotFoundStatus int `json:"notFoundStatus,omitempty"`
	// CreateStatus of a POST: 201 (default) or 200.
	CreateStatus int `json:"createStatus,omitempty"`
	// ForbiddenStatus of a scope refusal at the Domain API: 403 (default), 401 or 500.
	ForbiddenStatus int `json:"forbiddenStatus,omitempty"`
	// NoLicenceStatus of the Domain API's answer when no licence slot is free: 500 (default) or for example 403 or 429.
	NoLicenceStatus int `json:"noLicenceStatus,omitempty"`
	// BatchContinuesOnError makes $batch go on after a failed part even where the request does not prefer it.
	BatchContinuesOnError bool `json:"batchContinuesOnError,omitempty"`
	// BatchStopsAtFailure makes $batch stop after a failed part whatever the request prefers.
	BatchStopsAtFailure bool `json:"batchStopsAtFailure,omitempty"`
	// NoBatch refuses every $batch as not supported.
	NoBatch bool `json:"noBatch,omitempty"`
	// ConflictCode is the numeric error code of a failed optimistic lock: 2029 by default.
	ConflictCode int `json:"conflictCode,omitempty"`
	// ExternalIDNotFilterable refuses $filter on ExternalId and ExternalSystem.
	ExternalIDNotFilterable bool `json:"externalIdNotFilterable,omitempty"`
	// FullDateTimeFilter compares date-times exactly instead of truncating them to the date.
	FullDateTimeFilter bool `json:"fullDateTimeFilter,omitempty"`
	// RelativeNextLink returns @odata.nextLink relative to the service root.
	RelativeNextLink bool `json:"relativeNextLink,omitempty"`
	// MaskSecretHash returns ApplicationSecretHash as null although it is set.
	MaskSecretHash bool `json:"maskSecretHash,omitempty"`
	// ServerSideValidation makes the Domain API refuse contradictory registrations (Public with a hash and the like).
	ServerSideValidation bool `json:"serverSideValidation,omitempty"`
	// ServiceNeedsInternalImpersonation refuses client credentials to an internal System User unless
	// ImpersonateAsInternalUserAllowed is true.
	ServiceNeedsInternalImpersonation bool `json:"serviceNeedsInternalImpersonation,omitempty"`
	// DisabledIsUnauthorizedClient answers unauthorized_client (instead of invalid_client) for a disabled or unknown
	// application in the client-credentials flow.
	DisabledIsUnauthorizedClient bool `json:"disabledIsUnauthorizedClient,omitempty"`
	// DisabledKeepsTokens lets issued access tokens live on until they expire after their application was disabled or
	// removed, instead of refusing them at once.
	DisabledKeepsTokens bool `json:"disabledKeepsTokens,omitempty"`
	// ScopeSubset silently grants the allowed part of the requested scopes instead of invalid_scope.
	ScopeSubset bool `json:"scopeSubset,omitempty"`
	// ProtocolScopesMustBeListed treats openid, profile and offline_access like any other scope.
	ProtocolScopesMustBeListed bool `json:"protocolScopesMustBeListed,omitempty"`
	// RejectDomainAPIScope refuses the obsolete DomainApi scope, which is tolerated by default.
	RejectDomainAPIScope bool `json:"rejectDomainApiScope,omitempty"`
	// PKCEOptionalForPublic lets public clients go without a code challenge.
	PKCEOptionalForPublic bool `json:"pkceOptionalForPublic,omitempty"`
	// PKCEReplacesSecret lets a confidential client exchange a code with a verifier instead of its secret.
	PKCEReplacesSecret bool `json:"pkceReplacesSecret,omitempty"`
	// NoRefreshTokensForPublic never issues refresh tokens to public clients.
	NoRefreshTokensForPublic bool `json:"noRefreshTokensForPublic,omitempty"`
	// KeepRefreshToken does not rotate refresh tokens.
	KeepRefreshToken bool `json:"keepRefreshToken,omitempty"`
	// RedirectsFromLogoutListToo accepts a redirect URI that is only in the logout list.
	RedirectsFromLogoutListToo bool `json:"redirectsFromLogoutListToo,omitempty"`
	// LogoutPage shows a page with a button instead of redirecting after logout.
	LogoutPage bool `json:"logoutPage,omitempty"`
	// BooleanClaims writes is_admin and email_verified as JSON booleans instead of strings.
	BooleanClaims bool `json:"booleanClaims,omitempty"`
	// CommunityReadRefused refuses (invalid_scope) a community user's request for read or update, instead of issuing a
	// token without the API audience.
	CommunityReadRefused bool `json:"communityReadRefused,omitempty"`
	// SessionAtTokenRequest takes the licence slot when a token is issued instead of at its first use.
	SessionAtTokenRequest bool `json:"sessionAtTokenRequest,omitempty"`
	// CaseInsensitiveURI compares client ids and ApplicationUri filters without case.
	CaseInsensitiveURI bool `json:"caseInsensitiveUri,omitempty"`
	// TrimURLs ignores white space around the commas of URL lists.
	TrimURLs bool `json:"trimUrls,omitempty"`
	// ToolPath serves auto-discovery and sha256 under one prefix only: "sys" or "tools"; both by default.
	ToolPath string `json:"toolPath,omitempty"`
	// NoUserInfo leaves the user-info endpoint out.
	NoUserInfo bool `json:"noUserInfo,omitempty"`
	// InvalidClientStatus of the token endpoint: 400 (default) or 401.
	InvalidClientStatus int `json:"invalidClientStatus,omitempty"`
	// LowerCaseLanguageKeys writes language keys of multi-language strings as "en" instead of "EN".
	LowerCaseLanguageKeys bool `json:"lowerCaseLanguageKeys,omitempty"`
}
