package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"trustedapps.dev/operator/api/v1alpha1"
)

// branch is a line of a tree, with what is below it.
type branch struct {
	text  string
	below []branch
}

// draw writes a tree.
func (b branch) draw(w io.Writer, indent string) error {
	for i, next := range b.below {
		joint, deeper := "├─ ", "│  "
		if i == len(b.below)-1 {
			joint, deeper = "└─ ", "   "
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(indent+joint+next.text, " ")); err != nil {
			return err
		}
		if err := next.draw(w, indent+deeper); err != nil {
			return err
		}
	}
	return nil
}

// leaf is a line that begins with what it is about.
func leaf(about, text string) branch { return branch{text: fmt.Sprintf("%-13s", about) + text} }

// leaves are lines of text below a title; nothing where there are none.
func leaves(title string, lines []string) []branch {
	if len(lines) == 0 {
		return nil
	}
	b := branch{text: title}
	for _, line := range lines {
		b.below = append(b.below, branch{text: line})
	}
	return []branch{b}
}

// conditionLines are the conditions of an object, with what to do.
func (i ink) conditionLines(conditions []metav1.Condition) branch {
	b, told := branch{text: "conditions"}, ""
	if ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); ready != nil {
		told = ready.Message
	}
	for n := range conditions {
		c := &conditions[n]
		words := []string{}
		if c.Status != metav1.ConditionTrue || c.Reason != c.Type {
			words = append(words, c.Reason)
		}
		if c.Type == v1alpha1.ConditionReady || c.Message != told { // what is wrong is said once
			words = append(words, c.Message)
		}
		b.below = append(b.below, branch{text: fmt.Sprintf("%s %-20s %s", i.sign(c), c.Type, strings.Join(words, ": "))})
	}
	return b
}

// table writes rows in columns.
func table(w io.Writer, rows ...[]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// age is how long ago something was, as kubectl tells it.
func age(t *metav1.Time, now time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return duration.HumanDuration(now.Sub(t.Time))
}
