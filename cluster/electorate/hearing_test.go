package electorate

import "testing"

func TestHearingLeader(t *testing.T) {
	type who = []string
	all := who{"a", "b", "c"}
	for name, c := range map[string]struct {
		hearing    Hearing
		candidates who
		want       string
	}{
		"all hear all":                            {Hearing{"a": nil, "b": nil, "c": nil}, all, ""},
		"b does not hear the leader":              {Hearing{"a": nil, "b": {"a"}, "c": nil}, all, "c"},
		"the leader does not hear b":              {Hearing{"a": {"b"}, "b": nil, "c": nil}, all, "c"},
		"neither hears the other":                 {Hearing{"a": {"b"}, "b": {"a"}, "c": nil}, all, "c"},
		"what does not concern the leader":        {Hearing{"a": nil, "b": {"c"}, "c": nil}, all, ""},
		"the other one is no better":              {Hearing{"a": nil, "b": {"a", "c"}, "c": nil}, all, ""},
		"the other one does not vote":             {Hearing{"a": nil, "b": {"a"}, "c": nil}, who{"a", "b"}, ""},
		"nothing is known of the other one":       {Hearing{"a": nil, "b": {"a"}}, all, ""},
		"nobody hears the leader":                 {Hearing{"a": nil, "b": {"a"}, "c": {"a"}}, all, ""},
		"the leader hears nobody":                 {Hearing{"a": {"b", "c"}, "b": nil, "c": nil}, all, ""},
		"two voters and a learner that is deaf":   {Hearing{"a": nil, "b": nil, "d": {"a"}}, who{"a", "b"}, "b"},
		"the best of several":                     {Hearing{"a": nil, "b": {"a"}, "c": nil, "d": {"a", "c"}, "e": nil}, who{"a", "b", "c", "d", "e"}, "e"},
		"the first of several that are as good":   {Hearing{"a": nil, "b": {"a"}, "c": nil, "d": nil}, who{"d", "c", "b", "a"}, "c"},
		"a partition that leaves each a majority": {Hearing{"a": {"b"}, "b": {"a"}, "c": {"d"}, "d": {"c"}, "e": nil}, who{"a", "b", "c", "d", "e"}, "e"},
	} {
		if got := c.hearing.Leader("a", c.candidates); got != c.want {
			t.Errorf("%s: %q; want %q", name, got, c.want)
		}
	}
}

// Whoever it passes the leadership to does not pass it back.
func TestHearingLeaderIsFinal(t *testing.T) {
	members := []string{"a", "b", "c", "d"}
	for bits := range 1 << 12 {
		h := Hearing{}
		for i, m := range members {
			h[m] = nil
			for j, other := range members {
				if i != j && bits&(1<<(3*i+(j-i+4)%4-1)) != 0 {
					h[m] = append(h[m], other)
				}
			}
		}
		leader := "a"
		for range members {
			if better := h.Leader(leader, members); better != "" {
				leader = better
			}
		}
		if better := h.Leader(leader, members); better != "" {
			t.Fatalf("%v: %s is to give way to %s, after four others", h, leader, better)
		}
	}
}

func TestHearingAmong(t *testing.T) {
	h := Hearing{"a": {"b", "c"}, "b": {"c"}, "c": {"a"}}
	among := h.Among(map[string]uint64{"a": 1, "b": 2})
	if len(among) != 2 || len(among["a"]) != 1 || among["a"][0] != "b" || len(among["b"]) != 0 {
		t.Errorf("among a and b: %v", among)
	}
	if len(h) != 3 || len(h["a"]) != 2 {
		t.Errorf("it changed %v", h)
	}
}
