package liveperson

import (
	"testing"

	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

func recording(b *testing.B) providertest.Recording {
	_, a, whole := site(b, simulator.CorpusConfig{Seed: 2, Conversations: 300}, fake.Options{})
	return providertest.Record(b, a, pure(), whole)
}

func BenchmarkNormalise(b *testing.B) { providertest.BenchmarkNormalise(b, recording(b)) }

// BenchmarkDecode reads the responses of a fetch by id, a hundred records each.
func BenchmarkDecode(b *testing.B) {
	r := recording(b)
	var answers []schemas.Document
	for at := 0; at < len(r.Fetched); at += batchSize {
		body := []byte(`{"_metadata":{"count":100},"conversationHistoryRecords":[`)
		for i, doc := range r.Fetched[at:min(at+batchSize, len(r.Fetched))] {
			if i > 0 {
				body = append(body, ',')
			}
			body = append(body, doc.Body...)
		}
		answers = append(answers, schemas.Document{Body: append(body, "]}"...)})
	}
	r.Fetched = answers
	providertest.BenchmarkDecode(b, r, func(doc schemas.Document) error {
		e, err := readEnvelope(doc.Body)
		for _, raw := range e.records {
			if err == nil {
				_, _, err = headOf(raw)
			}
		}
		return err
	})
}
