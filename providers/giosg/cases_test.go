package giosg

import (
	"testing"

	"github.com/chatlake/chatlake/providers/providertest"
)

func TestCases(t *testing.T) {
	providertest.Cases(t, openMapper)
}
