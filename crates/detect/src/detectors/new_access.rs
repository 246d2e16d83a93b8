//! `new_access`: objects that the account never accessed before.

use super::{detector, first};
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{First, Observation};
use profile::tail;

detector! {
    /// Judges how many objects a day accesses for the first time, and with how many rows a request.
    NewAccess = "new_access", Novelty, ceiling 7.0,
    next "Ask what the new objects are needed for, and take the permission away if nobody can say.",
    Object => access
}

fn access<'a>(object: &'a First, _: &'a Observation, settings: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    if object.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let evidence = first::evidence(object, first::mix(settings));
    Ok(Judgement::new(tail::surprise(evidence.p), "", move || {
        let names = text::list(&object.names, object.today as usize);
        Explanation {
            confidence: score::confidence(object.usual.evidence),
            summary: format!(
                "First access to {names}{}; a new object usually comes {}{}",
                first::rows_clause(object),
                text::how_often(object.usual.mean()),
                text::thin(object.usual.evidence),
            ),
            features: first::features("newObjects", object, &evidence),
            measures: first::measures(object),
            evidence: object.evidence.clone(),
            objects: object.names.clone(),
            ..Explanation::default()
        }
    }))
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
    fn the_case_of_the_founding_article_is_anomalous() {
        let finding = finding(&NewAccess, object(1, 250));
        assert_eq!((finding.score, finding.severity), (7.0, model::Severity::High));
        insta::assert_snapshot!(finding.summary, @"First access to Case with 250 rows a request (usually 5); a new object usually comes once in 20 days");
    }

    #[test]
    fn a_new_object_alone_is_normal() {
        assert_eq!(verdict(&NewAccess, object(1, 5)), Verdict::Normal);
    }
}
