// Package canary looks for secrets where none may be. Values that nothing else holds are planted; whoever finds one outside of a Secret has found
// a leak. A finding never quotes the value.
package canary

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"sync"
)

// head is how much of a value is looked for, so that one that was cut off is found too. Shorter values are not planted: they may be anywhere.
const head = 16

// Canaries are the planted values. The zero value has none; all methods are safe for concurrent use.
type Canaries struct {
	mu    sync.Mutex
	count int
	// heads are what each form of a value begins with, and what the value is.
	heads map[string]string
}

// Plant notes values that are secret. what names them in findings.
func (c *Canaries) Plant(what string, values ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, value := range values {
		if len(value) < head || c.heads[value[:head]] != "" {
			continue
		}
		if c.heads == nil {
			c.heads = map[string]string{}
		}
		c.count++
		for _, form := range forms(value[:head]) {
			c.heads[form[:head]] = what
		}
	}
}

// Count is how many were planted.
func (c *Canaries) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

// In says which are in a text: as they are, in base64, in hexadecimal, percent-encoded, or quoted as JSON. It takes one pass.
func (c *Canaries) In(text []byte) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []string
	for i := 0; i+head <= len(text); i++ {
		if what, ok := c.heads[string(text[i:i+head])]; ok && !slices.Contains(found, what) {
			found = append(found, what)
		}
	}
	slices.Sort(found)
	return found
}

// forms are those in which a value may stand somewhere, none shorter than head.
func forms(value string) []string {
	all := []string{value, hex.EncodeToString([]byte(value)), url.QueryEscape(value)}
	if quoted, err := json.Marshal(value); err == nil {
		all = append(all, string(quoted[1:len(quoted)-1]))
	}
	for shift := range 3 { // by how many bytes stand before it, base64 has three texts; the first and the last group may hold something else as well
		text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), value...))
		all = append(all, text[4:4+head])
	}
	return all
}

// Place is where secrets are looked for.
type Place struct {
	Name    string
	Content []byte
}

// Search looks into places. Each finding names the place and what was found.
func (c *Canaries) Search(places ...Place) (findings []string) {
	for _, p := range places {
		for _, what := range c.In(p.Content) {
			findings = append(findings, fmt.Sprintf("%s is in %s", what, p.Name))
		}
	}
	return findings
}
