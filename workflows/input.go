package workflows

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// InvalidInput is the type of the error of a workflow with a wrong input. The workflow has done nothing.
const InvalidInput = "InvalidInput"

// Windows are the sizes of ExportInput.Window.
var Windows = []string{"month", "week", "day"}

var (
	exportName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`)
	accountName  = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,199}$`)
	providerName = accountName
)

// CheckName returns an error unless an export may have the name, which becomes part of workflow ids and of keys in the lake.
func CheckName(name string) error {
	if !exportName.MatchString(name) {
		return fmt.Errorf("name %q: expected at most 200 letters, digits, dots, underscores and hyphens, beginning with a letter or digit", name)
	}
	return nil
}

// Check returns an error unless an Export that starts now can do what the input asks for. The error names everything that is wrong.
func (in ExportInput) Check(now time.Time) error {
	errs := []error{checkAccount(in.Account), CheckName(in.Name), checkRange(in.Range()), in.Policy.Check()}
	if in.Window != "" && !slices.Contains(Windows, in.Window) {
		errs = append(errs, fmt.Errorf("window %q: expected month, week or day, or nothing for the configured one", in.Window))
	}
	if in.Reprocess != "" && !slices.Contains(activities.Reprocesses(), in.Reprocess) {
		errs = append(errs, fmt.Errorf("reprocess %q: expected one of %v", in.Reprocess, activities.Reprocesses()))
	}
	if in.Order != "" && !slices.Contains(activities.Orders(), in.Order) {
		errs = append(errs, fmt.Errorf("order %q: expected one of %v", in.Order, activities.Orders()))
	}
	errs = append(errs, checkRate("max_active", float64(in.MaxActive)))
	if latest := now.Add(-policyOf(in.Policy).Lag); !in.From.Before(latest) {
		errs = append(errs, fmt.Errorf("from %s: expected a time in the past; it is %s", stamp(in.From), stamp(now)))
	}
	if len(in.Refresh) > 200 || strings.ContainsFunc(in.Refresh, func(r rune) bool { return r < ' ' }) {
		errs = append(errs, errors.New("refresh: expected at most 200 characters in one line, for example a time"))
	}
	return errors.Join(errs...)
}

// Check returns an error unless a Shard can do what the input asks for.
func (in ShardInput) Check() error {
	s := in.Shard
	errs := []error{checkAccount(s.Account), checkRange(s.Window), in.Policy.Check()}
	if !providerName.MatchString(s.Provider) {
		errs = append(errs, fmt.Errorf("shard.provider %q: expected the name of a provider, as in a configuration", s.Provider))
	}
	if !s.Stream.Known() || s.Stream.IsOwn() {
		listed := slices.DeleteFunc(schemas.Streams(), schemas.Stream.IsOwn)
		errs = append(errs, fmt.Errorf("shard.stream %q: expected one of %v", s.Stream, listed))
	}
	if in.Spec == "" {
		errs = append(errs, errors.New("spec is missing: OpenExport returns it"))
	}
	errs = append(errs, checkLease(in.Lease),
		checkRate("message_requests", in.MessageRequests), checkRate("metadata_requests", in.MetadataRequests),
		checkRate("list_requests", in.ListRequests), checkRate("chunks", float64(in.ChunksInFlight)), checkRate("chunk", float64(in.ChunkSize)))
	return errors.Join(errs...)
}

// Check returns an error unless the rate is possible.
func (in SetRateInput) Check() error { return checkRate("requests_per_second", in.RequestsPerSecond) }

// Check returns an error unless a Budget can start with the input.
func (in BudgetInput) Check() error {
	errs := []error{checkRate("requests_per_second", in.RequestsPerSecond), checkShare(in.SyncShare), in.Policy.Check()}
	for _, u := range in.Users {
		errs = append(errs, u.Check())
	}
	return errors.Join(errs...)
}

// Check returns an error unless the user can be told its lease.
func (u BudgetUser) Check() error {
	if u.Workflow == "" {
		return errors.New("workflow is missing: expected the workflow id of an export")
	}
	return nil
}

// checkJoin returns an error unless an export can join a Budget.
func checkJoin(in activities.BudgetRequest) error {
	return errors.Join(BudgetUser{Workflow: in.Workflow}.Check(), checkRate("requests_per_second", in.RequestsPerSecond), checkShare(in.SyncShare))
}

// Check returns an error unless a Quota can keep the limits.
func (in TakeInput) Check() error {
	if len(in.Limits) == 0 {
		return errors.New("limits are missing: expected at least one")
	}
	for _, limit := range slices.Concat(in.Limits, in.Rest) {
		if limit.Uses < 1 || limit.Per <= 0 {
			return fmt.Errorf("limits: %d uses in %s: expected at least one use and a time above 0", limit.Uses, limit.Per)
		}
	}
	return nil
}

// Check returns an error unless all uses have been made by now.
func (in QuotaInput) Check(now time.Time) error {
	for _, at := range slices.Concat(in.Uses, in.Rest) {
		if at.IsZero() || at.After(now.Add(time.Minute)) {
			return fmt.Errorf("uses: expected times in the past, not %s", stamp(at))
		}
	}
	return in.Policy.Check()
}

func checkAccount(name string) error {
	if !accountName.MatchString(name) {
		return fmt.Errorf("account %q: expected the name of an account in the configuration: lower-case letters, digits, hyphens and underscores", name)
	}
	return nil
}

func checkRange(w schemas.Window) error {
	from, to := w.From, w.To
	switch {
	case from.IsZero() || to.IsZero():
		return errors.New("from and to: expected two times; one is missing")
	case !from.Before(to):
		return fmt.Errorf("from %s: expected a time before to, which is %s", stamp(from), stamp(to))
	case from.Nanosecond() != 0 || to.Nanosecond() != 0:
		return fmt.Errorf("from %s to %s: expected whole seconds", stamp(from), stamp(to))
	}
	return nil
}

// checkRate returns an error unless the number is 0 or more. A negative one would count as no limit.
func checkRate(name string, n float64) error {
	if math.IsNaN(n) || math.IsInf(n, 0) || n < 0 {
		return fmt.Errorf("%s %v: expected 0 or more", name, n)
	}
	return nil
}

func checkLease(l providers.Lease) error {
	return errors.Join(checkRate("requests_per_second", l.RequestsPerSecond), checkRate("account_requests_per_second", l.AccountRequestsPerSecond))
}

func checkShare(share float64) error {
	if math.IsNaN(share) || share < 0 || share > 1 {
		return fmt.Errorf("sync_share %v: expected a number from 0 to 1", share)
	}
	return nil
}

// oneLine is the text of joined errors on one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// refuse returns the error of a workflow whose input is wrong. A run that began under a release without checks continues.
func refuse(ctx workflow.Context, policy *Policy, wrong error) error {
	if wrong == nil || policy == nil && workflow.GetVersion(ctx, "checked-input", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return nil
	}
	return temporal.NewNonRetryableApplicationError(oneLine(wrong), InvalidInput, nil)
}
