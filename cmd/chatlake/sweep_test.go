package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

func TestSweepCommand(t *testing.T) {
	s := newShelf(t)
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}})
	old := "_staging/acme/created/" + month(1).String() + "/g0001/page-00000-0123456789abcdef"
	if err := s.lake.Store().Put(t.Context(), old, strings.NewReader("x"), 1, false); err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().Add(-30 * time.Hour)
	if err := os.Chtimes(s.lake.Location(old), yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		args []string
		says string
	}{
		{nil, "Can be removed: 1 staged object and 0 data files, 1 B. Nothing was removed; run chatlake lake sweep --remove to remove it.\n"},
		{[]string{"--remove"}, "Removed 1 staged object and 0 data files, 1 B.\n"},
		{[]string{"--remove"}, "There is nothing to sweep.\n"},
	} {
		out, _, status := chatlake(t, append([]string{"lake", "sweep", "--config", s.config}, step.args...)...)
		if diff := cmp.Diff(step.says, out); status != exitComplete || diff != "" {
			t.Errorf("status %d, output (-want +got):\n%s", status, diff)
		}
	}
	out, _, _ := chatlake(t, "lake", "sweep", "--config", s.config, "--output", "json")
	var got inspect.Swept
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Swept != (ledger.Swept{}) {
		t.Errorf("%s: %v", out, err)
	}
}
