package instance

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
)

type webSite struct {
	Type                 string
	Status               string
	StatusDescription    string
	URL                  string `json:"Url"`
	System               bool
	AdditionalProperties map[string]string `json:",omitempty"`
}

// tools serves the small endpoints beside identity and API. The documentation names two paths for some of them.
func (i *Instance) tools(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	sys, tools := i.quirks.ToolPath != "tools", i.quirks.ToolPath != "sys"
	switch path := r.URL.Path; {
	case path == "/sys/auto-discovery" && sys, path == "/tools/auto-discovery" && tools:
		i.autoDiscovery(w)
	case path == "/sys/tools/sha256" && sys, path == "/tools/sha256" && tools:
		writeJSON(w, map[string]string{"sha256": model.SecretHash(r.URL.Query().Get("secret"))})
	case path == "/tools/ver":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, i.Version().String())
	case path == "/tools/server-info":
		writeJSON(w, map[string]any{"version": i.Version().String(), "downloads": []string{}, "internalApi": i.Root + "/sys"})
	default:
		http.NotFound(w, r)
	}
}

func (i *Instance) autoDiscovery(w http.ResponseWriter) {
	host := i.Root
	if u, err := url.Parse(i.Root); err == nil {
		host = u.Host
	}
	writeJSON(w, struct {
		Host     string
		DBName   string `json:"DbName"`
		WebSites []webSite
	}{host, i.Name, []webSite{
		{Type: "ID", Status: "Working", URL: i.Identity(), System: true},
		{
			Type: "DomainAPI", Status: "Working", URL: i.Root + "/api",
			AdditionalProperties: map[string]string{"ODataServiceRoot": i.DomainAPI()},
		},
	}})
}

func writeJSON(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	// The connection is the only thing that can fail here, and then nobody is left to be told.
	_ = json.NewEncoder(w).Encode(body)
}
