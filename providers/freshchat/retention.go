package freshchat

import (
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// lookBack is how many months back a report may begin, as quoted from the vendor's page ("about 15 months") in the documentation of a
// dashboard. How long the platform keeps conversations is not known.
const lookBack = 15

// retention is that of what a stream is read from. With enumeration users, only the stream reports is read from reports.
func retention(a providers.Account, stream schemas.Stream) schemas.Retention {
	if o, err := readOptions(a.Options); err == nil && o.users && stream != schemas.StreamReports {
		return schemas.Retention{}
	}
	return schemas.Retention{Months: lookBack}
}
