package wire_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/wire"
)

func restOf(r *wire.Reader) map[string]string {
	var all map[string]string
	for key, v := range r.Rest() {
		if all == nil {
			all = map[string]string{}
		}
		all[key] = *v
	}
	return all
}

func TestReader(t *testing.T) {
	r := wire.Read(wire.Value(`{"id":7,"name":"x","none":null,"empty":"","list":[1, null],"odd":"soon","zero":0,"lists":"no",
		"more":{"a":{ "b" : 1 },"name":"inner","id":1,"deep":{"c":true,"name":2}},"person":{"id":3,"future":4},"text":"no object"}`))
	if got := r.Word("id"); got != "7" {
		t.Errorf("id is %q", got)
	}
	if got := r.Peek("name"); string(got) != `"x"` {
		t.Errorf("name is %s", got)
	}
	if got := r.List("list"); len(got) != 1 {
		t.Errorf("list is %s", got)
	}
	if got := r.List("lists"); got != nil {
		t.Errorf("a text is the list %s", got)
	}
	never := func(wire.Value) *int { return nil }
	if wire.Parse(r, "odd", never) != nil || wire.Parse(r, "zero", never) != nil {
		t.Error("a value was parsed")
	}
	more := r.Nested("", "more")
	more.Skip("id")
	more.Nested("deep.", "deep").Truth("c")
	if r.Nested("text.", "text"); r.Empty() {
		t.Error("nothing is left")
	}
	person := r.Object("person")
	person.Value("id")
	if diff := cmp.Diff(map[string]string{"future": "4"}, restOf(person)); diff != "" {
		t.Error(diff)
	}
	r.Change(func(key string, v wire.Value) wire.Value {
		if key == "name" {
			return nil
		}
		return v
	})
	want := map[string]string{
		"odd": "soon", "lists": "no", "text": "no object", "a": `{"b":1}`, "name": "inner", "deep.name": "2",
	}
	if diff := cmp.Diff(want, restOf(r)); diff != "" {
		t.Error(diff)
	}
}

func TestReaderOfNoObject(t *testing.T) {
	for _, body := range []string{``, `null`, `7`, `[1]`, `"text"`, `{}`} {
		r := wire.Read(wire.Value(body))
		if r.Word("a") != "" || r.List("a") != nil || r.Object("a").Rest() != nil || r.Nested("", "a").Rest() != nil || !r.Empty() || r.Rest() != nil {
			t.Errorf("%s has fields", body)
		}
	}
}
