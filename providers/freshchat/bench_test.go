package freshchat

import (
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

func recording(b *testing.B) providertest.Recording {
	from := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	config := simulator.CorpusConfig{Seed: 2, Conversations: 300, From: from, To: from.AddDate(0, 0, 10)}
	_, a, whole := site(b, config, fake.Options{}, nil)
	return providertest.Record(b, a, mapper(), whole)
}

func BenchmarkNormalise(b *testing.B) { providertest.BenchmarkNormalise(b, recording(b)) }

func BenchmarkDecode(b *testing.B) {
	providertest.BenchmarkDecode(b, recording(b), func(doc schemas.Document) error {
		if doc.Kind != kindMessages {
			return nil
		}
		rows, err := listRows(doc.Body, "messages")
		for _, row := range rows {
			wire.Word(wire.Field(row, "id"))
		}
		wire.Field(doc.Body, "link")
		if err == nil {
			_, err = gatherSources([]schemas.Document{doc})
		}
		return err
	})
}
