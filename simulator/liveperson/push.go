package liveperson

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/chatlake/chatlake/simulator"
)

var _ simulator.Announcer = (*Site)(nil)

// Announce is simulator.Announcer, for the webhooks of a Connector API app. They say nowhere when they were made.
func (s *Site) Announce(e simulator.Event, by simulator.Sending) []simulator.Announcement {
	id, ok := s.ID(e.Number)
	if !ok {
		return nil
	}
	t, ok := s.thread(id)
	if !ok || t.Len() == 0 {
		return nil
	}
	last := t.Len() - 1
	message := obj{"sequence": last, "conversationId": id, "dialogId": id, "serverTimestamp": e.At.UnixMilli()}
	switch e.Kind {
	case simulator.Begins, simulator.Replies, simulator.Closes, simulator.Reopens:
		event := obj{"type": "ContentEvent", "contentType": "text/plain"}
		if text := t.Message(last).Text; text != nil {
			event["message"] = *text
		}
		message["event"] = event
	case simulator.Delivers:
		message["event"] = obj{"type": "AcceptStatusEvent", "status": "READ", "sequenceList": []int{last}}
	default:
		return nil
	}
	all := []simulator.Announcement{s.notification("ms.MessagingEventNotification", obj{"changes": []obj{message}}, by)}
	if slices.Contains([]simulator.EventKind{simulator.Begins, simulator.Closes, simulator.Reopens}, e.Kind) {
		stage := "OPEN"
		if t.State == simulator.Closed {
			stage = "CLOSE"
		}
		change := obj{"type": "UPSERT", "result": obj{"convId": id, "effectiveTTR": -1, "conversationDetails": obj{"state": stage, "startTs": startOf(t)}}}
		all = append(all, s.notification("cqm.ExConversationChangeNotification", obj{"sentTs": by.At.UnixMilli(), "changes": []obj{change}}, by))
	}
	return all
}

// notification is a webhook. Accounts sign with SHA-1 or SHA-256; this one does either.
func (s *Site) notification(kind string, body obj, by simulator.Sending) simulator.Announcement {
	text, err := json.Marshal(obj{"kind": "notification", "body": body, "type": kind})
	if err != nil {
		panic(err) // all values of the world can be encoded as JSON
	}
	header := http.Header{"Content-Type": {"application/json"}}
	header.Set("X-Liveperson-Account-Id", cmp.Or(by.Account, s.options.AccountID))
	header.Set("X-Liveperson-Client-Id", ClientID)
	if by.Key != "" {
		name, sum := "sha1", sha1.New
		if len(text)%2 == 0 {
			name, sum = "sha256", sha256.New
		}
		mac := hmac.New(sum, by.Signer())
		mac.Write(text)
		header.Set("X-Liveperson-Signature", name+"="+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return simulator.Announcement{Method: http.MethodPost, Header: header, Body: text}
}
