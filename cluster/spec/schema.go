package spec

import "vipd/cluster/conf"

// Schema is the JSON Schema of a specification.
func Schema() *conf.Schema { return conf.SchemaOf("vipd cluster specification", document{}) }
