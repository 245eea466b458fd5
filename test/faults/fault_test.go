package faults

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Fault is what happens at a call.
type Fault string

// What happens to the process that calls, and to the call.
const (
	crashBefore  Fault = "crash before"
	crashAfter   Fault = "crash after"
	answerLost   Fault = "answer lost"
	lateApply    Fault = "late apply"
	conflict     Fault = "409"
	throttled    Fault = "429"
	broken       Fault = "500"
	unavailable  Fault = "503"
	unauthorized Fault = "401"
	forbidden    Fault = "403"
	truncated    Fault = "truncated"
	page         Fault = "200 with HTML"
)

// What happens to what the process sees of Kubernetes from the call on.
const (
	// heldBack: no watch delivers anything until nothing moves any more.
	heldBack Fault = "watches held back"
	// dropped: as heldBack, and then only the last of the events of each object arrives.
	dropped Fault = "events dropped"
	// olderList: the process crashes, and the next one begins with what the first one saw when it started.
	olderList Fault = "crash, older list"
)

// What others do while the call is under way.
const (
	// twoLeaders: the call is held until another operator has done everything.
	twoLeaders          Fault = "another leader"
	editsSpec           Fault = "spec edited"
	deletesApp          Fault = "app deleted"
	recreatesApp        Fault = "app recreated"
	deletesSecret       Fault = "Secret deleted"
	deletesRegistration Fault = "registration deleted"
	renamesSecret       Fault = "Secret renamed"
)

// unseen is appended to what others do: no watch tells the process of it until nothing moves any more.
const unseen = ", unseen"

var meanwhiles = []Fault{editsSpec, deletesApp, recreatesApp, deletesSecret, deletesRegistration, renamesSecret}

// pairable are those of which all pairs are tried.
var pairable = []Fault{crashBefore, answerLost, lateApply}

// faultsOf are those that can happen at a call to a kind of server.
func faultsOf(c Call, at *kind) []Fault {
	var all []Fault
	switch {
	case c.Side == kube:
		all = []Fault{crashBefore, crashAfter, answerLost, lateApply, conflict, throttled, broken, unavailable}
	case c.Write:
		all = []Fault{crashBefore, crashAfter, answerLost, lateApply, unauthorized, forbidden, conflict, throttled, broken, unavailable, truncated, page}
	default:
		all = []Fault{crashBefore, unauthorized, forbidden, throttled, broken, unavailable, truncated, page}
	}
	all = append(all, heldBack, dropped, olderList, twoLeaders)
	for _, m := range meanwhiles {
		if m == deletesRegistration && at.issues {
			continue // nobody can see that
		}
		all = append(all, m, m+unseen)
	}
	return all
}

// meanwhile is what somebody does, and whether the process is kept from seeing it.
func (f Fault) meanwhile() (act Fault, hidden, ok bool) {
	text, hidden := strings.CutSuffix(string(f), unseen)
	return Fault(text), hidden, slices.Contains(meanwhiles, Fault(text))
}

// refuses says whether the call does not reach anybody, but is answered.
func (f Fault) refuses() bool {
	switch f {
	case conflict, throttled, broken, unavailable, unauthorized, forbidden, page:
		return true
	}
	return false
}

// known says whether there is such a fault.
func (f Fault) known() bool {
	_, _, meanwhile := f.meanwhile()
	return meanwhile || slices.Contains(faultsOf(Call{Side: kube}, erpNet), f) || slices.Contains(faultsOf(Call{Side: server, Write: true}, erpNet), f)
}

func drain(response *http.Response, err error) {
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
}

// cut ends an answer in the middle.
func cut(response *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), failing{}))
	return response, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// refusal is an answer that the outside never gave.
func refusal(side Side, f Fault, r *http.Request) *http.Response {
	code := map[Fault]int{conflict: 409, throttled: 429, broken: 500, unavailable: 503, unauthorized: 401, forbidden: 403, page: 200}[f]
	body, kind := `{"error":{"code":"","message":"as scripted"}}`, "application/json"
	switch {
	case f == page:
		body, kind = "<html><body>Welcome to the proxy</body></html>", "text/html"
	case side == kube:
		reason := map[Fault]string{conflict: "Conflict", throttled: "TooManyRequests", broken: "InternalError", unavailable: "ServiceUnavailable"}[f]
		body = fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":"as scripted","code":%d}`, reason, code)
	}
	header := http.Header{"Content-Type": {kind}}
	if f == throttled {
		header.Set("Retry-After", "1")
	}
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}
