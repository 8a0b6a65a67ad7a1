package activities_test

import (
	"context"
	"errors"
	"testing"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers/providertest"
)

// TestDigestsThatStandForTheSameAreAdopted opens a shard that is in the lake under another digest of the same settings.
func TestDigestsThatStandForTheSameAreAdopted(t *testing.T) {
	p := &platform{counts: 3}
	b := newBench(t, p)
	b.commit(b.Shard.Window, activities.SpecDigest("spec", b.Shard, ""))
	for _, test := range []struct {
		name    string
		spec    string
		specs   func() []string
		adopted bool
	}{
		{"no other digests", "normal", nil, false},
		{"a digest of another build", "normal", func() []string { return []string{"normal", "spec"} }, true},
		{"none that stands for the same", "normal", func() []string { return []string{"normal", "written"} }, false},
		{"a run with other settings than today's", "older", func() []string { return []string{"normal", "spec"} }, false},
	} {
		b.do.Account = func(context.Context, string) (activities.Account, error) {
			return activities.Account{Reader: providertest.Reads(p), Mapper: providertest.Maps(p), Name: "chatwoot", Spec: "normal", Specs: test.specs}, nil
		}
		out := must(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: test.spec})
		if (out.Adopted != nil) != test.adopted {
			t.Errorf("%s: %+v, want adopted %v", test.name, out, test.adopted)
		}
	}
	b.do.Account = func(context.Context, string) (activities.Account, error) {
		return activities.Account{}, errors.New("none")
	}
	if _, err := try(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "normal"}); err == nil {
		t.Error("an account that cannot be opened was taken for other settings")
	}
}
