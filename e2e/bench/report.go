package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Report is all that a run found out.
type Report struct {
	Started     time.Time `json:"started"`
	Minutes     float64   `json:"minutes"`
	Repetitions int       `json:"repetitions"`
	// LoadBefore and LoadAfter are the machine's load averages around the run.
	LoadBefore string    `json:"load_before"`
	LoadAfter  string    `json:"load_after"`
	Machine    Machine   `json:"machine"`
	Series     []*Series `json:"series,omitempty"`
	Idle       []Idle    `json:"idle,omitempty"`
	Load       []Load    `json:"load,omitempty"`
}

// begin notes the circumstances of a run.
func (r *Report) begin(ctx context.Context, repetitions int) (err error) {
	r.Started, r.LoadBefore, r.Repetitions = time.Now().UTC(), loadAverage(), repetitions
	r.Machine, err = describeMachine(ctx)
	return err
}

// addFrom takes over what an earlier run found, and its circumstances if they are the first.
func (r *Report) addFrom(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var old Report
	if err := json.Unmarshal(text, &old); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if old.Started.Before(r.Started) {
		r.Started, r.LoadBefore, r.Repetitions, r.Machine = old.Started, old.LoadBefore, old.Repetitions, old.Machine
	}
	r.Minutes += old.Minutes
	r.Series = append(r.Series, old.Series...)
	r.Idle = append(r.Idle, old.Idle...)
	r.Load = append(r.Load, old.Load...)
	return nil
}

// finish makes the summaries.
func (r *Report) finish(took time.Duration) {
	r.Minutes += took.Minutes()
	r.LoadAfter = loadAverage()
	for _, s := range r.Series {
		s.Summary = summarize(s.Trials)
	}
}

// save writes the report as JSON.
func (r *Report) save(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// find returns the series of a section, in the order in which they ran.
func (r *Report) find(section string) []*Series {
	var found []*Series
	for _, s := range r.Series {
		if s.Section == section {
			found = append(found, s)
		}
	}
	return found
}
