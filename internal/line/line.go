// Package line writes the lines that the programs say on stderr. It is the only
// place that knows how long one may be and what may stand in it, and all of a
// line that comes from elsewhere goes through it: names, subjects and protocols
// of the peer, what DNS and IDENT servers say, words of a library about them, what
// another process has said, file names, arguments, the reason of a panic.
//
//   - A line is one write, and at most Max bytes with its newline. That is less
//     than a pipe takes at once, so that lines of several processes do not mix,
//     and less than loggers cut: nobody begins a line by the length of what he sent.
//   - A part of it is at most MaxPart bytes. What is longer keeps its beginning and
//     its end with "..." between them, and so does a line whose parts are too
//     many: what happened stands at one end and the value at the other.
//   - Of bytes, only printable ASCII is written. Everything else is \xHH, UTF-8
//     too: its controls (C1), marks that turn text around and letters that look
//     like others are for no terminal, and no table of them is for programs that
//     must start fast. A backslash stands for itself, so that a line which has
//     passed two processes looks as after one. It follows that \x0A in a log is
//     what somebody sent, a newline or these four characters.
//
// Code that has no Go runtime calls this: nothing allocates, and nothing is
// imported.
package line

const (
	// Max is the limit of a line, with its newline.
	Max = 1000
	// MaxPart is the limit of a part: a host name fits, and words around it.
	MaxPart = 300
	// MaxOwn is the limit of a line of our own words alone, such as a usage line.
	MaxOwn = 3500

	room = MaxOwn + Max
)

// A Line is built from its start to its end.
type Line struct {
	n, limit int
	b        [room]byte
}

// Start begins the line "NAME: LEVEL: ", whatever was there.
func (l *Line) Start(name, level string) {
	l.n, l.limit = 0, Max
	l.part(name, MaxPart)
	l.part(": ", MaxPart)
	l.part(level, MaxPart)
	l.part(": ", MaxPart)
}

// Add adds a part.
func (l *Line) Add(s string) { l.part(s, MaxPart) }

// Text adds what was put together elsewhere: it may be as long as a line.
func (l *Line) Text(s string) { l.part(s, Max) }

// Own adds words of ours. Nothing in them is from elsewhere.
func (l *Line) Own(s string) {
	l.limit = MaxOwn
	l.part(s, MaxOwn)
}

// Relay makes a line of what another process has said under name, "LEVEL: TEXT".
// That process is not believed: a level that does not exist is part of the text.
func (l *Line) Relay(name, said string) {
	for i := range levels {
		if n := len(levels[i]); len(said) > n+2 && said[:n] == levels[i] && said[n] == ':' && said[n+1] == ' ' {
			l.Start(name, levels[i])
			l.Text(said[n+2:])
			return
		}
	}
	l.Start(name, "warning")
	l.Add("another process said: ")
	l.Add(said)
}

var levels = [...]string{"fatal", "warning", "info", "debug", "usage"}

// Said is what was added so far, to a line that was not started.
func (l *Line) Said() string { return string(l.b[:l.n]) }

// End ends the line and gives it, with its newline. It is valid until Start.
func (l *Line) End() []byte {
	l.squeeze(l.limit - 1)
	l.b[l.n] = '\n'
	return l.b[:l.n+1]
}

// part adds s, cut to limit bytes.
func (l *Line) part(s string, limit int) {
	size := 0
	for i := 0; i < len(s) && size <= limit; i++ {
		size += width(s[i])
	}
	if l.n+min(size, limit) >= room {
		l.squeeze(Max - 1)
	}
	if size <= limit {
		l.put(s)
		return
	}
	head, tail := ends(limit)
	from := 0
	for n := 0; ; from++ {
		if n += width(s[from]); n > head {
			break
		}
	}
	to := len(s)
	for n := 0; ; to-- {
		if n += width(s[to-1]); n > tail {
			break
		}
	}
	l.put(s[:from])
	l.put(mark)
	l.put(s[to:])
}

// mark stands where something was cut out.
const mark = "..."

// ends is how much is kept of something that is cut to limit bytes.
func ends(limit int) (head, tail int) {
	head = limit * 2 / 3
	return head, limit - head - len(mark)
}

// squeeze cuts what is there to limit bytes.
func (l *Line) squeeze(limit int) {
	if l.n <= limit {
		return
	}
	head, tail := ends(limit)
	from := l.n - tail
	l.n = head
	l.put(mark)
	for i := 0; i < tail; i++ {
		l.b[l.n] = l.b[from+i]
		l.n++
	}
}

// width is how many bytes c takes in a line.
func width(c byte) int {
	if c < ' ' || c > '~' {
		return 4
	}
	return 1
}

// put adds s, for which there is room.
func (l *Line) put(s string) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if width(c) == 1 {
			l.b[l.n] = c
			l.n++
			continue
		}
		l.b[l.n], l.b[l.n+1], l.b[l.n+2], l.b[l.n+3] = '\\', 'x', hex[c>>4], hex[c&15]
		l.n += 4
	}
}

const hex = "0123456789ABCDEF"

// Part gives s as Add writes it, for text that is put together before it is
// printed.
func Part(s string) string {
	var l Line
	l.Add(s)
	return string(l.b[:l.n])
}
