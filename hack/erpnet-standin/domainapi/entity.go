package domainapi

import (
	"regexp"
	"strings"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// kind is the wire type of an attribute. In memory: string for text, enumeration and guid, bool, int32 for integer,
// time.Time for moment, link for reference, languages for multilanguage; nil is null.
type kind string

const (
	text          kind = "string"
	boolean       kind = "boolean"
	enumeration   kind = "enum"
	guid          kind = "guid"
	integer       kind = "int32"
	moment        kind = "datetime"
	multilanguage kind = "MultilanguageString"
	reference     kind = "reference"
	children      kind = "collection"
)

// operators are the filters that the model publishes for an attribute.
type operators uint8

const (
	equals       operators = 1 << iota // eq, equalnull
	ranges                             // ge, le, greaterequalnull, lessequalnull
	likes                              // contains, startswith, endswith
	equalsIn                           // in
	containsOnly                       // contains: multi-language attributes
)

// attribute describes one member of an entity as the model publishes it.
type attribute struct {
	name       string
	kind       kind
	maxLength  int // in UTF-16 units; 0 = unlimited
	required   bool
	readOnly   bool
	createOnly bool
	filter     operators // 0 = not filterable
	sortable   bool
	onRequest  bool     // only returned when $select names it
	ignoreCase bool     // of eq and in
	values     []string // of an enumeration
	target     string   // entity set of a reference or of children
}

// link is the value of a reference.
type link struct{ set, id string }

// languages is the value of a multi-language attribute; keys are upper-case two-letter codes.
type languages map[string]string

// row is one record of an entity set.
type row interface {
	value(attribute string) any
}

// entity describes one entity set and gives access to its rows.
type entity struct {
	set        string
	typeName   string
	attributes []attribute
	search     []string // attributes that $search looks into
	security   bool     // needs the scope sec
	adminOnly  bool     // needs a database administrator
	rows       func(db *database, who token.Caller) []row
	byID       func(db *database, id string) (row, bool) // nil: find goes through rows
	// byKey finds the row with a value of the attribute key, which is unique; nil: there is none.
	key    string
	byKey  func(db *database, value string) (row, bool)
	writer writer // nil: read-only through the API
}

// writer changes the records of an entity set. Unknown ids fail with model.ErrNotFound.
type writer interface {
	create(db *database, c changes) (id string, err error)
	update(db *database, id string, c changes) error
	remove(db *database, id string) error
}

func (e *entity) attribute(name string) (*attribute, bool) {
	for i := range e.attributes {
		if e.attributes[i].name == name {
			return &e.attributes[i], true
		}
	}
	return nil, false
}

// candidates are the rows among which those are that the filter matches.
func (e *entity) candidates(db *database, who token.Caller, filter filterNode) []row {
	value, ok := pinned(filter, e.key)
	if !ok || e.byKey == nil {
		return e.rows(db, who)
	}
	if r, found := e.byKey(db, value); found {
		return []row{r}
	}
	return nil
}

// find returns the row with this id.
func (e *entity) find(db *database, who token.Caller, id string) (row, bool) {
	if e.byID != nil {
		return e.byID(db, id)
	}
	for _, r := range e.rows(db, who) {
		if r.value("Id") == id {
			return r, true
		}
	}
	return nil, false
}

// entitiesOf lists the entity sets of one version by name.
func entitiesOf(v model.Version, q model.Quirks) map[string]*entity {
	out := map[string]*entity{}
	for _, e := range []*entity{trustedApplications(v, q), authorizations(), users(v, q), publicUsers(q), customers(q)} {
		out[e.set] = e
	}
	return out
}

// database is all data of the instance: the shared store and the business data of this API.
type database struct {
	store     *model.Store
	customers *customerTable
}

// transaction runs f on a private copy of the data and keeps it where f succeeds. f must use only what it is given.
func (db *database) transaction(f func(tx *database) error) error {
	return db.store.Transaction(func(store *model.Store) error {
		tx := &database{store: store, customers: db.customers.clone()}
		if err := f(tx); err != nil {
			return err
		}
		db.customers.replace(tx.customers)
		return nil
	})
}

func odataID(set, id string) string { return set + "(" + id + ")" }

var (
	guidPattern    = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	odataIDPattern = regexp.MustCompile(`^([A-Za-z_]+)\(([^()]*)\)$`)
)

// parseGUID checks the hyphenated form and returns it in lower case.
func parseGUID(s string) (string, bool) {
	if !guidPattern.MatchString(s) {
		return "", false
	}
	return strings.ToLower(s), true
}

// parseLink reads Set(guid).
func parseLink(s string) (link, bool) {
	parts := odataIDPattern.FindStringSubmatch(s)
	if parts == nil {
		return link{}, false
	}
	id, ok := parseGUID(parts[2])
	return link{parts[1], id}, ok
}
