package docs

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// block is a fenced block of a page.
type block struct {
	// info is what follows the opening fence: the language, and a mark such as "wrong".
	info string
	text string
	// line is where it begins.
	line int
}

// page is what a Markdown page holds, as far as it can be checked.
type page struct {
	blocks []block
	// prose is the page without fenced blocks; the line numbers are those of the page.
	prose []string
	// anchors are the fragments that GitHub makes of its headings.
	anchors map[string]bool
}

var (
	fence   = regexp.MustCompile("^ *(```+)(.*)$")
	heading = regexp.MustCompile(`^#{1,6} +(.+?)(?: +#+)? *$`)
	// markup is what a heading may hold and GitHub leaves out of the fragment: the target of a link, and the marks of code and emphasis.
	markup = regexp.MustCompile("\\]\\([^)]*\\)|[`*\\[\\]]")
	// inlineCode is text in which a link is not one.
	inlineCode = regexp.MustCompile("`[^`]*`")
	inlineLink = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)`)
	htmlAnchor = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
)

// parse reads a page.
func parse(content string) (page, error) {
	p := page{anchors: map[string]bool{}}
	var open *block
	mark, seen := "", map[string]int{}
	for number, line := range strings.Split(content, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case open == nil && m != nil:
			open, mark = &block{info: strings.TrimSpace(m[2]), line: number + 1}, m[1]
			line = ""
		case open != nil && m != nil && m[1] == mark && strings.TrimSpace(m[2]) == "":
			p.blocks = append(p.blocks, *open)
			open, line = nil, ""
		case open != nil:
			open.text += line + "\n"
			line = ""
		}
		p.prose = append(p.prose, line)
		if h := heading.FindStringSubmatch(line); h != nil {
			slug := slug(h[1])
			if n := seen[slug]; n > 0 {
				p.anchors[fmt.Sprintf("%s-%d", slug, n)] = true
			}
			seen[slug]++
			p.anchors[slug] = true
		}
		for _, a := range htmlAnchor.FindAllStringSubmatch(line, -1) {
			p.anchors[a[1]] = true
		}
	}
	if open != nil {
		return p, fmt.Errorf("line %d: the block is not closed", open.line)
	}
	return p, nil
}

// slug makes the fragment of a heading as GitHub does: lower case, letters, digits, '-' and '_' stay, each space becomes a '-'.
func slug(heading string) string {
	var out strings.Builder
	for _, r := range strings.ToLower(markup.ReplaceAllString(heading, "")) {
		switch {
		case r == ' ':
			out.WriteByte('-')
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			out.WriteRune(r)
		}
	}
	return out.String()
}

// link is a link of a page.
type link struct {
	target string
	line   int
}

// links are all links of the prose.
func (p page) links() []link {
	var links []link
	for number, line := range p.prose {
		for _, m := range inlineLink.FindAllStringSubmatch(inlineCode.ReplaceAllString(line, "``"), -1) {
			links = append(links, link{target: m[1], line: number + 1})
		}
	}
	return links
}
