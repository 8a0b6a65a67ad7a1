package tests

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// usage counts what workflows have written to Temporal's histories.
type usage struct {
	runs, events, activities int64
	decided                  int64            // events that are not of workflow tasks
	kinds                    map[string]int64 // events by type
}

func (u *usage) add(o usage) {
	u.runs, u.events, u.activities, u.decided = u.runs+o.runs, u.events+o.events, u.activities+o.activities, u.decided+o.decided
}

// perActivity is the unit of an export's budget of events.
func (u usage) perActivity() float64 { return float64(u.events) / float64(max(1, u.activities)) }

// temporal is a running chatlake process whose Temporal server and UI can be queried.
type temporal struct {
	*process
	port    int
	address string // of a server that outlives its workers
}

// openTemporal starts a process that runs the Temporal server of a state folder.
func openTemporal(t *testing.T, folder string) temporal {
	t.Helper()
	port := freePort(t)
	return temporal{start(t, folder, "worker", "--ui-port", strconv.Itoa(port)), port, ""}
}

// serveTemporal starts a Temporal server that outlives the workers that the test kills. It is a chatlake worker on a task queue that
// nobody else uses, so it has no work. serveTemporal returns when the server can be dialled.
func serveTemporal(t *testing.T) temporal {
	t.Helper()
	folder := configure(t, "http://127.0.0.1:1", "{url: file:lake}", "{}")
	server := openTemporal(t, folder)
	var none struct{}
	server.ask(t, server.workflows(""), &none)
	server.address = strings.TrimSpace(read(t, filepath.Join(folder, "state", "temporal.address")))
	return server
}

func (s temporal) workflows(rest string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/api/v1/namespaces/default/workflows%s", s.port, rest)
}

// histories sums the histories of all workflows that the server keeps: export, and by stream. It uses Temporal's HTTP API,
// which the UI also uses.
func (s temporal) histories(t *testing.T) map[string]usage {
	t.Helper()
	all := map[string]usage{}
	for token := ""; ; {
		var page struct {
			Executions []struct {
				Execution     struct{ WorkflowID, RunID string }
				HistoryLength int64 `json:",string"`
			}
			NextPageToken string
		}
		s.ask(t, s.workflows("?nextPageToken="+url.QueryEscape(token)), &page)
		for _, run := range page.Executions {
			id := strings.Split(run.Execution.WorkflowID, "/") // export/<account>/<name> or shard/<account>/<stream>/<window>
			kind := id[0]
			if kind == "shard" {
				kind = id[2]
			}
			u := all[kind]
			u.runs++
			u.events += run.HistoryLength
			if u.kinds == nil {
				u.kinds = map[string]int64{}
			}
			s.count(t, run.Execution.WorkflowID, run.Execution.RunID, u.kinds)
			u.activities, u.decided = u.kinds["ACTIVITY_TASK_SCHEDULED"], 0
			for kind, n := range u.kinds {
				if !strings.HasPrefix(kind, "WORKFLOW_TASK_") {
					u.decided += n
				}
			}
			all[kind] = u
		}
		if token = page.NextPageToken; token == "" {
			return all
		}
	}
}

// count adds the events of one run to kinds.
func (s temporal) count(t *testing.T, workflowID, runID string, kinds map[string]int64) {
	t.Helper()
	for token := ""; ; {
		var page struct {
			History struct {
				Events []struct{ EventType string }
			}
			NextPageToken string
		}
		s.ask(t, s.workflows(fmt.Sprintf("/%s/history?execution.runId=%s&nextPageToken=%s",
			url.PathEscape(workflowID), runID, url.QueryEscape(token))), &page)
		for _, event := range page.History.Events {
			kinds[strings.TrimPrefix(event.EventType, "EVENT_TYPE_")]++
		}
		if token = page.NextPageToken; token == "" {
			return
		}
	}
}
