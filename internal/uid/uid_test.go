package uid

import "testing"

func TestListed(t *testing.T) {
	const passwd = "# people\nroot:x:0:0:root:/root:/bin/sh\n\nshort:x:7\nnobody:x:65534:65534::/:/bin/false"
	for id, want := range map[int]bool{0: true, 65534: true, 7: false, 65532: false, 6553: false} {
		if got := listed(passwd, id); got != want {
			t.Errorf("uid %d is listed: %v, want %v", id, got, want)
		}
	}
	if listed("", 0) {
		t.Error("an empty file lists root")
	}
}
