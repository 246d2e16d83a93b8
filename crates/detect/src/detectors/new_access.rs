//! Objects the account never touched before.

use super::{detector, first};
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, score, text};
use model::{First, Observation};
use profile::tail;

detector! {
    /// First-time objects: how many a day brings, how rare they are among peers, and with how many rows.
    NewAccess = "new_access", Novelty, ceiling 7.0,
    Object => access
}

fn access(object: &First, _: &Observation, settings: &Settings) -> Result<Judgement, Unscoreable> {
    if object.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let evidence = first::evidence(object, first::mix(settings));
    if tail::surprise(evidence.p) < settings.raise_at("new_access") {
        return Ok(Judgement::quiet(tail::surprise(evidence.p)));
    }
    let rows = object.rows.map(|rows| format!(" with {} rows a request", text::count(rows as f64))).unwrap_or_default();
    let names = text::list(&object.names, object.today as usize);
    Ok(Judgement {
        surprise: tail::surprise(evidence.p),
        confidence: score::confidence(object.usual.evidence),
        summary: format!(
            "first access to {names}{rows}; a usual day brings {:.2} new objects{}",
            object.usual.mean(),
            text::thin(object.usual.evidence),
        ),
        features: first::features("newObjects", object, &evidence),
        measures: first::measures(object),
        evidence: object.evidence.clone(),
        objects: object.names.clone(),
        ..Judgement::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, usually, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, Usual};

    fn object(today: u32, rows: u64) -> Feature {
        Feature::Object(First {
            name: "Case".into(),
            today,
            names: vec!["Case".into()],
            usual: usually(0.05),
            known_share: 0.9,
            peer_tail: 0.02,
            rows: Some(rows),
            request: Usual { location: 1.8, scale: 0.5, degrees: 60.0, evidence: 60.0, ..Usual::default() },
            ..First::default()
        })
    }

    #[test]
    fn the_articles_case() {
        let finding = finding(&NewAccess, object(1, 250));
        assert_eq!((finding.score, finding.severity), (7.0, model::Severity::High));
        insta::assert_snapshot!(finding.summary, @"first access to Case with 250 rows a request; a usual day brings 0.05 new objects");
    }

    #[test]
    fn a_new_object_alone_is_no_news() {
        assert_eq!(verdict(&NewAccess, object(1, 5)), Verdict::Normal);
    }
}
