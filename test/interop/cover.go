package main

// cover gives rows of value numbers such that every pair of values of every
// two dimensions is in a row. It is greedy and has no chance in it, so that
// a row keeps its number as long as the dimensions stay.
func cover(dims []dimension) [][]int {
	open := map[pair]bool{}
	for d := range dims {
		for e := d + 1; e < len(dims); e++ {
			for v := range dims[d].values {
				for w := range dims[e].values {
					open[pair{d, v, e, w}] = true
				}
			}
		}
	}
	var rows [][]int
	for turn := 0; len(open) > 0; turn++ {
		best, most := []int(nil), 0
		for start := range len(dims) * 4 {
			row := grow(dims, open, start+turn)
			if n := gain(row, open); n > most {
				best, most = row, n
			}
		}
		for p := range open {
			if best[p.d] == p.v && best[p.e] == p.w {
				delete(open, p)
			}
		}
		rows = append(rows, best)
	}
	return rows
}

// A pair is two values that must meet; d < e.
type pair struct{ d, v, e, w int }

// grow makes a row: the dimensions in an order that start rotates, each with
// the value that meets most of what is open.
func grow(dims []dimension, open map[pair]bool, start int) []int {
	row := make([]int, len(dims))
	for i := range row {
		row[i] = -1
	}
	for i := range dims {
		d := (start + i) % len(dims)
		best, most := 0, -1
		for j := range dims[d].values {
			v := (j + start) % len(dims[d].values)
			if n := meets(row, open, dims, d, v); n > most {
				best, most = v, n
			}
		}
		row[d] = best
	}
	return row
}

// meets counts open pairs of (d, v): those with values that are chosen count
// much more than those that still could be.
func meets(row []int, open map[pair]bool, dims []dimension, d, v int) int {
	n := 0
	for e := range dims {
		switch {
		case e == d:
		case row[e] >= 0:
			if open[ordered(d, v, e, row[e])] {
				n += 100
			}
		default:
			for w := range dims[e].values {
				if open[ordered(d, v, e, w)] {
					n++
				}
			}
		}
	}
	return n
}

func ordered(d, v, e, w int) pair {
	if d < e {
		return pair{d, v, e, w}
	}
	return pair{e, w, d, v}
}

func gain(row []int, open map[pair]bool) int {
	n := 0
	for d := range row {
		for e := d + 1; e < len(row); e++ {
			if open[pair{d, row[d], e, row[e]}] {
				n++
			}
		}
	}
	return n
}
