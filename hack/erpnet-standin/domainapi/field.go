package domainapi

// field joins an attribute with its place in T. set is nil for what the API cannot write.
type field[T any] struct {
	attribute
	get func(*T) any
	set func(*T, any)
}

// columns are the fields of one entity set, over records of type T.
type columns[T any] []field[T]

func (c columns[T]) attributes() []attribute {
	out := make([]attribute, len(c))
	for i, f := range c {
		out[i] = f.attribute
	}
	return out
}

func (c columns[T]) rows(items []T) []row {
	byName := make(map[string]func(*T) any, len(c))
	for _, f := range c {
		byName[f.name] = f.get
	}
	out := make([]row, len(items))
	for i := range items {
		out[i] = itemRow[T]{&items[i], byName}
	}
	return out
}

// apply writes the changed attributes into item.
func (c columns[T]) apply(item *T, values map[string]any) {
	for _, f := range c {
		if v, changed := values[f.name]; changed && f.set != nil {
			f.set(item, v)
		}
	}
}

// row wraps the result of a lookup.
func (c columns[T]) row(item T, ok bool) (row, bool) { return c.rows([]T{item})[0], ok }

type itemRow[T any] struct {
	item *T
	get  map[string]func(*T) any
}

func (r itemRow[T]) value(attribute string) any { return r.get[attribute](r.item) }

// assign makes a setter; readChanges only lets values of the attribute's type through.
func assign[T, V any](at func(*T) *V) func(*T, any) {
	return func(t *T, v any) { *at(t), _ = v.(V) }
}

// requiredText is a string that is never null.
func requiredText[T any](a attribute, at func(*T) *string) field[T] {
	a.kind, a.required = text, true
	return field[T]{a, func(t *T) any { return *at(t) }, assign(at)}
}

// optionalText is a nullable string.
func optionalText[T any](a attribute, at func(*T) **string) field[T] {
	a.kind = text
	get := func(t *T) any {
		if p := *at(t); p != nil {
			return *p
		}
		return nil
	}
	set := func(t *T, v any) {
		if s, ok := v.(string); ok {
			*at(t) = &s
			return
		}
		*at(t) = nil
	}
	return field[T]{a, get, set}
}

// flag is a boolean that is never null.
func flag[T any](a attribute, at func(*T) *bool) field[T] {
	a.kind, a.required = boolean, true
	return field[T]{a, func(t *T) any { return *at(t) }, assign(at)}
}

// computed is an attribute that the API cannot write.
func computed[T any](a attribute, get func(*T) any) field[T] {
	a.readOnly = true
	return field[T]{attribute: a, get: get}
}
