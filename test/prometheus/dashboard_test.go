package prometheus

import (
	"regexp"
	"testing"
)

// What Grafana needs to show the dashboard with whatever data source it is given.
func TestTheDashboardIsComplete(t *testing.T) {
	d, err := ReadDashboard("../../charts/trustedapp-operator/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || len(d.UID) > 40 || d.Title == "" || d.SchemaVersion < 36 {
		t.Errorf("uid %q, title %q, schemaVersion %d", d.UID, d.Title, d.SchemaVersion)
	}
	variables := map[string]bool{"__rate_interval": true}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
	}
	if len(d.Templating.List) != 2 || !variables["datasource"] || !variables["server"] {
		t.Errorf("variables: %v", d.Templating.List)
	}
	ids, titles, cells := map[int]bool{}, map[string]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if p.Title == "" || ids[p.ID] || titles[p.Title] {
			t.Errorf("panel %d %q has no title, or one of another", p.ID, p.Title)
		}
		ids[p.ID], titles[p.Title] = true, true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := cells[[2]int{x, y}]; other != "" || x > 23 {
					t.Fatalf("panel %q is over %q, or past the edge", p.Title, other)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
		if p.Row() {
			continue
		}
		if p.Description == "" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("panel %q lacks a description, the data source of the variable or queries", p.Title)
		}
		for _, target := range p.Targets {
			if target.Expr == "" || target.RefID == "" || target.Datasource != p.Datasource {
				t.Errorf("panel %q has an incomplete query", p.Title)
			}
			for _, v := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(target.Expr, -1) {
				if !variables[v[1]] {
					t.Errorf("panel %q uses the variable %s, which there is not", p.Title, v[1])
				}
			}
		}
	}
	if len(d.Panels) < 15 {
		t.Errorf("found only %d panels", len(d.Panels))
	}
}
