package option

var readiness = []Option{
	{'d', "notification-fd", "notif", "descriptor to write a newline to when ready; 0: none (default)", Rule{NotifyFD, Argument}},
}

var uids = []Option{
	{'u', "uids", "uids", "who may hand over connections, a comma list (default: root and the own uid)", Rule{UIDs, Argument}},
}
