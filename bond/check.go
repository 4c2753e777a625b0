package bond

import "fmt"

// LeftAlone says why Plan keeps its hands off the bond, or "" if it does not.
func LeftAlone(cfg Config, actual Actual) string {
	switch {
	case len(cfg.Members) == 0:
		return fmt.Sprintf("%s is only watched: the configuration lists no members", cfg.Name)
	case actual.Exists && actual.Kind == "bond" && !actual.Ours && !cfg.Manage:
		return fmt.Sprintf("%s was made by others: manage: true takes it over", cfg.Name)
	}
	return ""
}

// Check returns what on this host stands in the way of a valid configuration.
// A member that does not exist is no problem as long as another one does: it
// joins when it appears and the plan is made anew.
func Check(cfg Config, actual Actual) []Problem {
	var p problems
	if LeftAlone(cfg, actual) != "" {
		return nil
	}
	if actual.Exists && actual.Kind != "bond" {
		p.add("name", "give the bond another name", "%s exists and is no bond (%s)", cfg.Name, orNone(actual.Kind))
	}
	if now := actual.Options["mode"]; actual.Exists && !actual.Ours && cfg.Mode == "" && now != "" && now != defaultMode.String() {
		p.add("mode", "state mode: "+now+", or another one", "%s was made by others with mode %s, and the configuration states none", cfg.Name, now)
	}
	present := 0
	for _, name := range cfg.MemberNames() {
		link, ok := actual.Links[name]
		if !ok {
			continue
		}
		present++
		switch {
		case link.Loopback:
			p.add("members", "remove it", "%s is a loopback interface", name)
		case link.Kind == "bond" || link.Kind == "team" || link.Kind == "bridge":
			p.add("members", "list the interfaces below it instead", "%s is a %s", name, link.Kind)
		case link.Master == "" && len(link.Uppers) > 0:
			p.add("members", fmt.Sprintf("move it to %s first, or remove it", cfg.Name), "%s carries %s, which would be cut off", name, link.Uppers[0])
		case link.Master != "" && link.Master != cfg.Name:
			p.add("members", fmt.Sprintf("take it out of %s first", link.Master), "%s belongs to %s", name, link.Master)
		}
	}
	if present == 0 {
		p.add("members", "see ip link for the names of this host", "none of them exists on this host")
	}
	return p
}
