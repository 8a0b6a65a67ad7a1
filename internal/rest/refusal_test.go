package rest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
)

func TestRefusal(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		kind   providers.Kind
		is     error
	}{
		{400, `{}`, providers.Malformed, nil},
		{401, `{}`, providers.Denied, nil},
		{402, `{}`, providers.Malformed, nil},
		{403, `<html>`, providers.Denied, nil},
		{404, `{"error":"none"}`, providers.NotFound, nil},
		{404, `<html>`, providers.Transient, ErrNotFromAPI},
		{404, ``, providers.Transient, ErrNotFromAPI},
		{408, ``, providers.Transient, nil},
		{409, ``, providers.Malformed, nil},
		{410, `null`, providers.NotFound, nil},
		{410, `gone`, providers.Transient, ErrNotFromAPI},
		{429, ``, providers.Throttled, nil},
		{500, ``, providers.Transient, nil},
		{503, `{}`, providers.Transient, nil},
		{599, ``, providers.Transient, nil},
	} {
		e := Refusal("list", Response{Status: tt.status, Body: []byte(tt.body), After: time.Minute})
		if e.Kind != tt.kind || !errors.Is(e.Err, tt.is) || e.Op != "list" || e.Status != tt.status || e.After != time.Minute {
			t.Errorf("%d %s is %+v, want %s, %v", tt.status, tt.body, e, tt.kind, tt.is)
		}
		wrapped := fmt.Errorf("window: %w", e)
		if Gone(wrapped) != (tt.kind == providers.NotFound) || StatusOf(wrapped) != tt.status {
			t.Errorf("%d %s: gone %v, status %d", tt.status, tt.body, Gone(wrapped), StatusOf(wrapped))
		}
	}
	if other := errors.New("no answer"); Gone(other) || StatusOf(other) != 0 || Gone(nil) || StatusOf(nil) != 0 {
		t.Error("an error of something else has a status")
	}
}

func TestDocumentKeepsBodiesOfSuccessesOnly(t *testing.T) {
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for status, want := range map[int]string{200: "body", 204: "", 404: "", 500: ""} {
		doc := Document("messages", "7", Response{Status: status, Body: []byte("body"), ObservedAt: at})
		if string(doc.Body) != want || doc.Status != int64(status) || doc.Kind != "messages" || doc.ConversationID != "7" || !doc.ObservedAt.Equal(at) {
			t.Errorf("%d: %+v", status, doc)
		}
	}
}
