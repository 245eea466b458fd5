package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

func (e *env) diff() *cobra.Command {
	var as format
	c := &cobra.Command{
		Use: "diff NAME", Short: "Show in which fields the registration at the server differs from the spec",
		Long: "Show in which fields the registration at the server differs from the spec, as the operator last looked at it, and what the spec\n" +
			"asks for. What the server has stays there.",
		Example: "  kubectl trustedapp diff order-sync -n orders",
		Args:    one("TrustedApplication"), ValidArgsFunction: e.applicationNames,
		RunE: func(cmd *cobra.Command, args []string) error { return e.showDiff(cmd.Context(), args[0], as) },
	}
	as.bind(c)
	return c
}

// difference is a field that differs. Its JSON is stable.
type difference struct {
	Field string `json:"field"`
	Spec  any    `json:"spec"`
}

func (e *env) showDiff(ctx context.Context, name string, as format) error {
	app, err := e.application(ctx, name)
	if err != nil {
		return err
	}
	all, err := differences(app)
	if err != nil {
		return err
	}
	looked := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionInSync)
	if err := as.print(e.Out, all, func() error { return e.tellDiff(app, all, looked) }); err != nil {
		return err
	}
	if len(all) > 0 {
		return errUnwell
	}
	return nil
}

// differences pairs the fields that differ with what the spec says.
func differences(app *v1alpha1.TrustedApplication) ([]difference, error) {
	text, err := json.Marshal(app.Spec)
	if err != nil {
		return nil, err
	}
	var spec map[string]any
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, err
	}
	all := make([]difference, 0, len(app.Status.Drift))
	for _, field := range app.Status.Drift {
		all = append(all, difference{Field: field, Spec: lookUp(spec, field)})
	}
	return all, nil
}

// lookUp finds a field of the spec by its name, at the top or in one of the blocks; nil where the spec has none.
func lookUp(spec map[string]any, field string) any {
	if value, ok := spec[field]; ok {
		return value
	}
	for _, block := range []string{"interactive", "service"} {
		inner, _ := spec[block].(map[string]any)
		if value, ok := inner[field]; ok {
			return value
		}
	}
	return nil
}

func (e *env) tellDiff(app *v1alpha1.TrustedApplication, all []difference, looked *metav1.Condition) error {
	if len(all) == 0 {
		text := "nothing differs"
		if looked == nil {
			text = "it is not known: the operator has not looked at the registration yet"
		}
		_, err := fmt.Fprintln(e.Out, text)
		return err
	}
	rows := [][]string{{"FIELD", "SPEC"}}
	for _, d := range all {
		rows = append(rows, []string{d.Field, valueText(d.Spec)})
	}
	if err := table(e.Out, rows...); err != nil {
		return err
	}
	_, err := fmt.Fprintf(e.Err, "driftPolicy %s: %s\n", app.Spec.DriftPolicy, map[v1alpha1.DriftPolicy]string{
		v1alpha1.DriftEnforce: "the operator brings the registration back by itself",
		v1alpha1.DriftWarn:    "it stays; set Enforce to bring the registration back, or change the spec",
		v1alpha1.DriftObserve: "it stays; set Enforce to bring the registration back, or change the spec",
	}[app.Spec.DriftPolicy])
	return err
}

func valueText(value any) string {
	switch v := value.(type) {
	case nil:
		return "-"
	case []any:
		all := make([]string, 0, len(v))
		for _, item := range v {
			all = append(all, valueText(item))
		}
		return strings.Join(all, " ")
	}
	return fmt.Sprint(value)
}
