//! `large_request`: one request that reads many more rows than the largest of a usual day.

use super::{detector, extreme};
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Largest, Observation};
use profile::tail;

detector! {
    /// Judges the largest request of a day through one surface against the largest of the account's other days.
    LargeRequest = "large_request", Volume, ceiling 9.0,
    next "Ask the user what this one request was for; if nobody can say, end the session and look at what else it read.",
    Largest => largest
}

/// Rows of one request below which it never raises, as a share of `least_rows`, which are of a day. A choice: 25 rows by
/// default, half of what a list view loads at first. With 100 rows, a third of the accounts of a public set of simulated
/// card transactions could never be seen, with 50 one in twelve.
const SHARE_OF_DAY: f64 = 0.25;

fn largest<'a>(
    largest: &'a Largest,
    observation: &'a Observation,
    settings: &'a Settings,
) -> Result<Judgement<'a>, Unscoreable> {
    if largest.days < extreme::LEAST_DAYS {
        return Err(Unscoreable::NoBaseline);
    }
    let Largest { deviations, peer_deviations, recurrences, days, .. } = *largest;
    let few = largest.rows < settings.least_rows * SHARE_OF_DAY;
    let surprise = |deviations, peers| {
        let p = if few { 1.0 } else { extreme::p(deviations, peers, recurrences, days, settings) };
        tail::surprise(p)
    };
    let before = || surprise(largest.unshifted, peer_deviations);
    let surprise = surprise(deviations, peer_deviations);
    let judgement = Judgement::new(surprise, largest.surface.as_str(), move || Explanation {
        confidence: score::confidence(days),
        summary: summary(largest),
        features: vec![("rowsOfRequest", format!("{:.0}", largest.rows), surprise)],
        measures: vec![
            ("rows", largest.rows),
            ("usual_rows", largest.usual),
            ("deviations", deviations),
            ("peer_deviations", peer_deviations),
            ("baseline_days", days),
            ("peer_weight", largest.prior_weight),
        ],
        evidence: largest.evidence.clone(),
        objects: largest.objects.clone(),
        surface: Some(largest.surface),
        ..Explanation::default()
    });
    Ok(judgement.unless_explained(observation, largest.shift, before))
}

fn summary(largest: &Largest) -> String {
    let of = match (&largest.name, largest.objects.as_slice()) {
        (Some(name), _) => format!(" of {name}"),
        (None, []) => String::new(),
        (None, names) => format!(" of {}", text::list(names, names.len())),
    };
    format!(
        "Read {} rows{of} in one request through {}; the largest request of a usual day reads {}{}",
        text::count(largest.rows),
        text::through(largest.surface),
        text::count(largest.usual),
        text::thin(largest.days),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, Surface};

    fn request(rows: f64, deviations: f64) -> Largest {
        Largest {
            surface: Surface::Report,
            rows,
            name: Some("Contacts by account".into()),
            deviations,
            peer_deviations: deviations,
            usual: 210.0,
            days: 40.0,
            prior_weight: 0.1,
            recurrences: 0,
            objects: vec!["Contact".into()],
            evidence: vec![],
            shift: 0.0,
            unshifted: deviations,
        }
    }

    #[test]
    fn a_busy_day_of_the_org_withdraws_a_finding() {
        let of_day = Largest { shift: 1.0, unshifted: 11.0, ..request(9_400.0, 0.5) };
        let mut closed = super::super::testing::observation(Feature::Largest(of_day));
        closed.activity = None;
        let verdicts = <dyn crate::Detector>::judge(&LargeRequest, &closed, &Settings::default());
        assert!(matches!(&verdicts[..], [Verdict::Anomalous(finding)] if finding.withdrawn));
    }

    #[test]
    fn one_report_far_above_the_usual_is_anomalous() {
        let found = finding(&LargeRequest, Feature::Largest(request(9_400.0, 11.0)));
        insta::assert_snapshot!(found.summary, @"Read 9,400 rows of Contacts by account in one request through reports; the largest request of a usual day reads 210");
        assert!((3.5..5.0).contains(&found.surprise), "{}", found.surprise);
        let query = Largest { name: None, surface: Surface::Api, ..request(9_400.0, 11.0) };
        insta::assert_snapshot!(finding(&LargeRequest, Feature::Largest(query)).summary, @"Read 9,400 rows of Contact in one request through the API; the largest request of a usual day reads 210");
    }

    #[test]
    fn small_and_ordinary_and_recurring_requests_are_normal() {
        for request in [request(24.0, 11.0), request(380.0, 1.5), Largest { recurrences: 2, ..request(9_400.0, 11.0) }]
        {
            assert_eq!(verdict(&LargeRequest, Feature::Largest(request)), Verdict::Normal);
        }
    }

    #[test]
    fn what_is_usual_of_peers_is_less_surprising() {
        let alone = finding(&LargeRequest, Feature::Largest(request(9_400.0, 30.0))).surprise;
        let as_peers = Largest { peer_deviations: 0.5, ..request(9_400.0, 30.0) };
        assert!(finding(&LargeRequest, Feature::Largest(as_peers)).surprise < alone - 2.0);
    }

    #[test]
    fn an_account_without_history_is_unscoreable() {
        let new = Largest { days: 2.0, ..request(9_400.0, 11.0) };
        assert_eq!(verdict(&LargeRequest, Feature::Largest(new)), Verdict::Unscoreable(Unscoreable::NoBaseline));
    }
}
