package ledger

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSweep(t *testing.T) {
	l := openFolder(t)
	started := time.Now()
	put := func(key string) {
		t.Helper()
		if err := l.store.Put(t.Context(), key, strings.NewReader("x"), 1, false); err != nil {
			t.Fatal(err)
		}
	}
	const (
		orphan     = "data/messages/provider=chatwoot/account=acme/stream=created/month=2026-05/20260501T000000Z~20260601T000000Z-0001-aaaaaaaaaaaaaaaa.parquet"
		elsewhere  = "data/messages/provider=chatwoot/account=acme/stream=created/month=2026-06/20260601T000000Z~20260701T000000Z-0001-aaaaaaaaaaaaaaaa.parquet"
		foreign    = "data/messages/provider=chatwoot/account=other/stream=created/month=2026-05/20260501T000000Z~20260601T000000Z-0001-aaaaaaaaaaaaaaaa.parquet"
		left       = "_staging/acme/created/20260501T000000Z~20260601T000000Z/g0001/page-00000-0123456789abcdef"
		underway   = "_staging/acme/created/20260501T000000Z~20260601T000000Z/g0002/page-00000-0123456789abcdef"
		otherShard = "_staging/acme/created/20260601T000000Z~20260701T000000Z/g0001/page-00000-0123456789abcdef"
	)
	_, record := commit(t, l, Record{Shard: may("acme"), SpecDigest: "a"}, "provider=chatwoot/account=acme/named")
	for _, key := range []string{orphan, elsewhere, foreign, left, underway, otherShard} {
		put(key)
	}
	steps := []struct {
		name   string
		age    time.Duration
		remove bool
		want   Swept
		gone   []string
	}{
		{"everything is young", time.Hour, true, Swept{Young: 3, Open: 2}, nil},
		{"only looked at", 25 * time.Hour, false, Swept{Staged: 1, Bytes: 1, Young: 2, Open: 2}, nil},
		{"after a day", 25 * time.Hour, true, Swept{Staged: 1, Bytes: 1, Young: 2, Open: 2}, []string{left}},
		{"after a week somebody is still at work", 8 * 24 * time.Hour, true, Swept{Young: 2, Open: 2}, nil},
		{"after three months nobody is", 91 * 24 * time.Hour, true, Swept{Staged: 2, Bytes: 2, Young: 2}, []string{underway, otherShard}},
		{"the next time files go", 91 * 24 * time.Hour, true, Swept{Files: 2, Bytes: 2}, []string{orphan, elsewhere}},
		{"nothing is left to do", 91 * 24 * time.Hour, true, Swept{}, nil},
	}
	stands := []string{orphan, elsewhere, foreign, left, underway, otherShard, record.Files[0].Key}
	for _, step := range steps {
		l.now = func() time.Time { return started.Add(step.age) }
		got, err := l.Sweep(t.Context(), "acme", step.remove)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
		stands = slices.DeleteFunc(stands, func(key string) bool { return slices.Contains(step.gone, key) })
		for _, key := range stands {
			if _, err := l.store.Stat(t.Context(), key); err != nil {
				t.Errorf("%s: %s should still be there: %v", step.name, key, err)
			}
		}
		for _, key := range step.gone {
			if _, err := l.store.Stat(t.Context(), key); err == nil {
				t.Errorf("%s: %s should be gone", step.name, key)
			}
		}
	}
}

func TestSweepTouchesNothingBesideADamagedRecord(t *testing.T) {
	l := openFolder(t)
	_, record := commit(t, l, Record{Shard: may("acme"), SpecDigest: "a"}, "provider=chatwoot/account=acme/named")
	if err := l.store.Put(t.Context(), ledgerKey(may("acme"), 1), strings.NewReader("{"), 1, false); err != nil {
		t.Fatal(err)
	}
	l.now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
	if swept, err := l.Sweep(t.Context(), "", true); err == nil || swept.Files != 0 {
		t.Errorf("swept %+v, error %v; want an error and nothing swept", swept, err)
	}
	if _, err := l.store.Stat(t.Context(), record.Files[0].Key); err != nil {
		t.Error(err)
	}
}
