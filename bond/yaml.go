package bond

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// UnmarshalYAML takes a plain name or a mapping with name and prio.
func (m *Member) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*m = Member{}
		return node.Decode(&m.Name)
	}
	if node.Kind == yaml.MappingNode {
		for i := 0; i < len(node.Content); i += 2 {
			if key := node.Content[i]; key.Value != "name" && key.Value != "prio" {
				return fmt.Errorf("line %d: a member has name and prio, not %s", key.Line, key.Value)
			}
		}
	}
	type plain Member
	return node.Decode((*plain)(m))
}
