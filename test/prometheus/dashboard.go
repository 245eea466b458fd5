package prometheus

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// Dashboard is what Grafana and the tests need of a dashboard.
type Dashboard struct {
	UID           string
	Title         string
	SchemaVersion int
	Templating    struct{ List []Variable }
	Panels        []Panel
}

// Variable is one that is chosen at the top of the dashboard.
type Variable struct {
	Name, Type, Definition string
}

// Panel is a panel, or the heading of a row.
type Panel struct {
	ID          int
	Title, Type string
	Description string
	Datasource  Datasource
	GridPos     struct{ X, Y, W, H int }
	FieldConfig struct {
		Defaults struct {
			Unit       string
			Custom     struct{ Stacking *struct{ Mode string } }
			Thresholds struct{ Steps []Threshold }
		}
	}
	Targets []Target
}

// Threshold is the color from a value on.
type Threshold struct {
	Color string
	Value *float64 // nil: from the beginning
}

// Datasource says where a panel's data are from.
type Datasource struct{ Type, UID string }

// Target is a query of a panel.
type Target struct {
	RefID, Expr, LegendFormat string
	Datasource                Datasource
}

// Row says whether the panel is only the heading of a row.
func (p Panel) Row() bool { return p.Type == "row" }

// ReadDashboard reads a dashboard file.
func ReadDashboard(path string) (Dashboard, error) {
	var d Dashboard
	content, err := os.ReadFile(path)
	if err != nil {
		return d, fmt.Errorf("reading the dashboard: %w", err)
	}
	if err := json.Unmarshal(content, &d); err != nil {
		return d, fmt.Errorf("reading the dashboard: %w", err)
	}
	return d, nil
}

// Expand puts values in the place of the dashboard's variables, as Grafana does: all servers, and a window for rates.
func (t Target) Expand(window string) string {
	return strings.NewReplacer("$__rate_interval", window, "$server", ".*").Replace(t.Expr)
}
