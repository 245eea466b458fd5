package faults

// regressions are runs that once found something wrong with the operator, and what it was. Every campaign tries them, the short one too.
var regressions = []struct{ found, seed string }{
	{"a conflict over the finalizer of the server was tried again at once, ever again", seed("adopt", Script{{0, deletesRegistration + unseen}})},
	{"a conflict over the finalizer of the server was tried again at once, ever again", seed("adopt", Script{{0, recreatesApp + unseen}})},
	{"an application that went while its finalizer was added was registered all the same", seed("create a service", Script{{0, deletesApp}})},
	{"an application that went while its finalizer was added was registered all the same", seed("create a web application", Script{{0, deletesApp}})},
	{"an application that went while its finalizer was added was registered all the same", seed("create a service", Script{{0, recreatesApp}})},
	{"a conflict at Hydra was taken for a value that it refuses", seed("change scopes at Ory Hydra", Script{{3, conflict}})},
	{"a page of something in between was taken for a deletion", seed("delete at oidc-provider", Script{{0, page}})},
}

// regressed are the scripts of a workflow that once found something.
func regressed(w *Workflow) []Script {
	var scripts []Script
	for _, r := range regressions {
		if of, script, err := parseSeed(r.seed); err != nil {
			panic(err) // a seed that nothing understands tries nothing
		} else if of.Name == w.Name {
			scripts = append(scripts, script)
		}
	}
	return scripts
}
