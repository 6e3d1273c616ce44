package mutate

// Stream changes records that need not be in the clear: their order, types,
// versions, lengths and bytes, and what stands between them.
func (m *Mutator) Stream(good []byte) []byte {
	list, ok := Records(good)
	if !ok || len(list) == 0 {
		return m.Bytes(good)
	}
	return m.records(list)
}

// records changes how messages are put into records.
func (m *Mutator) records(list []Record) []byte {
	list = append([]Record(nil), list...)
	for range 1 + m.IntN(2) {
		i := m.IntN(len(list))
		r := &list[i]
		insert := func(more ...Record) {
			list = append(list[:i:i], append(more, list[i:]...)...)
		}
		switch m.IntN(14) {
		case 0:
			r.Type = byte(m.Uint32())
		case 1:
			r.Type = []byte{CCS, Alert, Handshake, Data, 24}[m.IntN(5)]
		case 2:
			r.Version = odd[m.IntN(len(odd))]
		case 3:
			r.Length = []int{0, len(r.Content) + 1, max(len(r.Content)-1, 0), 1<<14 + 1, 1<<14 + 257, 0xffff, m.IntN(1 << 16)}[m.IntN(7)]
		case 4: // smaller ones
			list = append(list[:i:i], append(m.split(*r), list[i+1:]...)...)
		case 5: // empty ones in front
			for range 1 + m.IntN(40) {
				insert(Record{[]byte{CCS, Alert, Handshake, Data}[m.IntN(4)], 0x0303, -1, nil})
			}
		case 6:
			insert(Record{CCS, 0x0303, -1, []byte{1}})
		case 7:
			insert(Record{Alert, 0x0303, -1, []byte{byte(m.IntN(4)), []byte{0, 10, 40, 90, 100, 112, byte(m.Uint32())}[m.IntN(7)]}})
		case 8:
			insert(Record{Data, 0x0303, -1, m.noise(m.IntN(100))})
		case 9:
			insert(Record{Handshake, 0x0303, -1, m.noise(m.IntN(100))})
		case 10: // again, or too late
			insert(list[m.IntN(len(list))])
		case 11:
			list = append(list[:i:i], list[i+1:]...)
			if len(list) == 0 {
				return nil
			}
		case 12:
			r.Content = m.changeBytes(r.Content)
		case 13:
			b := join(list)
			b = b[:m.IntN(len(b)+1)]
			if m.IntN(2) == 0 {
				b = append(b, m.noise(m.IntN(50))...)
			}
			return b
		}
	}
	return join(list)
}

func (m *Mutator) split(r Record) (parts []Record) {
	size := 1 + m.IntN(1+len(r.Content))
	if m.IntN(3) == 0 {
		size = 1
	}
	for b := r.Content; len(b) > 0; {
		n := min(size, len(b))
		parts = append(parts, Record{r.Type, r.Version, -1, b[:n]})
		b = b[n:]
	}
	if len(parts) == 0 {
		return []Record{r}
	}
	return parts
}
