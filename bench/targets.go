package main

// Target is one of the aims, held against what was measured.
type Target struct {
	Name   string `json:"name"`
	Where  string `json:"where"`
	Wanted string `json:"wanted"`
	Found  string `json:"found"`
	Met    bool   `json:"met"`
}

// judge holds the results against the targets.
func (r *Report) judge() {}
