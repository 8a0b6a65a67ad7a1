package liveperson

import "slices"

func (s *Site) agentRecord(f facts, a attendance, at int64) obj {
	return s.stamp(obj{
		"agentFullName": a.name, "agentNickname": a.nick, "agentLoginName": a.login, "agentDeleted": false, "agentId": a.id,
		"agentPid": "pid-" + a.id, "userType": a.userType, "userTypeName": typeNames[a.userType], "role": "AGENT",
		"agentGroupName": "Main Group", "agentGroupId": -1, "permission": a.permission, "dialogId": f.dialog,
	}, "time", at)
}

func (s *Site) agentRecords(f facts, list string) []obj {
	all := []obj{}
	for _, a := range f.agents {
		switch {
		case list == "agentParticipants":
			all = append(all, s.agentRecord(f, a, a.joined))
		case list == "agentParticipantsLeave" && a.left > 0:
			all = append(all, s.agentRecord(f, a, a.left))
		case list == "agentParticipantsActive" && a.left == 0 && !f.closed():
			all = append(all, s.agentRecord(f, a, a.joined))
		}
	}
	return all
}

func orUndefined(s string) string {
	if s == "" {
		return "undefined"
	}
	return s
}

func (s *Site) consumerRecord(f facts) obj {
	first, last, name := f.consumerNames()
	o := obj{
		"participantId": consumerID(f.PersonID), "firstName": orUndefined(first), "lastName": orUndefined(last), "consumerName": name,
		"email": orUndefined(f.person.Email), "phone": orUndefined(f.person.Phone), "token": "undefined", "avatarURL": "undefined", "dialogId": f.dialog,
	}
	return s.stamp(s.stamp(o, "time", f.start+8), "joinTime", f.start)
}

func (s *Site) transfers(f facts) []obj {
	all := []obj{}
	for k, m := range f.moves {
		o := obj{"assignedAgentId": "null", "targetSkillId": -1, "targetSkillName": "Unassigned", "reason": "Agent", "by": f.first(), "sourceSkillId": -1, "dialogId": f.dialog}
		if a, ok := f.assignee(); ok && k%2 == 1 {
			o["assignedAgentId"], o["assignedAgentFullName"] = a.id, a.name
		}
		if f.skill != "" {
			o["targetSkillId"], o["targetSkillName"], o["reason"] = f.GroupID, f.skill, "Skill"
		}
		all = append(all, s.stamp(o, "time", m.at))
	}
	return all
}

func (s *Site) interactions(f facts) []obj {
	a, ok := f.assignee()
	if !ok {
		return []obj{}
	}
	return []obj{s.stamp(obj{"assignedAgentId": a.id, "assignedAgentFullName": a.name, "interactiveSequence": 1, "dialogId": f.dialog}, "interactionTime", a.joined)}
}

func scored(f facts, m said) bool { return m.author == consumerID(f.PersonID) && m.ID%4 == 0 }

func (s *Site) scores(f facts) []obj {
	all := []obj{}
	for _, m := range f.messages {
		if scored(f, m) {
			all = append(all, s.stamp(obj{"messageId": m.id, "messageRawScore": m.ID%5 - 2, "mcs": 40 + m.ID%50}, "time", m.at+300))
		}
	}
	return all
}

func (s *Site) statusRecords(f facts) []obj {
	all := []obj{}
	for _, m := range f.messages {
		for _, st := range m.statuses {
			all = append(all, s.stamp(obj{
				"messageId": m.id, "seq": m.seq, "participantId": st.by, "participantType": st.kind,
				"messageDeliveryStatus": st.name, "dialogId": m.dialog,
			}, "time", st.at))
		}
	}
	return all
}

// hasSurvey reports whether there is a dialog for the survey.
func (f facts) hasSurvey() bool {
	return f.end > 0 && slices.ContainsFunc(f.messages, func(m said) bool { return m.dialog == f.survey })
}

func (s *Site) dialogs(f facts) []obj {
	status := "OPEN"
	if f.closed() {
		status = "CLOSE"
	}
	main := obj{"dialogId": f.dialog, "status": status, "dialogType": "MAIN", "dialogChannelType": "MESSAGING", "closeReason": "undefined", "skillId": -1, "skillName": "Unassigned"}
	all := []obj{s.stamp(s.stamp(main, "startTime", f.start), "endTime", f.end)}
	if f.hasSurvey() {
		survey := obj{"dialogId": f.survey, "status": status, "dialogType": "POST_SURVEY", "metaData": []obj{{"name": "bot"}}}
		all = append(all, s.stamp(s.stamp(survey, "startTime", f.end+100), "endTime", f.full))
	}
	return all
}
