package token

import (
	"encoding/json"
	"slices"
	"time"
)

// The "typ" headers of the JWTs of an instance.
const (
	AccessTokenType = "at+jwt"
	IDTokenType     = "JWT"
)

// APIAudience is the audience without which a token does not open the Domain API.
const APIAudience = "DomainAPI"

// Audience reads the "aud" claim, which is a string or a list of strings.
type Audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *Audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = Audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// AccessClaims are the claims that an instance itself reads from an access token.
type AccessClaims struct {
	Issuer       string   `json:"iss"`
	Audience     Audience `json:"aud"`
	Expires      int64    `json:"exp"`
	NotBefore    int64    `json:"nbf"`
	ID           string   `json:"jti"`
	ClientID     string   `json:"client_id"`
	Scopes       []string `json:"scope"`
	Subject      string   `json:"sub"`
	SessionID    string   `json:"sid"`
	SystemUser   string   `json:"client_system_user"`
	SystemUserID string   `json:"client_system_user_id"`
}

// ValidAt says whether the token is within its times.
func (c AccessClaims) ValidAt(now time.Time) bool {
	return now.Unix() < c.Expires && now.Unix() >= c.NotBefore
}

// OpensAPI says whether the token carries the API audience.
func (c AccessClaims) OpensAPI() bool { return slices.Contains(c.Audience, APIAudience) }

// Caller is who the token stands for. A service token has a session of its own, a user's tokens share one.
func (c AccessClaims) Caller() Caller {
	caller := Caller{ClientID: c.ClientID, Login: c.Subject, Scopes: c.Scopes, SessionKey: c.SessionID}
	if c.Subject == "" {
		caller.Login, caller.SessionKey, caller.Service = c.SystemUser, c.ID, true
	}
	return caller
}
