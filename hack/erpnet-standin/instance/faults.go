package instance

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Values of Fault.Drop.
const (
	DropBefore = "before" // the connection is cut, the request has no effect
	DropAfter  = "after"  // the request has its effect, the answer is lost (or replaced, where Status is set)
	DropHang   = "hang"   // no effect and no answer until the client gives up or the fault is removed
)

// Fault is something that goes wrong on purpose with matching requests.
type Fault struct {
	// ID names the fault; drawn where empty. A fault with the ID of another replaces it.
	ID string `json:"id"`
	// Method to match, empty for any.
	Method string `json:"method"`
	// Path to match: a prefix, or a pattern in which * stands for anything. Empty matches every path.
	Path string `json:"path"`
	// Count is how many requests it hits; 0 for all until it is removed.
	Count int `json:"count"`
	// Skip lets this many matching requests pass first.
	Skip int `json:"skip"`
	// LatencyMs delays the request, in milliseconds.
	LatencyMs int `json:"latencyMs"`
	// Status answers instead of the instance, with Body, ContentType and the Retry-After header RetryAfter.
	Status      int    `json:"status"`
	Body        string `json:"body"`
	ContentType string `json:"contentType"`
	RetryAfter  string `json:"retryAfter"`
	// Drop is "", DropBefore, DropAfter or DropHang.
	Drop string `json:"drop"`
	// Truncate cuts the connection after this many bytes of the real answer, if it is greater than 0.
	Truncate int `json:"truncate"`
	// NoLicence makes the Domain API answer as if no licence slot were free.
	NoLicence bool `json:"noLicence"`
	// Hits counts the requests that it hit.
	Hits int `json:"hits"`
}

// Faults are the injected faults of one instance. It is safe for concurrent use.
type Faults struct {
	mu     sync.Mutex
	next   int
	faults []*activeFault
}

type activeFault struct {
	Fault
	path    *regexp.Regexp
	removed chan struct{}
}

// NewFaults starts without faults.
func NewFaults() *Faults { return &Faults{} }

// Add injects a fault and tells its id.
func (f *Faults) Add(fault Fault) (string, error) {
	if !slices.Contains([]string{"", DropBefore, DropAfter, DropHang}, fault.Drop) {
		return "", fmt.Errorf("drop is %q, %q, %q or empty", DropBefore, DropAfter, DropHang)
	}
	if fault.Status != 0 && (fault.Status < 200 || fault.Status > 599) {
		return "", fmt.Errorf("status is a final HTTP status, 200 to 599")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if fault.ID == "" {
		f.next++
		fault.ID = "fault-" + strconv.Itoa(f.next)
	}
	f.remove(fault.ID)
	fault.Hits = 0
	f.faults = append(f.faults, &activeFault{Fault: fault, path: pathPattern(fault.Path), removed: make(chan struct{})})
	return fault.ID, nil
}

func pathPattern(path string) *regexp.Regexp {
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(path), `\*`, ".*")
	if strings.Contains(path, "*") {
		pattern += "$"
	}
	return regexp.MustCompile(pattern)
}

// List tells the faults, used-up ones included.
func (f *Faults) List() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Fault, 0, len(f.faults))
	for _, fault := range f.faults {
		out = append(out, fault.Fault)
	}
	return out
}

// Remove ends a fault, and all of them where id is empty; requests that hang in it are cut. It tells whether there
// was one.
func (f *Faults) Remove(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.remove(id)
}

func (f *Faults) remove(id string) bool {
	before := len(f.faults)
	f.faults = slices.DeleteFunc(f.faults, func(fault *activeFault) bool {
		gone := id == "" || fault.ID == id
		if gone {
			close(fault.removed)
		}
		return gone
	})
	return len(f.faults) < before
}

// hit finds the first fault that strikes the request and uses it up by one.
func (f *Faults) hit(r *http.Request) (Fault, <-chan struct{}, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.faults {
		if fault.Method != "" && !strings.EqualFold(fault.Method, r.Method) || !fault.path.MatchString(r.URL.Path) {
			continue
		}
		if fault.Skip > 0 {
			fault.Skip--
			continue
		}
		if fault.Count > 0 && fault.Hits >= fault.Count {
			continue
		}
		fault.Hits++
		return fault.Fault, fault.removed, true
	}
	return Fault{}, nil, false
}
