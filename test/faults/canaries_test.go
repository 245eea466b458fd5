package faults

import "sync"

// canaries are values that may be nowhere but in Secrets.
type canaries struct {
	mu sync.Mutex
	// heads are what the values begin with.
	heads map[string]bool
}

// head is how much of a value is looked for; a shorter one is not looked for.
const head = 16

func (c *canaries) add(value string) {
	if len(value) < head {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.heads == nil {
		c.heads = map[string]bool{}
	}
	c.heads[value[:head]] = true
}

// in says whether any of them is in a text.
func (c *canaries) in(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 0; i+head <= len(text); i++ {
		if c.heads[text[i:i+head]] {
			return true
		}
	}
	return false
}

func (c *canaries) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.heads)
}
