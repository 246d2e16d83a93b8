//! `scope_increase`: list views wider than the account's own, such as from "My" to "All", and more reports and queries than
//! usual that reach all records.

use super::{detector, first};
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{First, Observation, Surface};
use profile::tail;

detector! {
    /// Judges requests for list views wider than the account's own of the same objects: how many a day brings, and with
    /// how many rows. Of reports and queries it judges how many reach all records.
    ScopeIncrease = "scope_increase", Novelty, ceiling 8.0,
    next "Ask whether the role needs records beyond its own; if not, narrow the sharing and see what was read.",
    Scope => wider
}

fn wider<'a>(scope: &'a First, _: &'a Observation, settings: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    if scope.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let evidence = first::evidence(scope, first::mix(settings));
    if let Some(surface) = scope.surface {
        return Ok(broad(scope, surface, evidence));
    }
    Ok(Judgement::new(tail::surprise(evidence.p), "", move || {
        let to = scope.to_view.as_deref().unwrap_or("a default view");
        let views: Vec<&str> = scope.from_views.iter().map(|view| view.as_str()).collect();
        let from = if views.is_empty() { "narrower views".to_owned() } else { views.join(", ") };
        let others = match scope.names.len() {
            0 | 1 => String::new(),
            2 => ", and its view of 1 more object".to_owned(),
            n => format!(", and its views of {} more objects", n - 1),
        };
        Explanation {
            confidence: score::confidence(scope.usual.evidence),
            summary: format!(
                "Widened its view of {} from {from} to {to}{others}, in {}{}; such a request usually comes {}",
                scope.name,
                text::number_of(scope.today, "request"),
                first::rows_clause(scope),
                text::how_often(scope.usual.mean()),
            ),
            features: first::features("requestsForWiderViews", scope, &evidence),
            measures: first::measures(scope),
            evidence: scope.evidence.clone(),
            objects: scope.names.clone(),
            ..Explanation::default()
        }
    }))
}

fn broad(scope: &First, surface: Surface, evidence: first::Evidence) -> Judgement<'_> {
    let surprise = tail::surprise(evidence.p);
    Judgement::new(surprise, surface.as_str(), move || {
        let names = text::list(&scope.names, scope.today as usize);
        let what = match surface {
            Surface::Report => {
                format!("Ran {} on all records of the org ({names})", text::number_of(scope.today, "report"))
            }
            _ => format!(
                "Read {} over the API without selecting records by id, owner or date ({names})",
                text::number_of(scope.today, "object")
            ),
        };
        Explanation {
            confidence: score::confidence(scope.usual.evidence),
            summary: format!("{what}; a day of as much work usually has {}", text::quantity(scope.usual.mean())),
            features: vec![("requestsForAllRecords", scope.today.to_string(), surprise)],
            measures: first::measures(scope),
            evidence: scope.evidence.clone(),
            objects: if surface == Surface::Report { Vec::new() } else { scope.names.clone() },
            surface: Some(surface),
            ..Explanation::default()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, usually, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, Scope, Usual};

    fn scope(today: u32, rows: u64) -> Feature {
        Feature::Scope(First {
            name: "Contact".into(),
            today,
            names: vec!["Contact".into(), "Opportunity".into(), "Account".into()],
            usual: usually(0.01),
            known_share: 0.9,
            peer_tail: 0.01,
            rows: Some(rows),
            request: Usual { location: 1.8, scale: 0.5, degrees: 60.0, evidence: 60.0, ..Usual::default() },
            from_views: vec!["my_contacts".into()],
            to_view: Some("allcontacts".into()),
            from_scope: Some(Scope::Own),
            to_scope: Some(Scope::All),
            ..First::default()
        })
    }

    #[test]
    fn the_escalation_of_the_founding_article_is_anomalous() {
        let finding = finding(&ScopeIncrease, scope(3, 250));
        assert_eq!(finding.score, 8.0);
        insta::assert_snapshot!(finding.summary, @"Widened its view of Contact from my_contacts to allcontacts, and its views of 2 more objects, in 3 requests with 250 rows a request (usually 5); such a request usually comes once in 100 days");
    }

    fn broad(surface: Surface, today: u32, a_day: f64) -> Feature {
        let names = vec!["Account".into(), "Lead".into()];
        let usual = usually(a_day);
        Feature::Scope(First {
            today,
            names,
            usual,
            peer_tail: 0.01,
            surface: Some(surface),
            known_share: 1.0,
            ..First::default()
        })
    }

    #[test]
    fn bulk_reads_with_a_stolen_token_are_anomalous() {
        let of_objects = finding(&ScopeIncrease, broad(Surface::Api, 6, 0.05));
        insta::assert_snapshot!(of_objects.summary, @"Read 6 objects over the API without selecting records by id, owner or date (Account, Lead and 4 more); a day of as much work usually has under 0.1");
        let of_reports = finding(&ScopeIncrease, broad(Surface::Report, 6, 0.05));
        insta::assert_snapshot!(of_reports.summary, @"Ran 6 reports on all records of the org (Account, Lead and 4 more); a day of as much work usually has under 0.1");
        assert_eq!((of_objects.surface, of_reports.surface), (Some(Surface::Api), Some(Surface::Report)));
    }

    #[test]
    fn an_integration_that_reads_all_is_normal() {
        assert_eq!(verdict(&ScopeIncrease, broad(Surface::Api, 20, 19.0)), Verdict::Normal);
    }

    #[test]
    fn one_wider_view_with_few_rows_is_normal() {
        assert_eq!(verdict(&ScopeIncrease, scope(1, 6)), Verdict::Normal);
    }
}
