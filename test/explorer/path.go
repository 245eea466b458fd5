package explorer

import (
	"fmt"
	"slices"
	"strings"
)

// Path replays the way to the violation and tells every call.
func (f *Found) Path(mistake *Mistake) string {
	var edges []edge
	n := f.last
	for ; n.from != nil; n = n.from {
		edges = append(edges, n.via)
	}
	slices.Reverse(edges)
	var b strings.Builder
	log := func(line string) { b.WriteString(line + "\n") }
	w := n.w.clone()
	log(fmt.Sprintf("%s: %s\nstart: %s, %s", f.Invariant, f.Detail, w.profile, w.app.spec))
	for _, e := range append(edges, f.final) {
		replay(w, e, mistake, log)
	}
	log("state:\n" + w.render())
	return b.String()
}

func replay(w *World, e edge, mistake *Mistake, log func(string)) {
	switch {
	case e.rest:
		log("runs without faults:")
		_, _ = settle(w, mistake, log)
	case e.action != nil:
		log("action: " + e.action.name)
		e.action.apply(w)
	default:
		log("run:")
		out := run(w, e.script, mistake, log)
		if out.err != nil {
			log("  ended with the error: " + out.err.Error())
		} else if out.end != nil {
			log("  ended with " + describe(out.end))
		}
	}
}
