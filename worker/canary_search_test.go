package worker_test

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/simulator"
)

// needles are the texts to search for, by their description.
func needles() map[string][]byte {
	all := map[string][]byte{"a canary": []byte(canary), "a phone number": []byte(simulator.MarkedPhone)}
	for name, secret := range secrets {
		all["the secret "+name] = []byte(secret)
		if lines := strings.Split(strings.TrimSpace(secret), "\n"); len(lines) > 3 {
			all["the secret "+name] = []byte(lines[2]) // one line of a PEM key, in case its line ends change
		}
	}
	// In base64, at any alignment.
	for skip := range 3 {
		text := base64.StdEncoding.EncodeToString(append(make([]byte, skip), canary...))
		all["a canary in base64"+strings.Repeat("'", skip)] = []byte(text[(skip*8+5)/6 : len(text)-4])
	}
	return all
}

// search searches everything that the runs leave: output, histories, Temporal's database, and the lake.
func (r *aviary) search(t *testing.T) {
	histories := r.histories(t)
	scraped := r.scrape(t)
	r.searchPages(t)
	r.stop()
	r.shown.Stop()
	r.searchTelemetry(t, scraped)
	look(t, "what was said", r.said.bytes())
	look(t, "the histories", histories)
	look(t, "the arguments of the process", []byte(strings.Join(os.Args, " ")))
	size := 0
	walk(t, r.state, func(name string, content []byte) {
		size += len(content)
		look(t, "the state folder: "+name, content)
	})
	found := map[string]int{} // expected finds, without which the search would prove nothing
	walk(t, r.root, func(name string, content []byte) {
		look(t, "a name in the lake", []byte(name))
		part, _, _ := strings.Cut(name, string(filepath.Separator))
		found[part]++
		switch {
		case strings.Contains(name, "dead_letters"):
			found["dead letters"]++
			look(t, "a dead letter of "+name, details(t, content))
		case part == "data":
			if bytes.Contains(content, []byte(canary)) {
				found["canaries"]++
			}
		case part != "_staging":
			look(t, name, content)
		}
	})
	t.Logf("%d bytes said, %d of histories, %d of state, %v in the lake", len(r.said.bytes()), len(histories), size, found)
	for _, part := range []string{"data", "_ledger", "_exports", "dead letters", "canaries"} {
		if found[part] == 0 {
			t.Errorf("the lake has no %s, so nothing was proved of them", part)
		}
	}
	if !bytes.Contains(histories, []byte("FetchMessages")) || !bytes.Contains(r.said.bytes(), []byte("level=DEBUG")) {
		t.Error("the histories or the log are empty")
	}
}

// look fails the test if a text contains one of the needles, and shows the text before it.
func look(t *testing.T, where string, in []byte) {
	t.Helper()
	lower := bytes.ToLower(in)
	for what, needle := range needles() {
		for _, in := range [][]byte{in, lower} {
			if at := bytes.Index(in, needle); at >= 0 {
				t.Errorf("%s: %s, in %q", where, what, in[max(0, at-300):min(len(in), at+100)])
				break
			}
		}
	}
}

func walk(t *testing.T, root string, each func(name string, content []byte)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		each(name, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// histories are the histories of all runs, with memos and search attributes, and with payloads as text.
func (r *aviary) histories(t *testing.T) []byte {
	t.Helper()
	var all bytes.Buffer
	var next []byte
	for {
		list, err := r.client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: next})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list.Executions {
			all.WriteString(prototext.Format(e))
			history := r.client.GetWorkflowHistory(t.Context(), e.Execution.WorkflowId, e.Execution.RunId, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for history.HasNext() {
				event, err := history.Next()
				if err != nil {
					t.Fatal(err)
				}
				all.WriteString(prototext.Format(event)) // bytes as text, not in base64
			}
		}
		if next = list.NextPageToken; len(next) == 0 {
			return all.Bytes()
		}
	}
}

// details are the details in a file of dead letters.
func details(t *testing.T, content []byte) []byte {
	t.Helper()
	var all bytes.Buffer
	err := parquet.Scan(bytes.NewReader(content), int64(len(content)), parquet.Query{Columns: []string{"step", "error_kind", "detail"}}, func(row parquet.Row) error {
		for _, cell := range row.Cells {
			all.WriteString(cell.Text + "\n")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.Bytes()
}
