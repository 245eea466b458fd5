package erpnet

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// version of an instance: four numbers, compared one by one. The zero version is unknown.
type version [4]int

var versionForm = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9}){1,3}$`)

// parseVersion reads "26.2.1.66"; missing parts at the end are 0.
func parseVersion(s string) (v version, ok bool) {
	if !versionForm.MatchString(s) {
		return v, false
	}
	for i, part := range strings.Split(s, ".") {
		v[i], _ = strconv.Atoi(part) // at most nine digits
	}
	return v, v != version{}
}

func (v version) known() bool { return v != version{} }

// atLeast says whether v is o or later; false for the unknown version.
func (v version) atLeast(o version) bool {
	return slices.CompareFunc(v[:], o[:], cmp.Compare) >= 0
}

func (v version) String() string {
	if !v.known() {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d.%d", v[0], v[1], v[2], v[3])
}

// oldestVersion has client types, secret hashes and scopes.
var oldestVersion = version{20, 1}

// features are what the versions differ in.
type features struct {
	version version
	// policyAttribute is the name of the reference-token policy; empty where there is none.
	policyAttribute string
	// urlLength is the longest list of redirect URIs, joined.
	urlLength int
	// clientTypeNone: registrations may be mere notes.
	clientTypeNone bool
	// externalID: ExternalId and ExternalSystem exist; externalFilter: they can be filtered.
	externalID, externalFilter bool
	// additionalData: AdditionalDataJson exists.
	additionalData bool
	// nextLink: lists tell where they go on.
	nextLink bool
	// objectVersion: updates can be locked.
	objectVersion bool
	// changed: when a registration was changed last can be read.
	changed bool
}

// featuresOf is the version matrix of the documentation; for the unknown version it is what all supported versions have.
func featuresOf(v version) features {
	f := features{
		version: v, urlLength: 254,
		objectVersion: v.atLeast(version{22, 1}),
		externalID:    v.atLeast(version{24, 1, 0, 89}), externalFilter: v.atLeast(version{24, 1, 0, 89}),
		nextLink:       v.atLeast(version{26, 2}),
		changed:        v.atLeast(version{26, 2}),
		additionalData: v.atLeast(version{26, 3, 100, 4}),
	}
	switch {
	case v.atLeast(version{26, 2, 1, 66}):
		f.policyAttribute, f.urlLength, f.clientTypeNone = attrReferenceTokens, 500, true
	case v.atLeast(version{26, 2, 0, 16}):
		f.policyAttribute = attrAccessTokens
	}
	return f
}

// names are for people and for the status.
func (f features) names() []string {
	var names []string
	add := func(has bool, name string) {
		if has {
			names = append(names, name)
		}
	}
	add(f.policyAttribute != "", f.policyAttribute)
	add(f.clientTypeNone, "ClientTypeNone")
	add(f.externalID, "ExternalId")
	add(f.additionalData, "AdditionalDataJson")
	add(f.nextLink, "NextLink")
	add(f.objectVersion, "ObjectVersion")
	return names
}

// selected are the attributes to ask for, by name: what a default set holds differs between versions.
func (f features) selected() string {
	names := slices.Clone(coreAttributes)
	if f.objectVersion {
		names = append(names, attrObjectVersion)
	}
	if f.externalID {
		names = append(names, attrExternalID, attrExternalSystem)
	}
	if f.policyAttribute != "" {
		names = append(names, f.policyAttribute)
	}
	return strings.Join(names, ",")
}
