package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"trustedapps.dev/operator/internal/idserver"
)

// browser plays a person with a web browser: it keeps cookies, follows redirects, and fills in the login form.
type browser struct {
	client   *http.Client
	login    string
	password idserver.Secret
	// asked tells how often a login form was filled in.
	asked int
}

// newBrowser opens one without cookies.
func newBrowser(transport http.RoundTripper, login string, password idserver.Secret) (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("opening a browser: %w", err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client := &http.Client{Transport: transport, Jar: jar, CheckRedirect: stay, Timeout: patience}
	return &browser{client: client, login: login, password: password}, nil
}

// hops that a sign-in may take before it is given up.
const hops = 8

// visit opens a page and goes on until the server sends the browser back to the application; it returns the parameters that
// arrive there. The application itself is not called: its host is made up.
func (b *browser) visit(ctx context.Context, page, application string) (url.Values, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("opening the sign-in page: %w", err)
	}
	for range hops {
		next, arrived, err := b.open(request, application)
		if err != nil || arrived != nil {
			return arrived, err
		}
		request = next
	}
	return nil, errors.New("signing in: the server redirects in circles")
}

// open does one request. It returns the next one, or the parameters at the application.
func (b *browser) open(request *http.Request, application string) (*http.Request, url.Values, error) {
	response, err := b.client.Do(request)
	if err != nil {
		return nil, nil, fmt.Errorf("signing in: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if target, err := response.Location(); err == nil {
		there := *target
		there.RawQuery = ""
		if there.String() == application {
			return nil, target.Query(), nil
		}
		next, err := http.NewRequestWithContext(request.Context(), http.MethodGet, target.String(), http.NoBody)
		return next, nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("signing in: the server answered HTTP %d", response.StatusCode)
	}
	next, err := b.fillIn(request, response.Body)
	return next, nil, err
}

// fillIn answers the form of a page.
func (b *browser) fillIn(page *http.Request, body io.Reader) (*http.Request, error) {
	action, fields, err := formOf(body)
	if err != nil {
		return nil, err
	}
	if !fields.Has("login") || !fields.Has("password") {
		return nil, errors.New("signing in: the page asks for something else than login and password")
	}
	b.asked++
	fields.Set("login", b.login)
	fields.Set("password", b.password.Reveal())
	target, err := page.URL.Parse(action)
	if err != nil {
		return nil, fmt.Errorf("reading the form: %w", err)
	}
	next, err := http.NewRequestWithContext(page.Context(), http.MethodPost, target.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, fmt.Errorf("sending the form: %w", err)
	}
	next.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return next, nil
}

// formOf finds the form of a page, with its hidden fields.
func formOf(page io.Reader) (action string, fields url.Values, err error) {
	decoder := xml.NewDecoder(page)
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	fields = url.Values{}
	found := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", nil, fmt.Errorf("reading the form: %w", err)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch element.Name.Local {
		case "form":
			action, found = attribute(element, "action"), true
		case "input":
			fields.Add(attribute(element, "name"), attribute(element, "value"))
		}
	}
	if !found {
		return "", nil, errors.New("signing in: the server shows a page without a form")
	}
	return action, fields, nil
}

func attribute(element xml.StartElement, name string) string {
	for _, a := range element.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
