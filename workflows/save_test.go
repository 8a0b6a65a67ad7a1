//go:build record

package workflows_test

import (
	"compress/gzip"
	"os"
	"path/filepath"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

func historyFile(name string) string { return filepath.Join(histories, inDevelopment, name+".json.gz") }

// recorded reports whether a history is there, and so is not recorded again.
func recorded(name string) bool {
	_, err := os.Stat(historyFile(name))
	return err == nil
}

// save writes the history of one run, without what neither replay nor a reader needs.
func (r *recorder) save(id, runID, name string) {
	var all history.History
	iter := r.c.GetWorkflowHistory(r.t.Context(), id, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iter.HasNext() {
		event, err := iter.Next()
		if err != nil {
			r.t.Fatal(err)
		}
		strip(event)
		all.Events = append(all.Events, event)
	}
	b, err := protojson.Marshal(&all)
	if err != nil {
		r.t.Fatal(err)
	}
	file, err := os.Create(historyFile(name))
	if err != nil {
		r.t.Fatal(err)
	}
	defer file.Close()
	out, err := gzip.NewWriterLevel(file, gzip.BestCompression)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := out.Write(b); err != nil {
		r.t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// strip removes who did it and where: the names of machines, processes, tasks and source files.
func strip(e *history.HistoryEvent) {
	e.TaskId = 0
	if a := e.GetWorkflowTaskStartedEventAttributes(); a != nil {
		a.Identity, a.RequestId = "", ""
	}
	if a := e.GetWorkflowTaskCompletedEventAttributes(); a != nil {
		a.Identity = ""
	}
	if a := e.GetActivityTaskStartedEventAttributes(); a != nil {
		a.Identity, a.RequestId = "", ""
	}
	if a := e.GetActivityTaskCompletedEventAttributes(); a != nil {
		a.Identity = ""
	}
	if a := e.GetWorkflowTaskScheduledEventAttributes(); a != nil {
		a.TaskQueue = nil
	}
	if a := e.GetActivityTaskFailedEventAttributes(); a != nil {
		a.Identity = ""
		traceless(a.Failure)
	}
	if a := e.GetActivityTaskTimedOutEventAttributes(); a != nil {
		traceless(a.Failure)
	}
	if a := e.GetActivityTaskStartedEventAttributes(); a != nil {
		traceless(a.LastFailure)
	}
}

func traceless(f *failure.Failure) {
	for ; f != nil; f = f.Cause {
		f.StackTrace = ""
	}
}
