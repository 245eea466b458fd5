package erpnet

import (
	"net/url"
	"strings"
	"testing"

	"trustedapps.dev/operator/internal/idserver/oauth"
)

// FuzzURL: what passes for a URL of a server leads to one place only, in whatever form a client reads it, and a link of that server stays there.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"https://h/id", "https://h@evil/id", "https://h\\@evil/", "HTTPS://H:443/", "https:///x", "https://h/?x", "https://h/#x", "//evil/", "https://[::1]/", "https://h\n/x",
		"Systems_Security_TrustedApplications?$skiptoken=2", "https://h/api/domain/odata/x", "https://h/api/domain/odata/../../x", "/api/domain/odata/x?$skip=5", "..%2f..%2fx",
	} {
		f.Add(seed)
	}
	at := &site{odata: "https://h/api/domain/odata/"}
	f.Fuzz(func(t *testing.T, text string) {
		if u, err := oauth.ParseHTTPS(text); err == nil {
			again, err := url.Parse(u.String())
			if err != nil || again.Host != u.Host || again.Scheme != "https" || u.Host == "" || again.User != nil || strings.ContainsAny(u.Host, "@\\ \n\r\t") {
				t.Fatalf("%q is %q, and then %q, %v", text, u, again, err)
			}
		}
		if link, err := at.resolve(text); err == nil {
			u, err := url.Parse(link)
			if err != nil || u.Host != "h" || u.Scheme != "https" || !strings.HasPrefix(u.Path, "/api/domain/odata/") || strings.Contains(u.Path, "/../") {
				t.Fatalf("%q leads to %q, %v", text, link, err)
			}
		}
	})
}
