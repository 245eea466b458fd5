package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"trustedapps.dev/operator/internal/idserver"
)

const (
	// wireVersion is the form of a stored record. Another form gets another name, so that an operator never half understands one.
	wireVersion = "v1"
	// maxSize of a stored record in bytes; a record of three credentials is far below it.
	maxSize = 64 << 10
)

// ErrCorrupt is the error for a stored ledger that cannot be read. It must never be taken for an empty one: a registration and its only
// copy of a secret may hang on it. Nothing of the content is ever in the error.
var ErrCorrupt = errors.New("the stored ledger cannot be read")

// The wire types are the stored form and the only place where a Record's secrets are revealed.
type wireRecord struct {
	Version   string          `json:"version"`
	Intent    *wireIntent     `json:"intent,omitempty"`
	Orphans   []string        `json:"orphans,omitempty"`
	Altered   []string        `json:"altered,omitempty"`
	Current   *wireCredential `json:"current,omitempty"`
	Next      *wireCredential `json:"next,omitempty"`
	Old       *wireCredential `json:"old,omitempty"`
	Target    string          `json:"target,omitempty"`
	Staged    int             `json:"staged,omitempty"`
	RotatedAt time.Time       `json:"rotatedAt,omitzero"`

	Announced   *wireCredential `json:"announced,omitempty"`
	AnnouncedAt time.Time       `json:"announcedAt,omitzero"`
	RetiredAt   time.Time       `json:"retiredAt,omitzero"`
	Parked      bool            `json:"parked,omitempty"`
	Exposed     string          `json:"exposed,omitempty"`
	Overlaps    bool            `json:"overlaps,omitempty"`
	Former      string          `json:"former,omitempty"`
	RestartDue  bool            `json:"restartDue,omitempty"`
	Handled     wireRequests    `json:"handled,omitzero"`
}

type wireRequests struct {
	Rotate string `json:"rotate,omitempty"`
	Revoke string `json:"revoke,omitempty"`
}

type wireIntent struct {
	Name   string `json:"name"`
	Target string `json:"target"`
}

