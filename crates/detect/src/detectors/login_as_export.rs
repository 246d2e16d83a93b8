//! `login_as_export`: an administrator takes data while logged in as another user.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Delegated, Observation};
use profile::tail;

detector! {
    /// Judges the rows and exports of a session opened by LoginAs, against the org's other LoginAs sessions.
    LoginAsExport = "login_as_export", Identity, ceiling 9.0,
    next "Find the support case for the login as this user; without one, ask the administrator and their manager.",
    Delegated => export
}

/// Probability that somebody exports while helping a user. A choice: sessions are too few to learn it.
const EXPORT: f64 = 0.02;
/// Probability of each further export, given those before it. A choice.
const FURTHER_EXPORT: f64 = 0.1;
/// Exports beyond this many add no surprise: p = 2e-6 by then.
const MOST_EXPORTS: u32 = 5;

fn export<'a>(work: &'a Delegated, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    let rows = tail::at_least(&work.usual, work.rows);
    let exports = match work.exports {
        0 => 1.0,
        n => EXPORT * FURTHER_EXPORT.powi(n.min(MOST_EXPORTS) as i32 - 1),
    };
    let exported = match work.exports {
        0 => String::new(),
        n => format!(" and made {}", text::number_of(n, "export")),
    };
    Ok(Judgement::new(tail::surprise(tail::both(rows, exports)), "", move || Explanation {
        confidence: score::confidence(work.usual.evidence),
        summary: format!(
            "{}, logged in as this user, read {} rows{exported}; such a session usually reads {}",
            work.delegate,
            text::count(work.rows),
            text::quantity(work.usual.location.exp_m1().max(0.0)),
        ),
        features: vec![
            ("rowCount", format!("{:.0}", work.rows), tail::surprise(rows)),
            ("exports", work.exports.to_string(), tail::surprise(exports)),
        ],
        measures: vec![
            ("rows", work.rows),
            ("exports", f64::from(work.exports)),
            ("requests", f64::from(work.requests)),
            ("sessions_seen", work.usual.evidence),
        ],
        evidence: work.evidence.clone(),
        ..Explanation::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, Usual};

    fn work(rows: f64, exports: u32) -> Feature {
        let usual = Usual { location: 3.5, scale: 1.2, degrees: 30.0, evidence: 25.0, ..Usual::default() };
        Feature::Delegated(Delegated {
            delegate: "admin@x.com".into(),
            rows,
            exports,
            requests: 4,
            usual,
            evidence: vec![],
        })
    }

    #[test]
    fn exports_under_another_name_are_anomalous() {
        let finding = finding(&LoginAsExport, work(12_000.0, 3));
        assert!(finding.score > 8.0);
        insta::assert_snapshot!(finding.summary, @"admin@x.com, logged in as this user, read 12,000 rows and made 3 exports; such a session usually reads 32");
    }

    #[test]
    fn helping_out_is_normal() {
        assert_eq!(verdict(&LoginAsExport, work(60.0, 0)), Verdict::Normal);
        assert_eq!(verdict(&LoginAsExport, work(60.0, 1)), Verdict::Normal);
    }
}
