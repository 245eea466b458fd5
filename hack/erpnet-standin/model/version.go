package model

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a product version, four numeric parts.
type Version [4]int

// ParseVersion reads "26.2.1.66"; missing trailing parts are 0.
func ParseVersion(s string) (Version, error) {
	var v Version
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return v, fmt.Errorf("version %q has more than four parts", s)
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			return v, fmt.Errorf("version %q: part %q is not a number", s, p)
		}
		v[i] = n
	}
	return v, nil
}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d.%d", v[0], v[1], v[2], v[3]) }

// AtLeast compares numerically, part by part.
func (v Version) AtLeast(o Version) bool {
	for i := range v {
		if v[i] != o[i] {
			return v[i] > o[i]
		}
	}
	return true
}

// HasExternalID says whether ExternalId and ExternalSystem exist.
func (v Version) HasExternalID() bool { return v.AtLeast(Version{24, 1, 0, 89}) }

// PolicyAttribute names the reference-token policy attribute of this version, "" where there is none.
func (v Version) PolicyAttribute() string {
	switch {
	case v.AtLeast(Version{26, 2, 1, 66}):
		return "ReferenceTokens"
	case v.AtLeast(Version{26, 2, 0, 16}):
		return "AccessTokens"
	}
	return ""
}

// URLLength is the longest ImpersonateLoginUrl and ImpersonateLogoutUrl.
func (v Version) URLLength() int {
	if v.AtLeast(Version{26, 2, 1, 66}) {
		return 500
	}
	return 254
}

// HasClientTypeNone says whether ClientType None exists.
func (v Version) HasClientTypeNone() bool { return v.AtLeast(Version{26, 2, 1, 66}) }

// HasNextLink says whether lists are paged by @odata.nextLink and AggregateLastUpdateTimeUtc can be read.
func (v Version) HasNextLink() bool { return v.AtLeast(Version{26, 2}) }

// HasAdditionalData says whether AdditionalDataJson exists.
func (v Version) HasAdditionalData() bool { return v.AtLeast(Version{26, 3, 100, 4}) }
