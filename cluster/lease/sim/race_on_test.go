//go:build race

package sim

// schedules is how many schedules TestSchedules runs, unless VIPD_SIM_SCHEDULES says otherwise. A run is one
// goroutine, so the race detector has little to find and is slow at it.
const schedules = 100
