// Package quiet has sockets that wake an idle process no more often than they must. What it does differently from
// package net:
//
//   - Calls that never wait are not told to Go's scheduler. Told, it wakes the thread that looks for calls that wait
//     (sysmon), which then polls for a while; in an idle daemon that takes half of all processor time.
//   - A UDP socket is watched for input alone. Go's poller also asks for room to send, of which the kernel tells anew
//     for each packet that has left.
package quiet
