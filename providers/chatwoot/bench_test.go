package chatwoot

import (
	"testing"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

func recording(b *testing.B) providertest.Recording {
	_, a, whole := site(b, simulator.CorpusConfig{Seed: 2, Conversations: 300}, fake.Options{})
	return providertest.Record(b, a, mapper(), whole)
}

func BenchmarkNormalise(b *testing.B) { providertest.BenchmarkNormalise(b, recording(b)) }

func BenchmarkDecode(b *testing.B) {
	providertest.BenchmarkDecode(b, recording(b), func(doc schemas.Document) error {
		switch doc.Kind {
		case kindMessages:
			rows, _, err := envelope(doc.Body)
			for _, row := range rows {
				if integer(wire.Field(row, "id")) == nil {
					return wire.ErrShape
				}
			}
			return err
		case kindDetails:
			if wire.Fields(doc.Body) == nil {
				return wire.ErrShape
			}
			return nil
		}
		_, _, err := envelope(doc.Body)
		return err
	})
}
