package activities

import (
	"testing"

	"github.com/chatlake/chatlake/providers"
)

// A seal goes by what its run fetched, although the account's options may have changed meanwhile.
func TestMetadataOfSeals(t *testing.T) {
	some := Receipts{Metadata: []ChunkReceipt{{}}}
	for _, test := range []struct {
		name     string
		requests float64
		in       SealShardInput
		receipts Receipts
		want     bool
	}{
		{"fetched", 2, SealShardInput{}, some, true},
		{"lost", 2, SealShardInput{}, Receipts{}, true},
		{"fetched, and the options ask for none now", 0, SealShardInput{}, some, true},
		{"none", 0, SealShardInput{NoMetadata: true}, Receipts{}, false},
		{"none, and the options ask for it now", 2, SealShardInput{NoMetadata: true}, Receipts{}, false},
	} {
		receipts, err := newScratch(t).shelve(t.Context(), test.receipts)
		if err != nil {
			t.Fatal(err)
		}
		if got := hasMetadata(Account{Costs: providers.Costs{MetadataRequests: test.requests}}, test.in, receipts); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
