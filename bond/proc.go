package bond

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// readProc reads what the driver prints about a bond: some of it is nowhere
// else. A bond that was removed or renamed meanwhile has no such file.
func readProc(name string) (string, error) {
	text, err := os.ReadFile("/proc/thread-self/net/bonding/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

// addProc adds speed, duplex and the LACP details of the members from the
// driver's text (bond_procfs.c). Lines it does not know are passed over.
func addProc(s *Status, text string) {
	var m *MemberStatus
	partner := false // within "details partner lacp pdu"
	for line := range strings.SplitSeq(text, "\n") {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		if !ok {
			continue
		}
		if key == "Slave Interface" {
			m, partner = s.find(value), false
			continue
		}
		if m == nil {
			continue
		}
		switch key {
		case "Speed":
			speed, err := strconv.Atoi(strings.TrimSuffix(value, " Mbps"))
			if err == nil {
				m.Speed = speed
			}
		case "Duplex":
			if value == "full" || value == "half" {
				m.Duplex = value
			}
		case "details partner lacp pdu":
			partner = true
		}
		if m.LACP != nil {
			m.LACP.addProc(key, value, partner)
		}
	}
}

func (l *LACPMember) addProc(key, value string, partner bool) {
	switch {
	case key == "Actor Churn State":
		l.ActorChurn = value
	case key == "Partner Churn State":
		l.PartnerChurn = value
	case key == "system mac address" && partner:
		l.PartnerMAC = value
	}
}

func (s *Status) find(member string) *MemberStatus {
	for i := range s.Members {
		if s.Members[i].Name == member {
			return &s.Members[i]
		}
	}
	return nil
}
