package main

import (
	"math"
	"testing"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		q, want float64
	}{
		{[]float64{7}, 0.5, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{5, 1, 4, 2, 3}, 0.25, 2},
		{[]float64{5, 1, 4, 2, 3}, 0.75, 4},
		{[]float64{1, 2}, 0, 1},
		{[]float64{1, 2}, 1, 2},
		{[]float64{10, 20}, 0.25, 12.5},
	} {
		before := append([]float64(nil), c.samples...)
		if got := quantile(c.samples, c.q); got != c.want {
			t.Errorf("quantile(%v, %v) = %v, want %v", c.samples, c.q, got, c.want)
		}
		for i := range before {
			if c.samples[i] != before[i] {
				t.Fatalf("quantile changed the order of %v", before)
			}
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing = %v", got)
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    float64
	}{
		{[]float64{10, 10, 10}, 0},
		{[]float64{1, 2, 3, 4, 5}, 1.0 / 3},
		{[]float64{0, 0}, 0},
		{[]float64{10, 10, 10, 10, 1000}, 0},
	} {
		if got := spread(c.samples); got != c.want {
			t.Errorf("spread(%v) = %v, want %v", c.samples, got, c.want)
		}
	}
}

// TestRatios has a machine that slows down for everybody in the second round.
func TestRatios(t *testing.T) {
	got := ratios([]float64{1, 10, 3}, []float64{2, 20, 0, 5})
	if len(got) != 2 || got[0] != 0.5 || got[1] != 0.5 {
		t.Errorf("ratios = %v", got)
	}
}
