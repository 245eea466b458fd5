package domainapi

import (
	"cmp"
	"strings"
)

// guidSignificance lists the bytes of a GUID's text form from the most to the least significant one in the order of
// SQL Server: the last six bytes first, then backwards group by group, each of the first three read from its end.
var guidSignificance = [16]int{10, 11, 12, 13, 14, 15, 8, 9, 7, 6, 5, 4, 3, 2, 1, 0}

// compareGUIDs orders two lower-case hyphenated GUIDs as SQL Server orders a uniqueidentifier.
func compareGUIDs(x, y string) int {
	hx, hy := strings.ReplaceAll(x, "-", ""), strings.ReplaceAll(y, "-", "")
	if len(hx) != 32 || len(hy) != 32 { // seeded rows may carry readable ids
		return strings.Compare(x, y)
	}
	for _, i := range guidSignificance {
		if order := cmp.Compare(hx[2*i:2*i+2], hy[2*i:2*i+2]); order != 0 {
			return order
		}
	}
	return 0
}
