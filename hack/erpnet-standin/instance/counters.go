package instance

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// logLength is how many requests the log keeps.
const logLength = 500

const (
	apiPrefix   = "/api/domain/"
	odataPrefix = apiPrefix + "odata/"
	appsSet     = "Systems_Security_TrustedApplications"
	tokenPath   = "/id/connect/token"
)

// Counts is what an instance was asked for since the last reset.
type Counts struct {
	// Requests by method and place: the entity set or operation of the Domain API, the path elsewhere.
	Requests map[string]int `json:"requests"`
	// DomainAPI and Token count the requests to the Domain API and to the token endpoint.
	DomainAPI int `json:"domainApi"`
	Token     int `json:"token"`
	// MaxInFlight is the highest number of Domain API requests that were open at the same time.
	MaxInFlight int `json:"maxInFlight"`
	// Rejected429 counts answers with HTTP 429.
	Rejected429 int `json:"rejected429"`
	// Writes counts POST, PATCH and DELETE of trusted applications, those inside a $batch included, refused or not.
	Writes int `json:"writes"`
}

// Request is one entry of the log. It holds no body and no query of a page that could carry a secret.
type Request struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	// Status is 0 where the client got no answer.
	Status int `json:"status"`
}

// Counters counts and logs the requests of one instance. It is safe for concurrent use.
type Counters struct {
	mu       sync.Mutex
	counts   Counts
	inFlight int
	log      []Request
}

// NewCounters starts at zero.
func NewCounters() *Counters {
	c := &Counters{}
	c.Reset()
	return c
}

// Reset sets all counters to zero and empties the log.
func (c *Counters) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts, c.log = Counts{Requests: map[string]int{}}, nil
}

// Counts is a copy of the counters.
func (c *Counters) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.counts
	out.Requests = make(map[string]int, len(c.counts.Requests))
	for k, v := range c.counts.Requests {
		out.Requests[k] = v
	}
	return out
}

// Log is a copy of the log, oldest first.
func (c *Counters) Log() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Request{}, c.log...)
}

// observe counts the request, serves it and logs the outcome, also where the connection is cut on purpose.
func (c *Counters) observe(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	api := strings.HasPrefix(r.URL.Path, apiPrefix)
	c.begin(r, api, batchedWrites(r))
	recorder := &statusRecorder{ResponseWriter: w}
	defer func() { c.end(r, api, recorder.status) }()
	serve(recorder, r)
	if recorder.status == 0 {
		recorder.status = http.StatusOK // an empty answer
	}
}

func (c *Counters) begin(r *http.Request, api bool, batched int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	place := placeOf(r.URL.Path)
	c.counts.Requests[r.Method+" "+place]++
	c.counts.Writes += batched
	if place == appsSet && slices.Contains([]string{http.MethodPost, http.MethodPatch, http.MethodDelete}, r.Method) {
		c.counts.Writes++
	}
	if r.URL.Path == tokenPath {
		c.counts.Token++
	}
	if api {
		c.counts.DomainAPI++
		c.inFlight++
		c.counts.MaxInFlight = max(c.counts.MaxInFlight, c.inFlight)
	}
}

func (c *Counters) end(r *http.Request, api bool, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if api {
		c.inFlight--
	}
	if status == http.StatusTooManyRequests {
		c.counts.Rejected429++
	}
	path := r.URL.Path
	if api && r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	c.log = append(c.log, Request{At: time.Now().UTC(), Method: r.Method, Path: path, Status: status})
	if len(c.log) > logLength {
		c.log = slices.Delete(c.log, 0, len(c.log)-logLength)
	}
}

// placeOf names what a path addresses, without keys: one name for all rows of an entity set.
func placeOf(path string) string {
	place, ok := strings.CutPrefix(path, odataPrefix)
	if !ok {
		return path
	}
	set, rest, keyed := strings.Cut(place, "(")
	if _, after, ok := strings.Cut(rest, ")"); keyed && ok {
		return set + after
	}
	return set
}

var batchedWrite = regexp.MustCompile(`(?m)^(POST|PATCH|DELETE) \S*` + appsSet)

// batchedWrites counts the changes of trusted applications inside a $batch; the body is put back for the handler.
func batchedWrites(r *http.Request) int {
	if r.URL.Path != odataPrefix+"$batch" {
		return 0
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0 // the handler meets the same error
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return len(batchedWrite.FindAll(body, -1))
}

// statusRecorder remembers the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (s *statusRecorder) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *statusRecorder) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }
