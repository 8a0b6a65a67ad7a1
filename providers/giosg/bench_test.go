package giosg

import (
	"testing"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

func recording(b *testing.B) providertest.Recording {
	_, a, whole := site(b, simulator.CorpusConfig{Seed: 2, Conversations: 300}, fake.Options{})
	return providertest.Record(b, a, pure(), whole)
}

func BenchmarkNormalise(b *testing.B) { providertest.BenchmarkNormalise(b, recording(b)) }

func BenchmarkDecode(b *testing.B) {
	providertest.BenchmarkDecode(b, recording(b), func(doc schemas.Document) error {
		if doc.Status != statusOK {
			return nil
		}
		if doc.Kind == kindVisitor {
			if fields(doc.Body) == nil {
				return wire.ErrShape
			}
			return nil
		}
		rows, _, err := envelope(doc.Body)
		digest(rows)
		return err
	})
}
