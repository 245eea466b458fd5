package domainapi

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"trustedapps.dev/operator/hack/erpnet-standin/model"
	"trustedapps.dev/operator/hack/erpnet-standin/token"
)

// customer is one row of Crm_Customers: business data for applications that only have the scopes read or update.
type customer struct {
	id     string
	number string
	name   languages
	active bool
}

// customerTable holds the customers of one instance; it is safe for concurrent use.
type customerTable struct {
	mu   sync.Mutex
	rows map[string]customer
}

// madeUpCustomers are the same in every instance, so that demos and tests can name them.
func madeUpCustomers() *customerTable {
	t := &customerTable{rows: map[string]customer{}}
	for _, c := range []customer{
		{"0b7f4f6e-91c5-4d2e-8f10-6a0d3c1b2a01", "1001", languages{"EN": "Harbor Lights Ltd", "DE": "Hafenlicht GmbH"}, true},
		{"1c8e5d7f-82b6-4e3f-9a21-7b1e4d2c3b02", "1002", languages{"EN": "Northwind Bakery"}, true},
		{"2d9d6c80-73a7-4f40-8b32-8c2f5e3d4c03", "1003", languages{"EN": "Blue Kestrel Tools"}, true},
		{"3eac7b91-6498-4051-9c43-9d306f4e5d04", "1004", languages{"EN": "Old Mill Paper"}, false},
		{"4fbb8aa2-5589-4162-8d54-ae417a5f6e05", "1005", languages{"EN": "Quiet River Foods", "DE": "Stillwasser Kost"}, true},
	} {
		t.rows[c.id] = c
	}
	return t
}

func (t *customerTable) list() []customer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.SortedFunc(maps.Values(t.rows), func(a, b customer) int { return strings.Compare(a.id, b.id) })
}

func (t *customerTable) get(id string) (customer, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.rows[id]
	return c, ok
}

func (t *customerTable) put(c customer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[c.id] = c
}

func (t *customerTable) clone() *customerTable {
	t.mu.Lock()
	defer t.mu.Unlock()
	return &customerTable{rows: maps.Clone(t.rows)}
}

// replace takes over the rows of a table that nobody else uses any more.
func (t *customerTable) replace(with *customerTable) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = with.rows
}

func customers(q model.Quirks) *entity {
	c := columns[customer]{
		computed(attribute{name: "Id", kind: guid, required: true, onRequest: true, filter: equals | ranges | equalsIn},
			func(c *customer) any { return c.id }),
		requiredText(attribute{name: "Number", maxLength: 16, filter: equals | equalsIn | likes, sortable: true},
			func(c *customer) *string { return &c.number }),
		{attribute{name: "Name", kind: multilanguage, maxLength: 254, required: true, filter: containsOnly},
			func(c *customer) any { return c.name.keyed(q.LowerCaseLanguageKeys) }, assign(func(c *customer) *languages { return &c.name })},
		flag(attribute{name: "Active", filter: equals}, func(c *customer) *bool { return &c.active }),
	}
	return &entity{
		set: "Crm_Customers", typeName: "Erp.Crm_Customer",
		attributes: c.attributes(),
		search:     []string{"Number", "Name"},
		rows:       func(db *database, _ token.Caller) []row { return c.rows(db.customers.list()) },
		byID:       func(db *database, id string) (row, bool) { return c.row(db.customers.get(id)) },
		writer:     customerWriter{c},
	}
}

// keyed returns the texts under lower-case language keys where asked to.
func (l languages) keyed(lower bool) languages {
	if !lower {
		return l
	}
	out := languages{}
	for key, value := range l {
		out[strings.ToLower(key)] = value
	}
	return out
}

// customerWriter only changes customers that exist: the stand-in is no customer relationship management.
type customerWriter struct{ columns columns[customer] }

func (customerWriter) create(*database, changes) (string, error) {
	return "", errNotSupported("The stand-in does not create customers.")
}

func (w customerWriter) update(db *database, id string, c changes) error {
	if c.version != nil {
		return errNotSupported("The stand-in keeps no ObjectVersion of customers.")
	}
	item, ok := db.customers.get(id)
	if !ok {
		return model.ErrNotFound
	}
	w.columns.apply(&item, c.values)
	db.customers.put(item)
	return nil
}

func (customerWriter) remove(*database, string) error {
	return errNotSupported("The stand-in does not delete customers.")
}
