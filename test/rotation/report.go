package rotation

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"trustedapps.dev/operator/api/v1alpha1"
)

// Outcome is what the workload of one strategy saw. Times are those of a cluster, not the compressed ones.
type Outcome struct {
	Rotations int `json:"rotations"`
	// Requests were answered, Failed of them with a refusal of every secret that the client knew.
	Requests          int     `json:"requests"`
	Failed            int     `json:"failed"`
	LongestGapSeconds float64 `json:"longestGapSeconds"`
	// Unanswered came while the server restarted, and were repeated.
	Unanswered     int `json:"unanswered"`
	OperatorKills  int `json:"operatorKills"`
	ServerRestarts int `json:"serverRestarts"`
	// Scale is how many seconds of a cluster a second of the test stands for.
	Scale int `json:"scale"`
}

// strategies are all of them, in the order of the table.
var strategies = []v1alpha1.RotationStrategy{v1alpha1.RotationInPlace, v1alpha1.RotationAnnounce, v1alpha1.RotationAlternate}

// outcomes by strategy.
type outcomes map[v1alpha1.RotationStrategy]Outcome

func (o outcomes) String() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "STRATEGY\tROTATIONS\tREQUESTS\tFAILED\tLONGEST GAP\tUNANSWERED\tOPERATOR KILLS\tSERVER RESTARTS")
	for _, s := range strategies {
		r := o[s]
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.1f s\t%d\t%d\t%d\n",
			s, r.Rotations, r.Requests, r.Failed, r.LongestGapSeconds, r.Unanswered, r.OperatorKills, r.ServerRestarts)
	}
	_ = t.Flush()
	return b.String()
}

func (o outcomes) write(path string) error {
	body, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the outcome: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing the outcome: %w", err)
	}
	return os.WriteFile(path, append(body, '\n'), 0o644)
}
