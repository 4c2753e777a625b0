package spec

import (
	"time"

	"vipd/cluster/conf"
	"vipd/cluster/state"
	"vipd/vrrp"
)

// Schema is the JSON Schema of a specification.
func Schema() *conf.Schema {
	return conf.SchemaOf("vipd cluster specification", document{}).Bind(bounds())
}

// bounds are what values have to be by rules that concern one alone, and defaults. A test holds them against the rules.
func bounds() map[string]conf.Bound {
	name, link := conf.Bound{Pattern: groupName.String()}, conf.InterfaceBound
	return map[string]conf.Bound{
		"checks[].name":                   name,
		"checks[].http.status":            conf.Between(minStatus, maxStatus).Else(defaultStatus),
		"checks[].process.quorum":         conf.Between(0, maxQuorum).Else(1),
		"checks[].interface":              link,
		"checks[].ping.interface":         link,
		"checks[].ping.count":             conf.Between(1, maxPings).Else(defaultPings),
		"checks[].ping.answers":           conf.Between(1, maxPings).Else(defaultAnswers),
		"checks[].arp.interface":          link,
		"checks[].bond.name":              link,
		"checks[].bond.links":             conf.Between(1, maxLinks),
		"checks[].interval":               conf.Lasting(minInterval, maxInterval).Else(defaultInterval),
		"checks[].timeout":                conf.Lasting(minTimeout, maxInterval),
		"checks[].rise":                   conf.Between(1, maxInARow).Else(1),
		"checks[].fall":                   conf.Between(1, maxInARow).Else(1),
		"checks[].weight":                 conf.Between(-state.MaxFileWeight, state.MaxFileWeight),
		"checks[].init_fail":              {Default: false},
		"checks[].reverse":                {Default: false},
		"groups[].name":                   name,
		"groups[].interface":              link,
		"groups[].addresses[].interface":  link,
		"groups[].priority":               conf.Between(minPriority, maxPriority).Else(state.DefaultPriority),
		"groups[].priorities":             conf.Between(0, maxPriority),
		"groups[].preempt":                {Default: true},
		"groups[].preempt_delay":          conf.Lasting(0, maxPreemptDelay).Else(time.Duration(0)),
		"groups[].link_weight":            conf.Between(0, maxLinkWeight),
		"groups[].on_quorum_loss":         {OneOf: []any{release, string(state.FallBack)}, Default: release},
		"groups[].together":               name,
		"groups[].apart.set":              name,
		"groups[].nodes":                  conf.NodeBound,
		"groups[].balance":                {Default: false},
		"groups[].damping":                conf.Lasting(0, maxDamping).Else(state.DefaultDamping),
		"groups[].checks[].weight":        conf.Between(-state.MaxFileWeight, state.MaxFileWeight),
		"groups[].notify.timeout":         conf.Lasting(time.Millisecond, maxNotifyTimeout).Else(state.DefaultNotifyTimeout),
		"groups[].vrrp.virtual_router_id": conf.Between(1, 255),
		"groups[].vrrp.version":           {OneOf: []any{int(vrrp.V2), int(vrrp.V3)}},
		"groups[].vrrp.advert_int":        conf.Bound{}.Else(defaultAdvertInt),
		"groups[].vrrp.priority":          conf.Between(1, 255),
		"groups[].vrrp.virtual_mac":       {Default: false},
	}
}
