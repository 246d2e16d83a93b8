//! `api_recon`: many objects counted, described or sampled over the API in a day.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Observation, Spread};
use profile::tail;

detector! {
    /// Judges the number of distinct objects touched over the API in a day, and of those only counted, against the account's
    /// days.
    ApiRecon = "api_recon", Reconnaissance, ceiling 9.0,
    next "Find the owner of the connected app; if nobody planned the access, revoke its tokens.",
    Recon => spread
}

/// Objects below which counting their records is not judged: of fewer, nothing is observed. A choice.
const LEAST_COUNTED: u32 = 4;

fn spread<'a>(spread: &'a Spread, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    if spread.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let touched = tail::count_at_least(&spread.usual, f64::from(spread.objects));
    let counted = spread
        .usual_counted
        .filter(|_| spread.counted >= LEAST_COUNTED)
        .map(|usual| tail::count_at_least(&usual, f64::from(spread.counted)));
    let p = counted.map_or(touched, |counted| tail::any_of(touched.min(counted), 2.0));
    let counts = match spread.counted {
        0 => String::new(),
        n => format!("; it counted the records of {}", text::number_of(n, "object")),
    };
    Ok(Judgement::new(tail::surprise(p), "", move || {
        let empty = match spread.empty {
            0 => String::new(),
            n => format!("; {} returned at most one row", text::number_of(n, "request")),
        };
        Explanation {
            confidence: score::confidence(spread.usual.evidence),
            summary: format!(
                "Touched {} over the API in a day, {} of them for the first time ({}); a usual day has {}{empty}{counts}",
                text::number_of(spread.objects, "object"),
                spread.unknown,
                text::list(&spread.names, spread.objects as usize),
                text::quantity(spread.usual.mean()),
            ),
            features: features(spread),
            measures: vec![
                ("objects", f64::from(spread.objects)),
                ("new_objects", f64::from(spread.unknown)),
                ("empty_requests", f64::from(spread.empty)),
                ("counted_objects", f64::from(spread.counted)),
                ("mean", spread.usual.mean()),
                ("baseline_days", spread.usual.evidence),
            ],
            evidence: spread.evidence.clone(),
            objects: spread.names.clone(),
            ..Explanation::default()
        }
    }))
}

fn features(spread: &Spread) -> Vec<(&'static str, String, f64)> {
    let known = spread.objects - spread.unknown.min(spread.objects);
    let mut features = vec![
        ("objectCount", spread.objects.to_string(), f64::from(known)),
        ("newObjects", spread.unknown.to_string(), f64::from(spread.unknown)),
    ];
    if spread.counted > 0 {
        features.push(("countedObjects", spread.counted.to_string(), f64::from(spread.counted)));
    }
    features
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, usually, verdict};
    use super::*;
    use crate::Verdict;
    use model::Feature;

    fn objects(objects: u32, a_day: f64) -> Feature {
        Feature::Recon(Spread {
            objects,
            unknown: objects - 1,
            empty: 3,
            usual: usually(a_day),
            names: vec!["Account".into(), "Lead".into()],
            evidence: vec![],
            counted: 0,
            usual_counted: None,
        })
    }

    #[test]
    fn an_integration_that_counts_the_objects_it_reads_is_anomalous() {
        let Feature::Recon(spread) = objects(25, 22.0) else { unreachable!("made above") };
        let counts =
            |counted, a_day| Feature::Recon(Spread { counted, usual_counted: Some(usually(a_day)), ..spread.clone() });
        let finding = finding(&ApiRecon, counts(24, 0.2));
        insta::assert_snapshot!(finding.summary, @"Touched 25 objects over the API in a day, 24 of them for the first time (Account, Lead and 23 more); a usual day has 22; 3 requests returned at most one row; it counted the records of 24 objects");
        assert_eq!(verdict(&ApiRecon, counts(24, 21.0)), Verdict::Normal);
    }

    #[test]
    fn touching_many_objects_is_anomalous() {
        let finding = finding(&ApiRecon, objects(25, 0.5));
        assert_eq!(finding.score, 9.0);
        insta::assert_snapshot!(finding.summary, @"Touched 25 objects over the API in a day, 24 of them for the first time (Account, Lead and 23 more); a usual day has 0.5; 3 requests returned at most one row");
    }

    #[test]
    fn an_integration_with_many_objects_is_normal() {
        assert_eq!(verdict(&ApiRecon, objects(25, 22.0)), Verdict::Normal);
    }
}
