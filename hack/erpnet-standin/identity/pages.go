package identity

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

// Fields of the login form.
const (
	loginField    = "login"
	passwordField = "password"
)

var loginPage = template.Must(template.New("login").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in</title></head><body>
<h1>Sign in</h1>
{{with .Problem}}<p role="alert" id="error">{{.}}</p>{{end}}
<form method="post" action="/id/connect/authorize">
{{range $name, $values := .Request}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end -}}
<p><label>Login <input name="login" autocomplete="username" autofocus></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
<p><button type="submit">Sign in</button></p>
</form></body></html>
`))

var messagePage = template.Must(template.New("message").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title></head><body>
<h1>{{.Title}}</h1>
{{with .Code}}<p><code id="error">{{.}}</code></p>{{end}}
<p>{{.Text}}</p>
{{with .Link}}<p><a id="return" href="{{.}}">Return to app</a></p>{{end}}
</body></html>
`))

type message struct {
	Title, Code, Text, Link string
}

// refuseFraming keeps the login pages out of iframes.
func refuseFraming(w http.ResponseWriter) {
	w.Header().Set("X-Frame-Options", "DENY")
	w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
}

// writeLoginPage asks for login and password; the request travels along in hidden fields.
func writeLoginPage(w http.ResponseWriter, status int, request url.Values, problem string) {
	writePage(w, status, loginPage, struct {
		Request url.Values
		Problem string
	}{request, problem})
}

// writeErrorPage shows an error that must not be sent to the redirect URI: a page, or JSON where that is asked for.
func writeErrorPage(w http.ResponseWriter, r *http.Request, err error) {
	e := classify(err)
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		writeJSON(w, http.StatusBadRequest, e)
		return
	}
	writePage(w, http.StatusBadRequest, messagePage, message{Title: "Sign-in failed", Code: e.Code, Text: e.Description})
}

func writePage(w http.ResponseWriter, status int, page *template.Template, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// The templates are constant and tested: only the connection can fail.
	_ = page.Execute(w, data)
}
