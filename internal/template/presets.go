package template

// The presets: names of entries, and at the same time of the files that tools expect.
const (
	// PresetAppSettings is configuration of ASP.NET Core.
	PresetAppSettings = "appsettings.json"
	// PresetSpring is configuration of a Spring Security OAuth2 client.
	PresetSpring = "application.properties"
	// PresetOAuth2Proxy is configuration of oauth2-proxy.
	PresetOAuth2Proxy = "oauth2-proxy.cfg"
	// PresetDotEnv is a file of environment variables.
	PresetDotEnv = ".env"
)

// presetTexts are ordinary templates.
var presetTexts = map[string]string{
	PresetAppSettings: `{
  "Authentication": {
    "Schemes": {
      "OpenIdConnect": {
        "Authority": {{ toJSON .Issuer }},
        "ClientId": {{ toJSON .ClientID }},
        "ClientSecret": {{ toJSON .ClientSecret }}
      }
    }
  },
  "OAuthClient": {
    "Issuer": {{ toJSON .Issuer }},
    "TokenEndpoint": {{ toJSON .TokenEndpoint }},
    "ClientId": {{ toJSON .ClientID }},
    "ClientSecret": {{ toJSON .ClientSecret }},{{ if .NextClientSecret }}
    "NextClientSecret": {{ toJSON .NextClientSecret }},{{ end }}
    "Scope": {{ toJSON .Scope }},
    "ApiUrl": {{ toJSON .APIURL }}
  }
}
`,
	PresetSpring: `{{ $r := printf "spring.security.oauth2.client.registration.%s" .Name -}}
{{ $r }}.provider={{ toProperties .Server }}
{{ $r }}.client-id={{ toProperties .ClientID }}
{{ $r }}.client-secret={{ toProperties .ClientSecret }}
{{ $r }}.client-authentication-method=client_secret_post
{{ $r }}.authorization-grant-type={{ if .Interactive }}authorization_code{{ else }}client_credentials{{ end }}
{{ $r }}.scope={{ toProperties (join "," .Scopes) }}{{ if .Interactive }},openid{{ end }}
spring.security.oauth2.client.provider.{{ .Server }}.issuer-uri={{ toProperties .Issuer }}
spring.security.oauth2.client.provider.{{ .Server }}.token-uri={{ toProperties .TokenEndpoint }}
`,
	PresetOAuth2Proxy: `provider = "oidc"
oidc_issuer_url = {{ toJSON .Issuer }}
client_id = {{ toJSON .ClientID }}
client_secret = {{ toJSON .ClientSecret }}
scope = {{ toJSON (trim (printf "openid %s" .Scope)) }}
code_challenge_method = "S256"
{{ range $i, $u := .RedirectURIs }}{{ if not $i }}redirect_url = {{ toJSON $u }}
{{ end }}{{ end }}`,
	PresetDotEnv: `CLIENT_ID={{ toDotEnv .ClientID }}
CLIENT_SECRET={{ toDotEnv .ClientSecret }}
{{ if .NextClientSecret }}CLIENT_SECRET_NEXT={{ toDotEnv .NextClientSecret }}
{{ end }}ISSUER={{ toDotEnv .Issuer }}
TOKEN_ENDPOINT={{ toDotEnv .TokenEndpoint }}
SCOPE={{ toDotEnv .Scope }}
API_URL={{ toDotEnv .APIURL }}
`,
}
