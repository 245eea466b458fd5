package idserver

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
)

// Secret is a credential value. Every way to print it prints [redacted]; Reveal is the only way to the value, so a search
// for Reveal finds every place that uses one.
type Secret string

const redacted = "[redacted]"

// DrawSecret draws a new client secret: 256 bits of crypto/rand in base64url without padding, 43 characters that survive form
// and header encoding unchanged (RFC 6749 section 10.10).
func DrawSecret() Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return Secret(base64.RawURLEncoding.EncodeToString(b[:]))
}

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return s.String() }

// Format implements fmt.Formatter, which catches every verb, %x and %q too.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.String()) }

// MarshalText implements encoding.TextMarshaler, which JSON, XML and log encoders use.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
