package canary

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"testing"

	. "github.com/onsi/gomega"
)

// A search that finds nothing says something only if it finds what is there, in each form.
func TestACanaryIsFoundInEveryForm(t *testing.T) {
	g := NewWithT(t)
	const secret = `q7"R+x/Zm9v-0123456789-abcdef`
	var c Canaries
	c.Plant("the secret of orders", secret, "too short")
	g.Expect(c.Count()).To(Equal(1))
	quoted, err := json.Marshal(map[string]string{"a": secret})
	g.Expect(err).NotTo(HaveOccurred())
	places := map[string]string{
		"as it is": "x" + secret + "y", "its beginning": secret[:head], "JSON": string(quoted), "percent-encoded": "a=" + url.QueryEscape(secret) + "&b=1",
		"hexadecimal": "00" + hex.EncodeToString([]byte(secret)),
	}
	for _, before := range []string{"", "a", "ab", "abc", "abcd", "client:", "client_id:"} {
		places["base64 after "+before] = base64.StdEncoding.EncodeToString([]byte(before + secret))
		places["base64 without padding after "+before] = base64.RawStdEncoding.EncodeToString([]byte(before + secret + "z"))
	}
	for name, text := range places {
		g.Expect(c.Search(Place{name, []byte(text)})).To(ConsistOf("the secret of orders is in " + name))
	}
	for _, text := range []string{"", "too short", secret[:head-1], secret[1:], `q7\"R+x/Zm9v`} {
		g.Expect(c.Search(Place{"elsewhere", []byte(text)})).To(BeEmpty(), text)
	}
}

func TestNothingPlantedIsNothingFound(t *testing.T) {
	var c Canaries
	NewWithT(t).Expect(c.In([]byte("anything"))).To(BeEmpty())
}
