package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is how much the program holds (VmRSS), in MiB.
func (p *Process) Memory() (float64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of %s: %w", p.name, err)
	}
	for line := range strings.Lines(string(content)) {
		if rest, found := strings.CutPrefix(line, "VmRSS:"); found && len(strings.Fields(rest)) > 0 {
			kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				return 0, fmt.Errorf("reading the memory of %s: %w", p.name, err)
			}
			return float64(kilobytes) / 1024, nil
		}
	}
	return 0, fmt.Errorf("reading the memory of %s: the kernel does not tell it", p.name)
}
