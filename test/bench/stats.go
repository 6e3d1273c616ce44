package main

import (
	"math"
	"slices"
)

// quantile gives the value below which the share q of the samples lies, with
// linear interpolation between neighbours; NaN for no samples.
func quantile(samples []float64, q float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(samples))
	at := q * float64(len(s)-1)
	low := int(at)
	if low == len(s)-1 {
		return s[low]
	}
	return s[low] + (at-float64(low))*(s[low+1]-s[low])
}

func median(samples []float64) float64 { return quantile(samples, 0.5) }

// spread is half the distance between the quartiles, as a share of the median.
func spread(samples []float64) float64 {
	m := median(samples)
	if m == 0 {
		return 0
	}
	return (quantile(samples, 0.75) - quantile(samples, 0.25)) / 2 / m
}

// ratios divides sample by sample. Both of a pair were taken in the same
// round, so that a machine that slows down for a while slows both.
func ratios(ours, theirs []float64) []float64 {
	n := min(len(ours), len(theirs))
	r := make([]float64, 0, n)
	for i := range n {
		if theirs[i] != 0 {
			r = append(r, ours[i]/theirs[i])
		}
	}
	return r
}
