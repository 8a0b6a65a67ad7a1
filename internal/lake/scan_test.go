package lake

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/google/go-cmp/cmp"
)

// letters seals a file of dead letters.
func letters(t *testing.T, l *Lake, ids ...string) ledger.File {
	t.Helper()
	seal, err := NewSeal(t.Context(), l.Store(), l.scratch, may("acme"), "test")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if err := seal.DeadLetter(schemas.DeadLetter{ConversationID: id, ObservedAt: time.UnixMicro(1), Step: "Fetch", ErrorKind: "Timeout", Attempts: 4}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := seal.Close(t.Context())
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	return files[0]
}

func TestScanOfFilesInTheLake(t *testing.T) {
	lakes := map[string]*Lake{"folder": openFolder(t), "s3": onBucket(t, 1)[0]}
	for name, l := range lakes {
		t.Run(name, func(t *testing.T) {
			f := letters(t, l, "a", "b", "a")
			var got []string
			scan := func(f ledger.File) (string, error) {
				got = nil
				return l.Scan(t.Context(), f, Query{Columns: []string{"conversation_id", "attempts"}, Value: new("a")}, func(r Row) {
					got = append(got, fmt.Sprint(r.Group, r.Index, r.Cells[0].Text, r.Cells[1].Integer))
				})
			}
			problem, err := scan(f)
			if diff := cmp.Diff([]string{"0 0a4", "0 2a4"}, got); diff != "" || problem != "" || err != nil {
				t.Errorf("problem %q, error %v, rows (-want +got):\n%s", problem, err, diff)
			}
			longer := f
			longer.Bytes++
			if problem, err := scan(longer); !strings.Contains(problem, "bytes") || err != nil {
				t.Errorf("of a file that was cut: problem %q, error %v", problem, err)
			}
			mustPut(t, l.Store(), f.Key, strings.Repeat("x", int(f.Bytes)))
			if problem, err := scan(f); !strings.Contains(problem, "damaged") || err != nil {
				t.Errorf("of a damaged file: problem %q, error %v", problem, err)
			}
			if err := l.Store().Delete(t.Context(), f.Key); err != nil {
				t.Fatal(err)
			}
			if problem, err := scan(f); problem != "the file is missing" || err != nil {
				t.Errorf("of a missing file: problem %q, error %v", problem, err)
			}
			down := errors.New("no route to host")
			if _, err := l.over(failing{l.Store(), f.Key, down}).Scan(t.Context(), f, Query{Columns: []string{"step"}}, func(Row) {}); !errors.Is(err, down) {
				t.Errorf("error %v, want that of a store that is down", err)
			}
		})
	}
}
