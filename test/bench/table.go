package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// writeTable prints rows in Markdown with columns of one width, the first
// row as the head, the first column to the left.
func writeTable(out io.Writer, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, text := range r {
			width[i] = max(width[i], utf8.RuneCountInString(text))
		}
	}
	for n, r := range rows {
		for i, text := range r {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(text))
			if i == 0 {
				text += pad
			} else {
				text = pad + text
			}
			fmt.Fprint(out, "| ", text, " ")
		}
		fmt.Fprintln(out, "|")
		if n > 0 {
			continue
		}
		for i, w := range width {
			line := strings.Repeat("-", w+1)
			if i == 0 {
				fmt.Fprint(out, "|", line, "-")
			} else {
				fmt.Fprint(out, "|", line, ":")
			}
		}
		fmt.Fprintln(out, "|")
	}
}
