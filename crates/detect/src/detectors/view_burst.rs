//! More list views and reports within a minute than the account ever opens.

use super::detector;
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, score, text};
use model::{Burst, Observation};
use profile::tail;

detector! {
    /// Requests of a minute, less page loads, against the busiest minute of the account's days.
    ViewBurst = "view_burst", Volume, ceiling 8.0,
    Burst => burst
}

fn burst(burst: &Burst, _: &Observation, settings: &Settings) -> Result<Judgement, Unscoreable> {
    if burst.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let p = tail::count_at_least(&burst.usual, f64::from(burst.effective));
    // Few pages a minute are within anybody's reach, however calm the account is.
    let few = if burst.effective < 5 { 10f64.powf(-settings.zero_at) } else { 0.0 };
    let surprise = tail::surprise(p.max(few).max(score::change_of_role(burst.known_share)));
    if surprise < settings.raise_at("view_burst") {
        return Ok(Judgement::quiet(surprise));
    }
    let seconds = burst.span as f64 / 1_000.0;
    let told = if burst.effective < burst.requests {
        format!(" ({} after page loads)", burst.effective)
    } else {
        String::new()
    };
    Ok(Judgement {
        surprise,
        confidence: score::confidence(burst.usual.evidence),
        summary: format!(
            "{} requests in {seconds:.1} s{told} on {}, where the busiest minute of a usual day has {:.1}{}",
            burst.requests,
            text::list(&burst.objects, burst.objects.len()),
            burst.usual.mean(),
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
        ..Judgement::default()
    })
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
    fn the_articles_burst() {
        let finding = finding(&ViewBurst, requests(11, 11, usually(1.1)));
        assert_eq!((finding.score, finding.severity), (8.0, model::Severity::Critical));
        insta::assert_snapshot!(finding.summary, @"11 requests in 58.1 s on Contact, Opportunity and 2 more, where the busiest minute of a usual day has 1.1");
    }

    #[test]
    fn a_busy_account_is_let_be() {
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
