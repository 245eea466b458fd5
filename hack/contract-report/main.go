// Contract-report puts the reports about single servers together, in one JSON object by the name and version of the server, and shows a table.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"trustedapps.dev/operator/internal/idserver/contract"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "contract-report:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: contract-report DIRECTORY")
	}
	files, err := filepath.Glob(filepath.Join(os.Args[1], "*.json"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("there is no report in %s", os.Args[1])
	}
	var all []contract.Report
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var r contract.Report
		if err := json.Unmarshal(content, &r); err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
		fmt.Fprintf(os.Stderr, "%-34s %-30s %3d passed %3d failed %3d left out\n", r.Name, r.Version, r.Passed, r.Failed, len(r.LeftOut))
		all = append(all, r)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"servers": all})
}
