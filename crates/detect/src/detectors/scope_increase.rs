//! From the account's own records to everybody's.

use super::{detector, first};
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, score};
use model::{First, Observation};
use profile::tail;

detector! {
    /// Views wider than the account's own of the same objects: how many requests a day brings for them, and how
    /// many rows.
    ScopeIncrease = "scope_increase", Novelty, ceiling 8.0,
    Scope => wider
}

fn wider(scope: &First, _: &Observation, settings: &Settings) -> Result<Judgement, Unscoreable> {
    if scope.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let evidence = first::evidence(scope, first::mix(settings));
    if tail::surprise(evidence.p) < settings.raise_at("scope_increase") {
        return Ok(Judgement::quiet(tail::surprise(evidence.p)));
    }
    let to = scope.to_view.as_deref().unwrap_or("a default view");
    let views: Vec<&str> = scope.from_views.iter().map(|view| view.as_str()).collect();
    let from = if views.is_empty() { "narrower views".to_owned() } else { views.join(", ") };
    let others = match scope.names.len() {
        0 | 1 => String::new(),
        2 => ", and so on 1 more object".to_owned(),
        n => format!(", and so on {} more objects", n - 1),
    };
    Ok(Judgement {
        surprise: tail::surprise(evidence.p),
        confidence: score::confidence(scope.usual.evidence),
        summary: format!("{from} → {to} on {}{others}", scope.name),
        features: first::features("requestsForWiderViews", scope, &evidence),
        measures: first::measures(scope),
        evidence: scope.evidence.clone(),
        objects: scope.names.clone(),
        ..Judgement::default()
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
    fn the_articles_escalation() {
        let finding = finding(&ScopeIncrease, scope(3, 250));
        assert_eq!(finding.score, 8.0);
        insta::assert_snapshot!(finding.summary, @"my_contacts → allcontacts on Contact, and so on 2 more objects");
    }

    #[test]
    fn one_wider_view_with_few_rows_is_normal() {
        assert_eq!(verdict(&ScopeIncrease, scope(1, 6)), Verdict::Normal);
    }
}
