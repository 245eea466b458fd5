package cluster

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// signedIn is what the page of an application shows to a user who signed in.
type signedIn struct {
	Claims    map[string]any `json:"claims"`
	ID        map[string]any `json:"id"`
	Profile   map[string]any `json:"profile"`
	Customers int            `json:"customers"`
	// token is the access token where the page has it: in a single-page application.
	token string
}

// signIn signs anna in with a real browser: from the application to the login page of the instance and back.
func signIn(ctx context.Context, host, address string) signedIn {
	GinkgoHelper()
	tab, end := openBrowser(ctx, host, address)
	defer end()
	limited, cancel := context.WithTimeout(tab, longEnough)
	defer cancel()
	Expect(chromedp.Do(limited,
		chromedp.Navigate("https://"+host+"/"),
		chromedp.WaitReady(chromedp.CSS("#sign-in:not([disabled])")),
		chromedp.Click(chromedp.CSS("#sign-in")),
		chromedp.WaitVisible(chromedp.CSS("input[name=login]")),
	)).To(Succeed(), where(tab))
	at, err := chromedp.Run(limited, chromedp.Location())
	Expect(err).NotTo(HaveOccurred())
	Expect(at).To(HavePrefix(instance.URL+"/"), "the login page is that of the instance")
	Expect(chromedp.Do(limited,
		chromedp.SendKeys(chromedp.CSS("input[name=login]"), anna),
		chromedp.SendKeys(chromedp.CSS("input[name=password]"), annasPassword),
		chromedp.Click(chromedp.CSS("button[type=submit]")),
		chromedp.WaitVisible(chromedp.CSS("#result")),
	)).To(Succeed(), where(tab))
	text, err := chromedp.Run(limited, chromedp.Text(chromedp.CSS("#result")))
	Expect(err).NotTo(HaveOccurred())
	var shown signedIn
	Expect(json.Unmarshal([]byte(text), &shown)).To(Succeed(), text)
	shown.token, err = chromedp.Run(limited, chromedp.Evaluate[string](`sessionStorage.getItem("access_token") || ""`))
	Expect(err).NotTo(HaveOccurred())
	return shown
}

// openBrowser starts a browser without history that finds the application at its address. It believes two certificates beside
// those of public CAs, by their keys: those that the application and the instance were seen to have.
func openBrowser(ctx context.Context, host, address string) (context.Context, func()) {
	GinkgoHelper()
	server, err := url.Parse(instance.URL)
	Expect(err).NotTo(HaveOccurred())
	pins := pin(ctx, address, host, plane.CA) + "," + pin(ctx, server.Host, server.Hostname(), standIn.CA)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // it runs as root here, and visits our own pages alone
		chromedp.UserDataDir(GinkgoT().TempDir()),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("host-resolver-rules", "MAP "+host+" "+address),
		chromedp.Flag("ignore-certificate-errors-spki-list", pins),
		chromedp.CombinedOutput(GinkgoWriter),
	)
	allocated, stop := chromedp.NewExecAllocator(ctx, options...)
	tab, closeTab := chromedp.NewContext(allocated)
	Expect(chromedp.Do(tab)).To(Succeed(), "starting Chromium (Debian's package chromium)")
	return tab, func() {
		closeTab()
		stop()
	}
}

// pin is the key of the certificate that a server has, checked against its CA, as Chromium wants it.
func pin(ctx context.Context, address, name string, ca []byte) string {
	GinkgoHelper()
	pool := x509.NewCertPool()
	Expect(pool.AppendCertsFromPEM(ca)).To(BeTrue())
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	Expect(err).NotTo(HaveOccurred())
	defer func() { Expect(conn.Close()).To(Succeed()) }()
	secured, ok := conn.(*tls.Conn)
	Expect(ok).To(BeTrue())
	sum := sha256.Sum256(secured.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// where tells what the browser shows, for a failure.
func where(tab context.Context) func() string {
	return func() string {
		ctx, cancel := context.WithTimeout(tab, 5*time.Second)
		defer cancel()
		at, err := chromedp.Run(ctx, chromedp.Location())
		if err != nil {
			return err.Error()
		}
		at, _, _ = strings.Cut(at, "?")
		text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
		return fmt.Sprintf("the browser is at %s and shows: %s %v", at, text, err)
	}
}
