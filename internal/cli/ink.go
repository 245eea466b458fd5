package cli

import (
	"io"
	"os"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trustedapps.dev/operator/api/v1alpha1"
)

// ink colours words, on a terminal only.
type ink bool

// inkFor looks at what is written to. NO_COLOR (https://no-color.org) keeps colours off.
func inkFor(w io.Writer) ink {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	about, err := file.Stat()
	return ink(err == nil && about.Mode()&os.ModeCharDevice != 0)
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

func (i ink) paint(colour, text string) string {
	if !i {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// against are the conditions of which True is not good: nothing changes before a person acts, or it is on its way, or somebody paused it.
var against = []string{v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling, v1alpha1.ConditionPaused}

// sign is a sign for a condition.
func (i ink) sign(c *metav1.Condition) string {
	if c.Status == metav1.ConditionTrue && slices.Contains(against, c.Type) {
		return i.paint(yellow, "!")
	}
	return i.mark(c.Status)
}

// mark is a sign for a status.
func (i ink) mark(status metav1.ConditionStatus) string {
	switch status {
	case metav1.ConditionTrue:
		return i.paint(green, "✓")
	case metav1.ConditionFalse:
		return i.paint(red, "✗")
	}
	return i.paint(yellow, "?")
}
