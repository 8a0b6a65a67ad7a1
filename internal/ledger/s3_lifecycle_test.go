package ledger

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestLifecycleRulesThatHarm(t *testing.T) {
	b := &bucket{prefix: "acme/"}
	rule := func(prefix string, change func(*types.LifecycleRule)) types.LifecycleRule {
		r := types.LifecycleRule{ID: aws.String("r"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: &prefix}}
		change(&r)
		return r
	}
	after := func(days int32) func(*types.LifecycleRule) {
		return func(r *types.LifecycleRule) { r.Expiration = &types.LifecycleExpiration{Days: &days} }
	}
	to := func(class types.TransitionStorageClass) func(*types.LifecycleRule) {
		return func(r *types.LifecycleRule) { r.Transitions = []types.Transition{{StorageClass: class}} }
	}
	good := []types.LifecycleRule{
		rule("acme/", func(r *types.LifecycleRule) {
			r.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)}
			r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(7)}
		}),
	}
	const again = "a window that takes longer, is paused, or waits for a person is then fetched again from the beginning. Let it wait at least 90 days"
	tests := []struct {
		name string
		rule types.LifecycleRule
		want string // of the one thing that is found; empty for nothing
	}{
		{"data", rule("acme/data/", after(365)), "failed lifecycle: the rule \"r\" deletes objects below acme/data/"},
		{"a table", rule("acme/data/messages/", after(365)), "failed lifecycle: the rule \"r\" deletes objects below acme/data/"},
		{"ledger", rule("acme/_ledger", after(365)), "failed lifecycle: the rule \"r\" deletes objects below acme/_ledger/"},
		{"staging after a week", rule("acme/_staging/", after(7)), "warning lifecycle: the rule \"r\" deletes staged objects after 7 days; " + again},
		{"staging a day too soon", rule("acme/_staging/", after(89)), "warning lifecycle: the rule \"r\" deletes staged objects after 89 days; " + again},
		{"staging when a sweep would", rule("acme/_staging/", after(90)), ""},
		{"staging of one account", rule("acme/_staging/beta/", after(7)), "warning lifecycle: the rule \"r\" deletes staged objects after 7 days; " + again},
		{"staging from a day on", rule("acme/_staging/", func(r *types.LifecycleRule) {
			r.Expiration = &types.LifecycleExpiration{Date: aws.Time(time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))}
		}), "failed lifecycle: the rule \"r\" deletes staged objects from 2026-11-30 on, however new they are"},
		{"staging without an age", rule("acme/_staging/", func(r *types.LifecycleRule) {
			r.Expiration = &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)}
		}), ""},
		{"archives staging soon", rule("acme/_staging/", func(r *types.LifecycleRule) {
			r.Transitions = []types.Transition{{StorageClass: types.TransitionStorageClassGlacier, Days: aws.Int32(30)}}
		}), "warning lifecycle: the rule \"r\" archives staged objects after 30 days; " + again},
		{"archives staging when a sweep would remove it", rule("acme/_staging/", func(r *types.LifecycleRule) {
			r.Transitions = []types.Transition{{StorageClass: types.TransitionStorageClassGlacier, Days: aws.Int32(90)}}
		}), ""},
		{"archives staging from a day on", rule("acme/_staging/", func(r *types.LifecycleRule) {
			r.Transitions = []types.Transition{{StorageClass: types.TransitionStorageClassDeepArchive, Date: aws.Time(time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))}}
		}), "failed lifecycle: the rule \"r\" archives staged objects from 2026-11-30 on"},
		{"cheaper staging, read at once", rule("acme/_staging/", func(r *types.LifecycleRule) {
			r.Transitions = []types.Transition{{StorageClass: types.TransitionStorageClassStandardIa, Days: aws.Int32(30)}}
		}), ""},
		{"another lake", rule("beta/", after(1)), ""},
		{"off", rule("", func(r *types.LifecycleRule) { after(1)(r); r.Status = types.ExpirationStatusDisabled }), ""},
		{"with a tag", rule("", func(r *types.LifecycleRule) { after(1)(r); r.Filter = &types.LifecycleRuleFilter{Tag: &types.Tag{}} }), ""},
		{"with a tag and a prefix", rule("", func(r *types.LifecycleRule) {
			after(1)(r)
			r.Filter = &types.LifecycleRuleFilter{And: &types.LifecycleRuleAndOperator{Prefix: aws.String("acme/"), Tags: []types.Tag{{}}}}
		}), ""},
		{"of small objects", rule("", func(r *types.LifecycleRule) {
			after(1)(r)
			r.Filter = &types.LifecycleRuleFilter{And: &types.LifecycleRuleAndOperator{Prefix: aws.String("acme/data"), ObjectSizeLessThan: aws.Int64(9)}}
		}), "failed lifecycle: the rule \"r\" deletes objects below acme/data/"},
		{"in the old form", rule("", func(r *types.LifecycleRule) {
			after(1)(r)
			r.Filter = nil
			r.Prefix = aws.String("acme/data/") //lint:ignore SA1019 rules that were made long ago have it
		}), "failed lifecycle: the rule \"r\" deletes objects below acme/data/"},
		{"archives", rule("acme/data/", to(types.TransitionStorageClassDeepArchive)), "failed lifecycle: the rule \"r\" archives objects below acme/data/"},
		{"cheaper, and read at once", rule("acme/data/", to(types.TransitionStorageClassStandardIa)), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := told(b.checkRules(append(good, tt.rule), true))
			if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], tt.want)) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
	if got := told(b.checkRules(nil, false)); len(got) != 1 || !strings.HasPrefix(got[0], "note lifecycle: no rule removes incomplete multipart uploads") {
		t.Errorf("without rules: %q", got)
	}
}
