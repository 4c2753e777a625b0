package nodefile

import (
	"reflect"

	"vipd/cluster/conf"
)

// Schema is the JSON Schema of a node file.
func Schema() *conf.Schema {
	s := conf.SchemaOf("vipd node file", File{})
	for _, key := range []string{"gossip_port", "cluster_port", "data_dir", "socket", "fence", "realtime", "script_dirs"} {
		s.Properties[key].Default = value(key)
	}
	s.Properties["fence"].Enum = []string{string(FenceNFTables), string(FenceNone)}
	s.Properties["log"].Properties["level"].Enum = []string{"debug", "info", "warn", "error"}
	s.Properties["log"].Properties["format"].Enum = []string{"text", "json"}
	return s
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
