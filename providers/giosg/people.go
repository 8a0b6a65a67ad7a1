package giosg

import (
	"cmp"
	"fmt"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// wrappedKey is the variable with the key of the other variables, in encrypted rooms.
const wrappedKey = "_encrypted_aes_key"

// unknownType is the type of a member without a known type.
const unknownType = "unknown"

// botsOf returns the users that are bots according to the documents of a chat.
func botsOf(docs []schemas.Document) (map[string]bool, error) {
	bots := map[string]bool{}
	for _, kind := range []string{kindBots, kindMemberships} {
		err := eachRow(docs, kind, func(_ schemas.Document, v value) {
			o := fields(v)
			id := cmp.Or(wire.Word(o["id"]), wire.Word(o["member_id"]))
			bots[id] = bots[id] || isBot(o)
		})
		if err != nil {
			return nil, err
		}
	}
	return bots, nil
}

// participantRows adds one row for each member. Rows of visitors get everything that is known about them.
func participantRows(thread *schemas.Thread, docs []schemas.Document, rows []message, keys keyring, c facts) error {
	var found visitors
	seen := map[string]bool{}
	err := eachRow(docs, kindMemberships, func(doc schemas.Document, v value) {
		r := wire.Read(v)
		found.add(fields(v))
		id, kind := r.Word("member_id"), r.Word("member_type")
		if id == "" || seen[kind+"/"+id] {
			return
		}
		seen[kind+"/"+id] = true
		p := schemas.Participant{
			ConversationID: thread.Conversation.ConversationID,
			ParticipantID:  id,
			ObservedAt:     doc.ObservedAt,
			Type:           *cmp.Or(c.authorType(&id, kind, fields(v)), new(unknownType)),
			Role:           "participant",
			Name:           r.Text("member_name"),
			JoinedAt:       wire.Parse(r, "created_at", moment),
		}
		if p.Name == nil {
			p.Name = wire.Text(r.Peek("member_public_name"))
		}
		if kind == "visitor" {
			p.Role = "contact"
		}
		p.LeftAt = leftAt(id, rows)
		for key, known := range map[string]string{"chat_id": c.chat, "room_id": c.room} {
			if wire.Word(r.Peek(key)) == known {
				r.Skip(key)
			}
		}
		if p.Attributes = r.Rest(); p.Attributes == nil {
			p.Attributes = map[string]*string{}
		}
		thread.Participants = append(thread.Participants, p)
	})
	if err != nil {
		return err
	}
	for i, v := range found {
		for j := range thread.Participants {
			if p := &thread.Participants[j]; p.ParticipantID == v.id && p.Role == "contact" {
				if err := describe(p, docs, int64(i), keys); err != nil {
					return err
				}
			}
		}
	}
	if len(found) > 0 {
		thread.Conversation.ContactID = &found[0].id
	}
	for j := range thread.Participants {
		thread.Participants[j].Attributes = wire.Attributes(thread.Participants[j].Attributes).Map()
	}
	return nil
}

// leftAt returns when a member left without coming back.
func leftAt(id string, rows []message) (at *time.Time) {
	for _, m := range rows {
		if wire.Word(m.wire["sender_id"]) != id {
			continue
		}
		switch wire.Word(m.wire["type"]) {
		case "leave":
			at = m.createdAt
		case "join":
			at = nil
		}
	}
	return at
}

// describe adds the variables and room details of the nth visitor of the chat.
func describe(p *schemas.Participant, docs []schemas.Document, n int64, keys keyring) error {
	var own []schemas.Document
	for _, doc := range docs {
		if doc.Kind == kindVariables && doc.Sequence/pagesPerVisitor == n || doc.Kind == kindVisitor && doc.Sequence == n {
			own = append(own, doc)
		}
	}
	all := wire.Attributes(p.Attributes)
	for _, doc := range ofKind(own, kindVisitor) {
		o, err := wire.ParseObject(doc.Body)
		if err != nil {
			return fmt.Errorf("visitor: %w", err)
		}
		all.AddAll("visitor.", o, "id", "room_id")
	}
	var sent []variable
	err := eachRow(own, kindVariables, func(_ schemas.Document, v value) {
		o := fields(v)
		if key := wire.Word(o["key"]); key != "" {
			sent = append(sent, variable{key: key, fields: o})
		}
	})
	if err != nil {
		return err
	}
	why, err := reveal(sent, keys)
	if err != nil {
		return err
	}
	for _, v := range sent {
		if v.key == wrappedKey {
			continue
		}
		if v.value != nil {
			all["variable."+v.key] = v.value
		}
		all.Put("variable."+v.key+hiddenSuffix, wire.NonEmpty(v.hidden))
		all.AddAll("variable."+v.key+".", v.fields, "key", "value", "is_encrypted", "encrypted_value")
		if v.key == "username" && p.Name == nil {
			p.Name = v.value
		}
	}
	all.Put("variables_encrypted", wire.NonEmpty(why))
	return nil
}

// variable is one fact about a visitor.
type variable struct {
	key    string
	value  *string
	hidden string // why it could not be decrypted
	fields object
}

// reveal fills the values of variables. It decrypts values that have the form of a ciphertext and match the key. A value that
// only has the form is an error if other values of the same visitor match the key; if none does, the platform still had the plain
// text, and the value stays as it is. If no private key matches, values with the form are removed, and why is the reason.
func reveal(all []variable, keys keyring) (why string, err error) {
	var wrapped *string
	for i := range all {
		all[i].value = cmp.Or(wire.Text(all[i].fields["value"]), wire.Text(all[i].fields["encrypted_value"]))
		if all[i].key == wrappedKey {
			wrapped = all[i].value
		}
	}
	if wrapped == nil {
		return "", nil
	}
	s, why := keys.unwrap(*wrapped)
	opened, odd := 0, 0
	for i := range all {
		v := &all[i]
		if v.key == wrappedKey || v.value == nil {
			continue
		}
		if _, _, _, _, shaped := cut(*v.value); !shaped {
			continue
		}
		if s == nil {
			v.value, v.hidden = nil, why
			odd++
			continue
		}
		open, err := s.open(*v.value)
		if err != nil {
			odd++
			continue
		}
		opened++
		v.value = nil
		if open != "" {
			v.value = &open
		}
	}
	switch {
	case s == nil && odd > 0:
		return why, nil
	case s != nil && opened > 0 && odd > 0:
		return "", fmt.Errorf("a variable of the visitor: %w", errTampered)
	}
	return "", nil
}
