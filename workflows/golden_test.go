package workflows_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/workflows"
)

var rewrite = flag.Bool("update", false, "write the golden files anew")

// TestHistoryStructs pins the JSON of everything in histories. Such a struct only grows: lines may be added to the golden file, but
// not changed.
func TestHistoryStructs(t *testing.T) {
	structs := []any{
		workflows.ExportInput{}, workflows.ExportOutput{}, workflows.ShardInput{}, workflows.ShardOutput{}, workflows.SetRateInput{},
		workflows.QuotaInput{}, workflows.TakeInput{}, workflows.TakeOutput{},
		workflows.BudgetInput{}, workflows.BudgetUser{}, activities.BudgetRequest{}, activities.BudgetGrant{}, activities.Wait{},
		activities.OpenExportInput{}, activities.OpenExportOutput{},
		activities.OpenShardInput{}, activities.OpenShardOutput{},
		activities.ListPageInput{}, activities.ListPageOutput{}, activities.ListUnlistedInput{}, activities.ListUnlistedOutput{},
		activities.FetchInput{}, activities.FetchOutput{},
		activities.SaveReceiptsInput{}, activities.SaveReceiptsOutput{},
		activities.SealShardInput{}, activities.SealShardOutput{},
		activities.VerifyShardInput{}, activities.VerifyShardOutput{},
		activities.CommitShardInput{}, activities.CommitShardOutput{},
		activities.CleanupInput{}, activities.CleanupOutput{},
		activities.CloseExportInput{}, activities.CloseExportOutput{},
		workflows.RemapInput{}, workflows.RemapOutput{}, activities.ListCommittedInput{}, activities.ListCommittedOutput{},
		activities.RemapShardInput{}, activities.RemapShardOutput{},
		workflows.MaintainInput{}, workflows.MaintainOutput{}, activities.PlanMaintainInput{}, activities.PlanMaintainOutput{},
		workflows.EndStaleInput{}, workflows.EndStaleOutput{}, activities.OpenEndingInput{}, activities.OpenEndingOutput{},
		activities.ListStaleInput{}, activities.ListStaleOutput{}, activities.EndConversationsInput{}, activities.EndConversationsOutput{},
		activities.ResolveAuditsInput{}, activities.ResolveAuditsOutput{}, activities.CommitAuditsInput{}, activities.CommitAuditsOutput{},
		activities.MergeShardsInput{}, activities.MergeShardsOutput{}, activities.AbsorbShardsInput{}, activities.AbsorbShardsOutput{},
		workflows.AlertsInput{}, workflows.AcknowledgeInput{}, workflows.AcknowledgeOutput{}, activities.FindAlertsInput{}, activities.FindAlertsOutput{},
		activities.SendAlertInput{}, activities.SendAlertOutput{},
		workflows.SyncInput{}, workflows.SyncOutput{}, activities.StartMaintainInput{}, activities.StartMaintainOutput{},
	}
	all := map[string]any{}
	for _, s := range append(structs, workflows.SignalInputs()...) {
		v := reflect.New(reflect.TypeOf(s)).Elem()
		fill(v)
		all[v.Type().String()] = v.Interface()
	}
	got, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "history_structs.json")
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("structs in histories have changed (-was +is); add fields, change none:\n%s", diff)
	}
}

// fill gives every field a value that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	}
}
