package figures

import (
	"math"
	"slices"
	"time"
)

// median is the middle one; of an even number the mean of both.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

func rangeOf(values []float64) Range {
	if len(values) == 0 {
		return Range{}
	}
	return Range{Min: slices.Min(values), Max: slices.Max(values)}
}

// Percentile is the least of the durations that the share p of all does not exceed, in milliseconds.
func Percentile(durations []time.Duration, p float64) float64 {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	rank := int(math.Ceil(p * float64(len(sorted))))
	return Milliseconds(sorted[max(0, rank-1)])
}

// Milliseconds of a duration, with one place: more is noise.
func Milliseconds(d time.Duration) float64 { return math.Round(float64(d.Microseconds())/100) / 10 }

// Seconds of a duration, to the millisecond.
func Seconds(d time.Duration) float64 { return rounded(d.Seconds()) }

// rounded keeps three places.
func rounded(v float64) float64 { return math.Round(v*1000) / 1000 }

// ratio of two figures; 0 where there is no second one.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return rounded(a / b)
}

// exponent is the power with which b grows from a, for ten times as much.
func exponent(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return rounded(math.Log10(b / a))
}
