//! Strategies for findings and incidents.

use super::{Range, activity, maybe, org, text, texts, user, uuid, uuids, word};
use model::{
    Contribution, Disposition, Evidence, Finding, Incident, Measure, Points, Receipt, RiskModel, Severity, Surface,
    Term, TermKind, UserClass,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

pub(crate) fn finding(range: Range) -> impl Strategy<Value = Finding> {
    let Range { number, time } = range;
    let who = (uuid(), any::<u64>(), org(), user(), maybe(text()), word(UserClass::ALL));
    let what = (text(), word(Severity::ALL), [number(), number(), number(), number()], time(), time(), ".{0,60}");
    let feature = (text(), text(), 0u32..=10_000).prop_map(|(name, value, share)| Contribution { name, value, share });
    // Measures are sorted by name, and names are unique.
    let measures = btree_map(text(), number(), 0..4);
    let why =
        (vec(feature, 0..4), measures, uuids(), [texts(), texts()], maybe(word(Surface::ALL)), any::<bool>(), text());
    let evidence = (activity(), time()).prop_map(|(activity, at)| Evidence { at, ..Evidence::of(&activity) });
    let about = ([maybe(text()), maybe(text()), maybe(text()), maybe(text())], maybe(number()), vec(evidence, 0..3));
    (who, what, why, about).prop_map(
        |(
            (finding_id, revision, org_id, user_id, username, user_class),
            (detector, severity, [score, anomaly_score, confidence, surprise], observed_at, revised_at, summary),
            (features, measures, event_ids, [objects, addresses], surface, withdrawn, config_hash),
            ([resource_id, resource_name, client, app], precision, evidence),
        )| Finding {
            finding_id,
            revision,
            org_id,
            user_id,
            username,
            user_class,
            detector,
            severity,
            score,
            anomaly_score,
            confidence,
            surprise,
            observed_at,
            revised_at,
            summary,
            features,
            measures: measures.into_iter().map(|(name, value)| Measure { name, value }).collect(),
            event_ids,
            objects,
            surface,
            withdrawn,
            config_hash,
            addresses,
            resource_id,
            resource_name,
            client,
            app,
            precision,
            evidence,
        },
    )
}

pub(crate) fn incident(range: Range) -> impl Strategy<Value = Incident> {
    let time = range.time;
    let who = (uuid(), any::<u64>(), org(), user(), maybe(text()), word(UserClass::ALL), word(Severity::ALL));
    (who, risk_score(), time(), time(), vec(finding(range), 0..3), receipt(range), maybe(word(Disposition::ALL)))
        .prop_map(
            |(
                (incident_id, revision, org_id, user_id, username, user_class, severity),
                risk_score,
                first_event_at,
                last_event_at,
                findings,
                receipt,
                disposition,
            )| Incident {
                incident_id,
                revision,
                org_id,
                user_id,
                username,
                user_class,
                severity,
                risk_score,
                first_event_at,
                last_event_at,
                findings,
                receipt,
                disposition,
            },
        )
}

fn receipt(range: Range) -> impl Strategy<Value = Receipt> {
    (word(RiskModel::ALL), text(), risk_score(), vec(term(range), 0..4))
        .prop_map(|(model, config_hash, risk_score, terms)| Receipt { model, config_hash, risk_score, terms })
}

fn term(Range { number, .. }: Range) -> impl Strategy<Value = Term> {
    let factors = [number(), number(), number(), number(), number()];
    let points = (-10_000i32..=10_000).prop_map(Points);
    (word(TermKind::ALL), text(), proptest::option::of(uuid()), factors, points, ".{0,60}").prop_map(
        |(kind, name, finding_id, [score, weight, decay, damping, multiplier], points, reason)| Term {
            kind,
            name,
            finding_id,
            score,
            weight,
            decay,
            damping,
            multiplier,
            points,
            reason,
        },
    )
}

fn risk_score() -> impl Strategy<Value = Points> {
    (0..=Points::MAX.0).prop_map(Points)
}
