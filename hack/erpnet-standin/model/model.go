// Package model holds what one stand-in instance knows: its trusted applications, users and version.
// Field names follow the wire names of the Domain API.
package model

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"
)

// ClientType says whether an application can keep a secret.
type ClientType string

// The client types of the published model; None exists since 26.2.
const (
	Confidential ClientType = "Confidential"
	Public       ClientType = "Public"
	NoClient     ClientType = "None"
)

// TrustedApplication is one row of Systems_Security_TrustedApplications.
// Nullable strings are pointers: the wire tells null from "".
type TrustedApplication struct {
	ID                                string     `json:"id"`
	ApplicationURI                    string     `json:"applicationUri"`
	Name                              string     `json:"name"`
	IsEnabled                         bool       `json:"isEnabled"`
	ClientType                        ClientType `json:"clientType"`
	ApplicationSecretHash             *string    `json:"applicationSecretHash,omitempty"`
	ImpersonateAsInternalUserAllowed  bool       `json:"impersonateAsInternalUserAllowed"`
	ImpersonateAsCommunityUserAllowed bool       `json:"impersonateAsCommunityUserAllowed"`
	ImpersonateLoginURL               *string    `json:"impersonateLoginUrl,omitempty"`
	ImpersonateLogoutURL              *string    `json:"impersonateLogoutUrl,omitempty"`
	SystemUserAllowed                 bool       `json:"systemUserAllowed"`
	SystemUserID                      *string    `json:"systemUserId,omitempty"`
	SystemUserLoginURL                *string    `json:"systemUserLoginUrl,omitempty"`
	Scope                             *string    `json:"scope,omitempty"`
	ReferenceTokens                   string     `json:"referenceTokens"`
	BasicAuthenticationAllowed        bool       `json:"basicAuthenticationAllowed"`
	Notes                             *string    `json:"notes,omitempty"`
	CreationTimeUTC                   time.Time  `json:"creationTimeUtc"`
	ObjectVersion                     int32      `json:"objectVersion"`
	ExternalID                        *string    `json:"externalId,omitempty"`
	ExternalSystem                    *string    `json:"externalSystem,omitempty"`
	AggregateLastUpdateTimeUTC        time.Time  `json:"aggregateLastUpdateTimeUtc"`
	AdditionalDataJSON                *string    `json:"additionalDataJson,omitempty"`
}

// User is one row of Systems_Security_Users.
type User struct {
	ID                         string     `json:"id"`
	Login                      string     `json:"login"`
	Email                      *string    `json:"email,omitempty"`
	Name                       string     `json:"name"`
	Password                   string     `json:"password,omitempty"`
	Active                     bool       `json:"active"`
	IsAdmin                    bool       `json:"isAdmin"`
	UserType                   string     `json:"userType"`
	BasicAuthenticationAllowed bool       `json:"basicAuthenticationAllowed"`
	LockoutEndUTC              *time.Time `json:"lockoutEndUtc,omitempty"`
}

// User types of the published model.
const (
	InternalUser              = "InternalUser"
	ExternalCommunityUser     = "ExternalCommunityUser"
	VirtualUserNoLogin        = "VirtualUserNoLogin"
	SystemUserNoLogin         = "SystemUserNoLogin"
	ApplicationUserNoLogin    = "ApplicationUserNoLogin"
	InvitationInternalNoLogin = "InvitationInternalNoLogin"
	InvitationExternalNoLogin = "InvitationExternalNoLogin"
)

// SecretHash is the instance's way to store a secret: base64(SHA-256(UTF-8 bytes)).
func SecretHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// NewID draws a random (version 4) GUID in lower-case hyphenated form.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
