package nodefile

import (
	"reflect"

	"vipd/cluster/conf"
)

// Schema is the JSON Schema of a node file.
func Schema() *conf.Schema {
	s := conf.SchemaOf("vipd node file", File{})
	for _, key := range []string{"data_dir", "socket", "realtime", "script_dirs"} {
		s.Properties[key].Default = value(key)
	}
	return s.Bind(map[string]conf.Bound{
		"node":         conf.NodeBound,
		"gossip_port":  conf.Between(minPort, maxPort).Else(value("gossip_port")),
		"cluster_port": conf.Between(minPort, maxPort).Else(value("cluster_port")),
		"fence":        {OneOf: []any{string(FenceNFTables), string(FenceNone)}, Default: value("fence")},
		"log.level":    {OneOf: []any{"debug", "info", "warn", "error"}},
		"log.format":   {OneOf: []any{"text", "json"}},
	})
}

// value is the default of a key.
func value(key string) any {
	v := reflect.ValueOf(Defaults())
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("yaml") == key {
			return v.Field(i).Interface()
		}
	}
	return nil
}
