package domainapi

// filterNode is a condition on a row.
type filterNode interface {
	matches(r row) bool
}

const maxFilterDepth = 50 // nested parentheses

// filterParser is a recursive-descent parser of the published $filter subset:
//
//	all        = term { "and" term }
//	term       = "(" all ")" | function "(" attribute "," literal ")" | attribute comparison
//	comparison = ( "eq" | "ge" | "le" ) literal | "in" "(" literal { "," literal } ")"
//	function   = "contains" | "startswith" | "endswith" | "equalnull" | "lessequalnull" | "greaterequalnull"
type filterParser struct {
	entity    *entity
	exactTime bool // compare date-times exactly instead of by date
	tokens    []filterToken
	depth     int
}

// parseFilter turns a $filter expression into a condition. Whatever the attribute's published operators do not allow
// is refused.
func parseFilter(e *entity, expression string, exactTime bool) (filterNode, error) {
	tokens, err := lexFilter(expression)
	if err != nil {
		return nil, err
	}
	p := &filterParser{entity: e, exactTime: exactTime, tokens: tokens}
	node, err := p.all()
	if err != nil {
		return nil, err
	}
	if t := p.next(); t.kind != tokenEnd {
		return nil, refusedWord(t)
	}
	return node, nil
}

func (p *filterParser) peek() filterToken { return p.tokens[0] }

func (p *filterParser) next() filterToken {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *filterParser) expect(kind tokenKind) error {
	if t := p.next(); t.kind != kind {
		return errBadRequest("Syntax error in the filter at '{0}'.", t.text)
	}
	return nil
}

// refusedWord reports a token at which the expression should have ended or gone on with "and".
func refusedWord(t filterToken) error {
	if t.kind == tokenWord {
		return errNotSupported("The operator '{0}' is not supported in filters.", t.text)
	}
	return errBadRequest("Syntax error in the filter at '{0}'.", t.text)
}

func (p *filterParser) all() (filterNode, error) {
	var nodes allOf
	for {
		node, err := p.term()
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
		if t := p.peek(); t.kind != tokenWord || t.text != "and" {
			return nodes, nil
		}
		p.next()
	}
}

func (p *filterParser) term() (filterNode, error) {
	t := p.next()
	switch {
	case t.kind == tokenOpen:
		return p.parenthesis()
	case t.kind != tokenWord:
		return nil, errBadRequest("Syntax error in the filter at '{0}'.", t.text)
	case t.text == "not":
		return nil, errNotSupported("The operator '{0}' is not supported in filters.", t.text)
	case p.peek().kind == tokenOpen:
		p.next()
		return p.function(t.text)
	}
	return p.comparison(t.text)
}

func (p *filterParser) parenthesis() (filterNode, error) {
	p.depth++
	if p.depth > maxFilterDepth {
		return nil, errBadRequest("The filter is nested too deeply.")
	}
	defer func() { p.depth-- }()
	node, err := p.all()
	if err != nil {
		return nil, err
	}
	if t := p.next(); t.kind != tokenClose {
		return nil, refusedWord(t)
	}
	return node, nil
}

// comparisonOperators maps an operator to what the attribute must publish for it.
var comparisonOperators = map[string]operators{"eq": equals, "ge": ranges, "le": ranges, "in": equalsIn}

func (p *filterParser) comparison(name string) (filterNode, error) {
	a, err := p.attribute(name)
	if err != nil {
		return nil, err
	}
	t := p.next()
	needed, ok := comparisonOperators[t.text]
	if t.kind != tokenWord || !ok {
		return nil, refusedWord(t)
	}
	if a.filter&needed == 0 {
		return nil, notFilterable(a, t.text)
	}
	if t.text != "in" {
		value, err := p.literal(a)
		return comparison{a, t.text, value, p.exactTime}, err
	}
	values, err := p.literals(a)
	return oneOf{a, values}, err
}

func (p *filterParser) literals(a *attribute) ([]any, error) {
	if err := p.expect(tokenOpen); err != nil {
		return nil, err
	}
	var values []any
	for {
		value, err := p.literal(a)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
		if p.peek().kind != tokenComma {
			return values, p.expect(tokenClose)
		}
		p.next()
	}
}

// nullFunctions maps a function that also matches null to its operator.
var nullFunctions = map[string]string{"equalnull": "eq", "lessequalnull": "le", "greaterequalnull": "ge"}

// function parses the rest of name(attribute,literal).
func (p *filterParser) function(name string) (filterNode, error) {
	operator, nullable := nullFunctions[name]
	match, textual := textFunctions[name]
	if !nullable && !textual {
		return nil, errNotSupported("The function '{0}' is not supported in filters.", name)
	}
	subject := p.next()
	if subject.kind != tokenWord {
		return nil, errBadRequest("Syntax error in the filter at '{0}'.", subject.text)
	}
	a, err := p.attribute(subject.text)
	if err != nil {
		return nil, err
	}
	needed := likes
	if nullable {
		needed = comparisonOperators[operator]
	} else if name == "contains" {
		needed |= containsOnly
	}
	if a.filter&needed == 0 {
		return nil, notFilterable(a, name)
	}
	if err := p.expect(tokenComma); err != nil {
		return nil, err
	}
	if nullable {
		value, err := p.literal(a)
		if err != nil {
			return nil, err
		}
		return orNull{comparison{a, operator, value, p.exactTime}}, p.expect(tokenClose)
	}
	t := p.next()
	if t.kind != tokenString {
		return nil, badLiteral(a, t)
	}
	return textMatch{a, match, t.text}, p.expect(tokenClose)
}

func (p *filterParser) attribute(name string) (*attribute, error) {
	a, ok := p.entity.attribute(name)
	if !ok {
		return nil, errUnknownProperty(name, p.entity)
	}
	if a.filter == 0 {
		return nil, errNotSupported("The attribute '{0}' is not filterable.", name)
	}
	return a, nil
}

func notFilterable(a *attribute, operator string) error {
	return errNotSupported("The attribute '{0}' does not support the filter '{1}'.", a.name, operator)
}

func badLiteral(a *attribute, t filterToken) error {
	return errBadRequest("The literal '{0}' does not fit the type of the attribute '{1}'.", t.text, a.name)
}
