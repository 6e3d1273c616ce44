package socket

import (
	"os"
	"strconv"
	"strings"
)

// An IPv6 zone (RFC 4007) is the number of a network interface, or its name
// where the system shows the numbers as files.

var interfaces = "/sys/class/net/"

func zoneID(zone string) uint32 {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if zone == "" || zone[0] == '.' || strings.IndexByte(zone, '/') >= 0 {
		return 0
	}
	b, _ := os.ReadFile(interfaces + zone + "/ifindex")
	n, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32)
	return uint32(n)
}

func zoneName(id uint32) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(id), 10)
}
