package workflows_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/workflows"
)

// other has another number in every field except the behaviour.
func other(p *workflows.Policy) {
	*p = workflows.Policy{
		Behaviour: p.Behaviour, FirstWait: time.Second, LongestWait: time.Second, TriesBeforeBlock: 0, Lag: 4000 * time.Hour, ShardsPerRun: 1,
		ShardFailures: 1, MostBlocked: 1, FirstLook: time.Second, LongestLook: time.Second, IdleShare: 0.5, IdleShards: 0,
		ActivitiesPerRun: 2, ReceiptsHeld: 1, RestartsPerShard: 0, ChunkLength: 2 * time.Second, ShortestChunk: 2 * time.Second, FirstPage: 2,
		RefsPerPage: 7, FreeRequests: 9, FewestFree: 1, PartRequests: 1, MetadataPerMessages: 1, LeastLease: 0.1, ThrottledShare: 0.9,
		RequestsToJudge: 1, CleanResults: 1, WaitsAlone: 1, SignalsPerRun: 1, RollCall: time.Second, EvenShare: 0.25, TakesPerRun: 1,
	}
}

// TestOtherPolicyDiffersInEveryNumber keeps the tests below honest when a field is added.
func TestOtherPolicyDiffersInEveryNumber(t *testing.T) {
	is, as := reflect.ValueOf(*workflows.NewPolicy()), workflows.NewPolicy()
	other(as)
	for i := range is.NumField() {
		if name := is.Type().Field(i).Name; name != "Behaviour" && is.Field(i).Equal(reflect.ValueOf(*as).Field(i)) {
			t.Errorf("%s is the same", name)
		}
	}
	if err := as.Check(); err != nil {
		t.Error(err)
	}
}

// TestTuningChangesNoRunUnderWay replays the runs of this release in a release with other numbers everywhere. They keep the numbers
// that they began with.
func TestTuningChangesNoRunUnderWay(t *testing.T) {
	workflows.Tune(t, other)
	for name, h := range corpus(t, inDevelopment) {
		if err := replay(h); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHistoriesNeedThePolicyThatTheyCarry is the control of the test above. With other numbers in their inputs, many histories
// cannot be replayed, so the test would notice workflows that ignore the policy.
func TestHistoriesNeedThePolicyThatTheyCarry(t *testing.T) {
	all, broken := corpus(t, inDevelopment), 0
	for name, h := range all {
		if replay(withPolicy(t, name, h)) != nil {
			broken++
		}
	}
	t.Logf("%d of %d histories cannot be replayed with another policy", broken, len(all))
	if broken < len(all)/2 {
		t.Errorf("only %d of %d histories look at their policy", broken, len(all))
	}
}

// withPolicy is a history with the other policy in its input.
func withPolicy(t *testing.T, name string, h *history.History) *history.History {
	t.Helper()
	h = proto.CloneOf(h)
	payload := h.Events[0].GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()[0]
	var in map[string]json.RawMessage
	if err := json.Unmarshal(payload.Data, &in); err != nil {
		t.Fatal(err)
	}
	var p workflows.Policy
	if err := json.Unmarshal(in["policy"], &p); err != nil {
		t.Fatalf("%s carries no policy: %v", name, err)
	}
	other(&p)
	var err error
	if in["policy"], err = json.Marshal(p); err != nil {
		t.Fatal(err)
	}
	if payload.Data, err = json.Marshal(in); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestRunsWithAPolicyWriteNoMarkers: the policy decides what a run does, so its history needs no markers, and no search attribute for them.
func TestRunsWithAPolicyWriteNoMarkers(t *testing.T) {
	for name, h := range corpus(t, inDevelopment) {
		for _, e := range h.Events {
			upserted := e.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes().GetIndexedFields()
			if e.GetMarkerRecordedEventAttributes() != nil || upserted["TemporalChangeVersion"] != nil {
				t.Errorf("%s: %s", name, e.EventType)
			}
		}
	}
}

// TestUnversionedPolicyNeverChanges: the histories of runs without a policy were written with these numbers.
func TestUnversionedPolicyNeverChanges(t *testing.T) {
	const want = `{"behaviour":0,"first_wait":60000000000,"longest_wait":900000000000,"tries_before_block":3,"lag":60000000000,` +
		`"shards_per_run":200,"shard_failures":3,"most_blocked":100,"first_look":5000000000,"longest_look":3600000000000,"idle_share":0.02,` +
		`"idle_shards":2,"activities_per_run":800,"receipts_held":1000,"restarts_per_shard":3,"chunk_length":60000000000,` +
		`"shortest_chunk":4000000000,"first_page":100,"refs_per_page":500,"free_requests":1000,"fewest_free":80,"part_requests":64,` +
		`"metadata_per_messages":10,"least_lease":0.5,"throttled_share":0.02,"requests_to_judge":50,"clean_results":64,"waits_alone":3,` +
		`"signals_per_run":300,"roll_call":600000000000,"even_share":0.5,"takes_per_run":500}`
	got, err := json.Marshal(workflows.Unversioned())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPolicyThatCannotBeMeantIsRefused sets each number in turn to an impossible value.
func TestPolicyThatCannotBeMeantIsRefused(t *testing.T) {
	numbers := reflect.TypeFor[workflows.Policy]()
	for i := range numbers.NumField() {
		name, _, _ := strings.Cut(numbers.Field(i).Tag.Get("json"), ",")
		in := may()
		switch field := reflect.ValueOf(in.Policy).Elem().Field(i); field.Kind() {
		case reflect.Bool:
			continue // both values can be meant
		case reflect.Float64:
			field.SetFloat(1.5)
		default:
			field.SetInt(-1)
		}
		w := &world{}
		env := environment(t, w)
		env.ExecuteWorkflow(workflows.Shard, in)
		refused(t, env, "policy."+name)
	}
	if err := workflows.NewPolicy().Check(); err != nil {
		t.Errorf("the policy of new runs: %v", err)
	}
}

// TestRunOfALaterReleaseWaitsForItsWorkers: a worker that does not know a behaviour fails the task, and not the run.
func TestRunOfALaterReleaseWaitsForItsWorkers(t *testing.T) {
	w := &world{}
	env := environment(t, w)
	in := may()
	in.Policy.Behaviour++
	env.ExecuteWorkflow(workflows.Shard, in)
	if err := env.GetWorkflowError(); err == nil || !strings.Contains(err.Error(), "upgrade the workers") || len(w.calls) > 0 {
		t.Errorf("it ended with %v after %v, want a panic that tells to upgrade the workers", err, w.calls)
	}
}

// TestExportHandsItsPolicyToItsShards: a shard has the numbers of the export that started it, whatever the worker would choose now.
func TestExportHandsItsPolicyToItsShards(t *testing.T) {
	for name, carried := range map[string]*workflows.Policy{"none": nil, "one of an earlier release": workflows.NewPolicy()} {
		if carried != nil {
			carried.PartRequests = 7
		}
		shards := 0
		env := exporting(t, activities.OpenExportOutput{}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
			shards++
			if diff := cmp.Diff(carried, in.Policy); diff != "" {
				t.Errorf("%s: the shard has another policy (-export +shard):\n%s", name, diff)
			}
			return committed(1), nil
		})
		in := year()
		in.Policy = carried
		if runExport(t, env, in); shards != 12 {
			t.Errorf("%s: %d shards", name, shards)
		}
	}
}
