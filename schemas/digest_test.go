package schemas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func digestOf(t *testing.T, thread Thread) string {
	t.Helper()
	digest, err := thread.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// words are parts of texts: bytes that look like lengths, and bytes that are not UTF-8.
var words = []string{"", "a", "\x00", "\x01a", "ä€😀", "\ufffd", "\xff", strings.Repeat("long ", 300)}

// scatter fills v with random values, including nil and empty ones.
func scatter(dice *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		at := time.UnixMicro(dice.Int64N(4e15)).UTC()
		if dice.IntN(8) == 0 {
			at = at.Add(time.Nanosecond).In(time.FixedZone("", 3600*(dice.IntN(20)-10)))
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

// scatterOne sets a random part of v, possibly to the same value as before.
func scatterOne(dice *rand.Rand, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		scatterOne(dice, v.Field(dice.IntN(v.NumField())))
	case v.Kind() == reflect.Slice && v.Len() > 0 && dice.IntN(8) > 0:
		scatterOne(dice, v.Index(dice.IntN(v.Len())))
	default:
		v.SetZero()
		scatter(dice, v)
	}
}

// stored returns what the lake stores of a thread, without the columns that digests leave out.
func stored(thread Thread) [][]Leaf {
	return [][]Leaf{
		storedRows(Conversations, []Conversation{thread.Conversation}), storedRows(Messages, thread.Messages),
		storedRows(Participants, thread.Participants), storedRows(Events, thread.Events), storedRows(Ratings, thread.Ratings),
		storedRows(Attachments, thread.Attachments), storedRows(Tombstones, thread.Tombstones),
	}
}

func storedRows[R any](t *Table[R], rows []R) (kept []Leaf) {
	leaves := t.Leaves()
	for i := range rows {
		t.Shred(&rows[i], leaves)
	}
	for _, c := range t.columns {
		if !c.apart {
			kept = append(kept, leaves[:c.width]...)
		}
		leaves = leaves[c.width:]
	}
	return kept
}

// TestDigestIsOfWhatIsStored changes one value in many threads. The digest must change exactly if the lake would store something else.
func TestDigestIsOfWhatIsStored(t *testing.T) {
	same := 0
	for seed := range uint64(400) {
		var before, after Thread
		scatter(rand.New(rand.NewPCG(seed, 1)), reflect.ValueOf(&before).Elem())
		scatter(rand.New(rand.NewPCG(seed, 1)), reflect.ValueOf(&after).Elem())
		scatterOne(rand.New(rand.NewPCG(seed, 2)), reflect.ValueOf(&after).Elem())
		equal := reflect.DeepEqual(stored(before), stored(after))
		if got := digestOf(t, before) == digestOf(t, after); got != equal {
			t.Fatalf("same digest: %v, same columns: %v, of %+v and %+v", got, equal, before, after)
		}
		if equal {
			same++
		}
	}
	if same == 0 || same > 300 {
		t.Errorf("%d of 400 changes have no effect: the test covers too little", same)
	}
}

// filled fills every field of v, with one entry in every list.
func filled(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			filled(v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		filled(v.Index(0))
	default:
		fill(v)
	}
}

// others returns values of the type of v that are stored differently from v, as filled by filled, and from each other.
func others(v reflect.Value) (all []any) {
	switch v.Interface().(type) {
	case string:
		return []any{"", "y", "xx"}
	case int64:
		return []any{int64(0), int64(8)}
	case float64:
		return []any{0.0, math.Copysign(0, -1), 8.0}
	case bool:
		return []any{false}
	case time.Time:
		return []any{time.Time{}, time.Unix(7, 1000), time.Unix(8, 0)}
	case []string:
		return []any{[]string(nil), []string{""}, []string{"x", ""}, []string{"", "x"}, []string{"x", "x"}, []string{"xx"}}
	case map[string]*string:
		x, empty := "x", ""
		return []any{
			map[string]*string(nil), map[string]*string{"x": nil}, map[string]*string{"x": &empty}, map[string]*string{"": &x},
			map[string]*string{"xx": nil}, map[string]*string{"": &x, "x": nil}, map[string]*string{"x": &x, "y": nil},
		}
	}
	if v.Kind() == reflect.Slice {
		zero, one := reflect.MakeSlice(v.Type(), 1, 1), v
		return []any{
			reflect.Zero(v.Type()).Interface(), zero.Interface(), reflect.AppendSlice(zero, one).Interface(),
			reflect.AppendSlice(one, zero).Interface(), reflect.AppendSlice(one, one).Interface(),
		}
	}
	all = []any{reflect.Zero(v.Type()).Interface()}
	for _, other := range others(v.Elem()) {
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(reflect.ValueOf(other))
		all = append(all, p.Interface())
	}
	return all
}

// TestDigestOfEveryColumn sets one field after the other to each of its other values. testdata/digest.txt lists, for every column,
// whether it is part of the digest. It is written by hand: whoever adds a column decides, and increases digestVersion if rows in existing
// lakes get a different digest.
func TestDigestOfEveryColumn(t *testing.T) {
	decided, err := os.ReadFile(filepath.Join("testdata", "digest.txt"))
	if err != nil {
		t.Fatal(err)
	}
	digested := map[string]bool{}
	for line := range strings.Lines(string(decided)) {
		column, choice, _ := strings.Cut(strings.TrimSpace(line), " ")
		if choice != "digested" && choice != "apart" {
			t.Fatalf("digest.txt: %q", line)
		}
		digested[column] = choice == "digested"
	}
	var base Thread
	filled(reflect.ValueOf(&base).Elem())
	want := digestOf(t, base)
	seen := map[string]bool{}
	var change func(path string, v reflect.Value)
	change = func(path string, v reflect.Value) {
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct {
			change(path, v.Index(0))
		}
		if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() {
			for i := range v.NumField() {
				change(path+"."+snake(v.Type().Field(i).Name), v.Field(i))
			}
			return
		}
		if path = strings.TrimPrefix(path, "."); !strings.Contains(path, ".") {
			return // the rows of a table
		}
		is, ok := digested[path]
		if seen[path] = true; !ok {
			t.Errorf("%s: decide in digest.txt whether it is part of the digest", path)
			return
		}
		before := reflect.ValueOf(v.Interface())
		digests := map[string]any{want: before}
		for _, other := range others(before) {
			v.Set(reflect.ValueOf(other))
			got := digestOf(t, base)
			if twin, met := digests[got]; met && is {
				t.Errorf("%s: the same digest with %v and %v", path, other, twin)
			} else if !met && !is {
				t.Errorf("%s: it is part of the digest, and should not be", path)
			}
			digests[got] = other
		}
		v.Set(before)
	}
	change("", reflect.ValueOf(&base).Elem())
	for column := range digested {
		if !seen[column] {
			t.Errorf("digest.txt names %s, which is not a column of a thread", column)
		}
	}
}

// TestDigestGolden contains digests that exist in lakes. If one changes, digestVersion must change.
func TestDigestGolden(t *testing.T) {
	var full Thread
	filled(reflect.ValueOf(&full).Elem())
	for name, tt := range map[string]struct {
		thread Thread
		want   string
	}{
		"empty": {Thread{}, "v2:1779744cca586bed5c57969b3ac1a5ff3ef25648eebd317bbd01b5e803405c66"},
		"full":  {full, "v2:0e47e16df310b16dcceaf1420ecda08b9fa913a15d20d283f85d6842fd668bbe"},
	} {
		if got := digestOf(t, tt.thread); got != tt.want {
			t.Errorf("%s: digest %s, want %s", name, got, tt.want)
		}
	}
}

// TestDigestOfLongThreads tests threads about as long as the batch that is digested at once, with longer texts.
func TestDigestOfLongThreads(t *testing.T) {
	long := strings.Repeat("x", 2*largeBytes)
	met := map[string]string{}
	for _, n := range []int{0, 1, digestRowsAtOnce - 1, digestRowsAtOnce, digestRowsAtOnce + 1, 2 * digestRowsAtOnce, 2*digestRowsAtOnce + 1} {
		for _, text := range []*string{nil, some(""), some("x"), &long} {
			messages := make([]Message, n)
			name := fmt.Sprintf("%d without a text", n)
			if n > 0 && text != nil {
				messages[n-1].Text = text
				name = fmt.Sprintf("%d with %d characters", n, len(*text))
			} else if text != nil {
				continue
			}
			digest := digestOf(t, Thread{Messages: messages})
			if other, ok := met[digest]; ok {
				t.Errorf("messages %s and %s have the same digest", name, other)
			}
			met[digest] = name
			if again := digestOf(t, Thread{Messages: slices.Clone(messages)}); again != digest {
				t.Errorf("messages %s: digest %s, then %s", name, digest, again)
			}
		}
	}
}

func TestDigestRefuses(t *testing.T) {
	before := digestOf(t, Thread{})
	for _, at := range []time.Time{
		time.Date(-1, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Unix(math.MaxInt64/1000, 0), time.Unix(math.MinInt64/1000, 0), time.Unix(math.MaxInt64/1_000_000+3, 0),
	} {
		if got, err := (Thread{Messages: []Message{{CreatedAt: &at}}}).Digest(); err == nil {
			t.Errorf("digest %s of a message at %s", got, at)
		}
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got, err := (Thread{Ratings: []Rating{{Score: &f}}}).Digest(); err == nil {
			t.Errorf("digest %s of a rating with the score %v", got, f)
		}
	}
	for _, at := range []time.Time{time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)} {
		digestOf(t, Thread{Messages: []Message{{CreatedAt: &at}}})
	}
	if after := digestOf(t, Thread{}); after != before {
		t.Errorf("the digest of an empty thread is %s, and %s after an error", before, after)
	}
}

// TestAppendedColumnsKeepDigests appends columns to a table and fields to a struct in a list.
func TestAppendedColumnsKeepDigests(t *testing.T) {
	longer := table("rooms", "",
		structs("shelves", func(r *room) []shelf { return r.shelves },
			optInteger("number", func(s *shelf) *int64 { return s.number }),
			texts("books", func(s *shelf) []string { return s.books }),
			optInteger("width", func(*shelf) *int64 { return nil }),
			textMap("owners", func(*shelf) map[string]*string { return nil }),
			structs("drawers", func(*shelf) []shelf { return nil }, optInteger("number", func(s *shelf) *int64 { return s.number })),
		),
		textMap("labels", func(r *room) map[string]*string { return r.labels }),
		texts("doors", func(*room) []string { return nil }),
		optText("floor", func(*room) *string { return nil }),
	)
	of := func(t *Table[room], rows []room) string {
		d := digests.New().(*digest)
		digestRows(d, t, t.Leaves(), rows)
		return d.text()
	}
	met := map[string][]room{}
	for _, rows := range [][]room{
		nil,
		{{}},
		{{}, {}},
		{{shelves: []shelf{{}}}},
		{{shelves: []shelf{{}, {}}}},
		{{shelves: []shelf{{}}}, {shelves: []shelf{{}}}},
		{{shelves: []shelf{{books: []string{""}}}}},
		{{shelves: []shelf{{books: []string{"", ""}}}}},
		{{shelves: []shelf{{books: []string{""}}, {books: []string{""}}}}},
		{{shelves: []shelf{{number: some(int64(0))}}}},
		{{labels: map[string]*string{"": nil}}},
		{{labels: map[string]*string{"": some("")}}},
	} {
		digest := of(rooms, rows)
		if twin, ok := met[digest]; ok {
			t.Errorf("%+v and %+v have the same digest", rows, twin)
		}
		met[digest] = rows
		if got := of(longer, rows); got != digest {
			t.Errorf("%+v: digest %s, and %s in a longer table", rows, digest, got)
		}
	}
}
