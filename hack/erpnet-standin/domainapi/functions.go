package domainapi

import "net/http"

// functions are the resources of the service root that are no entity sets.
var functions = map[string]func(*handler, operation) (reply, error){
	"":                      (*handler).serviceDocument,
	"$metadata":             (*handler).metadata,
	"GetVersion":            (*handler).getVersion,
	"GetRenamedEntityTypes": (*handler).getRenamedEntityTypes,
	"BeginTransaction":      refused("Explicit transactions are not supported by the stand-in; use $batch."),
	"EndTransaction":        refused("Explicit transactions are not supported by the stand-in; use $batch."),
	"Import":                refused("Import is not supported by the stand-in; use $batch."),
}

func refused(message string) func(*handler, operation) (reply, error) {
	return func(*handler, operation) (reply, error) { return reply{}, errNotSupported(message) }
}

func (h *handler) getVersion(op operation) (reply, error) {
	if op.method != http.MethodGet {
		return reply{}, errMethod(op.method)
	}
	return jsonReply(http.StatusOK, object{
		{"@odata.context", h.root + "$metadata#Erp.OpenObject"}, {"version", h.Version.String()},
	})
}

// getRenamedEntityTypes is empty: the sets of the stand-in were never renamed.
func (h *handler) getRenamedEntityTypes(op operation) (reply, error) {
	if op.method != http.MethodGet {
		return reply{}, errMethod(op.method)
	}
	return jsonReply(http.StatusOK, object{
		{"@odata.context", h.root + "$metadata#Collection(Erp.OpenObject)"}, {"value", []object{}},
	})
}
