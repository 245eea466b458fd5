package explorer

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Budget bounds what may go wrong on one path.
type Budget struct {
	Faults, Actions int
}

// Result is what a search found.
type Result struct {
	// States are distinct worlds, Transitions the runs and actions tried.
	States, Transitions int
	// Found is the shortest violation; nil where there is none.
	Found *Found
	// Struck counts how often each fault struck each call, Ends how each state ends at rest: Done, or the reason of a Fail.
	Struck, Ends map[string]int
}

// Found is a violation with the way to it.
type Found struct {
	*Violation
	last *node
	// final is what happened in the last state; a nil script and action is a run without faults until rest.
	final edge
}

// edge is one run or one action.
type edge struct {
	script script
	action *action
	// rest: runs without faults and with a server that is ready.
	rest bool
}

// node is a state on the way of the search.
type node struct {
	w      *World
	budget Budget
	from   *node
	via    edge
}

// maxBudget is the highest number of faults or actions of a Budget: seen keeps a bit for each pair.
const maxBudget = 3

// search explores every path from the roots within the budget, those with fewer perturbations first. It stops at the first violation.
type search struct {
	mistake *Mistake
	seen    map[key]uint16
	// queues hold the nodes to expand by what was spent of the budget to reach them.
	queues [][]*node
	result Result
}

// explore searches from the roots.
func explore(roots []*World, budget Budget, mistake *Mistake) Result {
	if budget.Faults > maxBudget || budget.Actions > maxBudget {
		panic("the budget is higher than the search can keep apart")
	}
	s := &search{mistake: mistake, seen: map[key]uint16{}, queues: make([][]*node, budget.Faults+budget.Actions+1)}
	s.result.Struck, s.result.Ends = map[string]int{}, map[string]int{}
	for _, w := range roots {
		s.add(&node{w: w, budget: budget}, w.key())
	}
	for spent := range s.queues {
		for len(s.queues[spent]) > 0 && s.result.Found == nil {
			front := s.queues[spent]
			s.queues[spent] = nil
			s.expandAll(front)
		}
	}
	s.result.States = len(s.seen)
	return s.result
}

// add queues a node unless its world was reached before with at least the same budget.
func (s *search) add(n *node, k key) {
	mask := s.seen[k]
	for f := n.budget.Faults; f <= maxBudget; f++ {
		for a := n.budget.Actions; a <= maxBudget; a++ {
			if mask&(1<<(f*(maxBudget+1)+a)) != 0 {
				return
			}
		}
	}
	s.seen[k] = mask | 1<<(n.budget.Faults*(maxBudget+1)+n.budget.Actions)
	spent := len(s.queues) - 1 - n.budget.Faults - n.budget.Actions
	s.queues[spent] = append(s.queues[spent], n)
}

// expansion is what lies one edge behind a node.
type expansion struct {
	mistake  *Mistake
	node     *node
	children []*node
	keys     []key
	runs     int
	struck   map[string]int
	// end is how the node's world ends at rest.
	end   string
	found *Found
}

// expandAll expands nodes on all processors and adds what they lead to in their order, so that a search is deterministic.
func (s *search) expandAll(front []*node) {
	for batch := range slices.Chunk(front, 512) {
		expansions := make([]*expansion, len(batch))
		var next atomic.Int64
		var workers sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			workers.Go(func() {
				for i := int(next.Add(1)) - 1; i < len(batch); i = int(next.Add(1)) - 1 {
					expansions[i] = expand(batch[i], s.mistake)
				}
			})
		}
		workers.Wait()
		for _, x := range expansions {
			s.merge(x)
			if s.result.Found != nil {
				return
			}
		}
	}
}

func (s *search) merge(x *expansion) {
	s.result.Transitions += x.runs
	s.result.Ends[x.end]++
	for what, n := range x.struck {
		s.result.Struck[what] += n
	}
	s.result.Found = x.found
	for i, child := range x.children {
		s.add(child, x.keys[i])
	}
	if x.node.from != nil {
		x.node.w = nil // a path is replayed from its root
	}
}

// expand tries everything that can happen next.
func expand(n *node, mistake *Mistake) *expansion {
	x := &expansion{mistake: mistake, node: n, struck: map[string]int{}}
	if v := x.settle(); v != nil {
		x.found = &Found{Violation: v, last: n, final: edge{rest: true}}
		return x
	}
	x.try(nil, 0)
	for i := range between {
		a := &between[i]
		if n.budget.Actions < a.cost || !a.possible(n.w) || x.found != nil {
			continue
		}
		w := n.w.clone()
		a.strike(w)
		x.reach(w, edge{action: a}, w.check())
	}
	return x
}

// try performs a run with a script, and then with everything that can be added to the script at the call from or later.
func (x *expansion) try(sc script, from int) {
	if x.found != nil {
		return
	}
	faultsSpent, actionsSpent := sc.cost()
	mayFail := x.node.budget.Faults > faultsSpent
	w := x.node.w.clone()
	out := (&session{w: w, script: sc, mistake: x.mistake, actions: x.node.budget.Actions - actionsSpent}).run()
	x.reach(w, edge{script: sc}, out.violation)
	for at := from; at < len(out.points); at++ {
		p := out.points[at]
		if mayFail {
			for _, f := range faults[p.kind] {
				x.struck[p.op+": "+string(f)]++
				x.try(extend(sc, perturbation{at: at, fault: f}), at+1)
			}
		}
		for i := range within {
			if p.enabled&(1<<i) != 0 {
				x.try(extend(sc, perturbation{at: at, action: &within[i]}), at)
			}
		}
	}
}

func extend(sc script, p perturbation) script { return append(slices.Clip(slices.Clone(sc)), p) }

// reach notes where an edge leads.
func (x *expansion) reach(w *World, via edge, v *Violation) {
	x.runs++
	if v != nil {
		if x.found == nil {
			x.found = &Found{Violation: v, last: x.node, final: via}
		}
		return
	}
	faults, actions := via.script.cost()
	if via.action != nil {
		actions += via.action.cost
	}
	x.keys = append(x.keys, w.key())
	x.children = append(x.children, &node{
		w: w, from: x.node, via: via,
		budget: Budget{Faults: x.node.budget.Faults - faults, Actions: x.node.budget.Actions - actions},
	})
}
