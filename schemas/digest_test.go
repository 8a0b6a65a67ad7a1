package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// slowDigest is Digest as encoding/json would have it.
func slowDigest(t Thread) (string, error) {
	t.Conversation.ObservedAt = time.Time{}
	t.Conversation.ContentSHA256 = ""
	t.Conversation.StoredMessages, t.Conversation.StatedMessages = 0, nil
	t.Messages = unobserved(t.Messages, func(m *Message) *time.Time { return &m.ObservedAt })
	t.Participants = unobserved(t.Participants, func(p *Participant) *time.Time { return &p.ObservedAt })
	t.Events = unobserved(t.Events, func(e *Event) *time.Time { return &e.ObservedAt })
	t.Ratings = unobserved(t.Ratings, func(r *Rating) *time.Time { return &r.ObservedAt })
	t.Attachments = unobserved(t.Attachments, func(a *Attachment) *time.Time { return &a.ObservedAt })
	t.Tombstones = unobserved(t.Tombstones, func(s *Tombstone) *time.Time { return &s.ObservedAt })
	sum := sha256.New()
	if err := json.NewEncoder(sum).Encode(t); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func unobserved[R any](rows []R, observedAt func(*R) *time.Time) []R {
	rows = slices.Clone(rows)
	for i := range rows {
		*observedAt(&rows[i]) = time.Time{}
	}
	return rows
}

// words are parts of texts that JSON writes in a way of its own.
var words = []string{
	"", "a", "ä€😀", "<b>&\"\\/'", "\x00\x01\b\f\n\r\t\x1f\x7f", "\u2028\u2029\ufffd", "\xff\xfe", "\xed\xa0\x80", "\xe2\x80", strings.Repeat("long ", 300),
}

// scatter puts something of everything into v: nil and empty too.
func scatter(dice *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		at := time.Unix(dice.Int64N(4e9), dice.Int64N(3)*500_000_000+dice.Int64N(2)).UTC()
		if dice.IntN(8) == 0 {
			at = at.In(time.FixedZone("", 3600*(dice.IntN(20)-10)))
		}
		v.Set(reflect.ValueOf(at))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(words[dice.IntN(len(words))] + words[dice.IntN(len(words)-1)])
	case reflect.Int64:
		v.SetInt(int64(dice.Uint64()))
	case reflect.Bool:
		v.SetBool(dice.IntN(2) == 0)
	case reflect.Float64:
		v.SetFloat([]float64{0, 1, -2.5, 1e21, 1e-7, 3.14159}[dice.IntN(6)])
	case reflect.Pointer:
		if dice.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			scatter(dice, v.Elem())
		}
	case reflect.Slice:
		if n := dice.IntN(5) - 1; n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			scatter(dice, v.Index(i))
		}
	case reflect.Map:
		if n := dice.IntN(20) - 1; n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				scatter(dice, key)
				scatter(dice, value)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			scatter(dice, v.Field(i))
		}
	}
}

// TestDigestIsOfJSON holds digests, by which conversations in old lakes are known, to what encoding/json makes of the rows.
func TestDigestIsOfJSON(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var thread Thread
		scatter(dice, reflect.ValueOf(&thread).Elem())
		got, err := thread.Digest()
		want, slowErr := slowDigest(thread)
		if err != nil || slowErr != nil || got != want {
			t.Fatalf("digest %s, error %v; encoding/json has %s, error %v, of %+v", got, err, want, slowErr, thread)
		}
	}
	for _, at := range []time.Time{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		thread := Thread{Messages: []Message{{CreatedAt: &at}}}
		if got, err := thread.Digest(); err == nil {
			t.Errorf("digest %s of a message at %s", got, at)
		}
	}
}
