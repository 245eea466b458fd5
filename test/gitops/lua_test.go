package gitops

import (
	"encoding/json"
	"fmt"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

// runHealthScript runs a health script as Argo CD does: on the same interpreter, with the libraries package, base and table and no other,
// the object as the global obj with its whole numbers as numbers, and one table as the answer. Argo CD's own package is not used
// because argo-cd/v3 v3.6.1 needs Go 1.27.
func runHealthScript(script string, object map[string]any) (health, message string, err error) {
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return "", "", fmt.Errorf("opening %s: %w", name, err)
		}
	}
	value, err := luaValue(l, object)
	if err != nil {
		return "", "", err
	}
	l.SetGlobal("obj", value)
	if err := l.DoString(script); err != nil {
		return "", "", fmt.Errorf("running the script: %w", err)
	}
	answer, err := luajson.Encode(l.Get(-1))
	if err != nil {
		return "", "", fmt.Errorf("reading the answer: %w", err)
	}
	var read struct{ Status, Message string }
	if err := json.Unmarshal(answer, &read); err != nil {
		return "", "", fmt.Errorf("reading the answer: %w", err)
	}
	return read.Status, read.Message, nil
}

// luaValue turns a part of an object into what a script sees.
func luaValue(l *lua.LState, value any) (lua.LValue, error) {
	table := l.NewTable()
	switch v := value.(type) {
	case nil:
		return lua.LNil, nil
	case bool:
		return lua.LBool(v), nil
	case string:
		return lua.LString(v), nil
	case int64:
		return lua.LNumber(v), nil
	case float64:
		return lua.LNumber(v), nil
	case []any:
		for _, item := range v {
			converted, err := luaValue(l, item)
			if err != nil {
				return nil, err
			}
			table.Append(converted)
		}
		return table, nil
	case map[string]any:
		for key, item := range v {
			converted, err := luaValue(l, item)
			if err != nil {
				return nil, err
			}
			table.RawSetString(key, converted)
		}
		return table, nil
	}
	return nil, fmt.Errorf("an object holds a %T", value)
}
