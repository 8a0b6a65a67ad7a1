package workflows_test

import (
	"fmt"
	"strings"

	"go.temporal.io/api/failure/v1"
	"go.temporal.io/api/history/v1"

	"github.com/chatlake/chatlake/workflows"
)

// trace is a history in words, one for each event that says what the workflow did or what came over it:
//
//	Shard, Shard on           it begins, or goes on for a run before it
//	ListPage                  an activity is given out
//	ListPage: Denied          it has failed for good; Timeout, Panic and Canceled are such ends too
//	timer, timer fired, timer canceled
//	update pause, signal control, cancel
//	child, child exists, child ended: terminated
//	tell                      a signal to another workflow
//	state blocked             its search attribute says so
//	ends: {...}, ends as new, ends canceled, ends terminated
func trace(h *history.History) (words []string) {
	t := tracer{activities: map[int64]string{}}
	for _, e := range h.Events {
		if word := t.word(e); word != "" {
			words = append(words, word)
		}
	}
	return words
}

type tracer struct {
	activities map[int64]string // by the event that gave them out
}

func (t tracer) word(e *history.HistoryEvent) string {
	for _, word := range []func(*history.HistoryEvent) string{t.own, t.activity, t.child, t.came} {
		if w := word(e); w != "" {
			return w
		}
	}
	return ""
}

// own are the beginning and the ends of the workflow itself.
func (tracer) own(e *history.HistoryEvent) string {
	switch {
	case e.GetWorkflowExecutionStartedEventAttributes() != nil:
		a := e.GetWorkflowExecutionStartedEventAttributes()
		if a.ContinuedExecutionRunId != "" {
			return a.WorkflowType.Name + " on"
		}
		return a.WorkflowType.Name
	case e.GetWorkflowExecutionCompletedEventAttributes() != nil:
		var result []byte
		for _, p := range e.GetWorkflowExecutionCompletedEventAttributes().GetResult().GetPayloads() {
			result = append(result, p.Data...)
		}
		return "ends: " + string(result)
	case e.GetUpsertWorkflowSearchAttributesEventAttributes() != nil:
		state := e.GetUpsertWorkflowSearchAttributesEventAttributes().SearchAttributes.GetIndexedFields()[workflows.StateAttribute.GetName()]
		if state == nil {
			return "" // a version marker has one too
		}
		return "state " + strings.Trim(string(state.Data), `"`)
	case e.GetWorkflowExecutionContinuedAsNewEventAttributes() != nil:
		return "ends as new"
	case e.GetWorkflowExecutionCanceledEventAttributes() != nil:
		return "ends canceled"
	case e.GetWorkflowExecutionFailedEventAttributes() != nil:
		return "ends failed"
	case e.GetWorkflowExecutionTerminatedEventAttributes() != nil:
		return "ends terminated"
	}
	return ""
}

func (t tracer) activity(e *history.HistoryEvent) string {
	switch {
	case e.GetActivityTaskScheduledEventAttributes() != nil:
		name := e.GetActivityTaskScheduledEventAttributes().ActivityType.Name
		t.activities[e.EventId] = name
		return name
	case e.GetActivityTaskFailedEventAttributes() != nil:
		a := e.GetActivityTaskFailedEventAttributes()
		return t.activities[a.ScheduledEventId] + ": " + kindOf(a.Failure)
	case e.GetActivityTaskTimedOutEventAttributes() != nil:
		return t.activities[e.GetActivityTaskTimedOutEventAttributes().ScheduledEventId] + ": Timeout"
	case e.GetActivityTaskCanceledEventAttributes() != nil:
		return t.activities[e.GetActivityTaskCanceledEventAttributes().ScheduledEventId] + ": Canceled"
	case e.GetTimerStartedEventAttributes() != nil:
		return "timer"
	case e.GetTimerFiredEventAttributes() != nil:
		return "timer fired"
	case e.GetTimerCanceledEventAttributes() != nil:
		return "timer canceled"
	}
	return ""
}

// kindOf is the type of an application error; a panic is one that has a type of the SDK's.
func kindOf(f *failure.Failure) string {
	kind := f.GetApplicationFailureInfo().GetType()
	if kind == "PanicError" {
		return "Panic"
	}
	return kind
}

func (tracer) child(e *history.HistoryEvent) string {
	switch {
	case e.GetStartChildWorkflowExecutionInitiatedEventAttributes() != nil:
		return "child"
	case e.GetStartChildWorkflowExecutionFailedEventAttributes() != nil:
		return "child exists"
	case e.GetChildWorkflowExecutionCompletedEventAttributes() != nil:
		return "child ended: well"
	case e.GetChildWorkflowExecutionTerminatedEventAttributes() != nil:
		return "child ended: terminated"
	case e.GetChildWorkflowExecutionCanceledEventAttributes() != nil:
		return "child ended: canceled"
	case e.GetSignalExternalWorkflowExecutionInitiatedEventAttributes() != nil:
		return "tell"
	}
	return ""
}

// came are the things that others do to the workflow.
func (tracer) came(e *history.HistoryEvent) string {
	switch {
	case e.GetWorkflowExecutionUpdateAcceptedEventAttributes() != nil:
		return "update " + e.GetWorkflowExecutionUpdateAcceptedEventAttributes().AcceptedRequest.Input.Name
	case e.GetWorkflowExecutionSignaledEventAttributes() != nil:
		a := e.GetWorkflowExecutionSignaledEventAttributes()
		return fmt.Sprintf("signal %s %s", a.SignalName, a.GetInput().GetPayloads()[0].Data)
	case e.GetWorkflowExecutionCancelRequestedEventAttributes() != nil:
		return "cancel"
	}
	return ""
}
