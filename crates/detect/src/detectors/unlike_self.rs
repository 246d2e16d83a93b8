//! `unlike_self`: a day made of what the org's others use, and not of what the account uses.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Composition, Observation, Text, ValueKind};
use profile::tail;

detector! {
    /// Judges the objects, views, reports, apps and operations of a day together, against the account's days.
    UnlikeSelf = "unlike_self", Novelty, ceiling 8.0,
    next "Ask the account's owner whether this was their work; if not, end its sessions and tokens, and change its password.",
    Composition => composition
}

/// Degrees of freedom of Student's t, by which the deviations of a day from the account's usual become a p-value. A choice:
/// on simulated orgs one day in 2,000 lies 5 to 8 deviations above, and 5 degrees promise one in 1,500 to 12,000.
const DEGREES: f64 = 5.0;

fn composition<'a>(day: &'a Composition, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    if day.days <= 0.0 || day.deviation <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let above = (day.ratio - day.mean) / day.deviation;
    let surprise = tail::surprise(tail::student_t(above, DEGREES));
    Ok(Judgement::new(surprise, "", move || Explanation {
        confidence: score::confidence(day.days),
        summary: summary(day, above),
        features: features(day),
        measures: vec![
            ("ratio", day.ratio),
            ("mean", day.mean),
            ("deviation", day.deviation),
            ("deviations_above", above),
            ("unusual_values", f64::from(day.unusual)),
            ("baseline_days", day.days),
        ],
        evidence: day.values.iter().map(|value| value.first).collect(),
        objects: names(day, ValueKind::Object),
        ..Explanation::default()
    }))
}

/// Words what the day is made of: up to three kinds of values, those that weigh most first.
fn summary(day: &Composition, above: f64) -> String {
    let mut kinds: Vec<(f64, ValueKind)> = ValueKind::ALL.iter().map(|kind| (part(day, *kind), *kind)).collect();
    kinds.retain(|(part, _)| *part > 0.0);
    kinds.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let clauses: Vec<String> = kinds.iter().take(3).map(|(_, kind)| clause(day, *kind)).collect();
    let what = match clauses.as_slice() {
        [] => "Does little of what it usually does".to_owned(),
        clauses => format!("Did what others do: {}", clauses.join("; ")),
    };
    let missing =
        if day.missing > day.deviation && !clauses.is_empty() { ", and little of what it usually does" } else { "" };
    let further = (day.unusual as usize).saturating_sub(day.values.len());
    let more = if further > 0 { format!("; {further} more values are unusual") } else { String::new() };
    format!(
        "{what}{missing}{more}; the day is {} deviations unlike its {}",
        text::quantity(above),
        text::days(day.days)
    )
}

/// Words the values of one kind, with their share of what the account does and of what the others do.
fn clause(day: &Composition, kind: ValueKind) -> String {
    let names = names(day, kind);
    let of_kind = || day.values.iter().filter(|value| value.kind == kind);
    let (own, org): (f64, f64) = (of_kind().map(|v| v.own_share).sum(), of_kind().map(|v| v.org_share).sum());
    let thing = match kind {
        ValueKind::Object => "object",
        ValueKind::View => "list view",
        ValueKind::Report => "report",
        ValueKind::App => "app",
        ValueKind::Operation => "operation",
    };
    let own = if own < NEVER { "none".to_owned() } else { percent(own) };
    let count = text::number_of(names.len() as u32, thing);
    let list = text::list(&names, names.len());
    format!("{count} ({list}), {} of others' work and {own} of its own", percent(org))
}

/// Share of an account's work that is written as "none": it rounds to 0 %.
const NEVER: f64 = 5e-4;

/// Writes a share with the digits that a reader needs: `12 %`, `0.4 %`, `under 0.1 %`.
fn percent(share: f64) -> String {
    format!("{} %", text::quantity(share * 100.0))
}

fn names(day: &Composition, kind: ValueKind) -> Vec<Text> {
    day.values.iter().filter(|value| value.kind == kind).map(|value| value.name.clone()).collect()
}

/// Returns the part of the day's ratio that the named values of a kind have.
fn part(day: &Composition, kind: ValueKind) -> f64 {
    day.values.iter().filter(|value| value.kind == kind).map(|value| value.ratio).sum()
}

/// Returns each kind of values with its names and its part of the ratio, and what is missing of the usual.
fn features(day: &Composition) -> Vec<(&'static str, String, f64)> {
    let of_kind = |kind: &ValueKind| {
        let name = match kind {
            ValueKind::Object => "objects",
            ValueKind::View => "listViews",
            ValueKind::Report => "reports",
            ValueKind::App => "apps",
            ValueKind::Operation => "operations",
        };
        (name, names(day, *kind).join(", "), part(day, *kind))
    };
    let mut features: Vec<_> = ValueKind::ALL.iter().map(of_kind).filter(|(_, _, part)| *part > 0.0).collect();
    if day.missing > 0.0 || features.is_empty() {
        features.push(("usualWorkMissing", format!("{:.1}", day.missing), day.missing));
    }
    features
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, UnusualValue, Uuid};

    fn value(kind: ValueKind, name: &str, ratio: f64, own_share: f64) -> UnusualValue {
        let first = Uuid::from_u128(u128::from(name.len() as u64));
        UnusualValue { kind, name: name.into(), count: 4, ratio, own_share, org_share: 0.04, first }
    }

    fn day(ratio: f64) -> Composition {
        Composition {
            ratio,
            mean: -20.0,
            deviation: 6.0,
            missing: 0.0,
            days: 40.0,
            unusual: 4,
            values: vec![
                value(ValueKind::Object, "Case", 18.0, 0.0),
                value(ValueKind::Object, "Contact", 12.0, 0.0),
                value(ValueKind::Object, "Opportunity", 10.0, 0.0),
                value(ValueKind::Operation, "api export", 10.0, 0.012),
            ],
            closed: true,
        }
    }

    #[test]
    fn a_day_of_what_others_do_is_anomalous() {
        let finding = finding(&UnlikeSelf, Feature::Composition(day(50.0)));
        insta::assert_snapshot!(finding.summary, @"Did what others do: 3 objects (Case, Contact and 1 more), 12 % of others' work and none of its own; 1 operation (api export), 4 % of others' work and 1.2 % of its own; the day is 12 deviations unlike its 40 days");
        let shares: Vec<(&str, &str, u32)> =
            finding.features.iter().map(|f| (f.name.as_str(), f.value.as_str(), f.share)).collect();
        assert_eq!(shares, [("objects", "Case, Contact, Opportunity", 8_000), ("operations", "api export", 2_000)]);
        assert_eq!(finding.objects, ["Case", "Contact", "Opportunity"]);
        assert!(finding.score > 6.0 && finding.score < 8.0, "{}", finding.score);
    }

    #[test]
    fn a_day_without_the_usual_is_anomalous() {
        let day = Composition { values: Vec::new(), unusual: 0, missing: 40.0, ..day(30.0) };
        let finding = finding(&UnlikeSelf, Feature::Composition(day));
        insta::assert_snapshot!(finding.summary, @"Does little of what it usually does; the day is 8.3 deviations unlike its 40 days");
    }

    #[test]
    fn a_few_new_things_are_normal_and_a_new_account_has_no_baseline() {
        assert_eq!(verdict(&UnlikeSelf, Feature::Composition(day(-2.0))), Verdict::Normal);
        let new = Composition { days: 0.0, ..day(50.0) };
        assert_eq!(verdict(&UnlikeSelf, Feature::Composition(new)), Verdict::Unscoreable(Unscoreable::NoBaseline));
    }
}
