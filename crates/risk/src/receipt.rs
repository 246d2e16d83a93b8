//! The risk score of an incident, and the terms that add up to it.

use crate::decisions::Factor;
use crate::{Decisions, Settings};
use model::time::HOUR;
use model::{Finding, Points, Receipt, RiskModel, Surface, Term, TermKind, Text, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Works out the risk score of an incident from its findings. The points of the terms add up to the score exactly.
///
/// The risk is that of the incident's worst moment. At each moment the strongest finding of each detector counts, halved
/// for every `half_life_hours` between the two; within a group of detectors the strongest counts in full and the others
/// are damped. Findings that come together therefore weigh more than the same findings spread over days, and a later
/// finding never lowers the risk. A weight is that of the settings times the precision that the finding names, 1 at most.
/// Modifiers multiply the odds R/(1 − R), so the score stays below 100. One of them,
/// `both_kinds`, is of the moment; the others are of the incident.
pub fn receipt(findings: &[Finding], settings: &Settings, config_hash: &Text, decisions: &Decisions) -> Receipt {
    let (mut risk, mut terms) = worst_moment(findings, settings);
    for modifier in modifiers(findings, settings, decisions) {
        risk = modify(risk, modifier, &mut terms);
    }
    if risk > 1.0 {
        terms.push((term(TermKind::Cap, "cap", "a risk score is at most 100".to_owned()), 1.0 - risk));
    }
    total(terms, settings.model, config_hash)
}

/// Whether two receipts state the same model, settings, score and terms, whatever the texts of the terms' reasons are:
/// these are reworded from release to release.
pub fn is_same_arithmetic(a: &Receipt, b: &Receipt) -> bool {
    let without_reasons = |receipt: &Receipt| {
        let terms = receipt.terms.iter().map(|term| Term { reason: String::new(), ..term.clone() });
        Receipt { terms: terms.collect(), ..receipt.clone() }
    };
    without_reasons(a) == without_reasons(b)
}

/// A term and its part of the risk, 0 to 1; negative for a modifier that lowers the risk.
type Part = (Term, f64);

/// Rounds the running sum instead of each term, so that the terms add up to the rounded sum.
fn total(parts: Vec<Part>, model: RiskModel, config_hash: &Text) -> Receipt {
    let (mut exact, mut rounded) = (0.0, Points::default());
    let terms = parts.into_iter().map(|(term, part)| {
        exact += part;
        let sum = Points::from_f64(100.0 * exact);
        let points = Points(sum.0 - rounded.0);
        rounded = sum;
        Term { points, ..term }
    });
    let terms = terms.collect();
    Receipt { model, config_hash: config_hash.clone(), risk_score: rounded, terms }
}

/// Returns the risk at the moment where it is highest (the earliest of equals), and the part that each detector adds and
/// what both kinds of evidence add together.
fn worst_moment(findings: &[Finding], settings: &Settings) -> (f64, Vec<Part>) {
    let moments: BTreeSet<Timestamp> = findings.iter().map(|finding| finding.revised_at).collect();
    let mut worst = (0.0, Vec::new());
    for moment in moments {
        let mut terms = finding_terms(findings, moment, settings);
        let risk = match settings.model {
            RiskModel::NoisyOr => noisy_or(&mut terms),
            RiskModel::Sum => sum(&mut terms),
        };
        let risk = match both_kinds(&terms, settings) {
            Some(modifier) => modify(risk, modifier, &mut terms),
            None => risk,
        };
        if risk > worst.0 || worst.1.is_empty() {
            worst = (risk, terms);
        }
    }
    worst
}

fn finding_terms(findings: &[Finding], moment: Timestamp, settings: &Settings) -> Vec<Part> {
    let mut best: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in findings {
        let strength = |finding: &Finding| (finding.score * decay(finding, moment, settings), finding.finding_id);
        let slot = best.entry(&finding.detector).or_insert(finding);
        if strength(finding).partial_cmp(&strength(slot)).is_some_and(std::cmp::Ordering::is_gt) {
            *slot = finding;
        }
    }
    let mut parts: Vec<(Term, String)> = best
        .into_values()
        .map(|finding| {
            let weight = settings.weight(&finding.detector);
            let decay = decay(finding, moment, settings);
            let precision = finding.precision.unwrap_or(1.0);
            let judged = match finding.precision {
                Some(precision) => format!("; weighs {precision:.2} times the usual, as earlier ones were judged"),
                None => String::new(),
            };
            let term = Term {
                finding_id: Some(finding.finding_id),
                score: finding.score,
                weight: (weight.weight * precision).min(1.0),
                decay,
                ..term(TermKind::Finding, &finding.detector, finding.summary.clone() + &judged)
            };
            (term, weight.group)
        })
        .collect();
    parts.sort_by(|(a, _), (b, _)| strength(b).total_cmp(&strength(a)).then_with(|| a.name.cmp(&b.name)));
    let mut groups = BTreeSet::new();
    let damped = parts.into_iter().map(|(term, group)| {
        let damping = if groups.insert(group) { 1.0 } else { settings.damping };
        let term = Term { damping, ..term };
        let part = strength(&term);
        (term, part)
    });
    damped.collect()
}

fn decay(finding: &Finding, moment: Timestamp, settings: &Settings) -> f64 {
    let hours = moment.since(finding.revised_at).abs() as f64 / HOUR as f64;
    (-hours / settings.half_life_hours).exp2()
}

/// Returns 1 − Π(1 − x), and splits it among the terms in proportion to −ln(1 − x).
fn noisy_or(parts: &mut [Part]) -> f64 {
    /// The highest x: at 1 the logarithm is infinite.
    const MOST: f64 = 0.999_999;
    let logs: Vec<f64> = parts.iter().map(|(_, part)| (-part.min(MOST)).ln_1p()).collect();
    let total: f64 = logs.iter().sum();
    let risk = -total.exp_m1();
    for ((_, part), log) in parts.iter_mut().zip(logs) {
        *part = if total < 0.0 { risk * log / total } else { 0.0 };
    }
    risk
}

fn sum(parts: &mut [Part]) -> f64 {
    parts.iter().map(|(_, part)| part).sum()
}

/// Multiplies the odds if there are findings of both kinds: of what was done, and of who did it. Each has innocent causes of
/// its own, a project or a new laptop, which seldom fall on one day; an account in other hands shows both.
fn both_kinds(terms: &[Part], settings: &Settings) -> Option<Factor> {
    /// Groups of detectors that see what was done. Those of neither kind, such as reconnaissance, have causes in common with
    /// both.
    const DONE: [&str; 2] = ["reading", "writing"];
    /// Groups of detectors that see who did it.
    const WHO: [&str; 6] = ["client", "network", "login", "session", "delegation", "time"];
    /// The term of the weaker kind from which on the factor is full. A choice.
    const FULL: f64 = 0.4;
    let strongest = |kind: &[&str]| {
        let of_kind = |term: &&Term| kind.contains(&settings.weight(&term.name).group.as_str());
        let terms = terms.iter().map(|(term, _)| term).filter(of_kind).map(|term| (term, strength(term)));
        terms.filter(|(_, x)| *x > 0.0).max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let ((done, by), (who, of)) = (strongest(&DONE)?, strongest(&WHO)?);
    let factor = 1.0 + (settings.both_kinds - 1.0) * (by.min(of) / FULL).min(1.0);
    if factor <= 1.0 {
        return None;
    }
    let reason = format!("{} shows what was done, {} by whom", done.name, who.name);
    Some(Factor { name: "both_kinds", factor, reason })
}

/// Returns the x of a term, 0 to 1, as `docs/scoring.md` has it.
fn strength(term: &Term) -> f64 {
    term.weight * term.score / 10.0 * term.decay * term.damping
}

fn modifiers(findings: &[Finding], settings: &Settings, decisions: &Decisions) -> Vec<Factor> {
    let mut modifiers = decisions.factors(findings);
    let objects =
        findings.iter().flat_map(|finding| finding.objects.iter().map(|object| (object, finding.observed_at)));
    let objects: BTreeSet<(&Text, Timestamp)> = objects.collect();
    let sensitive =
        objects.into_iter().filter_map(|(object, at)| Some((object, decisions.sensitivity(object, at, settings)?)));
    if let Some((object, factor)) = sensitive.max_by(|a, b| a.1.total_cmp(&b.1)) {
        modifiers.push(Factor { name: "object_sensitivity", factor, reason: format!("{object} is sensitive") });
    }
    let latest = findings.iter().max_by_key(|finding| (finding.revision, finding.finding_id));
    if let Some((class, factor)) = latest.and_then(|f| Some((f.user_class, *settings.classes.get(&f.user_class)?))) {
        modifiers.push(Factor { name: "user_class", factor, reason: format!("the account is of class {class}") });
    }
    let surfaces: BTreeSet<Surface> = findings.iter().filter_map(|finding| finding.surface).collect();
    if surfaces.len() > 1 {
        let names: Vec<&str> = surfaces.iter().map(|surface| surface.as_str()).collect();
        let factor = settings.corroboration.powi(surfaces.len() as i32 - 1);
        let reason = format!("seen on several surfaces: {}", names.join(", "));
        modifiers.push(Factor { name: "corroboration", factor, reason });
    }
    modifiers
}

/// Multiplies the odds of `risk`. A risk of 1 or more, as a plain sum can give, has no odds and stays as it is.
fn modify(risk: f64, modifier: Factor, parts: &mut Vec<Part>) -> f64 {
    if risk >= 1.0 {
        return risk;
    }
    let odds = modifier.factor * risk / (1.0 - risk);
    let modified = odds / (1.0 + odds);
    let term = term(TermKind::Modifier, modifier.name, modifier.reason);
    parts.push((Term { multiplier: modifier.factor, ..term }, modified - risk));
    modified
}

fn term(kind: TermKind, name: &str, reason: String) -> Term {
    Term {
        kind,
        name: name.into(),
        finding_id: None,
        score: 0.0,
        weight: 1.0,
        decay: 1.0,
        damping: 1.0,
        multiplier: 1.0,
        points: Points::default(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::finding;
    use model::Severity;
    use proptest::prelude::*;

    fn of(findings: &[Finding], settings: &Settings) -> Receipt {
        receipt(findings, settings, &"hash".into(), &Decisions::default())
    }

    fn article_findings() -> Vec<Finding> {
        [("row_spike", 10.0), ("scope_increase", 8.0), ("view_burst", 8.0), ("new_access", 7.0)]
            .iter()
            .zip(1..)
            .map(|((detector, score), id)| finding(detector, id, *score, 0))
            .collect()
    }

    #[test]
    fn one_certain_spike_is_high_and_the_four_findings_of_the_article_are_critical() {
        let settings = Settings::default();
        let spike = of(&article_findings()[..1], &settings).risk_score;
        assert_eq!((spike.to_f64(), spike.severity()), (66.0, Severity::High));
        let four = of(&article_findings(), &settings).risk_score;
        assert!(four.severity() == Severity::Critical && four > spike, "{four}");
    }

    #[test]
    fn the_risk_of_a_blind_source_is_its_score() {
        let risk = |score| of(&[finding("blind_source", 1, score, 0)], &Settings::default()).risk_score;
        let risks = [6.0, 8.0].map(|score| (risk(score).to_f64(), risk(score).severity()));
        assert_eq!(risks, [(60.0, Severity::High), (80.0, Severity::Critical)]);
    }

    #[test]
    fn the_weighted_sum_of_the_article() {
        let quarter = |name: &str| (name.to_owned(), crate::Weight { weight: 0.25, group: name.to_owned() });
        let settings = Settings {
            model: RiskModel::Sum,
            weights: ["row_spike", "scope_increase", "view_burst", "new_access"].map(quarter).into(),
            ..Settings::default()
        };
        assert_eq!(of(&article_findings(), &settings).risk_score.to_f64(), 82.5);
        let capped = of(&article_findings(), &Settings { model: RiskModel::Sum, damping: 1.0, ..Settings::default() });
        assert_eq!(capped.risk_score, Points::MAX);
        assert_eq!(capped.terms.last().map(|term| term.kind), Some(TermKind::Cap));
    }

    #[test]
    fn a_group_counts_its_strongest_and_damps_the_others() {
        let receipt = of(&article_findings(), &Settings::default());
        let damping: Vec<(&str, f64)> = receipt.terms.iter().map(|t| (t.name.as_str(), t.damping)).collect();
        let expected = [("scope_increase", 1.0), ("row_spike", 0.3), ("new_access", 0.3), ("view_burst", 0.3)];
        assert_eq!(damping, expected);
    }

    #[test]
    fn findings_that_come_together_weigh_more_and_a_late_one_lowers_nothing() {
        let spike = || finding("row_spike", 1, 10.0, 0);
        let risk = |hour| of(&[spike(), finding("off_hours", 2, 5.0, hour * HOUR)], &Settings::default()).risk_score;
        assert!(risk(0) > risk(12) && risk(12) > risk(48), "{} {} {}", risk(0), risk(12), risk(48));
        assert!(risk(1_000) >= of(&[spike()], &Settings::default()).risk_score);
        let later = of(&[spike(), finding("off_hours", 2, 5.0, 12 * HOUR)], &Settings::default());
        let decays: Vec<(&str, f64)> = later.terms.iter().map(|term| (term.name.as_str(), term.decay)).collect();
        assert_eq!(decays, [("row_spike", 1.0), ("off_hours", 0.5), ("both_kinds", 1.0)]);
    }

    #[test]
    fn modifiers_are_terms() {
        let mut findings = article_findings();
        findings[0].surface = Some(Surface::ListView);
        findings[1].surface = Some(Surface::Report);
        let settings = Settings {
            sensitivity: [("Contact".to_owned(), 1.5)].into(),
            classes: [(model::UserClass::Normal, 0.8)].into(),
            ..Settings::default()
        };
        let receipt = of(&findings, &settings);
        let modifiers: Vec<(&str, f64, bool)> = receipt
            .terms
            .iter()
            .filter(|term| term.kind == TermKind::Modifier)
            .map(|term| (term.name.as_str(), term.multiplier, term.points.0 > 0))
            .collect();
        assert_eq!(
            modifiers,
            [("object_sensitivity", 1.5, true), ("user_class", 0.8, false), ("corroboration", 1.2, true)]
        );
    }

    #[test]
    fn what_was_done_and_by_whom_weigh_more_together() {
        let settings = Settings::default();
        let alone = Settings { both_kinds: 1.0, ..Settings::default() };
        let of_both = |score| vec![finding("new_access", 1, 5.0, 0), finding("rare_user_agent", 2, score, 0)];
        let modifier = |findings: &[Finding]| {
            let receipt = of(findings, &settings);
            receipt.terms.into_iter().find(|term| term.name == "both_kinds")
        };
        let full = modifier(&of_both(6.0)).unwrap();
        assert!(full.multiplier == 3.0 && full.points.0 > 0, "{full:?}");
        assert_eq!(full.reason, "new_access shows what was done, rare_user_agent by whom");
        let weak = modifier(&of_both(1.0)).unwrap().multiplier;
        assert!((1.1..1.6).contains(&weak), "{weak}");
        assert!(of(&of_both(6.0), &settings).risk_score > of(&of_both(6.0), &alone).risk_score);
        // Two detectors of reading, a new integration that looks around, and two days that are far apart.
        assert_eq!(modifier(&article_findings()), None);
        assert_eq!(modifier(&[finding("new_access", 1, 7.0, 0), finding("api_recon", 2, 9.0, 0)]), None);
        let apart = [finding("new_access", 1, 5.0, 0), finding("rare_user_agent", 2, 6.0, 72 * HOUR)];
        assert!(modifier(&apart).unwrap().multiplier < 1.1);
    }

    #[test]
    fn the_reasons_of_terms_are_no_arithmetic() {
        let receipt = of(&article_findings(), &Settings::default());
        let mut other = receipt.clone();
        other.terms[0].reason = "worded otherwise".to_owned();
        assert!(is_same_arithmetic(&receipt, &other));
        other.terms[0].weight += 0.1;
        assert!(!is_same_arithmetic(&receipt, &other));
    }

    proptest! {
        #[test]
        fn the_terms_add_up_exactly(
            scores in prop::collection::vec((0usize..6, 0.0..=10.0, 0i64..400), 0..12),
            is_sum in any::<bool>(),
            sensitivity in 0.1..10.0,
        ) {
            let names = ["row_spike", "view_burst", "new_access", "session_hijack", "off_hours", "unheard_of"];
            let findings: Vec<Finding> = scores
                .iter()
                .zip(1..)
                .map(|((name, score, hour), id)| finding(names[*name], id, *score, hour * HOUR))
                .collect();
            let settings = Settings {
                model: if is_sum { RiskModel::Sum } else { RiskModel::NoisyOr },
                sensitivity: [("Contact".to_owned(), sensitivity)].into(),
                ..Settings::default()
            };
            let receipt = of(&findings, &settings);
            prop_assert_eq!(receipt.terms.iter().map(|term| term.points.0).sum::<i32>(), receipt.risk_score.0);
            prop_assert!((0..=Points::MAX.0).contains(&receipt.risk_score.0));
        }

        #[test]
        fn another_finding_never_lowers_the_risk(scores in prop::collection::vec(0.0..=10.0, 1..6), more in 0.0..=10.0) {
            let names = ["row_spike", "view_burst", "new_access", "session_hijack", "off_hours", "api_recon"];
            let mut findings: Vec<Finding> = scores.iter().zip(1..).map(|(s, id)| finding(names[id as usize - 1], id, *s, 0)).collect();
            let before = of(&findings, &Settings::default()).risk_score;
            findings.push(finding("login_as_export", 99, more, 0));
            prop_assert!(of(&findings, &Settings::default()).risk_score >= before);
        }
    }
}
