package domainapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// The documented numeric error codes. An error for which the documentation has no number carries its HTTP status.
const (
	codeNotSupported = 0
	codeSaving       = 2029
	codeDuplicate    = 2129
)

// The .NET exception names that a real instance shows in the member "type".
const (
	typeNotSupported = "NotSupportedException"
	typeOData        = "Microsoft.OData.ODataException"
	typeServer       = "Aloe.EnterpriseOne.Server.ServerAPI.Exceptions.EnterpriseOneServerException"
	typeAccess       = "System.UnauthorizedAccessException"
	typeNoLicence    = "MaximumLicenseCountExceeded"
)

// apiError is a failure as the API shows it.
type apiError struct {
	status     int
	code       int
	kind       string
	format     string   // message with {0}, {1}... for the parameters
	parameters []string // never secret: they reach the client and its logs
}

func (e *apiError) Error() string {
	message := e.format
	for i, p := range e.parameters {
		message = strings.ReplaceAll(message, "{"+strconv.Itoa(i)+"}", p)
	}
	return message
}

func errNotSupported(format string, parameters ...string) error {
	return &apiError{http.StatusInternalServerError, codeNotSupported, typeNotSupported, format, parameters}
}

func errBadRequest(format string, parameters ...string) error {
	return &apiError{http.StatusInternalServerError, codeNotSupported, typeOData, format, parameters}
}

func errUnknownProperty(name string, e *entity) error {
	return errBadRequest("Could not find a property named '{0}' on type '{1}'.", name, e.typeName)
}

func errSaving(format string, parameters ...string) error {
	return &apiError{http.StatusInternalServerError, codeSaving, typeServer, format, parameters}
}

func errConflict(code int) error {
	if code == 0 {
		code = codeSaving
	}
	return &apiError{http.StatusInternalServerError, code, typeServer, "The object was changed by another user.", nil}
}

func errDuplicate(table, index, value string) error {
	return &apiError{http.StatusInternalServerError, codeDuplicate, typeServer,
		"Prohibited duplication in table '{0}'. The value '{2}' of the unique index '{1}' exists already.",
		[]string{table, index, value, index}}
}

func errNoResource(path string) error {
	return &apiError{http.StatusNotFound, http.StatusNotFound, typeOData, "Resource not found for the segment '{0}'.", []string{path}}
}

func errNoEntity(status int, e *entity, id string) error {
	if status == 0 {
		status = http.StatusNotFound
	}
	return &apiError{status, status, typeServer, "Object not found: '{0}'.", []string{odataID(e.set, id)}}
}

func errMethod(method string) error {
	return &apiError{http.StatusMethodNotAllowed, http.StatusMethodNotAllowed, typeNotSupported,
		"The method {0} is not supported here.", []string{method}}
}

func errForbidden(status int, format string, parameters ...string) error {
	if status == 0 {
		status = http.StatusForbidden
	}
	return &apiError{status, status, typeAccess, format, parameters}
}

func errNoLicence(status int) error {
	if status == 0 {
		status = http.StatusInternalServerError
	}
	return &apiError{status, status, typeNoLicence, "MaximumLicenseCountExceeded: no free licence slot.", nil}
}

func errTooManyRequests() error {
	return &apiError{http.StatusTooManyRequests, http.StatusTooManyRequests, "TooManyRequests",
		"The rate limit of the session is exceeded.", nil}
}

func errUnavailable(cause error) error {
	return &apiError{http.StatusServiceUnavailable, http.StatusServiceUnavailable, typeServer,
		"The request was given up: {0}.", []string{cause.Error()}}
}

func errInternal(cause error) error {
	return &apiError{http.StatusInternalServerError, http.StatusInternalServerError, typeServer, "{0}", []string{cause.Error()}}
}

// authenticationError hides why a credential was refused, as a real instance does.
func authenticationError(err error) error {
	if !errors.Is(err, token.ErrUnauthenticated) {
		return errInternal(err)
	}
	return &apiError{http.StatusUnauthorized, http.StatusUnauthorized, typeAccess,
		"The request carries no valid access token.", nil}
}

type errorBody struct {
	Message       string   `json:"message"`
	Code          int      `json:"code"`
	Type          string   `json:"type"`
	Info          string   `json:"info"`
	MessageFormat string   `json:"messageFormat"`
	Parameters    []string `json:"parameters"`
}

// failure renders an error in the shape that the quirks ask for.
func (h *handler) failure(err error) reply {
	var e *apiError
	if !errors.As(err, &e) {
		errors.As(errInternal(err), &e)
	}
	body := errorBody{
		Message: e.Error(), Code: e.code, Type: e.kind, MessageFormat: e.format, Parameters: append([]string{}, e.parameters...),
		// A real instance shows a stack trace here; whoever copies it into a log or a status should be found out.
		Info: "System.Exception: " + e.Error() + "\r\n   at Aloe.EnterpriseOne.Server.StandIn.Execute()",
	}
	text, err := json.Marshal(h.shaped(body))
	if err != nil {
		return newReply(http.StatusInternalServerError, "", nil)
	}
	answer := newReply(e.status, jsonType, text)
	if e.status == http.StatusUnauthorized {
		answer.header.Set("WWW-Authenticate", "Bearer")
	}
	return answer
}

func (h *handler) shaped(body errorBody) any {
	switch h.Quirks.ErrorShape {
	case "flat":
		return body
	case "messageOnly":
		return map[string]map[string]string{"error": {"message": body.Message}}
	}
	return map[string]errorBody{"error": body}
}
