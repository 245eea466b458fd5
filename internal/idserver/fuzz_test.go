package idserver

import "testing"

// FuzzMark: a mark that is read is written the same again, and none is read out of nothing.
func FuzzMark(f *testing.F) {
	for _, seed := range []string{"shop/orders/1d1f", "a//b", "/a/b", "a/b/c/d", "", "a/b/", "ü/b/c"} {
		f.Add("cluster", seed)
	}
	f.Add("", "shop/orders/1d1f")
	f.Fuzz(func(t *testing.T, cluster, text string) {
		m, ok := ParseMark(cluster, text)
		if !ok {
			if m != (Mark{}) {
				t.Fatalf("a mark that is none: %+v", m)
			}
			return
		}
		if m.Cluster == "" || m.Namespace == "" || m.Name == "" || m.UID == "" || m.String() != text {
			t.Fatalf("%q became %+v, which is %q", text, m, m.String())
		}
	})
}
