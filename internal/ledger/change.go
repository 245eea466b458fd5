package ledger

import (
	"slices"
	"time"

	"trustedapps.dev/operator/internal/idserver"
)

// The changes of a Record: pure, each returns the Record to save. The plan says which, the executor saves it.

// Stage sets what the server will be told next. With a drawn credential it becomes Next; published says whether the former Next was
// published, and so becomes Current instead of being dropped. An announced credential is taken back: it is the drawn one, or void.
func (r Record) Stage(target string, drawn *Credential, published bool, now time.Time) Record {
	r.Target = target
	r.Staged++
	if drawn == nil {
		return r
	}
	if r.Next != nil {
		r = r.succeed(published, now)
	}
	if r.Old != nil && r.Old.ClientID == drawn.ClientID { // its turn has come
		r.Old, r.RetiredAt, r.Parked = nil, time.Time{}, false
	}
	r.Next, r.RotatedAt = drawn, now
	r.Announced, r.AnnouncedAt = nil, time.Time{}
	return r
}

// Overlapping notes whether the server keeps the secret in use beside the one that was just staged: where asked, and where that is possible.
func (r Record) Overlapping(asked bool) Record {
	r.Overlaps = asked && r.Exposed == "" && r.Next != nil && r.Current != nil && r.Next.Secret != "" && r.Current.Secret != "" &&
		r.Next.ClientID == r.Current.ClientID
	return r
}

// succeed makes room for another Next. No registration is forgotten: one that is neither in use nor on its way is Old.
func (r Record) succeed(published bool, now time.Time) Record {
	displaced := r.Next
	if published {
		displaced, r.Current = r.Current, r.Next
	}
	if displaced != nil && (r.Current == nil || displaced.ClientID != r.Current.ClientID) {
		r.Old, r.RetiredAt, r.Parked = displaced, now, false
	}
	r.Next = nil
	return r
}

// Answering notes the requests that what was just staged answers. What was exposed stays so until it is gone.
func (r Record) Answering(asked Requests) Record {
	exposed := r.Current
	if exposed == nil { // it was never published, or its Secret was deleted by hand
		exposed = r.Old
	}
	if asked.Revoke != "" && asked.Revoke != r.Handled.Revoke && exposed != nil {
		r.Exposed = exposed.ID
	}
	r.Handled = asked
	return r
}

// cleared drops the note of an exposure once nothing is left but a later credential, and one that rests.
func (r Record) cleared() Record {
	newest := r.Newest()
	if newest != nil && newest.ID != r.Exposed && (r.Next == nil || r.Current == nil) && (r.Old == nil || r.Parked) {
		r.Exposed = ""
	}
	return r
}

// Inherit is the record that a former application of the same name left, for its successor. It counts as a staging of its own, so that what was
// published before proves nothing.
func (r Record) Inherit(former string) Record {
	r.Former = former
	r.Staged++
	return r
}

// ForgetFormer notes that the ledger of the former application is gone.
func (r Record) ForgetFormer() Record {
	r.Former = ""
	return r
}

// Restarted notes that the workloads were restarted.
func (r Record) Restarted() Record {
	r.RestartDue = false
	return r
}

// Announce notes the credential that the next rotation brings.
func (r Record) Announce(next Credential, rotate string) Record {
	r.Announced, r.AnnouncedAt = &next, time.Time{}
	r.Handled.Rotate = rotate
	return r
}

// Announcing notes since when the announced credential can be read.
func (r Record) Announcing(now time.Time) Record {
	r.AnnouncedAt = now
	return r
}

// Park notes that the server refuses Old, whose secret nobody needs any more.
func (r Record) Park() Record {
	old := *r.Old
	old.Secret, old.Key, old.PublicKey = "", "", ""
	r.Old, r.Parked = &old, true
	return r.cleared()
}

// Begin notes the intent to create a registration. A former Next becomes Current if it was published; else it is a
// registration that nobody uses, and becomes Old.
func (r Record) Begin(intent Intent, published bool, now time.Time) Record {
	r.Intent = &intent
	switch {
	case r.Next == nil:
	case published && r.Current == nil:
		r.Current, r.Next = r.Next, nil
	case published:
		r.Old, r.Current, r.Next, r.RetiredAt = r.Current, r.Next, nil, now
	default:
		r.Old, r.Next = r.Next, nil
	}
	return r
}

// Answer notes what the server answered to the creation: the new credential is Next.
func (r Record) Answer(got Credential, now time.Time) Record {
	if r.Intent != nil {
		r.Target = r.Intent.Target
		r.Staged++
	}
	r.Intent, r.Next, r.RotatedAt = nil, &got, now
	return r
}

// Replace puts what an answer brought in the place of the credential with the given ID. changed is false where it brought nothing new.
// A new secret gives the credential a new ID, so that it is proven and published again.
func (r Record) Replace(id string, got idserver.Credential, newID func() string) (next Record, changed bool) {
	for _, place := range []**Credential{&r.Next, &r.Current, &r.Old} {
		if *place == nil || (*place).ID != id {
			continue
		}
		c := (*place).renewed(got, newID)
		if c == **place {
			return r, false
		}
		*place = &c
		return r, true
	}
	return r, false
}

// renewed is the credential with what an answer brought; what it did not bring stays.
func (c Credential) renewed(got idserver.Credential, newID func() string) Credential {
	if got.Handle != "" {
		c.Handle = got.Handle
	}
	if got.Control != "" {
		c.Control = got.Control
	}
	if got.Secret != "" && got.Secret != c.Secret {
		c.Secret, c.ID = got.Secret, newID()
	}
	if got.ClientID != "" {
		c.ClientID = got.ClientID
	}
	c.ExpiresAt = got.ExpiresAt
	return c
}

// Forget drops the intent of a creation that certainly had no effect.
func (r Record) Forget() Record {
	r.Intent = nil
	return r
}

// DeclareOrphan turns the intent into an orphan.
func (r Record) DeclareOrphan() Record {
	if r.Intent != nil {
		r.Orphans = append(append([]string(nil), r.Orphans...), r.Intent.Name)
		r.Intent = nil
	}
	return r
}

// LoseOld turns the replaced registration, which nobody can delete any more, into an orphan.
func (r Record) LoseOld() Record {
	r.Orphans = append(slices.Clone(r.Orphans), r.Old.ClientID)
	return r.ForgetOld()
}

// Altering notes what the server registered otherwise than it was told. changed is false where that is known.
func (r Record) Altering(names []string) (next Record, changed bool) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if slices.Equal(names, r.Altered) {
		return r, false
	}
	r.Altered = names
	return r, true
}

// Promote makes Next the current credential. keepOld says whether the former one goes on to work for its grace period: as a registration of its
// own, that ends or is parked after that, or as a second secret or key. restart says whether workloads are to be restarted for it.
func (r Record) Promote(keepOld, restart bool, now time.Time) Record {
	if keepOld {
		r.Old, r.RetiredAt, r.Parked = r.Current, now, false
	}
	r.Current, r.Next, r.Overlaps, r.RestartDue = r.Next, nil, false, restart
	return r.cleared()
}

// ForgetOld drops the replaced credential, after its registration was deleted, or it was forgotten there.
func (r Record) ForgetOld() Record {
	r.Old, r.RetiredAt, r.Parked = nil, time.Time{}, false
	return r.cleared()
}
