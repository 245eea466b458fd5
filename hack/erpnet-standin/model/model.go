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
	ID                                string
	ApplicationURI                    string
	Name                              string
	IsEnabled                         bool
	ClientType                        ClientType
	ApplicationSecretHash             *string
	ImpersonateAsInternalUserAllowed  bool
	ImpersonateAsCommunityUserAllowed bool
	ImpersonateLoginURL               *string
	ImpersonateLogoutURL              *string
	SystemUserAllowed                 bool
	SystemUserID                      *string
	SystemUserLoginURL                *string
	Scope                             *string
	ReferenceTokens                   string
	BasicAuthenticationAllowed        bool
	Notes                             *string
	CreationTimeUTC                   time.Time
	ObjectVersion                     int32
	ExternalID                        *string
	ExternalSystem                    *string
	AggregateLastUpdateTimeUTC        time.Time
	AdditionalDataJSON                *string
}

// User is one row of Systems_Security_Users.
type User struct {
	ID                         string
	Login                      string
	Email                      *string
	Name                       string
	Password                   string
	Active                     bool
	IsAdmin                    bool
	UserType                   string
	BasicAuthenticationAllowed bool
	LockoutEndUTC              *time.Time
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
