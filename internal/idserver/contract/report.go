package contract

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Subject is a server that the contract is tried on.
type Subject struct{ Name, Version string }

// Report is what became of the contract on one server.
type Report struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Specs is how many there are, the same for all servers: those that passed, those that failed, and those that are left out.
	Specs  int `json:"specs"`
	Passed int `json:"passed"`
	Failed int `json:"failed"`
	// LeftOut are the specs about something that the server does not have, and what that is.
	LeftOut map[string]string `json:"leftOut"`
}

// reportVariable names the directory that gets a report for each server; without it none is written.
const reportVariable = "CONTRACT_REPORT"

func (r Report) write() error {
	dir := os.Getenv(reportVariable)
	if dir == "" {
		return nil
	}
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	name := strings.Map(func(c rune) rune {
		if c == ' ' || c == '/' {
			return '-'
		}
		return c
	}, r.Name+"-"+r.Version)
	return os.WriteFile(filepath.Join(dir, filepath.Base(name)+".json"), content, 0o600) //nolint:gosec // whoever runs the tests names the directory
}
