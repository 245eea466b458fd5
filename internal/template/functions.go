package template

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"text/template"

	"github.com/go-sprout/sprout"
	"github.com/go-sprout/sprout/registry/encoding"
	"github.com/go-sprout/sprout/registry/std"
	sproutstrings "github.com/go-sprout/sprout/registry/strings"
)

// allowed are the functions of the library that templates may use: each is a pure function of its arguments.
var allowed = []string{
	"base64Encode", "toJSON", "default", "empty", "coalesce", "ternary",
	"trim", "trimAll", "trimPrefix", "trimSuffix", "contains", "hasPrefix", "hasSuffix", "toLower", "toUpper", "replace", "join", "quote", "squote",
	"indent", "nindent",
}

const (
	// maxText is the longest text that goes into a function, or comes out of one; maxNumber the largest number that goes in.
	maxText   = 8 << 10
	maxNumber = 64
)

// functions are all that a template has beside those of text/template itself.
var functions = makeFunctions()

func makeFunctions() template.FuncMap {
	handler := sprout.New(sprout.WithRegistries(encoding.NewRegistry(), std.NewRegistry(), sproutstrings.NewRegistry()))
	built := handler.Build()
	all := template.FuncMap{"toProperties": toProperties, "toDotEnv": toDotEnv, "printf": printf}
	for name, render := range map[string]func(...any) string{ // those of text/template have no bounds
		"print": fmt.Sprint, "println": fmt.Sprintln, "html": template.HTMLEscaper, "js": template.JSEscaper, "urlquery": template.URLQueryEscaper,
	} {
		all[name] = bounded(render)
	}
	for _, name := range allowed {
		all[name] = bounded(built[name])
	}
	return all
}

var errBound = errors.New("a text is too long, or a number too large")

// bounded limits what goes into a function and what comes out of it, so that no pipeline of them multiplies.
func bounded(fn any) any {
	f := reflect.ValueOf(fn)
	in := f.Type()
	ins := make([]reflect.Type, in.NumIn())
	for i := range ins {
		ins[i] = in.In(i)
	}
	outs := []reflect.Type{in.Out(0), reflect.TypeFor[error]()}
	return reflect.MakeFunc(reflect.FuncOf(ins, outs, in.IsVariadic()), func(args []reflect.Value) []reflect.Value {
		refuse := func(err error) []reflect.Value {
			return []reflect.Value{reflect.Zero(in.Out(0)), reflect.ValueOf(&err).Elem()}
		}
		for _, a := range args {
			if !small(a) {
				return refuse(errBound)
			}
		}
		var results []reflect.Value
		if in.IsVariadic() {
			results = f.CallSlice(args)
		} else {
			results = f.Call(args)
		}
		if len(results) > 1 && !results[1].IsNil() {
			return refuse(errors.New("it fails"))
		}
		if !small(results[0]) {
			return refuse(errBound)
		}
		return []reflect.Value{results[0], reflect.Zero(reflect.TypeFor[error]())}
	}).Interface()
}

// small says whether a value is within the bounds.
func small(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		return v.IsNil() || small(v.Elem())
	case reflect.String:
		return v.Len() <= maxText
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int() >= -maxNumber && v.Int() <= maxNumber
	case reflect.Slice, reflect.Array:
		total := 0
		for i := range v.Len() {
			if !small(v.Index(i)) {
				return false
			}
			total += textLength(v.Index(i))
		}
		return v.Len() <= maxNumber && total <= maxText
	}
	return true
}

func textLength(v reflect.Value) int {
	if v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() == reflect.String {
		return v.Len()
	}
	return 0
}

var wide = regexp.MustCompile(`%[^a-zA-Z%]*([0-9]{3,}|\*)`)

// printf is that of text/template, without widths that make a small text a large one.
func printf(format string, args ...any) (string, error) {
	if len(format) > maxText || wide.MatchString(format) {
		return "", errBound
	}
	for _, a := range args {
		if !small(reflect.ValueOf(a)) {
			return "", errBound
		}
	}
	return fmt.Sprintf(format, args...), nil
}

// toProperties is a value of a Java .properties file.
func toProperties(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' && i == 0:
			b.WriteString(`\ `)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case r < ' ' || r > '~':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// toDotEnv is a value of a .env file, in double quotes, as shells and the usual libraries read it.
func toDotEnv(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`", "\n", `\n`).Replace(s) + `"`
}
