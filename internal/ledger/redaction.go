package ledger

import "fmt"

// Format implements fmt.Formatter for every verb. Without it a verb that does not fit, such as %s, would print the
// credentials behind the pointers field by field and would not ask their secrets how to be printed.
func (r Record) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "ledger of revision %q (%d credentials, %d orphans, intent: %t)",
		r.Revision(), len(r.Credentials()), len(r.Orphans), r.Intent != nil)
}

// Format implements fmt.Formatter for every verb, for the same reason.
func (c Credential) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "credential %q", c.ID) }
