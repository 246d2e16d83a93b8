//! How well a score tells cases of two kinds apart, over all thresholds.

/// The quality of a ranking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranking {
    /// Cases to find.
    pub positives: usize,
    /// All cases.
    pub cases: usize,
    /// Area under the receiver operating characteristic: the chance that a case to find scores higher than another, with
    /// ties counted as half.
    pub auc: f64,
    /// Average precision, with ties taken together.
    pub average_precision: f64,
    /// Share of the cases to find that score higher than all but 0.1 % of the others.
    pub recall_at_a_thousandth: f64,
    /// The same for 1 %.
    pub recall_at_a_hundredth: f64,
}

impl Ranking {
    /// Measures cases, each with its score and whether it is to be found. Without a case of either kind all figures are 0.
    pub fn of(mut cases: Vec<(f64, bool)>) -> Self {
        cases.sort_by(|a, b| b.0.total_cmp(&a.0));
        let positives = cases.iter().filter(|case| case.1).count();
        let (all, others) = (positives as f64, (cases.len() - positives) as f64);
        let (mut found, mut wrong, mut area, mut precision) = (0.0, 0.0, 0.0, 0.0);
        for ties in cases.chunk_by(|a, b| a.0 == b.0) {
            let right = ties.iter().filter(|case| case.1).count() as f64;
            let false_alarms = ties.len() as f64 - right;
            area += false_alarms * (found + right / 2.0);
            (found, wrong) = (found + right, wrong + false_alarms);
            precision += right * found / (found + wrong);
        }
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let recall_at = |rate: f64| {
            let mut others = cases.iter().filter(|case| !case.1);
            let allowed = (rate * (cases.len() - positives) as f64) as usize;
            let line = others.nth(allowed).map_or(f64::NEG_INFINITY, |case| case.0);
            share(cases.iter().filter(|case| case.1 && case.0 > line).count() as f64, all)
        };
        Self {
            positives,
            cases: cases.len(),
            auc: share(area, all * others),
            average_precision: share(precision, all),
            recall_at_a_thousandth: recall_at(1e-3),
            recall_at_a_hundredth: recall_at(1e-2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn figures_of_a_small_ranking_by_hand() {
        let ranking = Ranking::of(vec![(0.9, true), (0.8, false), (0.5, true), (0.5, false), (0.1, false)]);
        // Of the six pairs four are in order, and one is a tie.
        assert!((ranking.auc - 4.5 / 6.0).abs() < 1e-12, "{ranking:?}");
        // 1 of 1 at recall 1/2, then 2 of 4 at recall 1.
        assert!((ranking.average_precision - 0.75).abs() < 1e-12, "{ranking:?}");
        assert_eq!((ranking.recall_at_a_thousandth, ranking.recall_at_a_hundredth), (0.5, 0.5));
    }

    #[test]
    fn one_in_a_hundred_of_the_others_may_score_higher() {
        let mut cases: Vec<(f64, bool)> = (0..1_000).map(|n| (f64::from(n), false)).collect();
        cases.extend([(998.5, true), (991.0, true), (989.5, true), (5.0, true)]);
        let ranking = Ranking::of(cases);
        assert_eq!((ranking.recall_at_a_thousandth, ranking.recall_at_a_hundredth), (0.25, 0.75));
    }

    #[test]
    fn without_cases_of_a_kind_nothing_is_measured() {
        assert_eq!(Ranking::of(vec![(1.0, false)]).average_precision, 0.0);
        assert_eq!(Ranking::of(vec![]).auc, 0.0);
    }

    proptest! {
        #[test]
        fn the_area_counts_pairs(cases in prop::collection::vec((0u8..6, any::<bool>()), 1..40)) {
            let cases: Vec<(f64, bool)> = cases.into_iter().map(|(score, is_positive)| (f64::from(score), is_positive)).collect();
            let pairs = cases.iter().filter(|a| a.1).flat_map(|a| cases.iter().filter(|b| !b.1).map(move |b| (a.0, b.0)));
            let wins: Vec<f64> = pairs.map(|(a, b)| if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 }).collect();
            let expect = wins.iter().sum::<f64>() / wins.len().max(1) as f64;
            prop_assert!((Ranking::of(cases).auc - expect).abs() < 1e-9);
        }
    }
}
