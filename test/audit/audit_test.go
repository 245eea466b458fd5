package audit

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func TestALogIsReadAsFarAsItGoes(t *testing.T) {
	g := NewWithT(t)
	file := filepath.Join(t.TempDir(), "audit.log")
	write := func(text string) {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		g.Expect(err).NotTo(HaveOccurred())
		_, err = f.WriteString(text)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(f.Close()).To(Succeed())
	}
	const refused = `{"verb":"get","user":{"username":"us"},"responseStatus":{"code":403,"message":"no"},"objectRef":{"resource":"pods","subresource":"log","apiGroup":"x","namespace":"a"}}` + "\n"
	write(refused + `{"verb":"get","user":{"username":"others"},"objectRef":{"resource":"pods"}}` + "\n" + `{"verb":"get","user":{"username":"us"}}` + "\n" + refused[:20])
	log := Follow(file, "us")
	got, err := log.Next()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(HaveLen(1), "of the user, and about a resource")
	g.Expect(got[0].Refused()).To(BeTrue())
	g.Expect(got[0].String()).To(Equal(`get pods/log.x, in "a": 403 no`))
	g.Expect(log.Next()).To(BeEmpty())
	write(refused[20:])
	g.Expect(log.Next()).To(HaveLen(1), "the line that was cut")
	g.Expect(Of(file, "us")).To(HaveLen(2))
	write("no JSON\n")
	_, err = log.Next()
	g.Expect(err).To(MatchError(ContainSubstring("a line of the audit log")))
	_, err = Of(file+".gone", "us")
	g.Expect(err).To(MatchError(os.ErrNotExist))
}
