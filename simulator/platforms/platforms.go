// Package platforms lists the fakes of all platforms.
//
// It must not know how an account is copied.
package platforms

import (
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/simulator/freshchat"
	"github.com/chatlake/chatlake/simulator/giosg"
	"github.com/chatlake/chatlake/simulator/liveperson"
)

// All are the platforms that can be simulated.
var All = []simulator.Platform{
	chatwoot.Platform,
	freshchat.Platform,
	giosg.Platform,
	liveperson.Platform,
}
