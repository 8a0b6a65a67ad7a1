package liveperson

import (
	"net/http"
	"strconv"

	"github.com/chatlake/chatlake/schemas"
)

// directory is GET le-users/users, skills and agentGroups. Deleted ones come only on request.
func (s *Site) directory(w http.ResponseWriter, r *http.Request) {
	if s.options.NoDirectory != 0 {
		fail(w, s.options.NoDirectory, "Forbidden")
		return
	}
	deleted := r.URL.Query().Get("include_deleted") == "true"
	var rows []obj
	switch r.PathValue("list") {
	case "users":
		for _, a := range s.corpus.Agents() {
			rows = append(rows, obj{"id": agentID(a.ID), "fullName": a.Name, "nickname": a.DisplayName, "loginName": a.Email, "email": a.Email, "deleted": !a.Confirmed, "userTypeId": 1, "skillIds": []int{2, 3}})
		}
		for _, b := range s.corpus.Bots() {
			rows = append(rows, obj{"id": botID(b.ID), "nickname": b.Name, "loginName": "bot-" + strconv.FormatInt(b.ID, 10), "deleted": false, "userTypeId": 2})
		}
	case "skills":
		for _, g := range s.corpus.Groups() {
			rows = append(rows, obj{"id": g.ID, "name": g.Name, "description": g.Description, "deleted": g.ID == 5})
		}
	case "agentGroups":
		rows = []obj{{"id": -1, "name": "Main Group", "deleted": false}}
	default:
		fail(w, http.StatusNotFound, "Not found")
		return
	}
	shown := []obj{}
	for _, row := range rows {
		if deleted || row["deleted"] == false {
			shown = append(shown, row)
		}
	}
	send(w, http.StatusOK, shown)
}

// Snapshot is the correct content of the lake for the account's configuration. Observation times are zero.
func (s *Site) Snapshot() schemas.Snapshot {
	var out schemas.Snapshot
	for _, a := range s.corpus.Agents() {
		out.Agents = append(out.Agents, schemas.Agent{AgentID: agentID(a.ID), Type: "agent", Name: word(a.Name), Email: word(a.Email), Attributes: pairs(
			"nickname", a.DisplayName, "loginName", a.Email, "deleted", strconv.FormatBool(!a.Confirmed), "userTypeId", "1", "skillIds", "[2,3]",
		)})
	}
	for _, b := range s.corpus.Bots() {
		out.Agents = append(out.Agents, schemas.Agent{AgentID: botID(b.ID), Type: "bot", Name: word(b.Name), Attributes: pairs(
			"nickname", b.Name, "loginName", "bot-"+strconv.FormatInt(b.ID, 10), "deleted", "false", "userTypeId", "2",
		)})
	}
	for _, g := range s.corpus.Groups() {
		out.Groups = append(out.Groups, schemas.Group{
			GroupID: strconv.FormatInt(g.ID, 10), Name: word(g.Name), Description: word(g.Description),
			Attributes: pairs("deleted", strconv.FormatBool(g.ID == 5), "kind", "skills"),
		})
	}
	out.Groups = append(out.Groups, schemas.Group{GroupID: "agentGroup:-1", Name: word("Main Group"), Attributes: pairs("deleted", "false", "kind", "agentGroups")})
	return out
}
