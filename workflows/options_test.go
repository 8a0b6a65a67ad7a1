package workflows

import (
	"testing"

	"github.com/chatlake/chatlake/activities"
)

func TestALivingWorkerMayMissTwoHeartbeats(t *testing.T) {
	if heartbeatTimeout < 3*activities.HeartbeatInterval {
		t.Errorf("Temporal waits %s for heartbeats that come every %s", heartbeatTimeout, activities.HeartbeatInterval)
	}
}
