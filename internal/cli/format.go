package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// format is how a command prints what it found: for people ("" and "wide"), or for programs.
type format string

const (
	forPeople format = ""
	wide      format = "wide"
	asJSON    format = "json"
	asYAML    format = "yaml"
)

// String implements pflag.Value.
func (f *format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *format) Type() string { return "format" }

// Set implements pflag.Value.
func (f *format) Set(value string) error {
	switch format(value) {
	case wide, asJSON, asYAML:
		*f = format(value)
		return nil
	}
	return fmt.Errorf("it must be wide, json or yaml")
}

// bind adds the flag -o.
func (f *format) bind(c *cobra.Command) {
	c.Flags().VarP(f, "output", "o", "wide, json or yaml; default: for people")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]cobra.Completion{"wide", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
}

// print prints data for programs, or calls forPeople.
func (f *format) print(w io.Writer, data any, people func() error) error {
	switch *f {
	case asJSON:
		text, err := json.MarshalIndent(data, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", text)
		return err
	case asYAML:
		text, err := yaml.Marshal(data)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}
	return people()
}
