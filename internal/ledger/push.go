package ledger

import "time"

// Push is what a sync knows of the announcements of its account, and which earlier syncs it compared with them.
type Push struct {
	// Since is the time from which announcements are expected. What a sync finds in windows that begin earlier is not compared.
	Since time.Time `json:"since"`
	// Until is the end of the windows that were compared, by this sync and by those before it.
	Until time.Time `json:"until"`
	// Days are the counts of the windows that this sync compared, by day.
	Days []PushDay `json:"days,omitempty"`
}

// PushDay counts the changes of one day in UTC. A change is a conversation that differs from what the lake had.
type PushDay struct {
	Day time.Time `json:"day"` // its beginning
	// Pushed are changes that came into the lake because they were announced.
	Pushed int64 `json:"pushed"`
	// Late are changes that a sync found before the announcement had brought them.
	Late int64 `json:"late"`
	// Missed are changes that a sync found and nobody announced.
	Missed int64 `json:"missed"`
}

// Found is a conversation that a sync found changed.
type Found struct {
	ID string    `json:"id"`
	At time.Time `json:"at"` // when it changed; the beginning of the window if the platform does not say
}
