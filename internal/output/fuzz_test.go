package output

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
	"trustedapps.dev/operator/internal/ledger"
)

// FuzzHeld: whatever a team writes into its Secret, a credential that is read out of it goes into the ledger and comes back as it was.
func FuzzHeld(f *testing.F) {
	for _, seed := range [][4]string{
		{"c-1.target.3", "2026-01-02T03:04:05Z", "com.example/orders", "secret"}, {"", "", "", ""}, {"c-1.target.0", "", "", "s"},
		{"a.b.99999999999999999999", "x", "id", "s"}, {"c-1.target.3", "2026-01-02T03:04:05Z", "id", "\xff\xfe\x00"}, {"..1", "", "", "s"},
		{"c-1.target.3", "2026-01-02T03:04:05Z", "id\xff", "s"},
	} {
		f.Add(seed[0], seed[1], []byte(seed[2]), []byte(seed[3]))
	}
	f.Fuzz(func(t *testing.T, revision, issuedAt string, id, value []byte) {
		h := held(&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.RevisionAnnotation: revision, v1alpha1.IssuedAtAnnotation: issuedAt}},
			Data:       map[string][]byte{v1alpha1.KeyClientID: id, v1alpha1.KeyClientSecret: value},
		})
		if h == nil {
			return
		}
		if h.Credential.ID == "" || h.Credential.Secret == "" || h.Staged < 1 {
			t.Fatalf("half a credential: %+v", h)
		}
		rec := ledger.Record{Current: &h.Credential, Target: "t", Staged: h.Staged, RotatedAt: h.IssuedAt}
		content, err := ledger.Marshal(rec)
		if err != nil {
			return // it is refused, and nothing is lost
		}
		again, err := ledger.Unmarshal(content)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if again.Current == nil || again.Current.Secret != h.Credential.Secret || again.Current.ClientID != h.Credential.ClientID || !again.RotatedAt.Equal(h.IssuedAt) {
			t.Fatal("what was written is not what is read")
		}
	})
}
