package schemas

import "testing"

func TestStreams(t *testing.T) {
	for _, test := range []struct {
		stream                                                      Stream
		known, conversations, byCreation, byChange, continuous, own bool
	}{
		{"created", true, true, true, false, true, false},
		{"changes", true, true, false, true, true, false},
		{"pushed", true, true, false, true, false, false},
		{"reports", true, false, false, false, true, false},
		{"directory", true, false, false, false, false, false},
		{"audits", true, false, false, false, false, true},
		{"", false, false, false, false, false, false},
		{"Created", false, false, false, false, false, false},
	} {
		s := test.stream
		if s.Known() != test.known || s.HasConversations() != test.conversations || s.IsByCreation() != test.byCreation || s.IsByChange() != test.byChange || s.IsContinuous() != test.continuous || s.IsOwn() != test.own {
			t.Errorf("%q: known %t, conversations %t, by creation %t, by change %t, continuous %t, own %t", s, s.Known(), s.HasConversations(), s.IsByCreation(), s.IsByChange(), s.IsContinuous(), s.IsOwn())
		}
	}
	if len(Streams()) != len(streams) {
		t.Errorf("%d streams are named, and %d have traits", len(Streams()), len(streams))
	}
	for _, s := range Streams() {
		if !s.Known() {
			t.Errorf("%s has no traits", s)
		}
	}
}
