package stats

import "fmt"

// NewRobustSchedule is NewSchedule for hosts whose noise may grow or shrink
// during the run. The errors are the same, and last over 1000.
//
// The sign of each difference is a coin flip on any host, so one look is
// exact on any host. How far looks overlap depends on when the large
// differences come. NewSchedule takes all orders as alike likely; where noise
// grows the looks overlap less, and identical images are told apart in 5.5 %
// of default runs while noise grows fourfold, in 6.5 % if every difference
// is larger than all before. That last order gives the sums W at any two
// looks the least covariance, Σ r·r′/4 over the earlier differences with r ≤
// r′ their ranks at either look, as there r = r′. So it is the worst order,
// strictly so in the limit of many pairs (Slepian's inequality), and alpha is
// spent here as if it held. Then W is a sum of independent terms, and
// spending exact.
//
// The price: the default limits give order statistics 1, 9, 19, 36, 93, 228
// and 3.8 % attained where noise is alike throughout; the interval at the
// last look is 4 % wider.
func NewRobustSchedule(first, last int, alpha float64) (Schedule, error) {
	if err := checkSchedule(first, last, alpha); err != nil {
		return Schedule{}, err
	}
	if last > exactPairs {
		return Schedule{}, fmt.Errorf("last look after %d pairs: at most %d can be planned for any host", last, exactPairs)
	}
	s := Schedule{Alpha: alpha}
	// p is the chance of each W on paths that have not crossed below yet.
	p := make([]float64, last*(last+1)/4+1)
	p[0] = 1
	used, rank := 0.0, 0
	for _, n := range lookPoints(first, last) {
		for rank < n {
			rank++
			for w := min(len(p)-1, rank*(rank+1)/2); w >= 0; w-- {
				if w >= rank {
					p[w] += p[w-rank]
				}
				p[w] /= 2
			}
		}
		limit := alpha / 2 * spent(float64(n)/float64(last))
		c, most := 0, tail{n: n}.most()
		for c < most && used+p[c] <= limit {
			used += p[c]
			p[c] = 0
			c++
		}
		s.Looks = append(s.Looks, Look{N: n, C: c})
	}
	return s, nil
}
