//go:build !race

package sim

// schedules is how many schedules TestSchedules runs, unless VIPD_SIM_SCHEDULES says otherwise.
const schedules = 2000