type wireCredential struct {
	ID        string    `json:"id"`
	Handle    string    `json:"handle,omitempty"`
	ClientID  string    `json:"clientId,omitempty"`
	Secret    string    `json:"secret,omitempty"`
	Key       string    `json:"key,omitempty"`
	PublicKey string    `json:"publicKey,omitempty"`
	Control   string    `json:"control,omitempty"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

// Marshal renders a record in its stored form, secrets included. It fails where Unmarshal could not give back the same record.
func Marshal(rec Record) ([]byte, error) {
	wire := wireRecord{
		Version: wireVersion, Orphans: rec.Orphans, Altered: rec.Altered, Target: rec.Target, Staged: rec.Staged, RotatedAt: stored(rec.RotatedAt),
		Current: toWire(rec.Current), Next: toWire(rec.Next), Old: toWire(rec.Old),
		Announced: toWire(rec.Announced), AnnouncedAt: stored(rec.AnnouncedAt), RetiredAt: stored(rec.RetiredAt),
		Parked: rec.Parked, Exposed: rec.Exposed, Overlaps: rec.Overlaps, Former: rec.Former, RestartDue: rec.RestartDue, Handled: wireRequests(rec.Handled),
	}
	if rec.Intent != nil {
		wire.Intent = &wireIntent{Name: rec.Intent.Name, Target: rec.Intent.Target}
	}
	if err := wire.check(); err != nil {
		return nil, fmt.Errorf("encoding the ledger: %w", err)
	}
	body, err := json.Marshal(wire)
	if err != nil {
		// The cause is left out: it may quote a value.
		return nil, errors.New("encoding the ledger: a value has no stored form")
	}
	if len(body) > maxSize {
		return nil, fmt.Errorf("encoding the ledger: %d bytes are more than the %d allowed", len(body), maxSize)
	}
	return body, nil
}

// Unmarshal reads what Marshal wrote. Everything else is ErrCorrupt.
func Unmarshal(body []byte) (Record, error) {
	if len(body) > maxSize {
		return Record{}, fmt.Errorf("%w: it is larger than %d bytes", ErrCorrupt, maxSize)
	}
	var form struct {
		Version string `json:"version"`
	}
	if json.Unmarshal(body, &form) != nil {
		return Record{}, fmt.Errorf("%w: it is not JSON of the expected form", ErrCorrupt)
	}
	if form.Version != wireVersion {
		return Record{}, fmt.Errorf("%w: it is not of the version %s, which is all that this operator reads", ErrCorrupt, wireVersion)
	}
	var wire wireRecord
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&wire) != nil || decoder.Decode(&struct{}{}) != io.EOF {
		return Record{}, fmt.Errorf("%w: it is not JSON of the expected form", ErrCorrupt)
	}
	if err := wire.check(); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return wire.record(), nil
}

func (w wireRecord) record() Record {
	rec := Record{
		Orphans: w.Orphans, Altered: w.Altered, Target: w.Target, Staged: w.Staged, RotatedAt: w.RotatedAt.UTC(),
		Current: fromWire(w.Current), Next: fromWire(w.Next), Old: fromWire(w.Old),
		Announced: fromWire(w.Announced), AnnouncedAt: w.AnnouncedAt.UTC(), RetiredAt: w.RetiredAt.UTC(),
		Parked: w.Parked, Exposed: w.Exposed, Overlaps: w.Overlaps, Former: w.Former, RestartDue: w.RestartDue, Handled: Requests(w.Handled),
	}
	if len(rec.Orphans) == 0 {
		rec.Orphans = nil
	}
	if len(rec.Altered) == 0 {
		rec.Altered = nil
	}
	if w.Intent != nil {
		rec.Intent = &Intent{Name: w.Intent.Name, Target: w.Intent.Target}
	}
	return rec
}

// check finds what is no record. Its errors name no value.
func (w wireRecord) check() error {
	texts := append([]string{w.Target, w.Handled.Rotate, w.Handled.Revoke, w.Exposed, w.Former}, slices.Concat(w.Orphans, w.Altered)...)
	if w.Intent != nil {
		texts = append(texts, w.Intent.Name, w.Intent.Target)
	}
	ids := map[string]bool{}
	for _, c := range []*wireCredential{w.Current, w.Next, w.Old, w.Announced} {
		if c == nil {
			continue
		}
		if c.ID == "" {
			return errors.New("a credential has no id")
		}
		if ids[c.ID] {
			return errors.New("two credentials have the same id")
		}
		ids[c.ID] = true
		texts = append(texts, c.ID, c.Handle, c.ClientID, c.Secret, c.Key, c.PublicKey, c.Control)
	}
	for _, s := range texts {
		if !utf8.ValidString(s) { // JSON would silently replace it
			return errors.New("a value is not valid UTF-8")
		}
	}
	return nil
}

func toWire(c *Credential) *wireCredential {
	if c == nil {
		return nil
	}
	return &wireCredential{
		ID: c.ID, Handle: c.Handle, ClientID: c.ClientID,
		Secret: c.Secret.Reveal(), Key: c.Key.Reveal(), PublicKey: c.PublicKey, Control: c.Control.Reveal(), ExpiresAt: stored(c.ExpiresAt),
	}
}

func fromWire(w *wireCredential) *Credential {
	if w == nil {
		return nil
	}
	return &Credential{ID: w.ID, Credential: idserver.Credential{
		Handle: w.Handle, ClientID: w.ClientID,
		Secret: idserver.Secret(w.Secret), Key: idserver.Secret(w.Key), PublicKey: w.PublicKey,
		Control: idserver.Secret(w.Control), ExpiresAt: w.ExpiresAt.UTC(),
	}}
}

// stored is the time as it comes back from storage: in UTC and without a monotonic clock.
func stored(t time.Time) time.Time { return t.UTC().Round(0) }
