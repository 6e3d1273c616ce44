package option

import (
	"strings"

	"ucspitls/engine/diag"
)

var readiness = []Option{
	{'d', "notification-fd", "notif", "descriptor to write a newline to when ready; 0: none (default)", Rule{NotifyFD, Argument}},
}

var uids = []Option{
	{'u', "uids", "uids", "who may hand over connections, a comma list (default: root and the own uid)",
		func(s *Settings, v string) error {
			s.UIDs = nil
			for item := range strings.SplitSeq(v, ",") {
				n, ok := Number(item)
				if !ok {
					return diag.Fail(diag.Usage, "uids must be a comma list of numeric ids")
				}
				s.UIDs = append(s.UIDs, n)
			}
			return nil
		}},
}
