package lake

import (
	"context"
	"encoding/json"
	"io"
	"testing"
)

// drain is a store that accepts everything and keeps nothing.
type drain struct{ shelf }

func (*drain) Put(_ context.Context, _ string, body io.ReadSeeker, _ int64, _ bool) error {
	_, err := io.Copy(io.Discard, body)
	return err
}

// BenchmarkSeal seals conversations of 8 messages with their documents. MB/s counts the rows as JSON and the bodies. To measure
// memory, run it alone over many conversations and watch the process:
//
//	go test -run - -bench Seal -benchtime 50000x ./internal/lake
func BenchmarkSeal(b *testing.B) {
	const different = 1000 // more than a page remembers
	var threads [different]struct {
		rows   func(*Seal) error
		scaled int64
	}
	for i := range threads {
		t, d := sealThread(i, 8), sealDocument(i, 6000)
		rows, err := json.Marshal(t)
		if err != nil {
			b.Fatal(err)
		}
		threads[i].scaled = int64(len(rows) + len(d.Body))
		threads[i].rows = func(s *Seal) error {
			if err := s.Thread(t); err != nil {
				return err
			}
			return s.Document(d)
		}
	}
	seal, err := NewSeal(b.Context(), &drain{shelf{root: b.TempDir()}}, b.TempDir(), sealedShard, "benchmark")
	if err != nil {
		b.Fatal(err)
	}
	total := int64(0)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if err := threads[i%different].rows(seal); err != nil {
			b.Fatal(err)
		}
		total += threads[i%different].scaled
	}
	files, err := seal.Close(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	written, groups := int64(0), 0
	for _, f := range files {
		written += f.Bytes
		groups += f.RowGroups
	}
	b.SetBytes(total / int64(b.N))
	b.ReportMetric(float64(written)/1e6, "written-MB")
	b.ReportMetric(float64(len(files)), "files")
	b.ReportMetric(float64(groups), "row-groups")
}
