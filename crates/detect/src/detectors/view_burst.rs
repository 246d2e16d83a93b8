//! `view_burst`: more list views and reports within a minute than the account usually opens.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Burst, Kind, Observation};
use profile::tail;

detector! {
    /// Judges the requests of a minute, each page load counted once, against the busiest minute of the account's days.
    ViewBurst = "view_burst", Volume, ceiling 8.0,
    next "Look at the client and at the objects of the views: a script that opens them is to be stopped by ending the session.",
    Burst => burst
}

/// Requests a minute below which the score is 0: anybody can open four pages in a minute, however calm the account
/// usually is. A choice.
const LEAST_REQUESTS: u32 = 5;

fn burst<'a>(
    burst: &'a Burst,
    observation: &'a Observation,
    settings: &'a Settings,
) -> Result<Judgement<'a>, Unscoreable> {
    if burst.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let p = tail::count_at_least(&burst.usual, f64::from(burst.effective));
    let few = if burst.effective < LEAST_REQUESTS { 10f64.powf(-settings.zero_at) } else { 0.0 };
    let surprise = tail::surprise(p.max(few).max(score::change_of_role(burst.known_share)));
    Ok(Judgement::new(surprise, "", move || {
        let seconds = burst.span as f64 / 1_000.0;
        let page_loads = if burst.effective < burst.requests {
            format!(" ({} if a page load counts once)", burst.effective)
        } else {
            String::new()
        };
        let is_aura = observation.activity.as_ref().is_some_and(|activity| activity.kind == Kind::AuraRequest);
        let did = if is_aura { "Made" } else { "Opened" };
        let what = if is_aura { "requests of Aura components" } else { "list views and reports" };
        Explanation {
            confidence: score::confidence(burst.usual.evidence),
            summary: format!(
                "{did} {} {what} in {seconds:.1} s{page_loads} on {}; the busiest minute of a usual day has {}{}",
                text::count(f64::from(burst.requests)),
                text::list(&burst.objects, burst.objects.len()),
                text::quantity(burst.usual.mean()),
                text::thin(burst.usual.evidence),
            ),
            features: vec![("requestsPerMinute", burst.effective.to_string(), 1.0)],
            measures: vec![
                ("requests", f64::from(burst.requests)),
                ("effective_requests", f64::from(burst.effective)),
                ("seconds", seconds),
                ("mean", burst.usual.mean()),
                ("baseline_days", burst.usual.evidence),
            ],
            evidence: burst.evidence.clone(),
            objects: burst.objects.clone(),
            ..Explanation::default()
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, usually, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, Rate};

    fn requests(requests: u32, effective: u32, usual: Rate) -> Feature {
        Feature::Burst(Burst {
            requests,
            effective,
            span: 58_100,
            usual,
            known_share: 0.5,
            objects: vec!["Contact".into(), "Opportunity".into(), "Account".into(), "Case".into()],
            evidence: vec![],
        })
    }

    #[test]
    fn the_burst_of_the_founding_article_is_anomalous() {
        let finding = finding(&ViewBurst, requests(11, 11, usually(1.1)));
        assert_eq!((finding.score, finding.severity), (8.0, model::Severity::Critical));
        insta::assert_snapshot!(finding.summary, @"Opened 11 list views and reports in 58.1 s on Contact, Opportunity and 2 more; the busiest minute of a usual day has 1.1");
    }

    #[test]
    fn a_busy_account_is_normal() {
        assert_eq!(verdict(&ViewBurst, requests(11, 11, usually(8.0))), Verdict::Normal);
    }

    #[test]
    fn without_a_day_of_its_own_it_is_unscoreable() {
        assert_eq!(
            verdict(&ViewBurst, requests(11, 11, Rate { evidence: 0.0, ..usually(1.0) })),
            Verdict::Unscoreable(Unscoreable::NoBaseline)
        );
    }
}
