// Package importer makes vipd's specification of keepalived's configuration files, and says what became of each
// of their directives.
package importer

import (
	"errors"
	"fmt"
	"strings"

	"vipd/cluster/conf"
	"vipd/cluster/spec"
	"vipd/vrrp/keepalived"
)

// Source is a configuration file to be read.
type Source struct {
	// Node is the node that it belongs to. Empty: what the file says holds for every node.
	Node string
	// ID is what lines that begin with @ are compared with.
	ID   string
	File string
}

// Result is what files mean together.
type Result struct {
	Spec   spec.Spec
	Report keepalived.Report
	// Warnings are mistakes that keepalived works around, and the importer as well.
	Warnings []keepalived.Problem
}

// everyNode stands for the node of a file that holds for all.
const everyNode = "*"

// Import reads files as keepalived would. What cannot be taken over is an error of type conf.Errors, with files
// and lines; what can, but not in full, is in the report. The files are all of named nodes, or one of none.
func Import(files keepalived.Files, sources ...Source) (Result, error) {
	configs := map[string]*keepalived.Config{}
	var problems conf.Errors
	for _, s := range sources {
		cfg, err := keepalived.Read(s.File, keepalived.Options{ID: s.ID, Files: files})
		if refused := (keepalived.Refused)(nil); errors.As(err, &refused) {
			problems = append(problems, asErrors(refused)...)
			continue
		} else if err != nil {
			return Result{}, err
		}
		name := s.Node
		if name == "" {
			name = everyNode
		}
		if configs[name] != nil {
			return Result{}, fmt.Errorf("there are two files for node %s", name)
		}
		configs[name] = cfg
	}
	if len(problems) > 0 {
		return Result{}, problems
	}
	return merge(configs, sources)
}

func merge(configs map[string]*keepalived.Config, sources []Source) (Result, error) {
	result, report, err := keepalived.Translate(configs)
	if refused := (keepalived.Refused)(nil); errors.As(err, &refused) {
		return Result{}, asErrors(refused)
	} else if err != nil {
		return Result{}, err
	}
	t := translation{keepalived: result, report: report}
	out := Result{Spec: t.spec().Normal()}
	t.amend()
	out.Report = t.report
	seen := map[keepalived.Problem]bool{}
	for _, s := range sources {
		name := s.Node
		if name == "" {
			name = everyNode
		}
		for _, w := range configs[name].Warnings {
			if !seen[w] {
				seen[w] = true
				out.Warnings = append(out.Warnings, w)
			}
		}
	}
	return out, t.validate(out.Spec)
}

func asErrors(refused keepalived.Refused) conf.Errors {
	var errs conf.Errors
	for _, p := range refused {
		errs = append(errs, conf.Problem{File: p.File, Line: p.Line, Text: p.Text})
	}
	return errs
}

// validate says where in keepalived's files that is which vipd refuses.
func (t *translation) validate(s spec.Spec) error {
	err := spec.Validate(s)
	var problems conf.Errors
	if !errors.As(err, &problems) {
		return err
	}
	for i, p := range problems {
		name, _, _ := strings.Cut(strings.TrimPrefix(p.Key, "groups["), "]")
		for _, e := range t.report {
			if e.Directive == "vrrp_instance "+t.instanceOf(name) {
				problems[i].File, problems[i].Line = e.File, e.Line
				break
			}
		}
	}
	return problems
}
