package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/spf13/cobra"

	"trustedapps.dev/operator/internal/cli"
)

// seen is what the files of testdata show of a command.
type seen struct{ succeeds, fails, asData bool }

// TestEveryCommandIsCompared: each command has a golden file of a success, one of a failure where it can fail, and one of what programs read.
func TestEveryCommandIsCompared(t *testing.T) {
	g := NewWithT(t)
	root := cli.Command(cli.Streams{})
	files, err := filepath.Glob("testdata/*.txt")
	g.Expect(err).NotTo(HaveOccurred())
	shown := map[string]seen{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		line, _, _ := strings.Cut(string(text), "\n")
		command, _, err := root.Find(strings.Fields(strings.TrimPrefix(line, "$ kubectl trustedapp ")))
		if err != nil {
			continue // a command that does not exist
		}
		s := shown[command.CommandPath()]
		succeeded := strings.HasSuffix(string(text), "--- exit 0\n")
		s.succeeds, s.fails = s.succeeds || succeeded, s.fails || !succeeded
		s.asData = s.asData || strings.Contains(line, " -o json") || strings.Contains(line, " -o yaml")
		shown[command.CommandPath()] = s
	}
	for _, c := range commands(root) {
		s := shown[c.CommandPath()]
		g.Expect(s.succeeds).To(BeTrue(), "%s: testdata has no success of it", c.CommandPath())
		g.Expect(s.fails).To(BeTrue(), "%s: testdata has no failure of it", c.CommandPath())
		if c.Flags().Lookup("output") != nil {
			g.Expect(s.asData).To(BeTrue(), "%s: testdata has no -o json of it", c.CommandPath())
		}
	}
}

// commands are all below one that do something.
func commands(c *cobra.Command) (all []*cobra.Command) {
	for _, below := range c.Commands() {
		if below.Runnable() {
			all = append(all, below)
		}
		all = append(all, commands(below)...)
	}
	return all
}
