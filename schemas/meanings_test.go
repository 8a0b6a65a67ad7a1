package schemas

import "testing"

// TestEveryColumnHasAMeaning, and no meaning is of a column that no table has.
func TestEveryColumnHasAMeaning(t *testing.T) {
	own, common := map[string]bool{}, map[string]bool{}
	tables := map[string]bool{}
	for _, s := range Shapes() {
		if tables[s.Table] = true; s.Meaning() == "" {
			t.Errorf("nothing says what a row of %s is", s.Table)
		}
		check := func(column string) {
			own[s.Table+"."+column], common[column] = true, true
			if s.MeaningOf(column) == "" {
				t.Errorf("nothing says what %s.%s is", s.Table, column)
			}
		}
		for _, c := range s.Columns {
			check(c.Name)
			if c.Kind == KindList && c.Children[0].Kind == KindStruct {
				for _, f := range c.Children[0].Children {
					check(c.Name + "." + f.Name)
				}
			}
		}
	}
	for table := range tableMeanings {
		if !tables[table] {
			t.Errorf("there is no table %s", table)
		}
	}
	for column := range columnMeanings {
		if !own[column] {
			t.Errorf("there is no column %s", column)
		}
	}
	for column := range commonMeanings {
		if !common[column] {
			t.Errorf("no table has a column %s", column)
		}
	}
}
