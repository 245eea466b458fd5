package template

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

var acme = Server{
	Name:        "acme",
	Labels:      map[string]string{"customer": "Acme", "empty": ""},
	Annotations: map[string]string{"example.com/url": "https://acme.example.com"},
}

func TestAField(t *testing.T) {
	for text, want := range map[string]string{
		"plain {text}":       "plain {text}",
		"{{ .Server.Name }}": "acme",
		"com.example.crm/{{ toLower .Server.Labels.customer }}":   "com.example.crm/acme",
		`{{ index .Server.Annotations "example.com/url" }}/cb`:    "https://acme.example.com/cb",
		"{{ .Server.Labels.empty }}":                              "",
		`{{ default "none" .Server.Labels.empty }}`:               "none",
		`{{ if eq .Server.Name "acme" }}yes{{ else }}no{{ end }}`: "yes",
		`{{/* nothing */}}`:                                       "",
	} {
		got, err := Field("displayName", text, acme)
		NewWithT(t).Expect(err).NotTo(HaveOccurred(), text)
		NewWithT(t).Expect(got).To(Equal(want), text)
	}
}

func TestAFieldThatCannotBeRenderedSaysWhy(t *testing.T) {
	lacks := func(key string) string {
		return `the entry "displayName": the IdentityServer acme has no label or annotation "` + key + `": add it there, or change the template`
	}
	for text, want := range map[string]string{
		"{{ .Server.Labels.region }}":                                      lacks("region"),
		`{{ index .Server.Labels "region" }}`:                              lacks("region"),
		`{{ index .Server.Annotations "example.com/region" }}`:             lacks("example.com/region"),
		`{{ default "x" .Server.Labels.region }}`:                          lacks("region"),
		"{{ .Server.Spec }}":                                               `the entry "displayName": 1:10: <.Server.Spec> cannot be evaluated: check the name of the value, the function and its arguments`,
		"{{ .ClientSecret }}":                                              `the entry "displayName": 1:3: <.ClientSecret> cannot be evaluated: check the name of the value, the function and its arguments`,
		"{{ .Server.Name":                                                  `the entry "displayName": it cannot be read: 1: unclosed action`,
		"{{ env \"HOME\" }}":                                               `the entry "displayName": it cannot be read: 1: function "env" not defined`,
		"{{ range .Server.Labels }}x{{ end }}":                             `the entry "displayName": range is not allowed`,
		"{{ if true }}{{ range 9 }}x{{ end }}{{ end }}":                    `the entry "displayName": range is not allowed`,
		`{{ define "x" }}{{ end }}`:                                        `the entry "displayName": define and block are not allowed`,
		`{{ template "x" }}`:                                               `the entry "displayName": template is not allowed`,
		strings.Repeat("x", 1020) + "{{ .Server.Name }}{{ .Server.Name }}": `the entry "displayName": it is longer than 1024 bytes`,
	} {
		_, err := Field("displayName", text, acme)
		NewWithT(t).Expect(err).To(MatchError(want), text)
	}
}
